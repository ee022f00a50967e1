//! The functions a plugin's table points to: from raw calls to the author's trait and back.
//!
//! **Invariant:** no panic leaves a function here. One that is caught is logged, retires its instance, and its payload
//! is forgotten rather than dropped, because dropping it runs code of the author's that may panic again.

use crate::authenticator::AsyncAuthenticator;
use crate::host::{Host, bytes};
use crate::reply::Reply;
use crate::request::{Request, Ticket};
use pusu_plugin_abi as abi;
use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// What an [`abi::Instance`] pointer really points to.
struct Instance<A> {
    authenticator: A,
    host: Host,
    /// Set by the first panic; the author's code is not entered again, but for its `Drop`.
    retired: AtomicBool,
}

/// The table of a plugin whose authenticator is `A`.
pub const fn table<A: AsyncAuthenticator>(manifest: &abi::Manifest) -> abi::Authenticator {
    abi::Authenticator {
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        struct_size: size_of::<abi::Authenticator>() as u32,
        flags: manifest.flags,
        create: Some(create::<A>),
        destroy: Some(destroy::<A>),
        authorize: Some(authorize::<A>),
        cancel: Some(cancel::<A>),
        extension: Some(extension),
    }
}

/// What a plugin's entry function returns when the host asks for `abi_major`.
pub fn entry(abi_major: u32, table: &'static abi::Authenticator) -> *const abi::Authenticator {
    if abi_major == abi::ABI_MAJOR { table } else { ptr::null() }
}

/// # Safety
/// As the ABI says: `host` points to a host table, `options_json` lives for the call, `out` can be written to.
unsafe extern "C" fn create<A: AsyncAuthenticator>(
    host: *const abi::Host,
    options_json: abi::Str,
    out: *mut *mut abi::Instance,
) -> abi::Status {
    // SAFETY: the caller promises a host table, which lives until `destroy` has returned; it is closed there, and
    // below where there will be no `destroy`.
    let Some(host) = (unsafe { Host::from_raw(host) }) else { return abi::ERR_ABI };
    if out.is_null() {
        return abi::ERR;
    }
    let made = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the options live for the call, and what is made of them owns its memory.
        let options = crate::options::from_json(unsafe { bytes(options_json) })?;
        A::create(options, host.clone())
    }));
    let (status, text) = match made {
        Ok(Ok(authenticator)) => {
            let instance = Box::new(Instance { authenticator, host, retired: AtomicBool::new(false) });
            // SAFETY: not null, and the caller promises that it can be written to.
            unsafe { *out = Box::into_raw(instance).cast() };
            return abi::OK;
        }
        Ok(Err(error)) => (error.status(), error.text().to_owned()),
        Err(payload) => (abi::ERR_PANIC, format!("panic in create: {}", panic_text(payload))),
    };
    host.set_error(&text);
    host.close();
    status
}

/// # Safety
/// As the ABI says: `instance` came out of `create`, and no other call for it runs now or later.
unsafe extern "C" fn destroy<A: AsyncAuthenticator>(instance: *mut abi::Instance) {
    if instance.is_null() {
        return;
    }
    // SAFETY: `create` made it out of such a box, and the caller gives it back once.
    let instance = *unsafe { Box::from_raw(instance.cast::<Instance<A>>()) };
    let Instance { authenticator, host, .. } = instance;
    // The author's threads may still answer and log while `Drop` waits for them; afterwards the host may go.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(authenticator))) {
        host.error(format_args!("panic in destroy: {}", panic_text(payload)));
    }
    host.close();
}

/// # Safety
/// As the ABI says: `instance` came out of `create` and lives; `request` lives for the call.
unsafe extern "C" fn authorize<A: AsyncAuthenticator>(
    instance: *mut abi::Instance,
    request: *const abi::Request,
) -> abi::Status {
    // SAFETY: the caller promises a live instance, which is only ever shared between calls.
    let Some(instance) = (unsafe { instance.cast::<Instance<A>>().as_ref() }) else { return abi::ERR };
    // SAFETY: the caller promises that the request lives for this call, and it does not leave it.
    let Some(request) = (unsafe { Request::from_raw(request) }) else { return abi::ERR };
    let status = instance.enter("authorize", || {
        let reply = Reply::new(instance.host.clone(), request.ticket());
        let answered = reply.answered();
        instance.authenticator.authorize(&request, reply);
        if answered.load(Ordering::Acquire) { abi::OK } else { abi::PENDING }
    });
    status.unwrap_or(abi::ERR_PANIC)
}

/// # Safety
/// As the ABI says: `instance` came out of `create` and lives.
unsafe extern "C" fn cancel<A: AsyncAuthenticator>(instance: *mut abi::Instance, ticket: u64) {
    // SAFETY: the caller promises a live instance, which is only ever shared between calls.
    if let Some(instance) = unsafe { instance.cast::<Instance<A>>().as_ref() } {
        // A panic is logged, and retires the instance: the next `authorize` tells the host.
        let _ = instance.enter("cancel", || instance.authenticator.cancel(Ticket(ticket)));
    }
}

/// There are no extensions yet. The place for them is in the table, so that old hosts and new plugins understand each
/// other.
unsafe extern "C" fn extension(_instance: *mut abi::Instance, _id: abi::Str) -> *const c_void {
    ptr::null()
}

impl<A> Instance<A> {
    /// Runs the author's code; `None` if it panicked, now or earlier.
    fn enter<T>(&self, function: &str, call: impl FnOnce() -> T) -> Option<T> {
        if self.retired.load(Ordering::Relaxed) {
            return None;
        }
        // Unwind safe because the instance is not entered again after a panic. Calls already under way on other
        // threads share it only as far as the author's type is `Sync`, as they would without the panic.
        match catch_unwind(AssertUnwindSafe(call)) {
            Ok(value) => Some(value),
            Err(payload) => {
                self.retired.store(true, Ordering::Relaxed);
                self.host.error(format_args!("panic in {function}: {}", panic_text(payload)));
                None
            }
        }
    }
}

/// The text of a panic. The payload is leaked: dropping it could panic again.
fn panic_text(payload: Box<dyn Any + Send>) -> String {
    let text = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (None, Some(text)) => text.clone(),
        (None, None) => "a payload that is not text".to_owned(),
    };
    std::mem::forget(payload);
    text
}
