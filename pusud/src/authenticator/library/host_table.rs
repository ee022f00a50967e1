//! The host's table, which an instance calls: every function copies what it is given, and hands it to safe code.
//!
//! **Invariant:** no function here waits, calls the plugin or unwinds.

use super::copy::{Past, copy, copy_verdict};
use super::facts::{entry_table, facts_table};
use super::{grants, log, metrics};
use crate::authenticator::answer::Fault;
use crate::authenticator::callbacks::{self, Callbacks};
use crate::authenticator::log_line::LogLine;
use pusu_plugin_abi as abi;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// The table of the instance that answers to `host`. Never freed, 56 bytes an instance: a thread of the plugin that
/// outlives `destroy` must not read freed memory.
pub(super) fn of(host: &dyn Callbacks) -> &'static abi::Host {
    Box::leak(Box::new(table(host)))
}

/// The table for a check of options, which has no instance: it answers nothing, and most extensions are not there. Never
/// freed, as above.
pub(super) fn for_check(host: &dyn Callbacks) -> &'static abi::Host {
    let table = table(host);
    Box::leak(Box::new(abi::Host { complete: Some(nobody_waits), extension: Some(check_extension), ..table }))
}

fn table(host: &dyn Callbacks) -> abi::Host {
    abi::Host {
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        struct_size: size_of::<abi::Host>() as u32,
        reserved: 0,
        ctx: ptr::without_provenance_mut(host.number().get()),
        log: Some(host_log),
        complete: Some(host_complete),
        set_error: Some(host_set_error),
        extension: Some(host_extension),
    }
}

unsafe extern "C" fn nobody_waits(_ctx: *mut c_void, _ticket: u64, _verdict: *const abi::Verdict) -> i32 {
    abi::LATE
}

unsafe extern "C" fn check_extension(ctx: *mut c_void, id: abi::Str) -> *const c_void {
    // SAFETY: as the caller promises.
    let found = unsafe { host_extension(ctx, id) };
    let always: [*const c_void; 2] = [ptr::from_ref(&log::TABLE).cast(), ptr::from_ref(&metrics::TABLE).cast()];
    let is_offered = always.contains(&found)
        || callbacks::find(ctx.addr()).is_some_and(|host| {
            let facts = host.facts();
            let tables: [*const c_void; 2] =
                [ptr::from_ref(facts_table(facts)).cast(), ptr::from_ref(entry_table(facts.entry)).cast()];
            tables.contains(&found)
        });
    if is_offered { found } else { ptr::null() }
}

unsafe extern "C" fn host_log(ctx: *mut c_void, level: i32, text: abi::Str) {
    guarded((), || {
        // SAFETY: by the ABI the text is borrowed for this call.
        let text = unsafe { copy(text, Past::Cut(abi::LOG_BYTES_MAX)) };
        if let (Some(host), Ok(text)) = (callbacks::find(ctx.addr()), text) {
            host.log(LogLine { level, text, ..LogLine::default() });
        }
    });
}

unsafe extern "C" fn host_set_error(ctx: *mut c_void, text: abi::Str) {
    guarded((), || {
        // SAFETY: by the ABI the text is borrowed for this call.
        let text = unsafe { copy(text, Past::Cut(abi::LOG_BYTES_MAX)) };
        if let (Some(host), Ok(text)) = (callbacks::find(ctx.addr()), text) {
            host.last_error().set(&text);
        }
    });
}

unsafe extern "C" fn host_complete(ctx: *mut c_void, ticket: u64, verdict: *const abi::Verdict) -> i32 {
    guarded(abi::MALFORMED, || {
        let Some(host) = callbacks::find(ctx.addr()) else { return abi::LATE };
        // SAFETY: by the ABI the verdict is borrowed for this call.
        host.complete(ticket, &mut || unsafe { copy_verdict(verdict) }.map_err(Fault::Malformed))
    })
}

unsafe extern "C" fn host_extension(ctx: *mut c_void, id: abi::Str) -> *const c_void {
    guarded(ptr::null(), || {
        // SAFETY: by the ABI the id is borrowed for this call.
        let id = unsafe { copy(id, Past::Refuse(abi::KEY_BYTES_MAX)) };
        let (Some(host), Ok(id)) = (callbacks::find(ctx.addr()), id) else { return ptr::null() };
        match std::str::from_utf8(&id) {
            Ok(abi::EXT_HOST) => ptr::from_ref(facts_table(host.facts())).cast(),
            Ok(abi::EXT_LOG) => ptr::from_ref(&log::TABLE).cast(),
            Ok(abi::EXT_GRANTS) if host.grants().is_some() => ptr::from_ref(&grants::TABLE).cast(),
            Ok(abi::EXT_METRICS) => ptr::from_ref(&metrics::TABLE).cast(),
            Ok(abi::EXT_ENTRY) => ptr::from_ref(entry_table(host.facts().entry)).cast(),
            _ => ptr::null(),
        }
    })
}

/// Keeps a panic of the daemon's from unwinding into the plugin.
pub(super) fn guarded<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        // Dropping a payload may panic again.
        std::mem::forget(payload);
        otherwise
    })
}
