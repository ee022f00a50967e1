//! The relay's tables behind a [`Host`](crate::Host), and the lock that ends their use.
//!
//! **Invariant:** the relay's functions are called only while `open` holds true under a read lock. `close` takes the
//! write lock, so when it has returned no call is under way and none will follow, whatever handles are still kept.

use pusu_plugin_abi as abi;
use std::any::Any;
use std::ffi::c_void;
use std::sync::{PoisonError, RwLock};

/// The bytes behind a borrowed string.
///
/// # Safety
/// What `text` points to stays valid and unchanged for `'a`.
pub(crate) unsafe fn bytes<'a>(text: abi::Str) -> &'a [u8] {
    if text.ptr.is_null() {
        return &[];
    }
    // SAFETY: not null, and the caller promises the rest.
    unsafe { std::slice::from_raw_parts(text.ptr, text.len) }
}

/// The tables of one relay for one instance. Those that the relay does not have are `None`.
#[derive(Clone, Copy)]
pub(crate) struct Tables {
    pub(crate) host: abi::Host,
    pub(crate) log: Option<abi::Log>,
    pub(crate) grants: Option<abi::Grants>,
    pub(crate) metrics: Option<abi::Metrics>,
}

pub(crate) struct Link {
    tables: Tables,
    open: RwLock<bool>,
    /// What the tables' functions use, where a test has made them.
    _kept: Option<Box<dyn Any + Send + Sync>>,
}

// SAFETY: the ABI allows the tables' functions to be called from any thread at any time until `destroy` has returned,
// which `open` tracks; `ctx` is only ever handed back to them.
unsafe impl Send for Link {}
// SAFETY: as above: concurrent calls are allowed.
unsafe impl Sync for Link {}

impl Link {
    /// `None` if the pointer is null, or the table is not one of this ABI's major version and complete. `kept` is
    /// dropped after the last use of the tables.
    ///
    /// # Safety
    /// `table` is null or points to a host table, the functions of which may be called as the ABI says until `close`
    /// has returned.
    pub(crate) unsafe fn from_raw(table: *const abi::Host, kept: Option<Box<dyn Any + Send + Sync>>) -> Option<Self> {
        if table.is_null() {
            return None;
        }
        // SAFETY: a host table of any version begins with these three fields.
        let (major, size) = unsafe { ((*table).abi_major, (*table).struct_size) };
        if major != abi::ABI_MAJOR || (size as usize) < size_of::<abi::Host>() {
            return None;
        }
        // SAFETY: it is of this version and large enough.
        let host = unsafe { *table };
        if host.log.is_none() || host.complete.is_none() || host.set_error.is_none() {
            return None;
        }
        let extension = host.extension?;
        // SAFETY: the caller promises that the function may be called now, and the id outlives the call.
        let found = |id: &str| unsafe { extension(host.ctx, abi::Str::borrow(id.as_bytes())) };
        // SAFETY: what these ids mean is null or such a table, which lives as long as the host's.
        let (log, grants, metrics) = unsafe {
            (
                copied::<abi::Log>(found(abi::EXT_LOG)),
                copied::<abi::Grants>(found(abi::EXT_GRANTS)),
                copied::<abi::Metrics>(found(abi::EXT_METRICS)),
            )
        };
        Some(Self { tables: Tables { host, log, grants, metrics }, open: RwLock::new(true), _kept: kept })
    }

    /// Ends every use of the tables. Calls that are under way are waited for; the relay's functions do not block.
    pub(crate) fn close(&self) {
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = false;
    }

    /// Calls `call` with the tables, or not at all once they are closed. The functions may be called in it, and what is
    /// found through `extension` may be read.
    pub(crate) fn with_tables<T>(&self, call: impl FnOnce(&Tables) -> Option<T>) -> Option<T> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        if *open { call(&self.tables) } else { None }
    }

    /// Whether the relay had such a table when this was made; true or false for good.
    pub(crate) fn has(&self, table: impl FnOnce(&Tables) -> bool) -> bool {
        table(&self.tables)
    }
}

/// A copy of a table that begins with its size; `None` if it is null or smaller than a `T`.
///
/// # Safety
/// `table` is null, or points to a table of the id that a `T` belongs to, which lives for this call.
pub(crate) unsafe fn copied<T: Copy>(table: *const c_void) -> Option<T> {
    // SAFETY: null, or a table, and those begin with their size.
    let size = unsafe { table.cast::<u32>().as_ref() }?;
    // SAFETY: it is large enough, and the caller promises that it lives.
    (*size as usize >= size_of::<T>()).then(|| unsafe { *table.cast::<T>() })
}
