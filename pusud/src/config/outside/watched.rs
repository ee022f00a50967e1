//! The files whose texts stand in the settings, as they were seen last, for whoever looks at them while the relay serves.
//!
//! Starts no thread and changes nothing that decides: it says that there is something to read again, and what.
//! **Invariant:** a text is taken once it was the same at two looks, so that a file that is being written counts as it was.
//! Of a file that cannot be read the text that was taken last stays, whatever becomes of the others.

use super::file::{self, Read, TextFile};
use super::{Content, Contents};
use crate::config::{Config, Overrides};
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;
use tracing::Level;

/// The files of the settings; clones are the same ones.
#[derive(Clone, Default)]
pub struct WatchedFiles(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// The settings file, and what was written in it; `None` where no option names a file.
    settings: Option<(PathBuf, Content)>,
    files: Vec<Watched>,
    /// The texts that the authenticator did not take, in the order of the files, and why.
    refused: Option<(Vec<Content>, String)>,
    /// Somebody looks.
    has_watcher: bool,
}

struct Watched {
    path: PathBuf,
    /// What the authenticator has, and since when.
    taken: Content,
    since: SystemTime,
    /// What was there at the last look, and whether it was there at the one before, too.
    seen: Content,
    has_settled: bool,
    complaint: Option<String>,
    /// Who else may read or write it, as it was said last.
    open_to_others: Option<String>,
}

impl Watched {
    fn of(file: &TextFile, since: SystemTime) -> Self {
        let (path, taken) = (file.path().to_owned(), file.content().clone());
        let open_to_others = file.open_to_others().map(str::to_owned);
        Self { path, seen: taken.clone(), taken, since, has_settled: true, complaint: None, open_to_others }
    }

    /// What stands there now, as far as it is known.
    fn current(&self) -> &Content {
        if self.has_settled { &self.seen } else { &self.taken }
    }

    /// Goes on from what was read of it.
    fn see(&mut self, read: Result<Read, String>) -> Vec<Notice> {
        let path = || self.path.clone();
        match read {
            Ok(Read { content, open_to_others }) => {
                self.has_settled = self.seen == content;
                self.seen = content;
                let mended = self.complaint.take().map(|_| Notice::Mended(path()));
                let is_new = self.open_to_others != open_to_others;
                self.open_to_others = open_to_others;
                let open = self.open_to_others.clone().filter(|_| is_new).map(|why| Notice::Open(path(), why));
                mended.into_iter().chain(open).collect()
            }
            Err(what) => {
                // What was taken last stays; another text that was seen meanwhile is none that is there.
                (self.seen, self.has_settled) = (self.taken.clone(), true);
                let is_new = self.complaint.as_ref() != Some(&what);
                self.complaint = Some(what.clone());
                is_new.then(|| Notice::Broken(path(), what)).into_iter().collect()
            }
        }
    }
}

/// What a look has found that the operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The file cannot be used any more, and why.
    Broken(PathBuf, String),
    /// It can be used again.
    Mended(PathBuf),
    /// Others than the daemon's user may read or write it now, and the way out.
    Open(PathBuf, String),
}

impl Notice {
    /// How much it matters.
    pub fn level(&self) -> Level {
        match self {
            Self::Broken(..) => Level::ERROR,
            Self::Open(..) => Level::WARN,
            Self::Mended(_) => Level::INFO,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(path, what) => write!(f, "`!file` {}: {what}; the text read before stays", path.display()),
            Self::Mended(path) => write!(f, "`!file` {}: is in order again", path.display()),
            Self::Open(path, why) => write!(f, "`!file` {} {why}", path.display()),
        }
    }
}

/// A look at all files.
#[derive(Debug, Default)]
pub struct Look {
    /// What the operator should know.
    pub notices: Vec<Notice>,
    /// There are texts that the authenticator does not have.
    pub has_changed: bool,
}

/// Texts that files have now, and the authenticator has not.
pub struct Changed {
    /// The files that have other texts than before.
    pub files: Vec<PathBuf>,
    /// Of all files, in their order.
    contents: Vec<Content>,
}

/// What is known of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// Where it is.
    pub path: PathBuf,
    /// When the text that holds was read.
    pub since: SystemTime,
    /// Why what is there now does not hold.
    pub fault: Option<String>,
}

impl WatchedFiles {
    /// Those of settings that have just been read.
    pub fn of(config: &Config) -> Self {
        let files = Self::default();
        files.replace(config);
        files
    }

