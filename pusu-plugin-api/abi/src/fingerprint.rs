//! Sizes and offsets of every struct of the ABI, mixed into one number by whichever compiler builds the code.
//!
//! The mixing steps are those of `PUSU_ABI_FINGERPRINT` in `pusu_plugin.h`, in the same order.

use crate::{Attr, Authenticator, Host, Manifest, Permission, Request, Str, Verdict};
use core::mem::{offset_of, size_of};

const START: u64 = 0xcbf2_9ce4_8422_2325;

/// The number of one struct: its size, then the offset and the size of each field.
macro_rules! of {
    ($type:ty: $($field:ident)+) => {{
        let hash = mix(START, size_of::<$type>() as u64);
        $(let hash = mix(hash, offset_of!($type, $field) as u64 * 65536 + field_size(|all: &$type| &all.$field));)+
        hash
    }};
}

/// What this crate's compiler makes of the structs: the same on every system with pointers of 64 bits, and another one
/// on those of 32 bits. Only `reserved` at the end of the manifest is left out, so that a later minor version may name
/// a part of it.
pub const FINGERPRINT: u64 = {
    let structs = [
        of!(Str: ptr len),
        of!(Attr: key value),
        of!(Permission: pattern access),
        of!(Verdict: struct_size decision expires_unix_ms subject reason detail permissions permissions_len attrs
            attrs_len),
        of!(Request: struct_size flags ticket timeout_ms authorization peer attrs attrs_len),
        of!(Host: abi_major abi_minor struct_size reserved ctx log complete set_error extension),
        of!(Authenticator: abi_major abi_minor struct_size flags create destroy authorize cancel extension),
        of!(Manifest: magic size abi_major abi_minor kind flags reserved0 fingerprint id version sdk license description
            options needs),
    ];
    let mut hash = mix(mix(START, size_of::<*const ()>() as u64), size_of::<usize>() as u64);
    let mut at = 0;
    while at < structs.len() {
        hash = mix(hash, structs[at]);
        at += 1;
    }
    hash
};

/// The fingerprint on 64-bit systems of the headers from before ABI 1.0, so that what was built with them is refused by
/// name.
pub const BEFORE_1_0: u64 = 0x0963_2720_6df9_88ad;

const fn mix(hash: u64, value: u64) -> u64 {
    (hash ^ value).wrapping_mul(0x0100_0000_01b3)
}

const fn field_size<S, F>(_which: fn(&S) -> &F) -> u64 {
    size_of::<F>() as u64
}

#[cfg(target_pointer_width = "64")]
const _: () = assert!(FINGERPRINT == 0xc4d8_7bad_66cb_9ddb);
#[cfg(target_pointer_width = "32")]
const _: () = assert!(FINGERPRINT == 0xbf8b_09f8_bdeb_c04f);
