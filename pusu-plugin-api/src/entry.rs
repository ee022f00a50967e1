//! The functions a plugin's table points to: from raw calls to the author's trait and back.
//!
//! **Invariant:** no panic leaves a function here. One that is caught is logged, retires its instance, and its payload
//! is forgotten rather than dropped, because dropping it runs code of the author's that may panic again.

use crate::authenticator::AsyncAuthenticator;
use crate::host::Host;
use crate::link::bytes;
use crate::offer::{self, Offers};
use crate::reply::Reply;
use crate::request::{Request, Ticket};
use pusu_plugin_abi as abi;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// What an [`abi::Instance`] pointer really points to.
pub(crate) struct Instance<A> {
    authenticator: A,
    host: Host,
    /// Set by the first panic; the author's code is not entered again, but for its `Drop`.
    retired: AtomicBool,
}

/// The table of a plugin whose authenticator is `A`, and which offers `O` beside it.
pub const fn table<A: AsyncAuthenticator, O: Offers>(manifest: &abi::Manifest) -> abi::Authenticator {
    abi::Authenticator {
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        struct_size: size_of::<abi::Authenticator>() as u32,
        flags: manifest.flags,
        create: Some(create::<A>),
        destroy: Some(destroy::<A>),
        authorize: Some(authorize::<A>),
        cancel: Some(cancel::<A>),
        extension: Some(offer::extension::<O>),
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
    let made = caught("create", || {
        // SAFETY: the options live for the call, and what is made of them owns its memory.
        let options = crate::options::from_json(unsafe { bytes(options_json) })?;
        A::create(options, host.clone())
    });
    let (status, text) = match made {
        Ok(Ok(authenticator)) => {
            let instance = Box::new(Instance { authenticator, host, retired: AtomicBool::new(false) });
            // SAFETY: not null, and the caller promises that it can be written to.
            unsafe { *out = Box::into_raw(instance).cast() };
            return abi::OK;
        }
        Ok(Err(error)) => (error.status(), error.text().to_owned()),
        Err(text) => (abi::ERR_PANIC, text),
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
    if let Err(text) = caught("destroy", || drop(authenticator)) {
        host.error(text);
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
    let Some(instance) = (unsafe { Instance::<A>::shared(instance) }) else { return abi::ERR };
    // SAFETY: the caller promises that the request lives for this call, and it does not leave it.
    let Some(request) = (unsafe { Request::from_raw(request) }) else { return abi::ERR };
    let status = instance.enter("authorize", |author| {
        let reply = Reply::new(instance.host.clone(), request.ticket());
        let answered = reply.answered();
        author.authorize(&request, reply);
        if answered.load(Ordering::Acquire) { abi::OK } else { abi::PENDING }
    });
    status.unwrap_or(abi::ERR_PANIC)
}

/// # Safety
/// As the ABI says: `instance` came out of `create` and lives.
unsafe extern "C" fn cancel<A: AsyncAuthenticator>(instance: *mut abi::Instance, ticket: u64) {
    // SAFETY: the caller promises a live instance, which is only ever shared between calls.
    if let Some(instance) = unsafe { Instance::<A>::shared(instance) } {
        // A panic is logged, and retires the instance: the next `authorize` tells the host.
        let _ = instance.enter("cancel", |author| author.cancel(Ticket(ticket)));
    }
}

impl<A> Instance<A> {
    /// The instance behind a pointer; `None` if that is null.
    ///
    /// # Safety
    /// `instance` is null, or came out of `create` for an `A` and lives for `'a`.
    pub(crate) unsafe fn shared<'a>(instance: *mut abi::Instance) -> Option<&'a Self> {
        // SAFETY: as the caller promises; an instance is only ever shared between calls.
        unsafe { instance.cast::<Self>().as_ref() }
    }

    /// The relay of this instance.
    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// Runs the author's code.
    ///
    /// # Errors
    /// It has panicked, now or earlier; the text says so.
    pub(crate) fn enter<T>(&self, function: &str, call: impl FnOnce(&A) -> T) -> Result<T, String> {
        if self.retired.load(Ordering::Relaxed) {
            return Err(format!("{function} is not called: the authenticator has panicked before"));
        }
        // Calls already under way on other threads share the instance only as far as the author's type is `Sync`, as
        // they would without the panic.
        caught(function, || call(&self.authenticator)).inspect_err(|text| {
            self.retired.store(true, Ordering::Relaxed);
            self.host.error(text);
        })
    }
}

/// Runs the author's code. Unwind safe because nothing that it has shared is entered again after a panic.
///
/// # Errors
/// It has panicked; the text says where and with which text.
pub(crate) fn caught<T>(function: &str, call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| format!("panic in {function}: {}", panic_text(payload)))
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
