//! The options that name plugin libraries, and the registry that they make.

use crate::plugin::Registry;
use std::path::PathBuf;

/// Which libraries a command loads.
#[derive(Default, clap::Args)]
pub struct PluginArgs {
    /// Load blocks from a plugin library, or from every library in a folder; may be given several times. This runs the
    /// library's code
    #[arg(long = "plugin", value_name = "PATH")]
    plugins: Vec<PathBuf>,
    /// Also load the libraries that the model file asks for with its key `plugins`
    #[arg(long)]
    allow_yaml_plugins: bool,
}

impl PluginArgs {
    /// Adds what stands before the subcommand. (clap's global options would keep only one of the two.)
    pub fn prepend(&mut self, mut before: PluginArgs) {
        before.plugins.append(&mut self.plugins);
        self.plugins = before.plugins;
        self.allow_yaml_plugins |= before.allow_yaml_plugins;
    }

    /// Every block that is linked in, then those of the command line, then those of the environment: the first of equal
    /// ones is used.
    pub fn registry(&self) -> anyhow::Result<Registry> {
        let mut registry = Registry::linked()?;
        for path in &self.plugins {
            registry.load(path)?;
        }
        registry.load_environment()?;
        registry.trust_models(self.allow_yaml_plugins);
        notes(&mut registry);
        Ok(registry)
    }
}

/// Tells on standard error what the registry has to say.
pub fn notes(registry: &mut Registry) {
    for note in registry.take_notes() {
        eprintln!("note: {note}");
    }
}
