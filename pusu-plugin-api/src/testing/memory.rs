//! The memory of a test's relay, and the functions that write it down.

use crate::host::Level;
use crate::link::bytes;
use crate::request::Ticket;
use pusu_plugin_abi as abi;
use std::ffi::c_void;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How important it is.
    pub level: Level,
    /// What it is about.
    pub ticket: Option<Ticket>,
    /// The text.
    pub text: String,
    /// Named facts.
    pub facts: Vec<(String, String)>,
}

/// What was asked through a [`GrantsHandle`](crate::GrantsHandle).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantCall {
    /// [`revoke`](crate::GrantsHandle::revoke), with its reason.
    Revoke(Ticket, String),
    /// [`revoke_subject`](crate::GrantsHandle::revoke_subject), with its reason.
    RevokeSubject(String, String),
    /// [`recheck`](crate::GrantsHandle::recheck).
    Recheck(Ticket),
    /// [`recheck_subject`](crate::GrantsHandle::recheck_subject).
    RecheckSubject(String),
}

/// One series: its kind, what names it, and its number.
pub(super) struct Metric {
    pub(super) kind: i32,
    pub(super) name: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) number: f64,
}

pub(super) struct Memory {
    pub(super) lines: Vec<Line>,
    pub(super) grant_calls: Vec<GrantCall>,
    pub(super) metrics: Vec<Metric>,
    /// What functions for grants return.
    pub(super) grants_say: i32,
    /// Where the authenticator stands. What a host has been given of it stays as it was.
    pub(super) entry: &'static abi::Entry,
}

impl Default for Memory {
    fn default() -> Self {
        Self { lines: vec![], grant_calls: vec![], metrics: vec![], grants_say: abi::TAKEN, entry: &ALONE }
    }
}

/// Of an authenticator that stands alone.
static ALONE: abi::Entry = entry(0, 1, 0);

/// A table of these numbers.
pub(super) const fn entry(index: u32, count: u32, authorize_timeout_ms: u64) -> abi::Entry {
    abi::Entry { struct_size: size_of::<abi::Entry>() as u32, index, count, reserved: 0, authorize_timeout_ms }
}

pub(super) type Shared = Arc<Mutex<Memory>>;

