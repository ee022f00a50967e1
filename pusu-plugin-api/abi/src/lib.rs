//! The C ABI between the PuSu Engine relay and its authenticator plugins, ABI 1.0, as Rust types.
//!
//! The same contract as `include/pusu_plugin.h` and `include/pusu_extensions.h`, which also hold the rules on threads,
//! memory and text; a test of `pusu-plugin-api` holds them equal. Plugins in Rust use `pusu-plugin-api`, which wraps this crate safely.
//!
//! **Invariant:** every struct here is frozen. No field is ever added, moved or retyped: new facts about a request are
//! attributes, new functions are extensions looked up by a string id.
//! **Invariant:** of flags and access bits the upper half is critical, and so are attributes whose keys begin with `!`:
//! who does not know one of these must not go on without it.
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

pub use extensions::*;
pub use fingerprint::FINGERPRINT;
pub use manifest::{MAGIC, MANIFEST_BYTES, MANIFEST_BYTES_BEFORE_1_0, MANIFEST_HEAD_BYTES, Manifest, ManifestText};

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

/// What functions of the plugin return; any other value is treated as [`ERR`].
pub type Status = i32;
/// `authorize`: `complete` has been called for this ticket.
pub const OK: Status = 0;
/// `authorize`, with [`F_ASYNC`]: `complete` has been or will be called, from any thread.
pub const PENDING: Status = 1;
/// Failed; `create` has given the reason through `set_error`.
pub const ERR: Status = -1;
/// `create`: the options are wrong, the operator has to change the settings.
pub const ERR_CONFIG: Status = -2;
/// `create`: this host lacks something the plugin cannot do without.
pub const ERR_ABI: Status = -3;
/// An exception or panic was caught; nothing of this instance is called any more but `destroy`.
pub const ERR_PANIC: Status = -4;

/// What functions of the host return: done, or taken.
pub const TAKEN: i32 = 0;
/// Nobody waits for it (any more).
pub const LATE: i32 = 1;
/// Breaks a rule of the ABI.
pub const MALFORMED: i32 = -1;
/// Well-formed, but not known or not possible here.
pub const UNSUPPORTED: i32 = -2;
/// Too much is waiting already; try again later.
pub const FULL: i32 = -3;

/// Of flags and access bits, those that nobody may ignore. Of unknown access bits, 2 to 15 give nothing, and 16 to 31
/// make the verdict [`UNAVAILABLE`]; of unknown flags, 4 to 15 are ignored, and with one of 16 to 31 a plugin is not
/// loaded.
pub const CRITICAL_BITS: u32 = 0xffff_0000;
/// The first character of the key of an attribute that nobody may ignore.
pub const CRITICAL_KEY: char = '!';

/// [`Permission::access`] bit: may subscribe.
pub const READ: u32 = 1;
/// [`Permission::access`] bit: may publish.
pub const WRITE: u32 = 2;

/// [`Verdict::decision`]: the permissions of the verdict hold. A verdict with an unknown decision, or one
/// that is malformed, counts as [`UNAVAILABLE`].
pub const GRANT: i32 = 1;
/// The authorization was understood and is not good: the client should not come again with it.
pub const REFUSE: i32 = 2;
/// Not mine to decide; refused if nobody else decides.
pub const ABSTAIN: i32 = 3;
/// Cannot decide now (backend down, overloaded): gives nothing, the client may try again.
pub const UNAVAILABLE: i32 = 4;

/// [`Authenticator::flags`]: may answer [`PENDING`].
pub const F_ASYNC: u32 = 1;
/// The functions that run between `create` and `destroy` must not run at the same time for one instance.
pub const F_SERIAL: u32 = 2;
/// A second copy in one process does not work (Go runtimes, for one).
pub const F_NO_SWAP: u32 = 4;
/// Uses `pusu.grants/1`: the relay keeps ticket and subject of every grant.
pub const F_GRANTS: u32 = 8;

/// [`Request::flags`]: the client's connection is encrypted.
pub const REQ_TLS: u32 = 1;
/// The client has been granted something already, and renews it or asks for more.
pub const REQ_AGAIN: u32 = 2;
/// With [`REQ_AGAIN`]: the relay asks by itself about a grant, with what the client sent for it then: it is no second
/// use of a one-time token. A grant replaces the grant, a refusal ends it, [`UNAVAILABLE`] leaves it as it is.
pub const REQ_RECHECK: u32 = 4;
/// Attribute of a recheck, decimal digits: the ticket that names the grant.
pub const ATTR_PREVIOUS_TICKET: &str = "previous.ticket";
/// Attribute of a verdict, decimal digits: the permissions end so many milliseconds after `complete`, whatever happens
/// to the clock meanwhile. With [`Verdict::expires_unix_ms`] too, the earlier end holds.
pub const ATTR_TTL_MS: &str = "!ttl_ms";

