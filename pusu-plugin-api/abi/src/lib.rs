//! The C ABI between the PuSu Engine relay and its authenticator plugins, ABI 1.0, as Rust types.
//!
//! The same contract as `include/pusu_plugin.h`, which also holds the rules on threads, memory and text; a test of
//! `pusu-plugin-api` holds the two equal. Plugins in Rust use `pusu-plugin-api`, which wraps this crate safely.
//!
//! **Invariant:** every struct here is frozen. No field is ever added, moved or retyped: new facts about a request are
//! attributes, new functions are extensions looked up by a string id.
//! **Invariant:** only integers with named constants cross the border, never an enum or a bool, so that no value that
//! a plugin or host may send is undefined behaviour.
#![no_std]
// The types are raw pointers by nature; whoever dereferences them is in `pusu-plugin-api` or in the host.

use core::ffi::c_void;

#[cfg(feature = "layout-proof")]
use abi_stable::StableAbi;

mod extensions;
pub mod fingerprint;
mod manifest;
#[cfg(feature = "layout-proof")]
pub mod proof;

pub use extensions::{EXT_HOST, HostFacts, ISOLATION_PROCESS, ISOLATION_THREAD};
pub use fingerprint::FINGERPRINT;
pub use manifest::{MAGIC, MANIFEST_BYTES, Manifest, ManifestText};

/// The ABI's major version; host and plugin must have the same.
pub const ABI_MAJOR: u32 = 1;
/// The ABI's minor version: what was added without changing any struct.
pub const ABI_MINOR: u32 = 0;
/// [`Manifest::kind`] of an authenticator.
pub const KIND_AUTHENTICATOR: u32 = 1;
/// The name of the exported manifest (`pusu_plugin_manifest`).
pub const MANIFEST_SYMBOL: &str = "pusu_plugin_manifest";
/// The name of the exported function of type [`EntryFn`] (`pusu_authenticator_entry`).
pub const ENTRY_SYMBOL: &str = "pusu_authenticator_entry";

/// What `create` and `authorize` return; any other value is treated as [`ERR`].
pub type Status = i32;
/// `authorize`: `complete` has been called for this ticket.
pub const OK: Status = 0;
/// `authorize`: `complete` will be called later, from any thread ([`F_ASYNC`]).
pub const PENDING: Status = 1;
/// Failed; `create` has given the reason through `set_error`.
pub const ERR: Status = -1;
/// `create`: the options are wrong, the operator has to change the settings.
pub const ERR_CONFIG: Status = -2;
/// `create`: this host lacks something the plugin cannot do without.
pub const ERR_ABI: Status = -3;
/// An exception or panic was caught; the host retires this instance.
pub const ERR_PANIC: Status = -4;

/// [`Permission::access`] bit: may subscribe.
pub const READ: u32 = 1;
/// [`Permission::access`] bit: may publish.
pub const WRITE: u32 = 2;

/// [`Verdict::decision`]: the permissions of the verdict hold. Any unknown value is treated as [`REFUSE`].
pub const GRANT: i32 = 1;
/// The authorization was understood and is not good.
pub const REFUSE: i32 = 2;
/// Not mine to decide; refused if nobody else decides.
pub const ABSTAIN: i32 = 3;
/// Cannot decide now (backend down, overloaded); the client may try again.
pub const UNAVAILABLE: i32 = 4;

/// [`Authenticator::flags`]: may answer [`PENDING`].
pub const F_ASYNC: u32 = 1;
/// `authorize` must not be called concurrently on one instance.
pub const F_SERIAL: u32 = 2;
/// A second copy in one process does not work (Go runtimes, for one).
pub const F_NO_SWAP: u32 = 4;

/// [`Request::flags`]: the client's connection is encrypted.
pub const REQ_TLS: u32 = 1;
/// The client is authorized already and renews or adds.
pub const REQ_AGAIN: u32 = 2;

/// Longest text or byte string the host takes out of a verdict, in bytes.
pub const VERDICT_TEXT_BYTES_MAX: usize = 64 * 1024;
/// Most permissions the host takes out of a verdict.
pub const VERDICT_PERMISSIONS_MAX: usize = 1024;

/// Borrowed bytes, valid until the call they are part of returns. `ptr` may be null only if `len` is 0.
#[repr(C)]
#[cfg_attr(feature = "layout-proof", derive(StableAbi))]
#[derive(Clone, Copy)]
pub struct Str {
    /// The first byte.
    pub ptr: *const u8,
    /// How many bytes.
    pub len: usize,
}

impl Str {
    /// No bytes.
    pub const EMPTY: Self = Self { ptr: core::ptr::null(), len: 0 };

    /// Borrows `bytes` for the duration of a call: whoever receives it must not keep it.
    pub const fn borrow(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr(), len: bytes.len() }
    }
}

/// One named fact. Keys are lower-case text with dots, such as `http.origin`.
#[repr(C)]
#[cfg_attr(feature = "layout-proof", derive(StableAbi))]
#[derive(Clone, Copy)]
pub struct Attr {
    /// The name of the fact.
    pub key: Str,
    /// The fact.
    pub value: Str,
}

/// Read and/or write access to every channel that matches `pattern`.
#[repr(C)]
#[cfg_attr(feature = "layout-proof", derive(StableAbi))]
#[derive(Clone, Copy)]
pub struct Permission {
    /// Text; `*` matches any run of characters, anywhere.
    pub pattern: Str,
    /// [`READ`] and [`WRITE`] bits.
    pub access: u32,
}

