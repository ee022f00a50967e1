//! The state of a file as its metadata shows it, to see that it has changed without reading it.
//!
//! The identity of the file is part of it where the system has one; elsewhere length and time have to do.

use std::fs::Metadata;
use std::time::SystemTime;

/// Length, time and identity of a file at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FileState {
    /// `None` where the system does not keep it.
    pub(super) modified: Option<SystemTime>,
    length: u64,
    identity: Option<Identity>,
}

impl FileState {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { modified: metadata.modified().ok(), length: metadata.len(), identity: identity(metadata) }
    }
}

/// Device and number of the file, and when anything about it changed last: that cannot be set back, as the other time can.
type Identity = (u64, u64, i64, i64);

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec()))
}

#[cfg(not(unix))]
fn identity(_metadata: &Metadata) -> Option<Identity> {
    None
}