/// Longest text or byte string, in bytes, unless it has a limit of its own below. What is past a limit is cut off in a
/// line of the log and in `set_error`; elsewhere the whole is malformed.
pub const TEXT_BYTES_MAX: usize = 65536;
/// Longest line of the log, and longest text of `set_error`, in bytes.
pub const LOG_BYTES_MAX: usize = 8192;
/// Longest subject of a verdict, in bytes.
pub const SUBJECT_BYTES_MAX: usize = 1024;
/// Longest pattern of a permission, in bytes: no channel has a longer name.
pub const PATTERN_BYTES_MAX: usize = 255;
/// Most permissions of a verdict.
pub const PERMISSIONS_MAX: usize = 1024;
/// Most attributes of a verdict, a request or a line of the log.
pub const ATTRS_MAX: usize = 64;
/// Longest key of an attribute, and longest id of an extension, in bytes.
pub const KEY_BYTES_MAX: usize = 64;
/// What threads of the host that call a plugin have of stack at least, in bytes.
pub const STACK_BYTES: usize = 4 * 1024 * 1024;

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

/// One named fact. A key is lower-case letters, digits and `.`, `_`, `-`, such as `http.origin`, and is in a list once.
/// One that begins with [`CRITICAL_KEY`] must not be ignored.
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
    /// Text; `*` stands for any run of characters, none included, and everything else for itself.
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
    /// When the permissions end, milliseconds since 1970 UTC; 0: no such time.
    pub expires_unix_ms: u64,
    /// Text: who this is, for logs and for ending grants; may be empty.
    pub subject: Str,
    /// Text: may be shown to the client.
    pub reason: Str,
    /// Text: for the relay's log only; never the authorization itself.
    pub detail: Str,
    /// The permissions, at most [`PERMISSIONS_MAX`].
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
    /// [`REQ_TLS`], [`REQ_AGAIN`] and [`REQ_RECHECK`] bits; ignore unknown ones.
    pub flags: u32,
    /// Names this request in `complete`, and once granted what it gave (the grant), until that ends; never 0, never
    /// used again while the relay runs.
    pub ticket: u64,
    /// Milliseconds left; a later answer is ignored.
    pub timeout_ms: u64,
    /// Bytes: what the client sent. A secret: do not log it.
    pub authorization: Str,
    /// Text: the client's address, `203.0.113.7:50123` or `[2001:db8::1]:1`; without a port, `2001:db8::1`, where a header of a
    /// proxy names it; or empty.
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

/// What the host offers, one table per instance. Every function may be called by any thread, from when `create` is
/// entered until `destroy` has returned; it waits for no client, disk or network, and never calls the plugin.
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
    /// Answers a request, also before `authorize` has returned: [`TAKEN`], [`LATE`], or [`MALFORMED`] or
    /// [`UNSUPPORTED`], which have answered [`UNAVAILABLE`].
    pub complete: Option<unsafe extern "C" fn(ctx: *mut c_void, ticket: u64, verdict: *const Verdict) -> i32>,
    /// Says why `create`, or a function of an extension that says so, is about to fail, for the operator.
    pub set_error: Option<unsafe extern "C" fn(ctx: *mut c_void, text: Str)>,
    /// A further table by id, or null.
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
    /// Makes an instance; `options_json` is one JSON object. On failure `*out` stays as it is. Has a deadline, past
    /// which the host goes on without.
    pub create: Option<unsafe extern "C" fn(host: *const Host, options_json: Str, out: *mut *mut Instance) -> Status>,
    /// Stops the plugin's own threads and frees everything. May be cut off by the end of the process, and never comes
    /// where a call does not return.
    pub destroy: Option<unsafe extern "C" fn(instance: *mut Instance)>,
    /// Any thread of the host. Decides, at once or later. May block as long as the request has time.
    pub authorize: Option<unsafe extern "C" fn(instance: *mut Instance, request: *const Request) -> Status>,
    /// As `authorize`; may be null. The answer is no longer wanted: time is up, or the client has gone. At most once
    /// for a ticket, and not for all; before `authorize` for it, during it or after `complete`.
    pub cancel: Option<unsafe extern "C" fn(instance: *mut Instance, ticket: u64)>,
    /// Any thread; may be null. A further table of the plugin's by id, or null. The instance may be null, which asks for
    /// tables that need none.
    pub extension: Option<unsafe extern "C" fn(instance: *mut Instance, id: Str) -> *const c_void>,
}

/// The type of the one function a plugin exports: the table for this `abi_major`, the same each time, or null for any
/// but [`ABI_MAJOR`]. ABI 2 would have symbols of its own.
pub type EntryFn = unsafe extern "C" fn(abi_major: u32) -> *const Authenticator;

const _: () = {
    assert!(size_of::<Verdict>() == 96 || size_of::<usize>() != 8);
    assert!(size_of::<Request>() == 72 || size_of::<usize>() != 8);
    assert!(size_of::<Host>() == 56 || size_of::<usize>() != 8);
    assert!(size_of::<Authenticator>() == 56 || size_of::<usize>() != 8);
    assert!(size_of::<Manifest>() == MANIFEST_BYTES);
};
