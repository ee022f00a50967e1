//! Saving of revocations: a thread that writes their file after changes, so that nobody who serves clients waits for the
//! disk.
//!
//! **Invariant:** whoever waits is told when a file is there that was written after the change; for whom nobody waits, the
//! file is written once for all changes of a moment, and at the latest when the relay ends.

use super::file;
use super::hashing::KEY_BYTES;
use super::table::Revocations;
use anyhow::Context as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tracing::error;
use zeroize::Zeroizing;

/// Least time from one write to the next one for which nobody waits: a network may bring thousands of changes at once, and
/// the file is written as a whole.
const PAUSE: Duration = Duration::from_secs(1);

/// Whoever waits for the file, and is told what became of it.
type Waiting = oneshot::Sender<Result<(), String>>;

/// What the thread is asked.
enum Wish {
    /// There are changes: write the file soon.
    Soon,
    /// There are changes: write the file now.
    Now(Waiting),
    /// Write the file now if there are changes that are not in it.
    Finish(Waiting),
}

/// The thread that saves. It ends when the last of these is dropped.
#[derive(Clone)]
pub struct Saving(Sender<Wish>);

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
        let write = move || {
            file::write(&path, &key, &revocations.all()).map_err(|error| {
                let why = format!("`revocations_file`: {}: {error:#}", path.display());
                error!("revocations are not kept over a restart: {why}");
                why
            })
        };
        thread::Builder::new()
            .name("pusu-revoked".into())
            .spawn(move || save_all(&wishes, PAUSE, write))
            .context("the thread that saves revocations cannot be started; raise the limit on processes")?;
        Ok(Self(sender))
    }

    /// Has the table saved as it is now, or later.
    pub fn save(&self) {
        // The thread lives as long as somebody can ask it.
        let _ = self.0.send(Wish::Soon);
    }

    /// The same, and waits for it.
    ///
    /// # Errors
    /// It cannot be written, and why.
    pub async fn saved(&self) -> Result<(), String> {
        self.wait(Wish::Now).await
    }

    /// Waits until every change is saved that was to be.
    ///
    /// # Errors
    /// It cannot be written, and why.
    pub async fn finish(&self) -> Result<(), String> {
        self.wait(Wish::Finish).await
    }

    async fn wait(&self, wish: fn(Waiting) -> Wish) -> Result<(), String> {
        let (sender, done) = oneshot::channel();
        let gone = || "the thread that saves revocations has ended".to_owned();
        self.0.send(wish(sender)).map_err(|_| gone())?;
        done.await.map_err(|_| gone())?
    }
}

fn save_all(wishes: &Receiver<Wish>, pause: Duration, mut write: impl FnMut() -> Result<(), String>) {
    let (mut has_changed, mut not_before) = (false, Instant::now());
    loop {
        let first = match has_changed {
            true => match wishes.recv_timeout(not_before.saturating_duration_since(Instant::now())) {
                Err(RecvTimeoutError::Disconnected) => break,
                wish => wish.ok(),
            },
            false => match wishes.recv() {
                Err(_) => break,
                wish => wish.ok(),
            },
        };
        // All that have asked until here are served by one.
        let mut waiting = Vec::new();
        for wish in first.into_iter().chain(wishes.try_iter()) {
            has_changed |= !matches!(wish, Wish::Finish(_));
            match wish {
                Wish::Now(one) | Wish::Finish(one) => waiting.push(one),
                Wish::Soon => {}
            }
        }
        if waiting.is_empty() && Instant::now() < not_before {
            continue;
        }
        let written = if std::mem::take(&mut has_changed) { write() } else { Ok(()) };
        not_before = Instant::now() + pause;
        for one in waiting {
            // It may have given up meanwhile.
            let _ = one.send(written.clone());
        }
    }
    if has_changed {
        // It is in the log where that fails.
        let _ = write();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is never over in a test.
    const LONG: Duration = Duration::from_secs(3600);

    /// How often the file is written when `wishes` come while it is written for the first time, and then the relay ends.
    fn written_for(wishes: Vec<Wish>) -> usize {
        let (sender, receiver) = channel();
        sender.send(Wish::Soon).unwrap();
        let (mut later, mut count) = (Some((sender, wishes)), 0);
        save_all(&receiver, LONG, || {
            count += 1;
            if let Some((sender, wishes)) = later.take() {
                wishes.into_iter().for_each(|wish| sender.send(wish).unwrap());
            }
            Ok(())
        });
        count
    }

    #[test]
    fn many_changes_are_one_write_and_the_last_ones_are_written_at_the_end() {
        assert_eq!(written_for((0..1000).map(|_| Wish::Soon).collect()), 2);
        assert_eq!(written_for(Vec::new()), 1);
    }

    #[test]
    fn whoever_waits_does_not_wait_for_the_pause_and_is_told() {
        let (mut told, mut wishes) = (Vec::new(), Vec::new());
        for wish in [Wish::Now, Wish::Finish] {
            let (sender, done) = oneshot::channel();
            told.push(done);
            wishes.extend([Wish::Soon, wish(sender), Wish::Soon]);
        }
        assert_eq!(written_for(wishes), 2);
        assert!(told.iter_mut().all(|done| done.try_recv() == Ok(Ok(()))));
        let (sender, _done) = oneshot::channel();
        assert_eq!(written_for(vec![Wish::Finish(sender)]), 1, "there is nothing new");
    }
}
