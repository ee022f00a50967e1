//! Tables that host and plugin may offer beyond their own, looked up by id, as in `include/pusu_extensions.h`.
//!
//! They are in no fingerprint: who uses none need not know them. Each begins with its size, and once released stays as
//! it is. A name without a number is that of `/1`.

use crate::{Attr, Host, Instance, Status, Str};
use core::ffi::c_void;

/// The id of [`HostFacts`], a table of the host's.
pub const EXT_HOST: &str = "pusu.host/1";
/// The id of [`Log`], a table of the host's.
pub const EXT_LOG: &str = "pusu.log/1";
/// The id of [`Grants`], a table of the host's, and of [`GrantsHeard`], one of the plugin's.
pub const EXT_GRANTS: &str = "pusu.grants/1";
/// The id of [`Reload`], a table of the plugin's.
pub const EXT_RELOAD: &str = "pusu.reload/1";
/// The id of [`Check`], a table of the plugin's that needs no instance.
pub const EXT_CHECK: &str = "pusu.check/1";
/// The id of [`Health`], a table of the plugin's.
pub const EXT_HEALTH: &str = "pusu.health/1";
/// The id of [`Metrics`], a table of the host's.
pub const EXT_METRICS: &str = "pusu.metrics/1";
/// The id of [`Entry`], a table of the host's.
pub const EXT_ENTRY: &str = "pusu.entry/1";
/// The tables that a host of this version has, so that a plugin may say that it needs them.
pub const HOST_EXTENSIONS: [&str; 5] = [EXT_HOST, EXT_LOG, EXT_GRANTS, EXT_METRICS, EXT_ENTRY];

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

/// Lines of the log with a ticket and attributes, and whether they are wanted.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Log {
    /// `size_of::<Log>()`.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// 1: lines of this level are written now; 0: they are not. May change at any time.
    pub enabled: Option<unsafe extern "C" fn(ctx: *mut c_void, level: i32) -> i32>,
    /// As [`Host::log`]. `ticket`: the request or grant that the line is about; 0: none. At most
    /// [`crate::ATTRS_MAX`] attributes, more are left out.
    pub log: Option<
        unsafe extern "C" fn(
            ctx: *mut c_void,
            level: i32,
            ticket: u64,
            text: Str,
            attrs: *const Attr,
            attrs_len: usize,
        ),
    >,
}

/// Ending and rechecking what was granted. All four functions return [`crate::TAKEN`], [`crate::FULL`], or
/// [`crate::MALFORMED`] (no text, too long, an empty subject).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Grants {
    /// `size_of::<Grants>()`.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// The grant ends now, and with it what it alone permitted. `reason`: text, may be shown to the client.
    pub revoke: Option<unsafe extern "C" fn(ctx: *mut c_void, ticket: u64, reason: Str) -> i32>,
    /// As `revoke`, for all grants of a subject.
    pub revoke_subject: Option<unsafe extern "C" fn(ctx: *mut c_void, subject: Str, reason: Str) -> i32>,
    /// `authorize` is called for the grant again, with [`crate::REQ_RECHECK`]. [`crate::UNSUPPORTED`]: this relay does
    /// not keep what clients sent, and nothing was done.
    pub recheck: Option<unsafe extern "C" fn(ctx: *mut c_void, ticket: u64) -> i32>,
    /// As `recheck`, for all grants of a subject.
    pub recheck_subject: Option<unsafe extern "C" fn(ctx: *mut c_void, subject: Str) -> i32>,
}

/// The plugin's table of [`EXT_GRANTS`]: it hears of the ends of grants. Both functions run as `authorize` does, one at a
/// time for one instance.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct GrantsHeard {
    /// `size_of::<GrantsHeard>()`.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Once for each grant for which `complete` said [`crate::TAKEN`] or `adopted` was called, as long as this instance
    /// is the one. May come before `complete` has returned. `why`: `ENDED_*`, may be another.
    pub ended: Option<unsafe extern "C" fn(instance: *mut Instance, ticket: u64, why: i32)>,
    /// May be null. This instance takes over a grant that an earlier one gave. `expires_unix_ms`: 0 if it has no end.
    pub adopted: Option<unsafe extern "C" fn(instance: *mut Instance, ticket: u64, subject: Str, expires_unix_ms: u64)>,
}

/// Its time was up.
pub const ENDED_EXPIRED: i32 = 1;
/// By the plugin, or by an operator.
pub const ENDED_REVOKED: i32 = 2;
/// By the answer to a recheck.
pub const ENDED_REFUSED: i32 = 3;
/// By another grant of the same client that gives as much.
pub const ENDED_REPLACED: i32 = 4;
/// The client has gone, perhaps before the answer came.
pub const ENDED_CLOSED: i32 = 5;

/// Reading files again, in place of making a new instance.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Reload {
    /// `size_of::<Reload>()`.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Reads again what `create` has read from elsewhere. [`crate::OK`]: calls that begin from now on are decided by it.
    /// Else everything is as it was before, for the reason given through `set_error`. Has the time of `create`.
    pub reload: Option<unsafe extern "C" fn(instance: *mut Instance) -> Status>,
}

