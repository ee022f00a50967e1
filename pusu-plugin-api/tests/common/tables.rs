//! The tables of a host that has extensions. Each call is remembered in words, such as `revoke 7 "over"`.

use super::{text, with_seen};
use pusu_plugin_api::abi;
use std::ffi::c_void;
use std::ptr;

fn heard(ctx: *mut c_void, words: String) {
    with_seen(ctx, |seen| seen.heard.push(words));
}

fn pairs(attrs: *const abi::Attr, len: usize) -> String {
    if len == 0 {
        return String::new();
    }
    // SAFETY: the plugin lends them for the call in which this is used.
    let attrs = unsafe { std::slice::from_raw_parts(attrs, len) };
    attrs.iter().map(|attr| format!(" {}={}", text(attr.key), text(attr.value))).collect()
}

unsafe extern "C" fn enabled(_ctx: *mut c_void, level: i32) -> i32 {
    i32::from(level <= 4)
}

unsafe extern "C" fn log(
    ctx: *mut c_void,
    level: i32,
    ticket: u64,
    line: abi::Str,
    attrs: *const abi::Attr,
    len: usize,
) {
    with_seen(ctx, |seen| seen.logs.push((level, format!("[{ticket}] {}{}", text(line), pairs(attrs, len)))));
}

unsafe extern "C" fn revoke(ctx: *mut c_void, ticket: u64, reason: abi::Str) -> i32 {
    heard(ctx, format!("revoke {ticket} {:?}", text(reason)));
    abi::TAKEN
}

unsafe extern "C" fn revoke_subject(ctx: *mut c_void, subject: abi::Str, reason: abi::Str) -> i32 {
    heard(ctx, format!("revoke_subject {:?} {:?}", text(subject), text(reason)));
    if subject.len == 0 { abi::MALFORMED } else { abi::TAKEN }
}

unsafe extern "C" fn recheck(ctx: *mut c_void, ticket: u64) -> i32 {
    heard(ctx, format!("recheck {ticket}"));
    abi::UNSUPPORTED
}

unsafe extern "C" fn recheck_subject(ctx: *mut c_void, subject: abi::Str) -> i32 {
    heard(ctx, format!("recheck_subject {:?}", text(subject)));
    abi::FULL
}

unsafe extern "C" fn define(ctx: *mut c_void, metric: *const abi::Metric) -> i32 {
    // SAFETY: the plugin lends it for this call.
    let metric = unsafe { &*metric };
    assert_eq!(metric.struct_size as usize, size_of::<abi::Metric>());
    let mut id = 0;
    with_seen(ctx, |seen| {
        let is_define = |words: &&String| words.starts_with("define");
        id = i32::try_from(seen.heard.iter().filter(is_define).count()).unwrap();
        let labels = pairs(metric.labels, metric.labels_len);
        seen.heard.push(format!("define {id} {} {}{labels}", metric.kind, text(metric.name)));
    });
    id
}

unsafe extern "C" fn add(ctx: *mut c_void, id: i32, by: f64) {
    heard(ctx, format!("add {id} {by}"));
}

unsafe extern "C" fn set(ctx: *mut c_void, id: i32, value: f64) {
    heard(ctx, format!("set {id} {value}"));
}

unsafe extern "C" fn observe(ctx: *mut c_void, id: i32, value: f64) {
    heard(ctx, format!("observe {id} {}", if value >= 0.0 { "a time" } else { "nonsense" }));
}

pub(super) unsafe extern "C" fn extension(_ctx: *mut c_void, id: abi::Str) -> *const c_void {
    static LOG: abi::Log =
        abi::Log { struct_size: size_of::<abi::Log>() as u32, reserved: 0, enabled: Some(enabled), log: Some(log) };
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
    static ENTRY: abi::Entry = abi::Entry {
        struct_size: size_of::<abi::Entry>() as u32,
        index: 0,
        count: 2,
        reserved: 0,
        authorize_timeout_ms: 1500,
    };
    match text(id).as_str() {
        abi::EXT_LOG => ptr::from_ref(&LOG).cast(),
        abi::EXT_GRANTS => ptr::from_ref(&GRANTS).cast(),
        abi::EXT_METRICS => ptr::from_ref(&METRICS).cast(),
        abi::EXT_ENTRY => ptr::from_ref(&ENTRY).cast(),
        _ => ptr::null(),
    }
}
