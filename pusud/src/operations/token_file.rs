//! The file of the operators' tokens: made at the first start, and read again when it changes.

use super::role::Role;
use super::tokens::Tokens;
use crate::config::{Config, OperationsPort};
use crate::{control, tls};
use anyhow::{Context as _, ensure};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;
use tracing::{info, warn};
use zeroize::Zeroizing;

/// A longer file is another one.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// How often it is looked whether it has changed, at the most.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The tokens that hold, and their file.
pub(super) struct TokenFile {
    path: PathBuf,
    held: Mutex<Held>,
    looked_at: tokio::sync::Mutex<Instant>,
}

struct Held {
    tokens: Tokens,
    /// How often the tokens of `read` and `operate` have changed.
    generations: [u64; 2],
    /// Why the file, as it is now, is not what holds.
    fault: Option<String>,
}

impl TokenFile {
    /// Opens or makes the file; `None` where the settings name none and there is no place for one: that is warned about.
    /// `port` is where the port is.
    ///
    /// # Errors
    /// The file that the settings name, or one that is there, cannot be used: what is wrong, and the way out.
    pub(super) fn open(config: &Config, port: u16) -> anyhow::Result<Option<Self>> {
        let path = match &config.operations_token_file {
            Some(path) => path.clone(),
            None => match control::own_file(&name(config, port)) {
                Ok(path) => path,
                Err(error) => {
                    warn!(
                        "no tokens for operators, so the port has metrics and health alone; `operations_token_file: PATH` in \
                         the settings says where they may be: {error:#}"
                    );
                    return Ok(None);
                }
            },
        };
        let tokens = Self::at(&path).with_context(|| format!("`operations_token_file` {}", path.display()))?;
        Ok(Some(Self {
            path,
            held: Mutex::new(Held { tokens, generations: [0; 2], fault: None }),
            looked_at: tokio::sync::Mutex::new(Instant::now()),
        }))
    }

    fn at(path: &Path) -> anyhow::Result<Tokens> {
        if is_missing(path) {
            make(path)?;
            info!(file = %path.display(), "operators' tokens were made");
        } else {
            info!(file = %path.display(), "operators' tokens are here");
        }
        read(path)
    }

    /// Makes sure that a file that is there can be used; none is made.
    ///
    /// # Errors
    /// What is wrong, and the way out.
    pub(super) fn check(path: &Path) -> anyhow::Result<()> {
        if is_missing(path) {
            return Ok(());
        }
        read(path).map(drop).with_context(|| format!("`operations_token_file` {}", path.display()))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whose token this is, and which one of theirs.
    pub(super) fn role_of(&self, token: &str) -> Option<(Role, u64)> {
        let held = self.held();
        let role = held.tokens.role_of(token)?;
        Some((role, held.generations[role as usize]))
    }

    /// Which token of a role holds.
    pub(super) fn generation(&self, role: Role) -> u64 {
        self.held().generations[role as usize]
    }

    /// Reads the file again, if that was not done just now and nobody else does it: on another thread, since a disk may
    /// take its time, and then what has been read before holds.
    pub(super) async fn look(&self) {
        let Ok(mut looked_at) = self.looked_at.try_lock() else { return };
        if looked_at.elapsed() < LOOK_INTERVAL {
            return;
        }
        let path = self.path.clone();
        if let Ok(found) = spawn_blocking(move || read(&path)).await {
            self.take(found);
        }
        *looked_at = Instant::now();
    }

    fn take(&self, found: anyhow::Result<Tokens>) {
        let mut held = self.held();
        match found {
            Ok(tokens) => {
                let changed = held.tokens.changed(&tokens);
                (held.tokens, held.fault) = (tokens, None);
                if !changed.is_empty() {
                    info!(file = %self.path.display(), "operators' tokens were changed");
                }
                changed.into_iter().for_each(|role| held.generations[role as usize] += 1);
            }
            Err(error) => {
                let fault = format!("{error:#}");
                if held.fault.as_ref() != Some(&fault) {
                    warn!(file = %self.path.display(), "operators' tokens stay as they were: {fault}");
                    held.fault = Some(fault);
                }
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of the file where the settings name none.
fn name(config: &Config, port: u16) -> String {
    match config.operations_port {
        OperationsPort::Any => "pusud-operations-any.token".to_owned(),
        _ => format!("pusud-operations-{port}.token"),
    }
}

fn is_missing(path: &Path) -> bool {
    matches!(fs::symlink_metadata(path), Err(error) if error.kind() == ErrorKind::NotFound)
}

fn read(path: &Path) -> anyhow::Result<Tokens> {
    // Before it is opened: opening a pipe waits for somebody who writes.
    let found = fs::metadata(path).context("cannot read the tokens")?;
    ensure!(found.is_file(), "expected a file, found a folder, a pipe or a device");
    let mut file = File::open(path).context("cannot read the tokens")?;
    if let Err(why) = tls::check_key_access(path, &file).context("cannot look at it")? {
        anyhow::bail!("the file of the tokens {why}");
    }
    let mut text = Zeroizing::new(String::new());
    // What is no text is not shown either.
    let read = (&mut file).take(FILE_BYTES_MAX + 1).read_to_string(&mut text);
    ensure!(
        read.is_ok_and(|bytes| bytes as u64 <= FILE_BYTES_MAX),
        "expected a short text with a token on each of two lines, found something else"
    );
    Tokens::parse(&text)
}

/// Makes the file, as a whole or not at all.
fn make(path: &Path) -> anyhow::Result<()> {
    let text = Tokens::new_file()?;
    let mut half = path.as_os_str().to_owned();
    half.push(".new");
    let half = PathBuf::from(half);
    match fs::remove_file(&half) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).context("cannot make the file"),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file =
        options.open(&half).context("cannot make the file; is its folder there, and may this user write in it?")?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).context("cannot write the tokens")?;
    fs::rename(&half, path).context("cannot put the file in its place")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_made_once_for_its_user_alone_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("operations.token");
        let made = TokenFile::at(&path).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        }
        assert!(TokenFile::at(&path).unwrap() == made);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_refused_and_not_shown() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("operations.token");
        fs::write(&path, "read: hunter2-hunter2-1\noperate: hunter2-hunter2-2\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = format!("{:#}", TokenFile::check(&path).unwrap_err());
        assert!(error.contains("is open to everybody (mode 0644): `chmod o= "), "{error}");
        assert!(error.contains("operations_token_file") && !error.contains("hunter2"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        TokenFile::check(&path).unwrap();
        TokenFile::check(&folder.path().join("none")).unwrap();
    }
}