    /// The settings have been read again, with all of their files.
    pub fn replace(&self, config: &Config) {
        let (mut state, now) = (self.state(), SystemTime::now());
        let written = config.outside.written.clone();
        state.settings = written.and_then(|written| Some((config.file.clone()?, written)));
        state.refused = None;
        let before = std::mem::take(&mut state.files);
        let since = |file: &TextFile| {
            let same = before.iter().find(|old| old.path == file.path() && old.taken == *file.content());
            same.map_or(now, |old| old.since)
        };
        state.files = config.outside.files().iter().map(|file| Watched::of(file, since(file))).collect();
    }

    /// Whether there are files and nobody looks at them; whoever is told so has to.
    pub fn needs_watcher(&self) -> bool {
        let mut state = self.state();
        let needs_one = !state.files.is_empty() && !state.has_watcher;
        state.has_watcher |= needs_one;
        needs_one
    }

    /// There is nobody to look at them.
    pub fn has_no_watcher(&self) {
        self.state().has_watcher = false;
    }

    /// Looks at all files; `None`: there are none any more, and nobody needs to look again.
    pub fn look(&self) -> Option<Look> {
        let paths: Vec<PathBuf> = {
            let mut state = self.state();
            state.has_watcher = !state.files.is_empty();
            state.files.iter().map(|file| file.path.clone()).collect()
        };
        if paths.is_empty() {
            return None;
        }
        // Without the lock: a disk may take its time, and a status is not to wait for it.
        let mut read: HashMap<PathBuf, Result<Read, String>> =
            paths.into_iter().map(|path| (path.clone(), file::read(&path))).collect();
        let mut state = self.state();
        let files = state.files.iter_mut();
        let notices = files.filter_map(|file| Some(file.see(read.remove(&file.path)?))).flatten().collect();
        let contents = state.contents();
        let is_taken = state.files.iter().zip(&contents).all(|(file, content)| file.taken == *content);
        let is_refused = state.refused.as_ref().is_some_and(|(refused, _)| *refused == contents);
        Some(Look { notices, has_changed: !is_taken && !is_refused })
    }

    /// What has changed, and the settings with it; `None`: nothing has.
    ///
    /// # Errors
    /// The settings are none any more with these texts: two passwords are the same one now.
    pub fn changed(&self, overrides: &Overrides) -> Option<(Changed, anyhow::Result<Config>)> {
        let (settings, written, contents, files, given) = {
            let state = self.state();
            let contents = state.contents();
            let pairs = || state.files.iter().zip(&contents);
            let has_changed = |(file, content): &(&Watched, &Content)| file.taken != **content;
            let files: Vec<PathBuf> = pairs().filter(has_changed).map(|(file, _)| file.path.clone()).collect();
            let given: Contents = pairs().map(|(file, content)| (file.path.clone(), content.clone())).collect();
            let (settings, written) = state.settings.clone().filter(|_| !files.is_empty())?;
            (settings, written, contents, files, given)
        };
        let config = Config::with_contents(&written, &settings, &given, overrides);
        Some((Changed { files, contents }, config))
    }

    /// The authenticator has taken these.
    pub fn take(&self, changed: Changed) {
        let mut state = self.state();
        state.refused = None;
        for (file, content) in state.files.iter_mut().zip(changed.contents) {
            if file.taken != content {
                (file.taken, file.since) = (content, SystemTime::now());
            }
        }
    }

    /// The authenticator has not taken these. They are not offered to it again.
    pub fn refuse(&self, changed: Changed, why: &str) {
        self.state().refused = Some((changed.contents, why.to_owned()));
    }

    /// What is known of each file, in the order of the settings.
    pub fn report(&self) -> Vec<FileReport> {
        let state = self.state();
        let refusal = |at: usize, file: &Watched| {
            let (contents, why) = state.refused.as_ref()?;
            let is_it = contents.get(at).is_some_and(|content| *content != file.taken && *content == file.seen);
            is_it.then(|| format!("its text was not taken: {why}"))
        };
        let report = |(at, file): (usize, &Watched)| FileReport {
            path: file.path.clone(),
            since: file.since,
            fault: file.complaint.clone().or_else(|| refusal(at, file)),
        };
        state.files.iter().enumerate().map(report).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What is kept of a file is replaced as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn contents(&self) -> Vec<Content> {
        self.files.iter().map(|file| file.current().clone()).collect()
    }
}

impl fmt::Debug for WatchedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        let paths: Vec<&Path> = state.files.iter().map(|file| file.path.as_path()).collect();
        f.debug_tuple("WatchedFiles").field(&paths).finish()
    }
}

#[cfg(test)]
mod tests;
