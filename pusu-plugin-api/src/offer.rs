//! The tables behind the traits in `offered`, and the functions that they point to.
//!
//! **Invariant:** as in `entry`: no panic leaves a function here. **Invariant:** a table is a constant, and is found
//! without looking at the instance, which may be null.

use crate::authenticator::AsyncAuthenticator;
use crate::entry::{Instance, caught};
use crate::host::Host;
use crate::link::bytes;
use crate::offered::{Check, Condition, Ended, Grants, Health, Reload};
use crate::request::Ticket;
use pusu_plugin_abi as abi;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr;
use std::time::{Duration, UNIX_EPOCH};

/// One table, and the flags of the manifest that it needs.
#[derive(Clone, Copy)]
pub struct Offered {
    id: &'static str,
    flags: u32,
    table: *const c_void,
}

// SAFETY: the pointer leads to a constant, which is never changed.
unsafe impl Sync for Offered {}

/// What the expansion of the macro offers. A static behind it, so that each table has one address.
pub trait Offers: 'static {
    /// All tables.
    const OFFERED: &'static [Offered];
}

/// Whether the plugin's `flags` are there that the tables need.
pub(crate) const fn flags_fit(offered: &[Offered], flags: u32) -> bool {
    let mut at = 0;
    while at < offered.len() {
        if flags & offered[at].flags != offered[at].flags {
            return false;
        }
        at += 1;
    }
    true
}

/// # Safety
/// As the ABI says: `id` lives for the call. The instance is not looked at.
pub(crate) unsafe extern "C" fn extension<O: Offers>(_instance: *mut abi::Instance, id: abi::Str) -> *const c_void {
    // SAFETY: the caller promises that the id lives for the call.
    let id = unsafe { bytes(id) };
    let found = O::OFFERED.iter().find(|offered| offered.id.as_bytes() == id);
    found.map_or(ptr::null(), |offered| offered.table)
}

struct Tables<A>(PhantomData<A>);

const fn offered<T>(id: &'static str, flags: u32, table: &'static T) -> Offered {
    Offered { id, flags, table: ptr::from_ref(table).cast() }
}

// Named as the traits are, so that the macro finds them by the names in its list.
/// The table of an author's [`Reload`].
#[allow(non_snake_case)]
pub const fn Reload<A: Reload>() -> Offered {
    offered(abi::EXT_RELOAD, 0, Tables::<A>::RELOAD)
}

/// The table of an author's [`Check`].
#[allow(non_snake_case)]
pub const fn Check<A: Check>() -> Offered {
    offered(abi::EXT_CHECK, 0, Tables::<A>::CHECK)
}

/// The table of an author's [`Health`].
#[allow(non_snake_case)]
pub const fn Health<A: Health>() -> Offered {
    offered(abi::EXT_HEALTH, 0, Tables::<A>::HEALTH)
}

/// The table of an author's [`Grants`].
#[allow(non_snake_case)]
pub const fn Grants<A: Grants>() -> Offered {
    offered(abi::EXT_GRANTS, abi::F_GRANTS, Tables::<A>::GRANTS)
}

impl<A: Reload> Tables<A> {
    const RELOAD: &'static abi::Reload =
        &abi::Reload { struct_size: size_of::<abi::Reload>() as u32, reserved: 0, reload: Some(reload::<A>) };
}

impl<A: Check> Tables<A> {
    const CHECK: &'static abi::Check =
        &abi::Check { struct_size: size_of::<abi::Check>() as u32, reserved: 0, check: Some(check::<A>) };
}

impl<A: Health> Tables<A> {
    const HEALTH: &'static abi::Health =
        &abi::Health { struct_size: size_of::<abi::Health>() as u32, reserved: 0, health: Some(health::<A>) };
}

impl<A: Grants> Tables<A> {
    const GRANTS: &'static abi::GrantsHeard = &abi::GrantsHeard {
        struct_size: size_of::<abi::GrantsHeard>() as u32,
        reserved: 0,
        ended: Some(ended::<A>),
        adopted: Some(adopted::<A>),
    };
}

/// # Safety
/// As the ABI says: `instance` came out of `create` and lives.
unsafe extern "C" fn reload<A: Reload>(instance: *mut abi::Instance) -> abi::Status {
    // SAFETY: as the caller promises.
    let Some(instance) = (unsafe { Instance::<A>::shared(instance) }) else { return abi::ERR };
    match instance.enter("reload", A::reload) {
        Ok(Ok(())) => abi::OK,
        Ok(Err(error)) => {
            instance.host().set_error(error.text());
            error.status()
        }
        Err(text) => {
            instance.host().set_error(&text);
            abi::ERR_PANIC
        }
    }
}

