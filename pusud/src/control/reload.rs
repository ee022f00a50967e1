//! Wishes of an operator that the relay reads its settings again, and what became of them.

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

/// Wishes that wait; each holds a connection of the control socket.
const WAITING_MAX: usize = 8;

/// One wish.
#[derive(Debug)]
pub struct ReloadRequest {
    /// A new instance of the authenticator is wanted, also where the one that decides could reload.
    pub wants_new: bool,
    /// Where the outcome goes; an error is one line.
    pub reply: oneshot::Sender<Result<Reloaded, String>>,
}

/// The settings have been read again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// What became of the authenticator, in a few words.
    pub outcome: String,
    /// How many authenticators have decided since the start; reloads are counted in.
    pub generation: u32,
    /// The authenticator that decides, with its version.
    pub authenticator: String,
    /// A sentence for each listener that serves new certificates.
    #[serde(default)]
    pub certificates: Vec<String>,
    /// What needs a restart to take effect, and what else the operator should know.
    pub warnings: Vec<String>,
}

/// The way for wishes from the control socket to whoever fulfils them.
pub fn reload_requests() -> (mpsc::Sender<ReloadRequest>, mpsc::Receiver<ReloadRequest>) {
    mpsc::channel(WAITING_MAX)
}

/// Passes a wish on, and waits for its outcome.
///
/// # Errors
/// Nothing was changed, and why.
pub async fn ask_to_reload(requests: &mpsc::Sender<ReloadRequest>, wants_new: bool) -> Result<Reloaded, String> {
    let (reply, outcome) = oneshot::channel();
    let stops = || "the relay stops".to_owned();
    requests.send(ReloadRequest { wants_new, reply }).await.map_err(|_| stops())?;
    outcome.await.map_err(|_| stops())?
}
