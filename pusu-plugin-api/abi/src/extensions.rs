//! Tables that the host may offer beyond its own, looked up by id.
//!
//! They are in no fingerprint: who uses none need not know them. An older relay has none of them.

use crate::Str;

/// The id of [`HostFacts`].
pub const EXT_HOST: &str = "pusu.host/1";
/// [`HostFacts::isolation`]: on threads of the relay.
pub const ISOLATION_THREAD: u32 = 1;
/// In a process of its own.
pub const ISOLATION_PROCESS: u32 = 2;

/// Facts, the same for the whole life of the instance. Paths are absolute, and bytes as the system has them.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HostFacts {
    /// `size_of::<HostFacts>()`.
    pub struct_size: u32,
    /// [`ISOLATION_THREAD`] or [`ISOLATION_PROCESS`]; there may be further ones.
    pub isolation: u32,
    /// Text: the relay's version, such as `1.4.0`.
    pub version: Str,
    /// Text: the relay's name in its network; may be empty.
    pub relay: Str,
    /// Relative paths in the options start here; empty: there is no settings file.
    pub settings_dir: Str,
    /// For files of this authenticator, kept over restarts; exists, can be written; empty: the operator has given none.
    /// The instance before this one has the same.
    pub state_dir: Str,
    /// Where the operator has put this plugin's library.
    pub library: Str,
    /// The time that `create` has, from its beginning, in milliseconds; 0: as long as it takes.
    pub create_timeout_ms: u64,
    /// The time that `destroy` has before it may be cut off; 0: as long as it takes.
    pub destroy_timeout_ms: u64,
}

const _: () = assert!(size_of::<HostFacts>() == 104 || size_of::<usize>() != 8);