/// An authenticator's answer to one request.
#[repr(C)]
#[cfg_attr(feature = "layout-proof", derive(StableAbi))]
#[derive(Clone, Copy)]
pub struct Verdict {
    /// `size_of::<Verdict>()`.
    pub struct_size: u32,
    /// [`GRANT`], [`REFUSE`], [`ABSTAIN`] or [`UNAVAILABLE`].
    pub decision: i32,
    /// When the permissions end, milliseconds since 1970 UTC; 0 = never.
    pub expires_unix_ms: u64,
    /// Text: who this is, for logs and revocation; may be empty.
    pub subject: Str,
    /// Text: may be shown to the client.
    pub reason: Str,
    /// Text: for the relay's log only; never the authorization itself.
    pub detail: Str,
    /// The permissions, at most [`VERDICT_PERMISSIONS_MAX`].
    pub permissions: *const Permission,
    /// How many permissions.
    pub permissions_len: usize,
    /// Further facts, such as `claim.role`.
    pub attrs: *const Attr,
    /// How many further facts.
    pub attrs_len: usize,
}

/// What a client asks, and who asks it.
#[repr(C)]
#[cfg_attr(feature = "layout-proof", derive(StableAbi))]
#[derive(Clone, Copy)]
pub struct Request {
    /// `size_of::<Request>()`.
    pub struct_size: u32,
    /// [`REQ_TLS`] and [`REQ_AGAIN`] bits.
    pub flags: u32,
    /// Names this request in `complete`; never 0, never used again.
    pub ticket: u64,
    /// Milliseconds left; a later answer is ignored.
    pub timeout_ms: u64,
    /// Bytes: what the client sent. A secret: do not log it.
    pub authorization: Str,
    /// Text: the client's address, `203.0.113.7:50123` or `[2001:db8::1]:1`.
    pub peer: Str,
    /// Further facts about the connection: `http.origin`, `http.path`, `tls.sni`, …
    pub attrs: *const Attr,
    /// How many further facts.
    pub attrs_len: usize,
}

/// The plugin's own state, opaque to the host: only pointers to it cross the border.
#[repr(C)]
#[cfg_attr(feature = "layout-proof", derive(StableAbi))]
pub struct Instance {
    _opaque: [u8; 0],
}

/// What the host offers. Lives until `destroy` has returned. Every function: any thread, does not block or unwind.
#[repr(C)]
#[cfg_attr(feature = "layout-proof", derive(StableAbi))]
#[derive(Clone, Copy)]
pub struct Host {
    /// [`ABI_MAJOR`].
    pub abi_major: u32,
    /// [`ABI_MINOR`].
    pub abi_minor: u32,
    /// `size_of::<Host>()`.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// First argument of every function below; one per instance.
    pub ctx: *mut c_void,
    /// Writes a line to the relay's log. Level: 1 error, 2 warning, 3 info, 4 debug, 5 trace. The text is copied.
    pub log: Option<unsafe extern "C" fn(ctx: *mut c_void, level: i32, text: Str)>,
    /// Answers a request; everything is copied. 0: taken. 1: too late, unknown or answered before (harmless).
    /// Negative: malformed, the client is refused.
    pub complete: Option<unsafe extern "C" fn(ctx: *mut c_void, ticket: u64, verdict: *const Verdict) -> i32>,
    /// Says why `create` is about to fail; the text is copied and shown to the operator.
    pub set_error: Option<unsafe extern "C" fn(ctx: *mut c_void, text: Str)>,
    /// A further table by id, or null. Ids end in `/N`; what an id means never changes.
    pub extension: Option<unsafe extern "C" fn(ctx: *mut c_void, id: Str) -> *const c_void>,
}

/// What a plugin offers: constant, lives as long as the process.
#[repr(C)]
#[cfg_attr(feature = "layout-proof", derive(StableAbi))]
#[derive(Clone, Copy)]
pub struct Authenticator {
    /// [`ABI_MAJOR`] as the plugin was built with.
    pub abi_major: u32,
    /// [`ABI_MINOR`] as the plugin was built with.
    pub abi_minor: u32,
    /// `size_of::<Authenticator>()`.
    pub struct_size: u32,
    /// `F_*` bits, the same as in the manifest.
    pub flags: u32,
    /// One thread. Makes an instance; `options_json` is one JSON object. On failure `*out` stays as it is.
    pub create: Option<unsafe extern "C" fn(host: *const Host, options_json: Str, out: *mut *mut Instance) -> Status>,
    /// One thread. Every ticket has been completed, cancelled or abandoned. Stops the plugin's own threads.
    pub destroy: Option<unsafe extern "C" fn(instance: *mut Instance)>,
    /// Any thread. Decides, at once or later. May block.
    pub authorize: Option<unsafe extern "C" fn(instance: *mut Instance, request: *const Request) -> Status>,
    /// Any thread; may be null. The answer is no longer wanted: time is up or the client has gone.
    pub cancel: Option<unsafe extern "C" fn(instance: *mut Instance, ticket: u64)>,
    /// Any thread; may be null. A further table of the plugin's by id, or null.
    pub extension: Option<unsafe extern "C" fn(instance: *mut Instance, id: Str) -> *const c_void>,
}

/// The type of the one function a plugin exports. `abi_major`: the newest the host speaks and is asking for. Null: not
/// that one (the host may ask again with an older).
pub type EntryFn = unsafe extern "C" fn(abi_major: u32) -> *const Authenticator;

const _: () = {
    assert!(size_of::<Verdict>() == 96 || size_of::<usize>() != 8);
    assert!(size_of::<Request>() == 72 || size_of::<usize>() != 8);
    assert!(size_of::<Host>() == 56 || size_of::<usize>() != 8);
    assert!(size_of::<Authenticator>() == 56 || size_of::<usize>() != 8);
    assert!(size_of::<Manifest>() == MANIFEST_BYTES);
};
