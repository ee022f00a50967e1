//! Saving of revocations: a thread that writes their file after changes, so that nobody who serves clients waits for the
//! disk.
//!
//! **Invariant:** whoever waits is told when a file is there that was written after the change; for whom nobody waits, the
//! file is written once for all changes of a moment. What could not be written is tried again until it is there.

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
use tracing::{error, info};
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
    /// Write the file now if there are changes that are not in it.
    Finish(Waiting),
}

/// The thread that saves. When the last of these is dropped it writes what is not in the file yet, and ends.
#[derive(Clone)]
pub struct Saving(Arc<Sender<Wish>>);

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
        let mut trouble = Trouble::default();
        let write = move || {
            let written = file::write(&path, &key, &revocations.all());
            let written = written.map_err(|error| format!("`revocations_file`: {}: {error:#}", path.display()));
            match &written {
                _ if !trouble.is_news(&written) => {}
                Ok(()) => info!(path = %path.display(), "revocations are kept over a restart again"),
                Err(why) => error!("revocations are not kept over a restart: {why}"),
            }
            written
        };
        thread::Builder::new()
            .name("pusu-revoked".into())
            .spawn(move || save_all(&wishes, PAUSE, write))
            .context("the thread that saves revocations cannot be started; raise the limit on processes")?;
        Ok(Self(Arc::new(sender)))
    }

    /// One whose disk hangs as long as the other is there.
    #[cfg(test)]
    pub(crate) fn hanging() -> (Self, impl Sized) {
        let (sender, wishes) = channel();
        (Self(Arc::new(sender)), wishes)
    }

    /// Has the table saved soon, each time that it is called: it does nothing once the last [`Saving`] is gone, and keeps
    /// none alive.
    pub fn soon(&self) -> impl Fn() + Send + Sync + 'static {
        let sender = Arc::downgrade(&self.0);
        move || {
            // The thread lives as long as there is a sender.
            let _ = sender.upgrade().map(|sender| sender.send(Wish::Soon));
        }
    }

    /// Waits until every change is saved that was to be saved before.
    ///
    /// # Errors
    /// It cannot be written, and why.
    pub async fn finish(&self) -> Result<(), String> {
        let (sender, done) = oneshot::channel();
        let gone = || "the thread that saves revocations has ended".to_owned();
        self.0.send(Wish::Finish(sender)).map_err(|_| gone())?;
        done.await.map_err(|_| gone())?
    }
}

/// Why the file could not be written last, so that the same is not logged each time it is tried.
#[derive(Default)]
struct Trouble(Option<String>);

impl Trouble {
    /// Whether this is something else than what has become of the file before.
    fn is_news(&mut self, written: &Result<(), String>) -> bool {
        let now = written.as_ref().err().cloned();
        std::mem::replace(&mut self.0, now) != self.0
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
            match wish {
                Wish::Finish(one) => waiting.push(one),
                Wish::Soon => has_changed = true,
            }
        }
        if waiting.is_empty() && Instant::now() < not_before {
            continue;
        }
        let mut written = Ok(());
        if has_changed {
            written = write();
            // Tried again after the pause, or for whoever waits next.
            has_changed = written.is_err();
            not_before = Instant::now() + pause;
        }
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
    use super::super::whom::Whom;
    use super::*;

    /// What is never over in a test.
    const LONG: Duration = Duration::from_secs(3600);

    /// How often the file is written when `wishes` come while it is written for the first time, which ends as `first`, and
    /// then the relay ends.
    fn written_for(first: Result<(), String>, wishes: Vec<Wish>) -> usize {
        let (sender, receiver) = channel();
        sender.send(Wish::Soon).unwrap();
        let (mut later, mut count) = (Some((sender, wishes)), 0);
        save_all(&receiver, LONG, || {
            count += 1;
            let Some((sender, wishes)) = later.take() else { return Ok(()) };
            wishes.into_iter().for_each(|wish| sender.send(wish).unwrap());
            first.clone()
        });
        count
    }

    #[test]
    fn many_changes_are_one_write_and_the_last_ones_are_written_at_the_end() {
        assert_eq!(written_for(Ok(()), (0..1000).map(|_| Wish::Soon).collect()), 2);
        assert_eq!(written_for(Ok(()), Vec::new()), 1);
    }

    #[test]
    fn whoever_waits_does_not_wait_for_the_pause_and_is_told() {
        let (mut told, mut wishes) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            let (sender, done) = oneshot::channel();
            told.push(done);
            wishes.extend([Wish::Soon, Wish::Finish(sender), Wish::Soon]);
        }
        assert_eq!(written_for(Ok(()), wishes), 2);
        assert!(told.iter_mut().all(|done| done.try_recv() == Ok(Ok(()))));
        let (sender, _done) = oneshot::channel();
        assert_eq!(written_for(Ok(()), vec![Wish::Finish(sender)]), 1, "there is nothing new");
    }

    /// As where the disk is full for a moment.
    #[test]
    fn what_could_not_be_written_is_written_for_whoever_waits_next_and_at_the_end() {
        let full = || Err("full".to_owned());
        let (sender, mut done) = oneshot::channel();
        assert_eq!(written_for(full(), vec![Wish::Finish(sender)]), 2);
        assert_eq!(done.try_recv(), Ok(Ok(())));
        assert_eq!(written_for(full(), Vec::new()), 2);
    }

    #[test]
    fn what_could_not_be_written_is_tried_again_by_itself() {
        let (sender, receiver) = channel();
        sender.send(Wish::Soon).unwrap();
        let (mut sender, mut count) = (Some(sender), 0);
        save_all(&receiver, Duration::ZERO, || {
            count += 1;
            if count < 3 {
                return Err("full".to_owned());
            }
            sender = None;
            Ok(())
        });
        assert_eq!(count, 3);
    }

    #[test]
    fn trouble_is_news_where_it_is_another_one_and_once_when_it_is_over() {
        let mut trouble = Trouble::default();
        let mut is_news = |why: &str| trouble.is_news(&if why.is_empty() { Ok(()) } else { Err(why.to_owned()) });
        let news = ["", "full", "full", "gone", "", "", "gone"].map(&mut is_news);
        assert_eq!(news, [false, true, false, true, true, false, true]);
    }

    /// Whoever is told of changes holds something of it, and so does the table.
    #[test]
    fn the_thread_saves_the_last_changes_and_ends_when_nobody_has_it_any_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r");
        let (revocations, (alive, ended)) = (Arc::new(Revocations::default()), channel::<()>());
        let saving = Saving::start(path.clone(), Zeroizing::new([7; KEY_BYTES]), revocations.clone()).unwrap();
        let soon = saving.soon();
        revocations.on_change(move |_| {
            let _kept = &alive;
            soon();
        });
        for subject in ["alice", "bob"] {
            revocations.revoke(Whom::Subject(subject.into()), None, drop).unwrap();
        }
        drop((saving, revocations));
        assert!(ended.recv().is_err(), "the table is gone, since the thread is");
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains("alice") && text.contains("bob"), "{text}");
    }
}
