//! Which options of `yolo train` were given, beside what they say.

use super::args::TrainArgs;
use crate::cli::plugins::PluginArgs;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args as _, FromArgMatches};
use std::ffi::OsString;

/// An option as it came in: by the command line, or by default.
#[derive(Clone)]
pub struct Given {
    /// clap's name of it.
    pub id: String,
    /// Its long name.
    pub long: String,
    /// Whether it takes no value.
    pub flag: bool,
    /// Its values as text.
    pub values: Vec<OsString>,
    /// Whether it stood on the command line, or in a file that stands for it.
    pub told: bool,
}

/// The options, and which of them were given.
pub struct Train {
    pub args: TrainArgs,
    pub given: Vec<Given>,
}

impl Train {
    pub fn plugins(&mut self) -> &mut PluginArgs {
        &mut self.args.plugins
    }

    /// Whether an option stood on the command line.
    pub fn told(&self, id: &str) -> bool {
        self.given.iter().any(|given| given.told && given.id == id)
    }

    /// The command that they belong to.
    pub fn command() -> clap::Command {
        TrainArgs::augment_args(clap::Command::new("yolo train"))
    }
}

impl FromArgMatches for Train {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let command = Self::command();
        let given = command.get_arguments().filter_map(|arg| {
            let id = arg.get_id().as_str();
            let source = matches.value_source(id)?;
            Some(Given {
                id: id.to_string(),
                long: arg.get_long()?.to_string(),
                flag: !arg.get_action().takes_values(),
                values: matches.get_raw(id).into_iter().flatten().map(OsString::from).collect(),
                told: source == ValueSource::CommandLine,
            })
        });
        Ok(Train { given: given.collect(), args: TrainArgs::from_arg_matches(matches)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for Train {
    fn augment_args(command: clap::Command) -> clap::Command {
        TrainArgs::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        TrainArgs::augment_args_for_update(command)
    }
}
