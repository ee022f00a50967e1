//! Flags that say which relay of this machine is asked, and the way from them to its control socket.

use anyhow::{Context as _, bail};
use pusud::config::{self, Config};
use pusud::control;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(super) struct RelaySocketArgs {
    /// The relay's settings file [default: settings.yaml in the working directory]
    ///
    /// Of it only `control_socket` and `client_port` are used.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The relay's control socket
    #[arg(long, value_name = "PATH", conflicts_with = "config")]
    socket: Option<PathBuf>,
}

impl RelaySocketArgs {
    /// Finds the control socket that is meant.
    ///
    /// # Errors
    /// There is none, and why.
    pub(super) fn find(&self) -> anyhow::Result<PathBuf> {
        if let Some(socket) = &self.socket {
            return Ok(socket.clone());
        }
        let config = Config::load_without_options(self.config.as_deref())
            .context("cannot find out which relay is meant; `--socket PATH` says it without settings")?;
        let port = config.client_port;
        match config.control_socket {
            config::ControlSocket::At(path) => return Ok(path),
            config::ControlSocket::None => {
                bail!("these settings say `control_socket: None`, so that the relay cannot be asked")
            }
            config::ControlSocket::ByPort if port == 0 => bail!(
                "these settings leave the port to the system (`client_port: 0`), and then a relay has a control socket only \
             where `control_socket` says so"
            ),
            config::ControlSocket::ByPort => {}
        }
        let candidates = control::candidates(port);
        let there = || candidates.iter().filter(|path| path.exists());
        // One that a relay has left behind may come before the one of a relay that runs.
        if let Some(found) = there().find(|path| control::is_live(path)).or_else(|| there().next()) {
            return Ok(found.clone());
        }
        let list =
            |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        let others = match control::neighbours(&candidates).as_slice() {
            [] => String::new(),
            others => format!("; there are others: {}", list(others)),
        };
        let not_used = control::not_used().map_or(String::new(), |why| format!("; {why}"));
        bail!(
            "no relay is running with client port {port}: there is no control socket {}{others}{not_used}. Start it, or say which one \
             is meant: --config FILE or --socket PATH. If it runs as another user, ask as that user, or give it a \
             `control_socket` in its settings",
            list(&candidates)
        )
    }
}
