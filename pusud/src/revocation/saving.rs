//! Saving of revocations: a thread that writes their file after each change, so that nobody who serves clients waits for
//! the disk.

use super::file;
use super::hashing::KEY_BYTES;
use super::table::Revocations;
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use tokio::sync::oneshot;
use tracing::error;
use zeroize::Zeroizing;

/// Whoever waits for the file, and is told what became of it.
type Waiting = Option<oneshot::Sender<Result<(), String>>>;

/// The thread that saves. It ends when the last of these is dropped.
#[derive(Clone)]
pub struct Saving(Sender<Waiting>);

impl Saving {
    /// Saves what is in `revocations` to `path` whenever it is asked to.
    ///
    /// # Errors
    /// The system is out of threads.
    pub fn start(
        path: PathBuf,
        key: Zeroizing<[u8; KEY_BYTES]>,
        revocations: Arc<Revocations>,
    ) -> anyhow::Result<Self> {
        let (sender, wishes) = channel();
        thread::Builder::new()
            .name("pusu-revoked".into())
            .spawn(move || save_all(&path, &key, &revocations, &wishes))
            .context("the thread that saves revocations cannot be started; raise the limit on processes")?;
        Ok(Self(sender))
    }

    /// Has the table saved as it is now, or later.
    pub fn save(&self) {
        // The thread lives as long as somebody can ask it.
        let _ = self.0.send(None);
    }

    /// The same, and waits for it.
    ///
    /// # Errors
    /// It cannot be written, and why.
    pub async fn saved(&self) -> Result<(), String> {
        let (sender, done) = oneshot::channel();
        let gone = || "the thread that saves revocations has ended".to_owned();
        self.0.send(Some(sender)).map_err(|_| gone())?;
        done.await.map_err(|_| gone())?
    }
}

fn save_all(path: &Path, key: &[u8; KEY_BYTES], revocations: &Revocations, wishes: &Receiver<Waiting>) {
    while let Ok(first) = wishes.recv() {
        // All that have asked until here are served by one.
        let waiting: Vec<_> = [first].into_iter().chain(wishes.try_iter()).flatten().collect();
        let written = file::write(path, key, &revocations.all()).map_err(|error| {
            let why = format!("`revocations_file`: {}: {error:#}", path.display());
            error!("revocations are not kept over a restart: {why}");
            why
        });
        for one in waiting {
            // It may have given up meanwhile.
            let _ = one.send(written.clone());
        }
    }
}
