//! A running instance of a plugin: the functions of its table, called as the ABI says.

use super::Plugin;
use super::offers::OfferedTables;
use crate::authenticator::callbacks::Callbacks;
use crate::authenticator::decider::{Condition, Decider, Gone, Offers};
use crate::authenticator::grants::Heard;
use crate::authenticator::verdict::Request;
use pusu_plugin_abi as abi;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A running instance. Dropping it destroys it.
pub(in crate::authenticator) struct Instance {
    pub(super) plugin: Plugin,
    pub(super) raw: *mut abi::Instance,
    /// Kept until `destroy` has returned, so that the plugin finds its host as long as it may call.
    host: Arc<dyn Callbacks>,
    offered: OfferedTables,
    /// Of a SERIAL plugin: held during each call, whichever function it is.
    turn: Option<Mutex<()>>,
}

impl Instance {
    pub(super) fn new(plugin: Plugin, raw: *mut abi::Instance, host: Arc<dyn Callbacks>) -> Self {
        let turn = (plugin.flags & abi::F_SERIAL != 0).then(Mutex::default);
        Self { plugin, raw, host, offered: OfferedTables::of(&plugin, raw), turn }
    }

    /// Waits until no other call is in a SERIAL plugin. Others have no such turns.
    fn take_turn(&self) -> Option<MutexGuard<'_, ()>> {
        self.turn.as_ref().map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The reason that the plugin has given through `set_error`; empty: none.
    fn said(&self) -> String {
        self.host.last_error().take().unwrap_or_default()
    }
}

// SAFETY: the pointer is only handed back to the plugin, whose `authorize` and `cancel` take it on any thread, and
// `destroy` runs with exclusive access, when the last owner drops the instance.
unsafe impl Send for Instance {}
// SAFETY: as above; `authorize` and `cancel` may be called concurrently ([any] in the header).
unsafe impl Sync for Instance {}

impl Decider for Instance {
    fn authorize(&self, ticket: u64, left: Duration, request: &Request) -> Result<abi::Status, Gone> {
        let attrs: Vec<_> = request
            .attributes
            .iter()
            .map(|(key, value)| abi::Attr {
                key: abi::Str::borrow(key.as_bytes()),
                value: abi::Str::borrow(value.as_bytes()),
            })
            .collect();
        let asked = abi::Request {
            struct_size: size_of::<abi::Request>() as u32,
            flags: flags(request),
            ticket,
            timeout_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
            authorization: abi::Str::borrow(request.authorization.expose()),
            peer: abi::Str::borrow(request.peer.as_bytes()),
            attrs: attrs.as_ptr(),
            attrs_len: attrs.len(),
        };
        let _turn = self.take_turn();
        // SAFETY: the instance is alive, since `self` is; everything the request borrows outlives the call.
        Ok(unsafe { (self.plugin.authorize)(self.raw, &raw const asked) })
    }

    fn can_cancel(&self) -> bool {
        self.plugin.cancel.is_some()
    }

    fn cancel(&self, ticket: u64) {
        if let Some(cancel) = self.plugin.cancel {
            let _turn = self.take_turn();
            // SAFETY: the instance is alive, since `self` is.
            unsafe { cancel(self.raw, ticket) }
        }
    }

    fn offers(&self) -> Offers {
        self.offered.offers()
    }

    fn reload(&self) -> Result<(), String> {
        let Some(reload) = self.offered.reload else { return Err("it cannot reload".to_owned()) };
        let _turn = self.take_turn();
        // What was said before is about something else.
        self.said();
        // SAFETY: the instance is alive, since `self` is.
        match unsafe { reload(self.raw) } {
            abi::OK => Ok(()),
            status => match self.said() {
                reason if reason.is_empty() => Err(format!("status {status}, {}", super::NO_REASON)),
                reason => Err(reason),
            },
        }
    }

    fn health(&self) -> Result<Condition, Gone> {
        let Some(health) = self.offered.health else { return Ok(Condition::default()) };
        let _turn = self.take_turn();
        self.said();
        // SAFETY: the instance is alive, since `self` is.
        let state = unsafe { health(self.raw) };
        Ok(Condition::of(state, self.said()))
    }

    fn hear(&self, _epoch: u64, heard: &Heard) -> Result<(), Gone> {
        let _turn = self.take_turn();
        match (heard, self.offered.ended, self.offered.adopted) {
            // SAFETY: the instance is alive, since `self` is.
            (Heard::Ended(ticket, why), Some(ended), _) => unsafe { ended(self.raw, *ticket, *why) },
            (Heard::Adopted(ticket, subject, expires), _, Some(adopted)) => {
                // SAFETY: as above, and the subject outlives the call.
                unsafe { adopted(self.raw, *ticket, abi::Str::borrow(subject.as_bytes()), *expires) }
            }
            _ => {}
        }
        Ok(())
    }
}

/// What the ABI says of a request in bits.
fn flags(request: &Request) -> u32 {
    let Request { encrypted, again, recheck, .. } = *request;
    let bits = [(encrypted, abi::REQ_TLS), (again, abi::REQ_AGAIN), (recheck, abi::REQ_RECHECK)];
    bits.into_iter().filter(|(is_set, _)| *is_set).map(|(_, bit)| bit).sum()
}

impl Drop for Instance {
    fn drop(&mut self) {
        tracing::debug!(plugin = self.host.plugin(), "destroying the instance");
        // SAFETY: nobody else has the instance any more, and it is never used again.
        unsafe { (self.plugin.destroy)(self.raw) }
    }
}
