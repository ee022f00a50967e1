//! The tables that a plugin offers beyond its own, looked up right after `create`, and `pusu.check/1` without an instance.

use super::Plugin;
use crate::authenticator::decider::Offers;
use pusu_plugin_abi as abi;
use std::ffi::c_void;
use std::ptr;

/// Functions out of the plugin's tables.
#[derive(Clone, Copy, Default)]
pub(super) struct OfferedTables {
    pub(super) reload: Option<unsafe extern "C" fn(*mut abi::Instance) -> abi::Status>,
    pub(super) health: Option<unsafe extern "C" fn(*mut abi::Instance) -> i32>,
    pub(super) ended: Option<unsafe extern "C" fn(*mut abi::Instance, u64, i32)>,
    pub(super) adopted: Option<unsafe extern "C" fn(*mut abi::Instance, u64, abi::Str, u64)>,
}

impl OfferedTables {
    /// Of an instance that has just been made.
    pub(super) fn of(plugin: &Plugin, instance: *mut abi::Instance) -> Self {
        // SAFETY: the ids mean these types, and the tables are constants that live as long as the process.
        let reload: Option<abi::Reload> = unsafe { table(plugin, instance, abi::EXT_RELOAD) };
        // SAFETY: as above.
        let health: Option<abi::Health> = unsafe { table(plugin, instance, abi::EXT_HEALTH) };
        // SAFETY: as above.
        let heard = || unsafe { table::<abi::GrantsHeard>(plugin, instance, abi::EXT_GRANTS) };
        let heard = if plugin.flags & abi::F_GRANTS != 0 { heard() } else { None };
        Self {
            reload: reload.and_then(|table| table.reload),
            health: health.and_then(|table| table.health),
            ended: heard.and_then(|table| table.ended),
            adopted: heard.and_then(|table| table.adopted),
        }
    }

    /// Which there are.
    pub(super) fn offers(&self) -> Offers {
        Offers {
            reloads: self.reload.is_some(),
            tells_health: self.health.is_some(),
            hears: self.ended.is_some(),
            adopts: self.adopted.is_some(),
        }
    }
}

/// The plugin's function that checks options without an instance, if it has one.
pub(super) fn check(plugin: &Plugin) -> Option<unsafe extern "C" fn(*const abi::Host, abi::Str) -> abi::Status> {
    // SAFETY: as in `OfferedTables::of`.
    let table: Option<abi::Check> = unsafe { table(plugin, ptr::null_mut(), abi::EXT_CHECK) };
    table?.check
}

/// Where the plugin says that its table of this id is; NULL: nowhere.
pub(super) fn find(plugin: &Plugin, instance: *mut abi::Instance, id: &[u8]) -> *const c_void {
    let Some(extension) = plugin.extension else { return ptr::null() };
    // SAFETY: the instance lives or is NULL, which the ABI allows, and the id outlives the call.
    unsafe { extension(instance, abi::Str::borrow(id)) }
}

/// The plugin's table of this id; `None` if it has none, or one that is smaller than it has to be.
///
/// # Safety
/// `T` is what the id means, and begins with its size.
unsafe fn table<T: Copy>(plugin: &Plugin, instance: *mut abi::Instance, id: &str) -> Option<T> {
    let found = find(plugin, instance, id.as_bytes());
    if found.is_null() {
        return None;
    }
    // SAFETY: by the ABI any table begins with its size, and lives as long as the process.
    let size = unsafe { ptr::read_unaligned(found.cast::<u32>()) };
    if (size as usize) < size_of::<T>() {
        tracing::warn!(
            "a plugin's table `{id}` has {size} bytes, at least {} are expected: it is not used",
            size_of::<T>()
        );
        return None;
    }
    // SAFETY: it is large enough, by its own account, and the caller vouches for the type.
    Some(unsafe { ptr::read_unaligned(found.cast::<T>()) })
}
