//! A running instance of a plugin: the functions of its table, called as the ABI says.

use super::Plugin;
use crate::authenticator::callbacks::Callbacks;
use crate::authenticator::decider::{Decider, Gone};
use crate::authenticator::verdict::Request;
use pusu_plugin_abi as abi;
use std::sync::Arc;
use std::time::Duration;

/// A running instance. Dropping it destroys it.
pub(in crate::authenticator) struct Instance {
    plugin: Plugin,
    raw: *mut abi::Instance,
    /// Kept until `destroy` has returned, so that the plugin finds its host as long as it may call.
    host: Arc<dyn Callbacks>,
}

impl Instance {
    pub(super) fn new(plugin: Plugin, raw: *mut abi::Instance, host: Arc<dyn Callbacks>) -> Self {
        Self { plugin, raw, host }
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
            flags: if request.again { abi::REQ_AGAIN } else { 0 },
            ticket,
            timeout_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
            authorization: abi::Str::borrow(request.authorization.expose()),
            peer: abi::Str::borrow(request.peer.as_bytes()),
            attrs: attrs.as_ptr(),
            attrs_len: attrs.len(),
        };
        // SAFETY: the instance is alive, since `self` is; everything the request borrows outlives the call.
        Ok(unsafe { (self.plugin.authorize)(self.raw, &raw const asked) })
    }

    fn can_cancel(&self) -> bool {
        self.plugin.cancel.is_some()
    }

    fn cancel(&self, ticket: u64) {
        if let Some(cancel) = self.plugin.cancel {
            // SAFETY: the instance is alive, since `self` is.
            unsafe { cancel(self.raw, ticket) }
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        tracing::debug!(plugin = self.host.plugin(), "destroying the instance");
        // SAFETY: nobody else has the instance any more, and it is never used again.
        unsafe { (self.plugin.destroy)(self.raw) }
    }
}
