//! Positions of a listener: where it goes on in each channel, on its next connection and, with a file, after its restart.
//!
//! **Invariant:** the file is never ahead of what has been printed: a job writes it, which the printer does in its turn.

use crate::cli::printer::Job;
use anyhow::{Context as _, bail};
use pusud::revocation::replace;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::future::pending;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The file is written no more often.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);
/// The largest file that is read: positions of a hundred thousand channels.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// The form of the file that this version writes, and the only one that it reads.
const VERSION: u32 = 1;

type ByChannel = BTreeMap<String, Box<str>>;

/// Where a listener is in each of its channels that have history.
#[derive(Default)]
pub(super) struct Positions {
    by_channel: ByChannel,
    file: Option<Kept>,
}

/// The file in which positions are kept.
struct Kept {
    path: Arc<Path>,
    /// When the file may be written next.
    next: Instant,
    is_stale: bool,
    /// Whether there is a channel that the file says nothing of, so that who starts now would miss what came meanwhile.
    lacks_one: bool,
}

/// What the file holds, as JSON.
#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    positions: ByChannel,
}

impl Positions {
    /// Those in a file, and keeps them there. Where there is no file there are none yet, and it is made.
    ///
    /// # Errors
    /// The file cannot be read or written, or holds something else.
    pub(super) fn of_file(path: PathBuf) -> anyhow::Result<Self> {
        let path: Arc<Path> = path.into();
        let by_channel = read(&path)?;
        // At once, so that nobody learns after the first message that it cannot be kept.
        write(&path, &by_channel)?;
        Ok(Self { by_channel, file: Some(Kept { path, next: Instant::now(), is_stale: false, lacks_one: false }) })
    }

    /// Whether a file keeps them.
    pub(super) fn are_kept(&self) -> bool {
        self.file.is_some()
    }

    /// Where the listener is in a channel, if that is known.
    pub(super) fn of(&self, channel: &str) -> Option<&str> {
        self.by_channel.get(channel).map(|position| &**position)
    }

    /// The listener is here in a channel; `None`: the channel has no history.
    pub(super) fn set(&mut self, channel: String, position: Option<Box<str>>) {
        let is_known = position.is_some();
        let before = match position {
            Some(position) => self.by_channel.insert(channel, position),
            None => self.by_channel.remove(&channel),
        };
        if let Some(file) = &mut self.file {
            file.is_stale |= is_known || before.is_some();
            file.lacks_one |= is_known && before.is_none();
        }
    }

    /// The listener is subscribed to all its channels: from here on nothing may be missed, so the file is to name them all.
    pub(super) fn have_begun(&mut self) {
        if let Some(file) = self.file.as_mut().filter(|file| file.lacks_one) {
            file.next = Instant::now();
        }
    }

    /// Waits until the file has to be written: for ever, where nothing has changed.
    pub(super) async fn due(&self) {
        match &self.file {
            Some(file) if file.is_stale => sleep_until(file.next).await,
            _ => pending().await,
        }
    }

    /// What writes the file, if it is not as it should be.
    pub(super) fn saving(&mut self) -> Option<Job> {
        let file = self.file.as_mut().filter(|file| file.is_stale)?;
        (file.is_stale, file.lacks_one) = (false, false);
        file.next = Instant::now() + SAVE_INTERVAL;
        let (path, by_channel) = (file.path.clone(), self.by_channel.clone());
        Some(Box::new(move || write(&path, &by_channel)))
    }
}

fn read(path: &Path) -> anyhow::Result<ByChannel> {
    let failed = || format!("cannot read the positions in {}", path.display());
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(ByChannel::new()),
        opened => opened.with_context(failed)?,
    };
    let mut text = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text).with_context(failed)?;
    let wrong = match serde_json::from_slice(&text) {
        Ok(Content { version: VERSION, positions }) => return Ok(positions),
        Ok(Content { version, .. }) => format!("it is of version {version}, and this is version {VERSION}"),
        Err(_) if text.is_empty() => "it is empty".to_owned(),
        Err(error) => error.to_string(),
    };
    bail!(
        "{} does not hold positions of pusud listen: {wrong}; name another file, or remove it to begin now, which misses what \
         was published since",
        path.display()
    )
}

fn write(path: &Path, by_channel: &ByChannel) -> anyhow::Result<()> {
    let failed = || format!("cannot keep positions in {}", path.display());
    let content = Content { version: VERSION, positions: by_channel.clone() };
    let mut text = serde_json::to_vec(&content).with_context(failed)?;
    text.push(b'\n');
    replace(path, &text).with_context(failed)
}
