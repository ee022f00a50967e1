//! Files that options name: read within bounds, with errors that say where, and watched, so that what an operator changes
//! in them holds without a signal.
//!
//! ```no_run
//! use pusu_plugin_api::file::WatchedFile;
//! use pusu_plugin_api::{CreateError, Host};
//! use std::collections::BTreeSet;
//!
//! /// The names in the file that the option `names_file` names.
//! fn names(host: &Host, file: &str) -> Result<WatchedFile<BTreeSet<String>>, CreateError> {
//!     WatchedFile::open(host, "names_file", host.resolve(file), 64 * 1024, |content: &[u8]| {
//!         let text = std::str::from_utf8(content).map_err(|_| "expected text, found bytes that are not UTF-8")?;
//!         Ok(text.lines().map(str::to_owned).collect())
//!     })
//! }
//! ```
//!
//! `file.current().contains(name)` is then what holds now. [`read`] is for [`Check`](crate::Check), which starts no thread.

mod others;
mod state;
mod watch;
mod watched;

pub use others::warn_of_others;
pub use watched::WatchedFile;

use crate::error::CreateError;
use crate::options::Place;
use state::FileState;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// A file that was changed so recently may have changed again after it was read without showing it: file systems count
/// time in steps.
const SETTLING: Duration = Duration::from_secs(2);

/// Reads a file that an option names, once. `path` is whole, as [`Host::resolve`](crate::Host::resolve) gives it;
/// `bytes_max` is the longest that it may be; `parse` makes something of its content, or says what is wrong without a word
/// of it.
///
/// # Errors
/// It cannot be read, is too long, or `parse` says so. The text names option and file.
pub fn read<T>(
    option: &str,
    path: impl AsRef<Path>,
    bytes_max: u64,
    parse: impl FnOnce(&[u8]) -> Result<T, String>,
) -> Result<T, CreateError> {
    let read = content(path.as_ref(), bytes_max).and_then(|(content, _)| parse(&content));
    read.map_err(|what| Place::option(option).file(path).error(what))
}

/// The text in a file with one line, such as a secret: without a byte order mark, and without the end of its last line.
/// Editors write them, and nobody means them.
///
/// # Errors
/// It is not UTF-8.
pub fn line(content: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(content).map_err(|_| "expected text, found bytes that are not UTF-8")?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Ok(text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line)))
}

/// What a file looked like before it was read.
struct Seen {
    state: FileState,
    /// As long as it looks like that, it has not changed.
    has_settled: bool,
    /// `None`: the system has no such thing.
    mode: Option<u32>,
}

/// The content, wiped when it is dropped, and what the file looked like.
fn content(path: &Path, bytes_max: u64) -> Result<(Zeroizing<Vec<u8>>, Seen), String> {
    // Before it is opened: opening a pipe waits for somebody who writes.
    let metadata = path.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a folder" } else { "a pipe, a socket or a device" };
        return Err(format!("expected a file, found {found}"));
    }
    let file = File::open(path).map_err(|error| error.to_string())?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    let state = FileState::of(&metadata);
    // All at once: a vector that grows leaves copies of what may be secret behind.
    let capacity = usize::try_from(metadata.len().min(bytes_max)).unwrap_or(0) + 1;
    let mut content = Zeroizing::new(Vec::with_capacity(capacity));
    let length = file.take(bytes_max + 1).read_to_end(&mut content).map_err(|error| error.to_string())?;
    if length as u64 > bytes_max {
        return Err(format!("expected a file of at most {bytes_max} bytes, found a longer one"));
    }
    let mode = others::mode(&metadata);
    let age = state.modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
    Ok((content, Seen { state, has_settled: age.is_some_and(|age| age > SETTLING), mode }))
}

#[cfg(test)]
mod tests;
