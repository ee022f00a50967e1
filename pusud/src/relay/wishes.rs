//! Wishes that the settings be read again: by SIGHUP, or through the control socket, which waits for the outcome.

use crate::control::{ReloadRequest, Reloaded};
use crate::system::Sighups;
use tokio::sync::{mpsc, oneshot};

/// Where wishes come from.
pub(crate) struct Wishes {
    sighups: Sighups,
    /// `None`: nobody can send any more.
    requests: Option<mpsc::Receiver<ReloadRequest>>,
}

/// One wish.
pub(crate) struct Wish {
    /// A new instance of the authenticator is wanted, also where the one that decides could reload.
    pub(crate) wants_new: bool,
    /// Whoever waits for the outcome; nobody does at SIGHUP.
    pub(crate) reply: Option<oneshot::Sender<Result<Reloaded, String>>>,
}

impl Wishes {
    pub(crate) fn new(sighups: Sighups, requests: mpsc::Receiver<ReloadRequest>) -> Self {
        Self { sighups, requests: Some(requests) }
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Wish {
        loop {
            let requested = async {
                match &mut self.requests {
                    Some(requests) => requests.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.sighups.next() => return Wish { wants_new: false, reply: None },
                request = requested => match request {
                    Some(ReloadRequest { wants_new, reply }) => return Wish { wants_new, reply: Some(reply) },
                    None => self.requests = None,
                },
            }
        }
    }

    /// Waits for the next SIGHUP, and leaves requests where they wait.
    pub(crate) async fn next_sighup(&self) {
        self.sighups.next().await;
    }
}
