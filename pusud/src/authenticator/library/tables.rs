//! Tables of a plugin as the conformance kit looks at them: where they are, and whether they keep the rules.

use super::{Instance, Plugin, offers};
use pusu_plugin_abi as abi;
use std::ffi::c_void;
use std::ptr;

/// The place of a table, which can be compared and looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::authenticator) struct Place(*const c_void);

// SAFETY: by the ABI it leads to a constant that lives as long as the process.
unsafe impl Send for Place {}
// SAFETY: as above.
unsafe impl Sync for Place {}

impl Plugin {
    /// Asks for a table without an instance.
    pub(in crate::authenticator) fn look_up(&self, id: &[u8]) -> Option<Place> {
        place(offers::find(self, ptr::null_mut(), id))
    }
}

impl Instance {
    /// Asks for a table of this instance's.
    pub(in crate::authenticator) fn look_up(&self, id: &[u8]) -> Option<Place> {
        place(offers::find(&self.plugin, self.raw, id))
    }
}

fn place(found: *const c_void) -> Option<Place> {
    (!found.is_null()).then_some(Place(found))
}

impl Place {
    /// Looks at the table, which was found under `id`.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(in crate::authenticator) fn check(self, id: &str) -> Result<(), String> {
        let (expected, function) = match id {
            abi::EXT_GRANTS => (size_of::<abi::GrantsHeard>(), "ended"),
            abi::EXT_RELOAD => (size_of::<abi::Reload>(), "reload"),
            abi::EXT_CHECK => (size_of::<abi::Check>(), "check"),
            abi::EXT_HEALTH => (size_of::<abi::Health>(), "health"),
            _ => return Ok(()),
        };
        // SAFETY: by the ABI any table begins with its size.
        let size = unsafe { ptr::read_unaligned(self.0.cast::<u32>()) };
        if size as usize != expected {
            return Err(format!("has the struct_size {size}, expected is {expected}"));
        }
        // SAFETY: it is large enough by its own account, and each of these tables begins with two numbers and has
        // functions behind them, of which the first may not be NULL.
        let (reserved, first) = unsafe {
            let behind = self.0.cast::<u32>().add(1);
            (ptr::read_unaligned(behind), ptr::read_unaligned(behind.add(1).cast::<*const c_void>()))
        };
        if reserved != 0 {
            return Err(format!("has {reserved} in `reserved`, which is 0 until the ABI gives it a meaning"));
        }
        if first.is_null() { Err(format!("has no function `{function}`: it is NULL")) } else { Ok(()) }
    }
}
