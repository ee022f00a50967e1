//! The file with the keys, read again when it changes, so that keys are rotated without a restart.
//!
//! A token is not refused for a key that has been put into the file before the token came: the file is looked at first.
//! **Invariant:** a file that cannot be read or understood changes nothing: the keys that were read last stay, and the
//! log says why, once per change.

use super::file_state::FileState;
use super::key_set::{KEY_UNKNOWN, KeySet};
use crate::token::{Fault, Token};
use jsonwebtoken::Algorithm;
use pusu_plugin_api::options::Place;
use pusu_plugin_api::{CreateError, Host};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf, absolute};
use std::sync::{Arc, Mutex, PoisonError, RwLock, TryLockError};
use std::time::{Duration, Instant, SystemTime};
use zeroize::Zeroizing;

/// How often the file is checked, at most.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// A file that was changed so recently may have changed again after it was read without showing it: file systems count
/// time in steps. It is read again at the next check.
const SETTLING: Duration = Duration::from_secs(2);
/// How often such a file is read, as long as it does not show a change, for tokens that are not good with the keys that
/// are there: strangers make them. Beyond that it is checked in turn.
const REREADS_MAX: u32 = 100;
/// Largest file, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The keys in a file.
pub(crate) struct JwksFile {
    path: PathBuf,
    algorithms: Vec<Algorithm>,
    host: Host,
    keys: RwLock<Arc<KeySet>>,
    watch: Mutex<Watch>,
}

/// The findings of the last check.
struct Watch {
    next_check: Instant,
    /// What the file looked like when it was read. `None`: it could not be read.
    seen: Option<Seen>,
    /// What was read last. It may hold secrets.
    content: Zeroizing<Vec<u8>>,
    /// What is wrong with that.
    content_fault: Option<String>,
    /// What was last complained about.
    complaint: Option<String>,
}

/// What a file looked like before it was read.
struct Seen {
    state: FileState,
    /// As long as it looks like that, it has not changed.
    has_settled: bool,
    /// For how many tokens it has been read while it looked like that.
    rereads: u32,
}

impl JwksFile {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// It cannot be read, or has no key that can be used.
    pub(crate) fn open(path: PathBuf, algorithms: Vec<Algorithm>, host: Host) -> Result<Self, CreateError> {
        let place = Place::option("jwt_jwks_file").file(&path);
        let (content, seen) = read(&path).map_err(|what| place.error(what))?;
        let (keys, left_out) = KeySet::parse(&content, &algorithms).map_err(|what| place.error(what))?;
        left_out.iter().for_each(|why| host.warn(format_args!("{}: left out: {why}", shown(&path))));
        host.info(format_args!("{}: {} keys", shown(&path), keys.len()));
        let watch = Watch {
            next_check: Instant::now() + CHECK_INTERVAL,
            seen: Some(seen),
            content,
            content_fault: None,
            complaint: None,
        };
        Ok(Self { path, algorithms, host, keys: RwLock::new(Arc::new(keys)), watch: Mutex::new(watch) })
    }

    /// Checks the token's signature with the key that the token names.
    ///
    /// # Errors
    /// It is not good with the keys that are in the file now, or these cannot be known.
    pub(crate) fn check_signature(&self, token: &Token<'_>) -> Result<(), Fault> {
        let has_looked = self.refresh_if_free();
        match self.current().check_signature(token) {
            Ok(()) => return Ok(()),
            // Whatever the keys are.
            Err(refusal) if token.key_id.is_none() => return Err(refusal.into()),
            Err(_) => {}
        }
        let is_current = has_looked || self.look_for_a_token();
        match self.current().check_signature(token) {
            Err(KEY_UNKNOWN) if !is_current => Err(Fault::Undecided),
            checked => Ok(checked?),
        }
    }

