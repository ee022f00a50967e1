//! The layout proof walks every struct of the ABI, also those that only function pointers mention: a copy of the types
//! in which one field has another type of the same size is refused, wherever that field stands.
#![cfg(feature = "layout-proof")]
#![allow(missing_docs, dead_code, unreachable_pub)]

use abi_stable::StableAbi;
use abi_stable::abi_stability::abi_checking::check_layout_compatibility;
use abi_stable::type_layout::TypeLayout;
use pusu_plugin_abi::proof::ProofRef;

/// The whole ABI again, with the types of one field of each struct left open.
macro_rules! copy_of_the_abi {
    ($module:ident, $len:ident, $value:ident, $access:ident, $decision:ident, $permission:ident, $timeout:ident,
     $opaque:ident, $struct_size:ident, $flags:ident, $kind:ident) => {
        mod $module {
            use abi_stable::StableAbi;
            use core::ffi::c_void;

            #[repr(C)]
            #[derive(StableAbi, Clone, Copy)]
            pub struct Str {
                ptr: *const u8,
                len: $len,
            }

            #[repr(C)]
            #[derive(StableAbi, Clone, Copy)]
            pub struct Other {
                ptr: *const u8,
                len: usize,
            }

            #[repr(C)]
            #[derive(StableAbi, Clone, Copy)]
            pub struct Attr {
                key: Str,
                value: $value,
            }

            #[repr(C)]
            #[derive(StableAbi, Clone, Copy)]
            pub struct Permission {
                pattern: Str,
                access: $access,
            }

            #[repr(C)]
            #[derive(StableAbi, Clone, Copy)]
            pub struct Verdict {
                struct_size: u32,
                decision: $decision,
                expires_unix_ms: u64,
                subject: Str,
                reason: Str,
                detail: Str,
                permissions: *const $permission,
                permissions_len: usize,
                attrs: *const Attr,
                attrs_len: usize,
            }

            #[repr(C)]
            #[derive(StableAbi, Clone, Copy)]
            pub struct Request {
                struct_size: u32,
                flags: u32,
                ticket: u64,
                timeout_ms: $timeout,
                authorization: Str,
                peer: Str,
                attrs: *const Attr,
                attrs_len: usize,
            }

            #[repr(C)]
            #[derive(StableAbi)]
            pub struct Instance {
                _opaque: [$opaque; 0],
            }

            #[repr(C)]
            #[derive(StableAbi, Clone, Copy)]
            pub struct Host {
                abi_major: u32,
                abi_minor: u32,
                struct_size: $struct_size,
                reserved: u32,
                ctx: *mut c_void,
                log: Option<unsafe extern "C" fn(ctx: *mut c_void, level: i32, text: Str)>,
                complete: Option<unsafe extern "C" fn(ctx: *mut c_void, ticket: u64, verdict: *const Verdict) -> i32>,
                set_error: Option<unsafe extern "C" fn(ctx: *mut c_void, text: Str)>,
                extension: Option<unsafe extern "C" fn(ctx: *mut c_void, id: Str) -> *const c_void>,
            }

            #[repr(C)]
            #[derive(StableAbi, Clone, Copy)]
            pub struct Authenticator {
                abi_major: u32,
                abi_minor: u32,
                struct_size: u32,
                flags: $flags,
                create:
                    Option<unsafe extern "C" fn(host: *const Host, options_json: Str, out: *mut *mut Instance) -> i32>,
                destroy: Option<unsafe extern "C" fn(instance: *mut Instance)>,
                authorize: Option<unsafe extern "C" fn(instance: *mut Instance, request: *const Request) -> i32>,
                cancel: Option<unsafe extern "C" fn(instance: *mut Instance, ticket: u64)>,
                extension: Option<unsafe extern "C" fn(instance: *mut Instance, id: Str) -> *const c_void>,
            }

            #[repr(C)]
            #[derive(StableAbi, Clone, Copy)]
            pub struct Manifest {
                magic: [u8; 8],
                size: u32,
                abi_major: u32,
                abi_minor: u32,
                kind: $kind,
                flags: u32,
                reserved0: u32,
                fingerprint: u64,
                id: [u8; 64],
                version: [u8; 64],
                sdk: [u8; 64],
                license: [u8; 128],
                description: [u8; 256],
                options: [u8; 768],
                needs: [u8; 192],
                reserved: [u8; 472],
            }

            #[repr(C)]
            #[derive(StableAbi)]
            #[sabi(kind(Prefix(prefix_ref = ProofRef)))]
            #[sabi(missing_field(panic))]
            pub struct Proof {
                pub manifest: &'static Manifest,
                #[sabi(last_prefix_field)]
                pub authenticator: &'static Authenticator,
            }
        }
    };
}

copy_of_the_abi!(same, usize, Str, u32, i32, Permission, u64, u8, u32, u32, u32);
copy_of_the_abi!(str_len, isize, Str, u32, i32, Permission, u64, u8, u32, u32, u32);
copy_of_the_abi!(attr_value, usize, Other, u32, i32, Permission, u64, u8, u32, u32, u32);
copy_of_the_abi!(permission_access, usize, Str, i32, i32, Permission, u64, u8, u32, u32, u32);
copy_of_the_abi!(verdict_decision, usize, Str, u32, u32, Permission, u64, u8, u32, u32, u32);
copy_of_the_abi!(verdict_permissions, usize, Str, u32, i32, Attr, u64, u8, u32, u32, u32);
copy_of_the_abi!(request_timeout, usize, Str, u32, i32, Permission, i64, u8, u32, u32, u32);
copy_of_the_abi!(instance_opaque, usize, Str, u32, i32, Permission, u64, i8, u32, u32, u32);
copy_of_the_abi!(host_struct_size, usize, Str, u32, i32, Permission, u64, u8, i32, u32, u32);
copy_of_the_abi!(authenticator_flags, usize, Str, u32, i32, Permission, u64, u8, u32, i32, u32);
copy_of_the_abi!(manifest_kind, usize, Str, u32, i32, Permission, u64, u8, u32, u32, i32);

#[test]
fn the_copy_is_what_the_host_expects() {
    if let Err(errors) = check_layout_compatibility(ProofRef::LAYOUT, same::ProofRef::LAYOUT) {
        panic!("{errors}");
    }
}

#[test]
fn one_retyped_field_is_refused_wherever_it_stands() {
    let retyped: [(&str, &'static TypeLayout); 10] = [
        ("Str.len", str_len::ProofRef::LAYOUT),
        ("Attr.value", attr_value::ProofRef::LAYOUT),
        ("Permission.access", permission_access::ProofRef::LAYOUT),
        ("Verdict.decision", verdict_decision::ProofRef::LAYOUT),
        ("Verdict.permissions", verdict_permissions::ProofRef::LAYOUT),
        ("Request.timeout_ms", request_timeout::ProofRef::LAYOUT),
        ("Instance._opaque", instance_opaque::ProofRef::LAYOUT),
        ("Host.struct_size", host_struct_size::ProofRef::LAYOUT),
        ("Authenticator.flags", authenticator_flags::ProofRef::LAYOUT),
        ("Manifest.kind", manifest_kind::ProofRef::LAYOUT),
    ];
    let accepted: Vec<&str> = retyped
        .into_iter()
        .filter(|(_, layout)| check_layout_compatibility(ProofRef::LAYOUT, layout).is_ok())
        .map(|(field, _)| field)
        .collect();
    assert!(accepted.is_empty(), "the proof does not see these fields: {accepted:?}");
}
