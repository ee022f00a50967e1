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
    identity: Option<(u64, u64)>,
}

impl FileState {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { modified: metadata.modified().ok(), length: metadata.len(), identity: identity(metadata) }
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_metadata: &Metadata) -> Option<(u64, u64)> {
    None
}