    /// Checks the file if it is time to. Whether it was, and the keys are those in the file.
    fn refresh_if_free(&self) -> bool {
        // A call that comes while another checks the file goes on with the keys that are there.
        match self.watch.try_lock() {
            Ok(mut watch) => self.refresh(&mut watch),
            Err(TryLockError::Poisoned(poisoned)) => self.refresh(&mut poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => false,
        }
    }

    fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Checks the file whether it is time to or not.
    #[cfg(test)]
    pub(crate) fn refresh_now(&self) {
        let mut watch = self.watch.lock().unwrap();
        watch.next_check = Instant::now();
        self.refresh(&mut watch);
    }

    /// Checks the file for a token that has come already. Whether the keys are those in the file now.
    fn look_for_a_token(&self) -> bool {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.state();
        if let Some(seen) = &mut watch.seen
            && Some(&seen.state) == state.as_ref()
            && !seen.has_settled
        {
            if seen.rereads >= REREADS_MAX {
                return false;
            }
            seen.rereads += 1;
        }
        self.look(&mut watch, state);
        watch.complaint.is_none()
    }

    /// As [`JwksFile::refresh_if_free`].
    fn refresh(&self, watch: &mut Watch) -> bool {
        let is_time = Instant::now() >= watch.next_check;
        if is_time {
            self.look(watch, self.state());
        }
        is_time && watch.complaint.is_none()
    }

    /// `None`: nothing can be known of it.
    fn state(&self) -> Option<FileState> {
        std::fs::metadata(&self.path).ok().map(|metadata| FileState::of(&metadata))
    }

    /// Reads the file unless it has the state in which it was read before.
    fn look(&self, watch: &mut Watch, state: Option<FileState>) {
        watch.next_check = Instant::now() + CHECK_INTERVAL;
        if watch.seen.as_ref().is_some_and(|seen| seen.has_settled && Some(&seen.state) == state.as_ref()) {
            return;
        }
        let complaint = self.read_again(watch).err();
        if complaint != watch.complaint {
            match &complaint {
                Some(what) => self.host.error(format_args!("{}: {what}; the keys read before stay", shown(&self.path))),
                None => self.host.info(format_args!("{}: is in order again", shown(&self.path))),
            }
        }
        watch.complaint = complaint;
    }

    fn read_again(&self, watch: &mut Watch) -> Result<(), String> {
        let before = watch.seen.take();
        let (content, mut seen) = read(&self.path)?;
        seen.rereads = before.filter(|before| before.state == seen.state).map_or(0, |before| before.rereads);
        watch.seen = Some(seen);
        if content != watch.content {
            watch.content_fault = self.take(&content).err();
            watch.content = content;
        }
        watch.content_fault.clone().map_or(Ok(()), Err)
    }

    /// Makes these keys the ones that hold.
    fn take(&self, content: &[u8]) -> Result<(), String> {
        let (keys, left_out) = KeySet::parse(content, &self.algorithms)?;
        left_out.iter().for_each(|why| self.host.warn(format_args!("{}: left out: {why}", shown(&self.path))));
        self.host.info(format_args!("{}: has changed; {} keys", shown(&self.path), keys.len()));
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }
}

/// The path as the log shows it: relative ones start where the relay was started, which is not where the settings are.
fn shown(path: &Path) -> String {
    absolute(path).as_deref().unwrap_or(path).display().to_string()
}

/// The content, and what the file looked like before it was read.
fn read(path: &PathBuf) -> Result<(Zeroizing<Vec<u8>>, Seen), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let state = FileState::of(&file.metadata().map_err(|error| error.to_string())?);
    let mut content = Zeroizing::new(Vec::new());
    let length = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut content).map_err(|error| error.to_string())?;
    if length as u64 > FILE_BYTES_MAX {
        return Err(format!("expected a file of at most {FILE_BYTES_MAX} bytes, found a longer one"));
    }
    let age = state.modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
    Ok((content, Seen { state, has_settled: age.is_some_and(|age| age > SETTLING), rereads: 0 }))
}
