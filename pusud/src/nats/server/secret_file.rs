//! Files that hold secrets: read whole, into memory that is wiped.
//!
//! **Invariant:** nothing of a file's content is in an error.

use crate::tls;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use zeroize::Zeroizing;

/// The most that such a file may hold, in bytes: a user's JWT with many permissions is some kilobytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Reads a file that only the daemon's user may read, where `strict`.
///
/// # Errors
/// The words follow on the name of the file.
pub(super) fn read(path: &Path, strict: bool) -> Result<Zeroizing<Vec<u8>>, String> {
    let cannot = |error: io::Error| format!("cannot be read: {error}");
    is_closed_to_others(path, strict)?;
    let file = File::open(path).map_err(cannot)?;
    // As long as it will get, so that nothing is left behind where the buffer was before it grew.
    let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX as usize + 1));
    let length = (&file).take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(cannot)?;
    match length as u64 > FILE_BYTES_MAX {
        true => Err(format!("has more than {FILE_BYTES_MAX} bytes")),
        false => Ok(bytes),
    }
}

/// # Errors
/// It is no file, or others may read or write it and `strict` says that they may not. The words follow on the name of the file.
pub(super) fn is_closed_to_others(path: &Path, strict: bool) -> Result<(), String> {
    let cannot = |error: io::Error| format!("cannot be read: {error}");
    // Opening a pipe would wait for somebody to write into it.
    if !path.metadata().map_err(cannot)?.is_file() {
        return Err("is no file".to_owned());
    }
    if !strict {
        return Ok(());
    }
    tls::check_key_access(path, &File::open(path).map_err(cannot)?).map_err(cannot)?
}
