//! `yolo blocks`: every block that YAML can name.

use super::Outcome;
use super::new_block::{self, NewArgs};
use super::output::{folded, line, width};
use super::plugins::PluginArgs;
use crate::plugin::{Entry, Origin};

/// List every block that a model YAML can name, its arguments and where it comes from
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BlocksArgs {
    #[command(subcommand)]
    command: Option<BlocksCommand>,
    /// Only this block, with a line for each argument
    name: Option<String>,
    #[command(flatten)]
    pub plugins: PluginArgs,
}

#[derive(clap::Subcommand)]
enum BlocksCommand {
    New(NewArgs),
}

pub fn run(args: BlocksArgs) -> anyhow::Result<Outcome> {
    let registry = args.plugins.registry()?;
    if let Some(BlocksCommand::New(args)) = args.command {
        return new_block::run(args, &registry);
    }
    if let Some(name) = &args.name {
        let Some(entry) = registry.get(name) else {
            let hint =
                registry.nearest(name).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            anyhow::bail!("there is no block `{name}`{hint}");
        };
        return one(entry).map(|()| Outcome::Done);
    }
    let mut entries: Vec<&Entry> = registry.iter().collect();
    // YOLOv5's own first, then by plugin.
    entries.sort_by_key(|entry| (entry.origin != Origin::Host, entry.origin.to_string()));
    let mut origin = String::new();
    let row = |name: &str, usage: &str, help: &str| {
        line(&folded(&format!("  {name:<22} {usage}"), 25, width()))?;
        line(&folded(&format!("{:6}{help}", ""), 6, width()))
    };
    for entry in entries {
        if entry.origin.to_string() != origin {
            origin = entry.origin.to_string();
            line(&format!("{origin}:"))?;
        }
        row(&entry.name, &entry.usage(), &entry.help)?;
    }
    line("built in:")?;
    row("Detect", "[nc, anchors]", "the outputs; always the last row")?;
    Ok(Outcome::Done)
}

fn one(entry: &Entry) -> anyhow::Result<()> {
    line(&format!("{} {}\n{}, from {}", entry.name, entry.usage(), entry.help, entry.origin))?;
    for param in &entry.params {
        let default = if param.optional { format!(" (default {})", param.default) } else { String::new() };
        line(&format!("  {:<16} {}: {}{default}", param.name, param.kind.name(), param.help))?;
    }
    let repeats = if entry.repeats_inside { "repeats its inner part" } else { "stacks the whole block" };
    line(&format!("  number {repeats}"))?;
    Ok(())
}
