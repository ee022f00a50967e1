//! The host's table `pusu.log/1`: lines with a ticket and attributes.

use super::copy::{Past, copy};
use super::host_table::guarded;
use crate::authenticator::callbacks;
use crate::authenticator::log_line::LogLine;
use pusu_plugin_abi as abi;
use std::ffi::c_void;
use std::ptr;

pub(super) static TABLE: abi::Log =
    abi::Log { struct_size: size_of::<abi::Log>() as u32, reserved: 0, enabled: Some(enabled), log: Some(log) };

unsafe extern "C" fn enabled(ctx: *mut c_void, level: i32) -> i32 {
    guarded(0, || callbacks::find(ctx.addr()).is_some_and(|host| host.is_logged(level)).into())
}

unsafe extern "C" fn log(
    ctx: *mut c_void,
    level: i32,
    ticket: u64,
    text: abi::Str,
    attrs: *const abi::Attr,
    attrs_len: usize,
) {
    guarded((), || {
        let Some(host) = callbacks::find(ctx.addr()) else { return };
        // SAFETY: by the ABI the text is borrowed for this call.
        let Ok(text) = (unsafe { copy(text, Past::Cut(abi::LOG_BYTES_MAX)) }) else { return };
        let mut line = LogLine { level, ticket, text, attributes: Vec::new() };
        let attrs_len = if attrs.is_null() { 0 } else { attrs_len.min(abi::ATTRS_MAX) };
        for index in 0..attrs_len {
            // SAFETY: not NULL, and by the ABI `attrs_len` of them are borrowed for this call.
            let attr = unsafe { ptr::read_unaligned(attrs.add(index)) };
            // SAFETY: by the ABI the key is borrowed for this call.
            let key = unsafe { copy(attr.key, Past::Refuse(abi::KEY_BYTES_MAX)) }.unwrap_or_default();
            // What is past the length of a line is left out.
            let Some(room) = (abi::LOG_BYTES_MAX - line.len()).checked_sub(key.len()).filter(|room| *room > 0) else {
                break;
            };
            // SAFETY: by the ABI the value is borrowed for this call.
            let value = unsafe { copy(attr.value, Past::Cut(room)) };
            match value {
                Ok(value) if !key.is_empty() => line.attributes.push((key, value)),
                // No attribute has such a key, or there is no value.
                _ => break,
            }
        }
        host.log(line);
    });
}
