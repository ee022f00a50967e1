//! A file whose content holds, and holds anew when it changes.
//!
//! **Invariant:** a file that cannot be read or understood changes nothing: what was read last goes on to hold, and the
//! log says why, once per change.

use super::others::open_to_others;
use super::watch::Watch;
use super::{Seen, content};
use crate::error::CreateError;
use crate::host::Host;
use crate::metrics::{Counter, Gauge};
use crate::options::Place;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

/// How often a file that may change without showing it is read at somebody's wish, as long as it shows no change.
const REREADS_MAX: u32 = 100;

type Parse<T> = dyn Fn(&[u8]) -> Result<T, String> + Send + Sync;
type OnChange<T> = dyn Fn(&T, &T) + Send + Sync;
type IsSecret<T> = dyn Fn(&T) -> bool + Send + Sync;

/// A file that an option names. A thread of its own looks at it once a second, and reads it again when it has changed, until
/// this is dropped.
///
/// The log says when something else holds, and when the file has got broken and is in order again. Among the metrics stand
/// `file_read_timestamp_seconds{option="…"}`, when what holds was read, and `file_failures_total{option="…"}`, how often
/// the file was found broken.
pub struct WatchedFile<T> {
    shared: Arc<Shared<T>>,
    _watch: Watch,
}

struct Shared<T> {
    path: PathBuf,
    place: Place,
    bytes_max: u64,
    parse: Box<Parse<T>>,
    host: Host,
    holds: RwLock<Holds<T>>,
    findings: Mutex<Findings>,
    on_change: OnceLock<Box<OnChange<T>>>,
    /// Whether what holds is a secret; nothing: nobody cares who else has the file.
    is_secret: OnceLock<Box<IsSecret<T>>>,
    read_at: Gauge,
    failures: Counter,
}

struct Holds<T> {
    content: Arc<T>,
    read_at: SystemTime,
}

/// The findings of the last look.
struct Findings {
    /// What the file looked like when it was read. `None`: it could not be read.
    seen: Option<Seen>,
    /// How often it has been read at somebody's wish while it looked like that.
    rereads: u32,
    /// What was read last, as a keyed hash: the content may be a secret.
    hash: u64,
    hasher: RandomState,
    /// What is wrong with that.
    content_fault: Option<String>,
    /// What is wrong now.
    fault: Option<String>,
    /// Who else may read or write it, as it was said.
    open_to_others: Option<String>,
}

