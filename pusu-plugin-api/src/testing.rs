//! For the unit tests of an authenticator, without a relay: options as they stand in the settings, a host that prints
//! what is logged to standard error, and requests.
//!
//! ```
//! use pusu_plugin_api::{Authenticator, CreateError, Decision, Host, NoOptions, Request, Verdict, testing};
//!
//! struct Nobody;
//!
//! impl Authenticator for Nobody {
//!     type Options = NoOptions;
//!
//!     fn create(_: NoOptions, _: Host) -> Result<Self, CreateError> {
//!         Ok(Self)
//!     }
//!
//!     fn authorize(&self, _: &Request<'_>) -> Verdict {
//!         Verdict::refuse("nobody is let in")
//!     }
//! }
//!
//! let nobody: Nobody = testing::create("{}")?;
//! assert_eq!(nobody.authorize(&testing::request(b"let me in")).decision(), Decision::Refuse);
//! # Ok::<(), CreateError>(())
//! ```

use crate::authenticator::Authenticator;
use crate::error::CreateError;
use crate::host::{Host, bytes};
use crate::request::Request;
use pusu_plugin_abi as abi;
use std::ffi::c_void;
use std::ptr;

/// Makes an authenticator as the relay would, of options that are one JSON object.
///
/// # Errors
/// What the operator would read: wrong options, or the error of [`Authenticator::create`].
pub fn create<A: Authenticator>(options_json: &str) -> Result<A, CreateError> {
    A::create(crate::options::from_json(options_json.as_bytes())?, host())
}

/// A host that prints what is logged to standard error, and has no extensions.
pub fn host() -> Host {
    let table = abi::Host {
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        struct_size: size_of::<abi::Host>() as u32,
        reserved: 0,
        ctx: ptr::null_mut(),
        log: Some(print),
        complete: Some(nobody_waits),
        set_error: Some(print_error),
        extension: Some(no_extension),
    };
    // SAFETY: the table is complete, and its functions may be called at any time: they use nothing but their arguments.
    unsafe { Host::from_raw(&table) }.expect("the table just made is complete and of this version")
}

/// A request that carries `authorization`, from 127.0.0.1, without ticket and attributes, with five seconds left.
pub fn request(authorization: &[u8]) -> Request<'_> {
    Request::detached(authorization)
}

/// # Safety
/// `text` is valid for the call.
unsafe extern "C" fn print(_ctx: *mut c_void, level: i32, text: abi::Str) {
    // SAFETY: as the caller promises.
    eprintln!("log level {level}: {}", String::from_utf8_lossy(unsafe { bytes(text) }));
}

/// # Safety
/// `text` is valid for the call.
unsafe extern "C" fn print_error(_ctx: *mut c_void, text: abi::Str) {
    // SAFETY: as the caller promises.
    eprintln!("create failed: {}", String::from_utf8_lossy(unsafe { bytes(text) }));
}

unsafe extern "C" fn nobody_waits(_ctx: *mut c_void, _ticket: u64, _verdict: *const abi::Verdict) -> i32 {
    1
}

unsafe extern "C" fn no_extension(_ctx: *mut c_void, _id: abi::Str) -> *const c_void {
    ptr::null()
}
