//! Systems without local sockets that the daemon could use: there is no control socket.

use crate::authenticator::Filter;
use crate::config;
use crate::control::gather::StatusGatherer;
use crate::control::lists::{ChannelQuery, ClientQuery};
use crate::control::operator::{Found, Kicked, Operator, Revocation, Revoked};
use crate::control::reload::{ReloadRequest, Reloaded};
use crate::control::session::Tailed;
use crate::control::status::Status;
use crate::revocation::Whom;
use crate::routing::{ChannelPage, Channels, ClientPage, Clients, Kick};
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
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
    pub async fn serve(
        &self,
        _gatherer: Arc<StatusGatherer>,
        _reload: mpsc::Sender<ReloadRequest>,
        _operator: Arc<Operator>,
    ) -> Infallible {
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

/// Asks nobody.
///
/// # Errors
/// Always: says that it is not available.
pub fn kick(_path: &Path, _whom: Kick, _network: bool) -> anyhow::Result<Kicked> {
    anyhow::bail!("`pusud kick` needs a control socket, which there is on Unix only")
}

/// Asks nobody.
///
/// # Errors
/// Always: says that it is not available.
pub fn revoke(_path: &Path, _whom: Whom, _lasting: Option<Duration>) -> anyhow::Result<Revoked> {
    anyhow::bail!("`pusud revoke` needs a control socket, which there is on Unix only")
}

/// Asks nobody.
///
/// # Errors
/// Always: says that it is not available.
pub fn lift(_path: &Path, _whom: Whom) -> anyhow::Result<Revoked> {
    anyhow::bail!("`pusud revocations` needs a control socket, which there is on Unix only")
}

/// Asks nobody.
///
/// # Errors
/// Always: says that it is not available.
pub fn revocations(_path: &Path) -> anyhow::Result<Vec<Revocation>> {
    anyhow::bail!("`pusud revocations` needs a control socket, which there is on Unix only")
}

/// Asks nobody.
///
/// # Errors
/// Always: says that it is not available.
pub fn decisions(_path: &Path, _filter: Filter) -> anyhow::Result<Found> {
    anyhow::bail!("`pusud decisions` needs a control socket, which there is on Unix only")
}

/// Asks nobody.
///
/// # Errors
/// Always: says that it is not available.
pub fn clients(_path: &Path, _query: ClientQuery) -> anyhow::Result<Clients> {
    anyhow::bail!("`pusud clients` needs a control socket, which there is on Unix only")
}

/// Asks nobody.
///
/// # Errors
/// Always: says that it is not available.
pub fn client(_path: &Path, _id: String) -> anyhow::Result<Option<ClientPage>> {
    anyhow::bail!("`pusud clients` needs a control socket, which there is on Unix only")
}

/// Asks nobody.
///
/// # Errors
/// Always: says that it is not available.
pub fn channels(_path: &Path, _query: ChannelQuery) -> anyhow::Result<Channels> {
    anyhow::bail!("`pusud channels` needs a control socket, which there is on Unix only")
}

/// Asks nobody.
///
/// # Errors
/// Always: says that it is not available.
pub fn channel(_path: &Path, _name: String) -> anyhow::Result<ChannelPage> {
    anyhow::bail!("`pusud channels` needs a control socket, which there is on Unix only")
}

/// A channel that is tailed, which there is none of here.
pub enum Tailing {}

impl Tailing {
    /// Is never called.
    ///
    /// # Errors
    /// Never.
    pub fn next_event(&mut self) -> anyhow::Result<Tailed> {
        match *self {}
    }
}

/// Asks nobody.
///
/// # Errors
/// Always: says that it is not available.
pub fn tail(_path: &Path, _channel: String) -> anyhow::Result<Tailing> {
    anyhow::bail!(
        "`pusud tail` needs a control socket, which there is on Unix only; `pusud listen` listens as a client does"
    )
}

/// There is none.
pub fn is_live(_path: &Path) -> bool {
    false
}