impl<T: Send + Sync + 'static> WatchedFile<T> {
    /// Reads the file for the first time, and watches it from now on. `path` is whole, as
    /// [`Host::resolve`](crate::Host::resolve) gives it; `bytes_max` is the longest that the file may be; `parse` makes
    /// something of its content, or says what is wrong without a word of it. It is called from the watching thread too.
    ///
    /// # Errors
    /// It cannot be read, is too long, or `parse` says so; the text names option and file. The system has no thread.
    pub fn open(
        host: &Host,
        option: &str,
        path: impl Into<PathBuf>,
        bytes_max: u64,
        parse: impl Fn(&[u8]) -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<Self, CreateError> {
        let path = path.into();
        let place = Place::option(option).file(&path);
        let read_at = SystemTime::now();
        let (bytes, seen) = content(&path, bytes_max).map_err(|what| place.error(what))?;
        let parsed = parse(&bytes).map_err(|what| place.error(what))?;
        let hasher = RandomState::new();
        let hash = hasher.hash_one(bytes.as_slice());
        let labels = [("option", option)];
        let help = "When the content of this file that holds was read, in seconds since 1970.";
        let shared = Arc::new(Shared {
            place: place.clone(),
            path,
            bytes_max,
            parse: Box::new(parse),
            host: host.clone(),
            holds: RwLock::new(Holds { content: Arc::new(parsed), read_at }),
            findings: Mutex::new(Findings {
                seen: Some(seen),
                rereads: 0,
                hash,
                hasher,
                content_fault: None,
                fault: None,
                open_to_others: None,
            }),
            on_change: OnceLock::new(),
            is_secret: OnceLock::new(),
            read_at: host.gauge("file_read_timestamp_seconds", help, &labels),
            failures: host.counter("file_failures_total", "How often this file was found broken.", &labels),
        });
        shared.read_at.set(unix_seconds(read_at));
        let watched = Arc::clone(&shared);
        let watch = Watch::start(move || watched.look())
            .map_err(|error| CreateError::failed(format_args!("{place}: no thread to watch it: {error}")))?;
        Ok(Self { shared, _watch: watch })
    }

    /// What holds now. Takes no longer than a lock; the file is not looked at.
    pub fn current(&self) -> Arc<T> {
        Arc::clone(&self.shared.holds().content)
    }

    /// When that was read.
    pub fn read_at(&self) -> SystemTime {
        self.shared.holds().read_at
    }

    /// What is wrong with the file now, if anything; what was read before holds.
    pub fn fault(&self) -> Option<String> {
        self.shared.findings.lock().unwrap_or_else(PoisonError::into_inner).fault.clone()
    }

    /// The whole path.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Looks at the file at once, for somebody to whom what holds does not do, and says whether what holds now is what is
    /// in the file. A file that has been changed within the last seconds may change without showing it: it is read for a
    /// hundred such calls, and false is the answer to further ones, since strangers may cause them.
    pub fn look_now(&self) -> bool {
        self.shared.look_now()
    }

    /// Has `tell` called with what held before and what holds now, on the watching thread, each time that the content has
    /// changed. It may not call [`look_now`](Self::look_now). The first call of this function counts, further ones do nothing.
    pub fn on_change(&self, tell: impl Fn(&T, &T) + Send + Sync + 'static) {
        // Set once, so that nobody is told of half of the changes.
        let _ = self.shared.on_change.set(Box::new(tell));
    }

    /// Says in the log where others than root and the relay's user may write the file, since whoever does decides what it
    /// decides, and, where `is_secret` says so of what holds, where everybody may read it: now, and whenever that changes.
    /// `is_secret` is called from the watching thread too, and may not call [`look_now`](Self::look_now). The first call of
    /// this function counts, further ones do nothing. On systems without modes nothing is said.
    pub fn guard(&self, is_secret: impl Fn(&T) -> bool + Send + Sync + 'static) {
        if self.shared.is_secret.set(Box::new(is_secret)).is_ok() {
            self.shared.warn_of_others(&mut self.shared.findings.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl<T> Shared<T> {
    fn holds(&self) -> std::sync::RwLockReadGuard<'_, Holds<T>> {
        self.holds.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The regular look.
    fn look(&self) {
        let mut findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.state();
        let is_same =
            findings.seen.as_ref().is_some_and(|seen| seen.has_settled && Some(&seen.state) == state.as_ref());
        if !is_same {
            self.read(&mut findings);
        }
    }

    fn look_now(&self) -> bool {
        let mut findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.state();
        match &findings.seen {
            Some(seen) if Some(&seen.state) == state.as_ref() && seen.has_settled => {}
            Some(seen) if Some(&seen.state) == state.as_ref() => {
                if findings.rereads >= REREADS_MAX {
                    return false;
                }
                findings.rereads += 1;
                self.read(&mut findings);
            }
            _ => self.read(&mut findings),
        }
        findings.fault.is_none()
    }

    /// `None`: nothing can be known of it.
    fn state(&self) -> Option<super::FileState> {
        std::fs::metadata(&self.path).ok().map(|metadata| super::FileState::of(&metadata))
    }

    /// Reads the file, and says in the log what comes of it unless that has been said.
    fn read(&self, findings: &mut Findings) {
        let fault = self.read_again(findings).err();
        if fault != findings.fault {
            match &fault {
                Some(what) => {
                    self.failures.increment();
                    self.host.error(format_args!("{}: {what}; what was read before goes on to hold", self.place));
                }
                None => self.host.info(format_args!("{}: is in order again", self.place)),
            }
        }
        findings.fault = fault;
        self.warn_of_others(findings);
    }

    /// Says who else may read or write the file, unless that has been said.
    fn warn_of_others(&self, findings: &mut Findings) {
        let (Some(is_secret), Some(seen)) = (self.is_secret.get(), &findings.seen) else { return };
        let open = seen.mode.and_then(|mode| open_to_others(mode, is_secret(&self.holds().content)));
        if let Some(what) = open.as_ref().filter(|_| open != findings.open_to_others) {
            self.host.warn(format_args!("{}: {what}", self.place));
        }
        findings.open_to_others = open;
    }

    fn read_again(&self, findings: &mut Findings) -> Result<(), String> {
        let read_at = SystemTime::now();
        let before = findings.seen.take();
        let (bytes, seen) = content(&self.path, self.bytes_max)?;
        if before.is_none_or(|before| before.state != seen.state) {
            findings.rereads = 0;
        }
        findings.seen = Some(seen);
        let hash = findings.hasher.hash_one(bytes.as_slice());
        if hash != findings.hash {
            findings.hash = hash;
            findings.content_fault = self.take(&bytes, read_at).err();
        }
        findings.content_fault.clone().map_or(Ok(()), Err)
    }

    /// Makes this content the one that holds.
    fn take(&self, bytes: &[u8], read_at: SystemTime) -> Result<(), String> {
        let content = Arc::new((self.parse)(bytes)?);
        let holds = Holds { content: Arc::clone(&content), read_at };
        let before = std::mem::replace(&mut *self.holds.write().unwrap_or_else(PoisonError::into_inner), holds);
        self.read_at.set(unix_seconds(read_at));
        self.host.info(format_args!("{}: has changed and was read again", self.place));
        if let Some(tell) = self.on_change.get() {
            tell(&before.content, &content);
        }
        Ok(())
    }
}

/// Seconds since 1970 UTC, for a metric.
fn unix_seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
