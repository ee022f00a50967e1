//! Wishes that the settings be read again: by SIGHUP, or through the control socket, which waits for the outcome; and that
//! the files be read again whose texts stand in the settings, since they have changed.

use crate::control::{ReloadRequest, Reloaded};
use crate::system::Sighups;
use std::sync::Arc;
use tokio::sync::{Notify, mpsc, oneshot};

/// Where wishes come from.
pub(crate) struct Wishes {
    sighups: Sighups,
    /// `None`: nobody can send any more.
    requests: Option<mpsc::Receiver<ReloadRequest>>,
    changed_files: Arc<Notify>,
}

/// One wish.
pub(crate) enum Wish {
    /// The settings, at SIGHUP.
    Settings,
    /// The settings, for somebody who waits for the outcome.
    Asked {
        /// A new instance of the authenticator is wanted, also where the one that decides could reload.
        wants_new: bool,
        reply: oneshot::Sender<Result<Reloaded, String>>,
    },
    /// The files alone.
    Files,
}

impl Wishes {
    pub(crate) fn new(sighups: Sighups, requests: mpsc::Receiver<ReloadRequest>) -> Self {
        Self { sighups, requests: Some(requests), changed_files: Arc::default() }
    }

    /// Where it is said that files have changed.
    pub(crate) fn changed_files(&self) -> Arc<Notify> {
        self.changed_files.clone()
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
                () = self.sighups.next() => return Wish::Settings,
                request = requested => match request {
                    Some(ReloadRequest { wants_new, reply }) => return Wish::Asked { wants_new, reply },
                    None => self.requests = None,
                },
                () = self.changed_files.notified() => return Wish::Files,
            }
        }
    }

    /// Waits for the next SIGHUP, and leaves requests where they wait.
    pub(crate) async fn next_sighup(&self) {
        self.sighups.next().await;
    }
}