/// Checking options without starting anything.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Check {
    /// `size_of::<Check>()`.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// Returns what `create` would, as far as it can know: reads files, and starts no thread, opens no port, asks nobody
    /// over a network, writes nothing. `host`: for this call.
    pub check: Option<unsafe extern "C" fn(host: *const Host, options_json: Str) -> Status>,
}

/// Whether the plugin can decide at all.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Health {
    /// `size_of::<Health>()`.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// `HEALTH_*`, at once and from what the plugin knows; an unknown one counts as [`HEALTH_DEGRADED`]. If it is not
    /// good, `set_error` says why. At most once a second.
    pub health: Option<unsafe extern "C" fn(instance: *mut Instance) -> i32>,
}

/// All is as it should be.
pub const HEALTH_GOOD: i32 = 0;
/// Decides, but not all is as it should be.
pub const HEALTH_DEGRADED: i32 = 1;
/// Can decide nothing at the moment.
pub const HEALTH_BAD: i32 = 2;

/// Most series of one authenticator.
pub const METRICS_MAX: usize = 64;
/// Longest name of a metric, and longest key and value of its labels, in bytes.
pub const METRIC_NAME_BYTES_MAX: usize = 64;
/// Longest help of a metric, in bytes.
pub const METRIC_HELP_BYTES_MAX: usize = 255;
/// Most labels of a series.
pub const METRIC_LABELS_MAX: usize = 4;
/// Most upper bounds of a histogram.
pub const METRIC_BOUNDS_MAX: usize = 16;
/// [`Metric::kind`]: only rises.
pub const METRIC_COUNTER: i32 = 1;
/// Goes up and down.
pub const METRIC_GAUGE: i32 = 2;
/// Counts values by size.
pub const METRIC_HISTOGRAM: i32 = 3;

/// The name of a gauge without labels that says the most memory, in bytes, that the plugin takes while it decides. `pusud
/// check` adds it to what the relay takes.
pub const METRIC_MEMORY: &str = "memory_bytes_max";

/// One series: a kind, a name and fixed labels.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Metric {
    /// `size_of::<Metric>()`.
    pub struct_size: u32,
    /// `METRIC_*`.
    pub kind: i32,
    /// `[a-z][a-z0-9_]*`, base units; counters end in `_total`.
    pub name: Str,
    /// Text, one line; the same for all series of a name.
    pub help: Str,
    /// Keys as names, values text.
    pub labels: *const Attr,
    /// How many labels.
    pub labels_len: usize,
    /// Histograms: upper bounds, finite, rising; none: 0.5 ms to 10 s.
    pub bounds: *const f64,
    /// How many bounds.
    pub bounds_len: usize,
}

/// Counters, gauges and histograms of the plugin among the relay's own.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Metrics {
    /// `size_of::<Metrics>()`.
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// An id, 0 or above, for the functions below; the same one if it was defined before. [`crate::MALFORMED`],
    /// [`crate::UNSUPPORTED`] for an unknown kind, or [`crate::FULL`] past [`METRICS_MAX`].
    pub define: Option<unsafe extern "C" fn(ctx: *mut c_void, metric: *const Metric) -> i32>,
    /// Counter, gauge: plus `by`, which for a counter is not below 0. What does not fit is ignored, here and below.
    pub add: Option<unsafe extern "C" fn(ctx: *mut c_void, id: i32, by: f64)>,
    /// Gauge: is now `value`.
    pub set: Option<unsafe extern "C" fn(ctx: *mut c_void, id: i32, value: f64)>,
    /// Histogram: saw `value`.
    pub observe: Option<unsafe extern "C" fn(ctx: *mut c_void, id: i32, value: f64)>,
}

/// Facts of the entry of the settings that the authenticator is, the same for the whole life of the instance.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Entry {
    /// `size_of::<Entry>()`.
    pub struct_size: u32,
    /// Of this entry among those that decide, from 0.
    pub index: u32,
    /// Of those that decide; the entry stands last if `index` is `count - 1`.
    pub count: u32,
    /// 0.
    pub reserved: u32,
    /// The time that one `authorize` has, in milliseconds; 0: not known.
    pub authorize_timeout_ms: u64,
}

const _: () = {
    let sizes = [
        size_of::<HostFacts>(),
        size_of::<Log>(),
        size_of::<Grants>(),
        size_of::<GrantsHeard>(),
        size_of::<Reload>(),
        size_of::<Check>(),
        size_of::<Health>(),
        size_of::<Metric>(),
        size_of::<Metrics>(),
        size_of::<Entry>(),
    ];
    let expected = [104, 24, 40, 24, 16, 16, 16, 72, 40, 24];
    let mut at = 0;
    while at < sizes.len() {
        assert!(sizes[at] == expected[at] || size_of::<usize>() != 8);
        at += 1;
    }
};
