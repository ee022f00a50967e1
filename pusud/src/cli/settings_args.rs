//! Flags of the commands that read the settings and write a log.

use pusud::config::Overrides;
use pusud::system;
use std::path::PathBuf;

/// Where the settings are and how to log.
#[derive(clap::Args)]
pub(super) struct SettingsArgs {
    /// The settings file [default: settings.yaml in the working directory]
    ///
    /// Without it and without a settings.yaml in the working directory, pusud serves 127.0.0.1 alone, and everybody there
    /// may read and write everything.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The folder of the plugins, in place of the settings' `plugins_dir`
    #[arg(long, value_name = "DIR")]
    pub(super) plugins_dir: Option<PathBuf>,
    /// How lines of the log look
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) log_format: system::Format,
    /// What is logged: this level and all that are more severe
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub(super) log_level: system::Level,
}

impl SettingsArgs {
    /// What stands over the settings.
    pub(super) fn overrides(&self) -> Overrides {
        Overrides { plugins_dir: self.plugins_dir.clone() }
    }
}
