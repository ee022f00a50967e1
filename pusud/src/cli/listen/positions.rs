//! Positions of a listener: where it goes on in each channel, on its next connection and, with a file, after its restart.
//!
//! **Invariant:** the file is never ahead of what has been printed: a job writes it, which the printer does in its turn.

use crate::cli::printer::{Job, Printer};
use anyhow::{Context as _, bail};
use pusud::revocation::replace;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::future::pending;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::pin::pin;
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
    stream: Option<Stream>,
    file: Option<Kept>,
}

/// Where a listener is in its stream of events. Over HTTP there are no positions, but ids of events: each is about all channels
/// of its stream that have history.
#[derive(Clone, Serialize, Deserialize)]
struct Stream {
    id: Box<str>,
    channels: BTreeSet<String>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stream: Option<Stream>,
}

impl Positions {
    /// Those in a file, of a listener to these channels, and keeps them there. Where there is no file there are none yet, and it
    /// is made.
    ///
    /// # Errors
    /// The file cannot be read or written, holds something else, or what it says is of no use to such a listener.
    pub(super) fn of_file(path: PathBuf, over_http: bool, channels: &BTreeSet<String>) -> anyhow::Result<Self> {
        let path: Arc<Path> = path.into();
        let content = read(&path)?;
        check_use(&path, &content, over_http, channels)?;
        // At once, so that nobody learns after the first message that it cannot be kept.
        write(&path, &content)?;
        let Content { positions: by_channel, stream, .. } = content;
        let file = Some(Kept { path, next: Instant::now(), is_stale: false, lacks_one: false });
        Ok(Self { by_channel, stream, file })
    }

    /// Whether a file keeps them.
    pub(super) fn are_kept(&self) -> bool {
        self.file.is_some()
    }

    /// The id of the event that the listener has had last in its stream, if that is known.
    pub(super) fn stream_id(&self) -> Option<&str> {
        self.stream.as_ref().map(|stream| &*stream.id)
    }

    /// The listener has had the event with this id last, and ids are about a channel more.
    pub(super) fn set_stream(&mut self, id: Option<&str>, channel: Option<&str>) {
        let Some(id) = id.filter(|id| !id.is_empty()) else { return };
        let stream = self.stream.get_or_insert_with(|| Stream { id: "".into(), channels: BTreeSet::new() });
        let is_new = channel.is_some_and(|channel| stream.channels.insert(channel.to_owned()));
        if *stream.id == *id && !is_new {
            return;
        }
        stream.id = id.into();
        if let Some(file) = &mut self.file {
            file.is_stale = true;
            // From here on nothing of it may be missed.
            file.next = if is_new { Instant::now() } else { file.next };
        }
    }

    /// Ids are about this channel no more: it has no history. True: they have been.
    pub(super) fn leave_stream(&mut self, channel: &str) -> bool {
        let was_there = self.stream.as_mut().is_some_and(|stream| stream.channels.remove(channel));
        self.file.iter_mut().for_each(|file| file.is_stale |= was_there);
        was_there
    }

    /// Whether it is known where the listener is in a channel.
    pub(super) fn know(&self, channel: &str) -> bool {
        self.of(channel).is_some() || self.stream.as_ref().is_some_and(|stream| stream.channels.contains(channel))
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

    /// Waits for something, and has the file written meanwhile, whenever that is due.
    pub(super) async fn saved_while<T>(&mut self, printer: &Printer, waited_for: impl Future<Output = T>) -> T {
        let mut waited_for = pin!(waited_for);
        loop {
            tokio::select! {
                biased;
                () = self.due() => if let Some(job) = self.saving() {
                    printer.then(job).await;
                },
                done = &mut waited_for => return done,
            }
        }
    }

    /// Waits until the file has to be written: for ever, where nothing has changed.
    async fn due(&self) {
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
        let path = file.path.clone();
        let content = Content { version: VERSION, positions: self.by_channel.clone(), stream: self.stream.clone() };
        Some(Box::new(move || write(&path, &content)))
    }
}

/// Positions are by channel, and an id is about a whole stream: neither can be made of the other.
fn check_use(path: &Path, content: &Content, over_http: bool, channels: &BTreeSet<String>) -> anyhow::Result<()> {
    let path = path.display();
    match &content.stream {
        None if over_http && !content.positions.is_empty() => {
            bail!(
                "{path} holds positions of WebSocket, which are of no use over HTTP: listen over WebSocket, or name another file"
            )
        }
        Some(_) if !over_http => {
            bail!(
                "{path} holds the id of a stream, which is of no use over WebSocket: listen with --http, or name another file"
            )
        }
        Some(Stream { channels: kept, .. }) if !kept.is_subset(channels) => {
            let missing: Vec<&str> = kept.difference(channels).map(String::as_str).collect();
            bail!(
                "{path} holds the id of a stream that is about {} as well, and would lose that: listen to all of them, or name another \
                 file",
                missing.join(", ")
            )
        }
        _ => Ok(()),
    }
}

fn read(path: &Path) -> anyhow::Result<Content> {
    let failed = || format!("cannot read the positions in {}", path.display());
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(Content { version: VERSION, positions: ByChannel::new(), stream: None });
        }
        opened => opened.with_context(failed)?,
    };
    let mut text = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text).with_context(failed)?;
    let wrong = match serde_json::from_slice(&text) {
        Ok(Content { stream: Some(Stream { id, .. }), .. }) if id.bytes().any(|byte| byte.is_ascii_control()) => {
            "its id is none".to_owned()
        }
        Ok(content @ Content { version: VERSION, .. }) => return Ok(content),
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

fn write(path: &Path, content: &Content) -> anyhow::Result<()> {
    let failed = || format!("cannot keep positions in {}", path.display());
    let mut text = serde_json::to_vec(content).with_context(failed)?;
    text.push(b'\n');
    replace(path, &text).with_context(failed)
}
