//! Sizes and offsets of every struct of the ABI, mixed into one number by whichever compiler builds the code.
//!
//! The mixing steps are those of `PUSU_ABI_FINGERPRINT` in `pusu_plugin.h`, in the same order.

use crate::{Attr, Authenticator, Host, Manifest, Permission, Request, Str, Verdict};
use core::mem::{offset_of, size_of};

/// What this crate's compiler makes of the structs; 0x096327206df988ad on 64-bit Linux, macOS and Windows.
pub const FINGERPRINT: u64 = {
    let h = 0xcbf2_9ce4_8422_2325;
    let h = mix(mix(h, size_of::<*const ()>()), size_of::<usize>());
    let h = mix(mix(h, size_of::<Str>()), offset_of!(Str, len));
    let h = mix(mix(h, size_of::<Attr>()), offset_of!(Attr, value));
    let h = mix(mix(h, size_of::<Permission>()), offset_of!(Permission, access));
    let h = mix(mix(h, size_of::<Verdict>()), offset_of!(Verdict, expires_unix_ms));
    let h = mix(mix(h, offset_of!(Verdict, subject)), offset_of!(Verdict, permissions));
    let h = mix(h, offset_of!(Verdict, attrs_len));
    let h = mix(mix(h, size_of::<Request>()), offset_of!(Request, ticket));
    let h = mix(mix(h, offset_of!(Request, authorization)), offset_of!(Request, attrs_len));
    let h = mix(mix(h, size_of::<Host>()), offset_of!(Host, ctx));
    let h = mix(h, offset_of!(Host, extension));
    let h = mix(mix(h, size_of::<Authenticator>()), offset_of!(Authenticator, create));
    let h = mix(h, offset_of!(Authenticator, extension));
    let h = mix(mix(h, size_of::<Manifest>()), offset_of!(Manifest, fingerprint));
    mix(h, offset_of!(Manifest, options))
};

const fn mix(hash: u64, value: usize) -> u64 {
    (hash ^ value as u64).wrapping_mul(0x0100_0000_01b3)
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
const _: () = assert!(FINGERPRINT == 0x0963_2720_6df9_88ad);
