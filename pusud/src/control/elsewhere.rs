//! Systems without local sockets that the daemon could use: there is no control socket.

use crate::config;
use crate::control::gather::StatusGatherer;
use crate::control::reload::{ReloadRequest, Reloaded};
use crate::control::status::Status;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;
use tracing::warn;

/// A control socket, which there is none of here.
pub enum ControlSocket {}

impl ControlSocket {
    /// Opens none.
    ///
    /// # Errors
    /// Never.
    pub fn open(choice: &config::ControlSocket, _port: u16) -> anyhow::Result<Option<Self>> {
        if matches!(choice, config::ControlSocket::At(_)) {
            warn!("`control_socket` has no effect on this system: there is no `pusud status` here");
        }
        Ok(None)
    }

    /// Is never called.
    pub async fn serve(&self, _gatherer: Arc<StatusGatherer>, _reload: mpsc::Sender<ReloadRequest>) -> Infallible {
        match *self {}
    }
}

/// Asks nobody.
///
/// # Errors
/// Always: says that it is not available.
pub fn ask(_path: &Path) -> anyhow::Result<Status> {
    anyhow::bail!("`pusud status` needs a control socket, which there is on Unix only; the relay's log says how it is")
}

/// Asks nobody.
///
/// # Errors
/// Always: says that it is not available.
pub fn reload(_path: &Path, _wants_new: bool) -> anyhow::Result<Reloaded> {
    anyhow::bail!("`pusud reload` needs a control socket, which there is on Unix only; restart the relay")
}

/// There is none.
pub fn is_live(_path: &Path) -> bool {
    false
}