/// # Safety
/// As the ABI says: `host` points to a host table, and `options_json` lives, both for the call.
unsafe extern "C" fn check<A: Check>(host: *const abi::Host, options_json: abi::Str) -> abi::Status {
    // SAFETY: the caller promises a host table for this call, and it is closed below.
    let Some(host) = (unsafe { Host::from_raw(host) }) else { return abi::ERR_ABI };
    let checked = caught("check", || {
        // SAFETY: the options live for the call, and what is made of them owns its memory.
        let options = crate::options::from_json::<<A as AsyncAuthenticator>::Options>(unsafe { bytes(options_json) })?;
        A::check(options, &host)
    });
    let status = match checked {
        Ok(Ok(())) => abi::OK,
        Ok(Err(error)) => {
            host.set_error(error.text());
            error.status()
        }
        Err(text) => {
            host.set_error(&text);
            abi::ERR_PANIC
        }
    };
    host.close();
    status
}

/// # Safety
/// As the ABI says: `instance` came out of `create` and lives.
unsafe extern "C" fn health<A: Health>(instance: *mut abi::Instance) -> i32 {
    // SAFETY: as the caller promises.
    let Some(instance) = (unsafe { Instance::<A>::shared(instance) }) else { return abi::HEALTH_BAD };
    let (state, why) = match instance.enter("health", A::health) {
        Ok(Condition::Good) => return abi::HEALTH_GOOD,
        Ok(Condition::Degraded(why)) => (abi::HEALTH_DEGRADED, why),
        Ok(Condition::Bad(why)) => (abi::HEALTH_BAD, why),
        Err(text) => (abi::HEALTH_BAD, text),
    };
    instance.host().set_error(&why);
    state
}

/// # Safety
/// As the ABI says: `instance` came out of `create` and lives.
unsafe extern "C" fn ended<A: Grants>(instance: *mut abi::Instance, ticket: u64, why: i32) {
    // SAFETY: as the caller promises.
    if let Some(instance) = unsafe { Instance::<A>::shared(instance) } {
        // A panic is logged, and retires the instance: the next `authorize` tells the host.
        let _ = instance.enter("ended", |author| author.ended(Ticket(ticket), Ended::from(why)));
    }
}

/// # Safety
/// As the ABI says: `instance` came out of `create` and lives; `subject` lives for the call.
unsafe extern "C" fn adopted<A: Grants>(
    instance: *mut abi::Instance,
    ticket: u64,
    subject: abi::Str,
    expires_unix_ms: u64,
) {
    // SAFETY: as the caller promises.
    if let Some(instance) = unsafe { Instance::<A>::shared(instance) } {
        // SAFETY: the caller promises that it lives for the call.
        let subject = String::from_utf8_lossy(unsafe { bytes(subject) });
        let expires = (expires_unix_ms > 0).then(|| Duration::from_millis(expires_unix_ms));
        // A time that the system cannot say is as good as none.
        let expires = expires.and_then(|since| UNIX_EPOCH.checked_add(since));
        // As in `ended`.
        let _ = instance.enter("adopted", |author| author.adopted(Ticket(ticket), &subject, expires));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authenticator::{Authenticator, NoOptions};
    use crate::error::CreateError;
    use crate::export::{About, manifest};
    use crate::request::Request;
    use crate::verdict::Verdict;

    struct Hears;

    impl Authenticator for Hears {
        type Options = NoOptions;

        fn create(_: NoOptions, _: Host) -> Result<Self, CreateError> {
            Ok(Self)
        }

        fn authorize(&self, _: &Request<'_>) -> Verdict {
            Verdict::abstain()
        }
    }

    impl crate::Grants for Hears {
        fn ended(&self, _: Ticket, _: Ended) {}
    }

    impl Offers for Hears {
        const OFFERED: &'static [Offered] = &[Grants::<Self>()];
    }

    /// The macro does this while the plugin is compiled, where the panic is an error of the compiler.
    #[test]
    fn whoever_hears_of_grants_says_so_in_the_flags() {
        let about = |flags| About {
            id: "Hears",
            version: "",
            license: "",
            description: "",
            options: &[],
            flags,
            needs: &["pusu.grants/1"],
        };
        assert_eq!(manifest::<Hears, Hears>(&about(abi::F_GRANTS)).flags, abi::F_GRANTS);
        let panic = std::panic::catch_unwind(|| manifest::<Hears, Hears>(&about(abi::F_SERIAL)).flags).unwrap_err();
        let text = panic.downcast_ref::<&str>().unwrap();
        assert!(text.contains("with `Grants`, `flags` must have GRANTS"), "{text}");
    }
}