pub(super) fn lock(shared: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// # Safety
/// `ctx` is the address of a memory that lives for the call.
unsafe fn memory<'a>(ctx: *mut c_void) -> MutexGuard<'a, Memory> {
    // SAFETY: as the caller promises.
    lock(unsafe { &*ctx.cast::<Mutex<Memory>>() })
}

/// # Safety
/// `raw` is valid for the call.
unsafe fn text(raw: abi::Str) -> String {
    // SAFETY: as the caller promises.
    String::from_utf8_lossy(unsafe { bytes(raw) }).into_owned()
}

/// # Safety
/// `attrs` points to so many attributes, or there are none; all valid for the call.
unsafe fn pairs(attrs: *const abi::Attr, len: usize) -> Vec<(String, String)> {
    if len == 0 {
        return Vec::new();
    }
    // SAFETY: as the caller promises.
    let attrs = unsafe { std::slice::from_raw_parts(attrs, len) };
    // SAFETY: as the caller promises.
    attrs.iter().map(|attr| unsafe { (text(attr.key), text(attr.value)) }).collect()
}

/// The table of a relay that remembers into `shared`; that has to live as long as the table is used.
pub(super) fn host_table(shared: &Shared) -> abi::Host {
    abi::Host {
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        struct_size: size_of::<abi::Host>() as u32,
        reserved: 0,
        ctx: Arc::as_ptr(shared).cast_mut().cast(),
        log: Some(log),
        complete: Some(nobody_waits),
        set_error: Some(set_error),
        extension: Some(extension),
    }
}

unsafe extern "C" fn log(ctx: *mut c_void, level: i32, line: abi::Str) {
    // SAFETY: the caller promises the same of this call.
    unsafe { log_about(ctx, level, 0, line, ptr::null(), 0) }
}

unsafe extern "C" fn log_about(
    ctx: *mut c_void,
    level: i32,
    ticket: u64,
    line: abi::Str,
    attrs: *const abi::Attr,
    len: usize,
) {
    let level = match level {
        1 => Level::Error,
        2 => Level::Warn,
        3 => Level::Info,
        4 => Level::Debug,
        _ => Level::Trace,
    };
    // SAFETY: all of it is valid for the call.
    let (text, facts) = unsafe { (text(line), pairs(attrs, len)) };
    let line = Line { level, ticket: (ticket != 0).then_some(Ticket(ticket)), text, facts };
    eprintln!("{line:?}");
    // SAFETY: the memory lives as long as the table.
    unsafe { memory(ctx) }.lines.push(line);
}

unsafe extern "C" fn enabled(_ctx: *mut c_void, _level: i32) -> i32 {
    1
}

unsafe extern "C" fn set_error(_ctx: *mut c_void, error: abi::Str) {
    // SAFETY: it is valid for the call.
    eprintln!("failed: {}", unsafe { text(error) });
}

unsafe extern "C" fn nobody_waits(_ctx: *mut c_void, _ticket: u64, _verdict: *const abi::Verdict) -> i32 {
    abi::LATE
}

/// # Safety
/// `ctx` as in `memory`.
unsafe fn remember(ctx: *mut c_void, call: GrantCall) -> i32 {
    // SAFETY: as the caller promises.
    let mut memory = unsafe { memory(ctx) };
    if memory.grants_say == abi::TAKEN {
        memory.grant_calls.push(call);
    }
    memory.grants_say
}

unsafe extern "C" fn revoke(ctx: *mut c_void, ticket: u64, reason: abi::Str) -> i32 {
    // SAFETY: all of it is valid for the call.
    unsafe { remember(ctx, GrantCall::Revoke(Ticket(ticket), text(reason))) }
}

unsafe extern "C" fn revoke_subject(ctx: *mut c_void, subject: abi::Str, reason: abi::Str) -> i32 {
    // SAFETY: all of it is valid for the call.
    match unsafe { (text(subject), text(reason)) } {
        (subject, _) if subject.is_empty() => abi::MALFORMED,
        // SAFETY: as above.
        (subject, reason) => unsafe { remember(ctx, GrantCall::RevokeSubject(subject, reason)) },
    }
}

unsafe extern "C" fn recheck(ctx: *mut c_void, ticket: u64) -> i32 {
    // SAFETY: all of it is valid for the call.
    unsafe { remember(ctx, GrantCall::Recheck(Ticket(ticket))) }
}

unsafe extern "C" fn recheck_subject(ctx: *mut c_void, subject: abi::Str) -> i32 {
    // SAFETY: all of it is valid for the call.
    match unsafe { text(subject) } {
        subject if subject.is_empty() => abi::MALFORMED,
        // SAFETY: as above.
        subject => unsafe { remember(ctx, GrantCall::RecheckSubject(subject)) },
    }
}

unsafe extern "C" fn define(ctx: *mut c_void, metric: *const abi::Metric) -> i32 {
    // SAFETY: all of it is valid for the call.
    let (mut memory, metric) = unsafe { (memory(ctx), &*metric) };
    // SAFETY: as above.
    let (name, labels) = unsafe { (text(metric.name), pairs(metric.labels, metric.labels_len)) };
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.len() <= abi::METRIC_NAME_BYTES_MAX
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    if !is_name(&name) || labels.len() > abi::METRIC_LABELS_MAX || !labels.iter().all(|(key, _)| is_name(key)) {
        return abi::MALFORMED;
    }
    let same = |known: &Metric| known.kind == metric.kind && known.name == name && known.labels == labels;
    let known = memory.metrics.iter().position(same);
    if known.is_none() && memory.metrics.len() == abi::METRICS_MAX {
        return abi::FULL;
    }
    let id = known.unwrap_or_else(|| {
        memory.metrics.push(Metric { kind: metric.kind, name, labels, number: 0.0 });
        memory.metrics.len() - 1
    });
    i32::try_from(id).expect("there are few")
}

/// # Safety
/// `ctx` as in `memory`.
unsafe fn change(ctx: *mut c_void, id: i32, kinds: &[i32], number: f64, change: impl FnOnce(&mut f64)) {
    // SAFETY: as the caller promises.
    let mut memory = unsafe { memory(ctx) };
    let Some(metric) = usize::try_from(id).ok().and_then(|id| memory.metrics.get_mut(id)) else { return };
    let falls = metric.kind == abi::METRIC_COUNTER && number < 0.0;
    if kinds.contains(&metric.kind) && number.is_finite() && !falls {
        change(&mut metric.number);
    }
}

unsafe extern "C" fn add(ctx: *mut c_void, id: i32, by: f64) {
    // SAFETY: the memory lives as long as the table.
    unsafe { change(ctx, id, &[abi::METRIC_COUNTER, abi::METRIC_GAUGE], by, |number| *number += by) }
}

unsafe extern "C" fn set(ctx: *mut c_void, id: i32, value: f64) {
    // SAFETY: the memory lives as long as the table.
    unsafe { change(ctx, id, &[abi::METRIC_GAUGE], value, |number| *number = value) }
}

unsafe extern "C" fn observe(ctx: *mut c_void, id: i32, value: f64) {
    // SAFETY: the memory lives as long as the table.
    unsafe { change(ctx, id, &[abi::METRIC_HISTOGRAM], value, |number| *number += 1.0) }
}

unsafe extern "C" fn extension(ctx: *mut c_void, id: abi::Str) -> *const c_void {
    static LOG: abi::Log = abi::Log {
        struct_size: size_of::<abi::Log>() as u32,
        reserved: 0,
        enabled: Some(enabled),
        log: Some(log_about),
    };
    static GRANTS: abi::Grants = abi::Grants {
        struct_size: size_of::<abi::Grants>() as u32,
        reserved: 0,
        revoke: Some(revoke),
        revoke_subject: Some(revoke_subject),
        recheck: Some(recheck),
        recheck_subject: Some(recheck_subject),
    };
    static METRICS: abi::Metrics = abi::Metrics {
        struct_size: size_of::<abi::Metrics>() as u32,
        reserved: 0,
        define: Some(define),
        add: Some(add),
        set: Some(set),
        observe: Some(observe),
    };
    // SAFETY: the id is valid for the call.
    match unsafe { text(id) }.as_str() {
        abi::EXT_LOG => ptr::from_ref(&LOG).cast(),
        abi::EXT_GRANTS => ptr::from_ref(&GRANTS).cast(),
        abi::EXT_METRICS => ptr::from_ref(&METRICS).cast(),
        // SAFETY: the memory lives as long as the host's table.
        abi::EXT_ENTRY => ptr::from_ref(unsafe { memory(ctx) }.entry).cast(),
        _ => ptr::null(),
    }
}
