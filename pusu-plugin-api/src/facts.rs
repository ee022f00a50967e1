//! Facts that the relay tells: where the plugin's library and its folders are, and how long it may take.
//!
//! Everything is copied out of the relay's table, so that it may be kept for as long as one likes.

use crate::link::bytes;
use pusu_plugin_abi as abi;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What [`Host::facts`](crate::Host::facts) gives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// Whether the plugin runs in a process of its own (`isolation: process`).
    pub in_own_process: bool,
    /// The relay's version, such as `1.4.0`.
    pub version: String,
    /// The relay's name in its network; may be empty.
    pub relay: String,
    /// Where relative paths in the options start; `None`: there is no settings file.
    pub settings_dir: Option<PathBuf>,
    /// For files of this authenticator, kept over restarts: exists, and can be written. `None`: the operator has given
    /// none. The instance before this one has the same, and so may another authenticator have had it.
    pub state_dir: Option<PathBuf>,
    /// Where the operator has put this plugin's library. What `dladdr` says is another place: the relay loads a copy.
    pub library: PathBuf,
    /// The time that `create` has, from its beginning; `None`: as long as it takes.
    pub create_timeout: Option<Duration>,
    /// The time that dropping the authenticator has before it may be cut off; `None`: as long as it takes.
    pub destroy_timeout: Option<Duration>,
}

impl Facts {
    /// Copies the relay's table; `None` if it is null or none of this version.
    ///
    /// # Safety
    /// `table` is null, or points to such a table, which lives for this call with everything that it borrows.
    pub(crate) unsafe fn from_raw(table: *const abi::HostFacts) -> Option<Self> {
        // SAFETY: null, or a table of the id `pusu.host/1`, which begins with its size.
        let size = unsafe { table.cast::<u32>().as_ref() }?;
        if (*size as usize) < size_of::<abi::HostFacts>() {
            return None;
        }
        // SAFETY: it is large enough, and the caller promises that it lives.
        let table = unsafe { *table };
        // SAFETY: the caller promises that what the table borrows lives, for this call.
        let raw = |text: abi::Str| unsafe { bytes(text) };
        let text = |what: abi::Str| String::from_utf8_lossy(raw(what)).into_owned();
        let folder = |what: abi::Str| Some(path(raw(what))).filter(|folder| !folder.as_os_str().is_empty());
        let time = |milliseconds: u64| Some(Duration::from_millis(milliseconds)).filter(|time| !time.is_zero());
        Some(Self {
            in_own_process: table.isolation == abi::ISOLATION_PROCESS,
            version: text(table.version),
            relay: text(table.relay),
            settings_dir: folder(table.settings_dir),
            state_dir: folder(table.state_dir),
            library: path(raw(table.library)),
            create_timeout: time(table.create_timeout_ms),
            destroy_timeout: time(table.destroy_timeout_ms),
        })
    }
}

#[cfg(unix)]
fn path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(bytes.to_vec()).into()
}

#[cfg(not(unix))]
fn path(bytes: &[u8]) -> PathBuf {
    OsString::from(String::from_utf8_lossy(bytes).into_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_or_nought_is_nothing() {
        let text = |text: &'static str| abi::Str::borrow(text.as_bytes());
        let table = abi::HostFacts {
            struct_size: size_of::<abi::HostFacts>() as u32,
            isolation: abi::ISOLATION_PROCESS,
            version: text("1.4.0"),
            relay: abi::Str::EMPTY,
            settings_dir: abi::Str::EMPTY,
            state_dir: text("/var/lib/pusud"),
            library: text("/plugins/a.so"),
            create_timeout_ms: 30_000,
            destroy_timeout_ms: 0,
        };
        // SAFETY: the tables live for the calls, and so does what they borrow.
        let read = |table: *const abi::HostFacts| unsafe { Facts::from_raw(table) };
        let facts = read(&raw const table).unwrap();
        assert!(facts.in_own_process && facts.version == "1.4.0" && facts.relay.is_empty());
        assert_eq!((facts.settings_dir, facts.state_dir), (None, Some("/var/lib/pusud".into())));
        assert_eq!(facts.library, PathBuf::from("/plugins/a.so"));
        assert_eq!((facts.create_timeout, facts.destroy_timeout), (Some(Duration::from_secs(30)), None));
        assert_eq!(read(std::ptr::null()), None);
        let shorter = abi::HostFacts { struct_size: 8, ..table };
        assert_eq!(read(&raw const shorter), None);
    }
}
