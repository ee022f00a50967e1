//! Copies of what a plugin hands over, taken out of its memory within the ABI's bounds.

use crate::authenticator::answer::Answer;
use pusu_plugin_abi as abi;
use std::ptr;

/// Copies a verdict out of the plugin's memory, within the ABI's bounds.
///
/// # Safety
/// A `verdict` that is not NULL, and what it points to, can be read as far as its lengths say and the bounds allow.
pub(super) unsafe fn copy_verdict(verdict: *const abi::Verdict) -> Result<Answer, String> {
    if verdict.is_null() {
        return Err("it is NULL".to_owned());
    }
    // SAFETY: any verdict begins with its size; the caller vouches for the rest.
    let size = unsafe { ptr::read_unaligned(verdict.cast::<u32>()) };
    if size as usize != size_of::<abi::Verdict>() {
        return Err(format!("struct_size is {size}, expected is {}", size_of::<abi::Verdict>()));
    }
    // SAFETY: it has the size of the struct, by its own account and by the caller's.
    let verdict = unsafe { ptr::read_unaligned(verdict) };
    let text = |name: &str, text: abi::Str| {
        // SAFETY: the caller vouches for what the verdict points to.
        unsafe { copy(text, Past::Refuse(abi::TEXT_BYTES_MAX)) }.map_err(|error| format!("{name} {error}"))
    };
    // SAFETY: the caller vouches for what the verdict points to.
    let permissions =
        unsafe { copy_list("permissions", verdict.permissions, verdict.permissions_len, abi::PERMISSIONS_MAX) }?;
    // SAFETY: as above.
    let attributes = unsafe { copy_list("attrs", verdict.attrs, verdict.attrs_len, abi::ATTRS_MAX) }?;
    Ok(Answer {
        decision: verdict.decision,
        expires_unix_ms: verdict.expires_unix_ms,
        subject: text("subject", verdict.subject)?,
        reason: text("reason", verdict.reason)?,
        detail: text("detail", verdict.detail)?,
        permissions: permissions
            .into_iter()
            .map(|permission| Ok((text("pattern", permission.pattern)?, permission.access)))
            .collect::<Result<_, String>>()?,
        attributes: attributes
            .into_iter()
            .map(|attr| Ok((text("key of an attribute", attr.key)?, text("value of an attribute", attr.value)?)))
            .collect::<Result<_, String>>()?,
    })
}

/// Copies a list of structs out of the plugin's memory.
///
/// # Safety
/// If `list` is not NULL, as many of them as `len` says and `max` allows can be read there.
pub(super) unsafe fn copy_list<T: Copy>(name: &str, list: *const T, len: usize, max: usize) -> Result<Vec<T>, String> {
    if len > max {
        return Err(format!("{name}_len is {len}, at most {max} are taken"));
    }
    if list.is_null() && len > 0 {
        return Err(format!("{name} is NULL"));
    }
    // SAFETY: not NULL where there is one, and the caller vouches for `len` of them.
    Ok((0..len).map(|index| unsafe { ptr::read_unaligned(list.add(index)) }).collect())
}

/// What becomes of bytes past a bound.
pub(super) enum Past {
    /// More than this many bytes are an error.
    Refuse(usize),
    /// What is past this many bytes is left out.
    Cut(usize),
}

/// Copies bytes out of the plugin's memory.
///
/// # Safety
/// If `text.ptr` is not NULL, as many bytes as the length says and the bound allows can be read there.
pub(super) unsafe fn copy(text: abi::Str, past: Past) -> Result<Vec<u8>, String> {
    let len = match past {
        Past::Refuse(max) if text.len > max => {
            return Err(format!("has {} bytes, at most {max} are taken", text.len));
        }
        Past::Refuse(_) => text.len,
        Past::Cut(max) => text.len.min(max),
    };
    match (text.ptr.is_null(), len) {
        (_, 0) => Ok(Vec::new()),
        (true, _) => Err("is NULL".to_owned()),
        // SAFETY: not NULL, and the caller vouches for the length.
        (false, _) => Ok(unsafe { std::slice::from_raw_parts(text.ptr, len) }.to_vec()),
    }
}
