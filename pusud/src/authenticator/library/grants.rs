//! The host's table `pusu.grants/1`: ending and rechecking what was granted.

use super::copy::{Past, copy};
use super::host_table::guarded;
use crate::authenticator::callbacks;
use crate::authenticator::grants::{Order, Whom};
use pusu_plugin_abi as abi;
use std::ffi::c_void;

pub(super) static TABLE: abi::Grants = abi::Grants {
    struct_size: size_of::<abi::Grants>() as u32,
    reserved: 0,
    revoke: Some(revoke),
    revoke_subject: Some(revoke_subject),
    recheck: Some(recheck),
    recheck_subject: Some(recheck_subject),
};

unsafe extern "C" fn revoke(ctx: *mut c_void, ticket: u64, reason: abi::Str) -> i32 {
    // SAFETY: by the ABI the text is borrowed for this call.
    give(ctx, || Some(Order::Revoke(Whom::Ticket(ticket), unsafe { text(reason) }?)))
}

unsafe extern "C" fn revoke_subject(ctx: *mut c_void, subject: abi::Str, reason: abi::Str) -> i32 {
    // SAFETY: by the ABI both texts are borrowed for this call.
    give(ctx, || Some(Order::Revoke(Whom::Subject(unsafe { text(subject) }?), unsafe { text(reason) }?)))
}

unsafe extern "C" fn recheck(ctx: *mut c_void, ticket: u64) -> i32 {
    give(ctx, || Some(Order::Recheck(Whom::Ticket(ticket))))
}

unsafe extern "C" fn recheck_subject(ctx: *mut c_void, subject: abi::Str) -> i32 {
    // SAFETY: by the ABI the text is borrowed for this call.
    give(ctx, || Some(Order::Recheck(Whom::Subject(unsafe { text(subject) }?))))
}

fn give(ctx: *mut c_void, order: impl FnOnce() -> Option<Order>) -> i32 {
    guarded(abi::UNSUPPORTED, || {
        let Some(host) = callbacks::find(ctx.addr()) else { return abi::UNSUPPORTED };
        let Some(grants) = host.grants() else { return abi::UNSUPPORTED };
        let order = order().filter(Order::is_well_formed);
        order.map_or(abi::MALFORMED, |order| grants.order(order))
    })
}

/// # Safety
/// As for [`copy`].
unsafe fn text(text: abi::Str) -> Option<String> {
    // SAFETY: the caller vouches for the text.
    String::from_utf8(unsafe { copy(text, Past::Refuse(abi::TEXT_BYTES_MAX)) }.ok()?).ok()
}
