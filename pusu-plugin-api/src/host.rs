//! The way back to the relay: its table of functions, usable from any thread until the instance is destroyed.
//!
//! **Invariant:** the relay's functions are called only while `open` holds true under a read lock. `close` takes the
//! write lock, so when it has returned no call is under way and none will follow, whatever handles are still kept.

use crate::facts::Facts;
use crate::verdict::Verdict;
use pusu_plugin_abi as abi;
use std::ffi::c_void;
use std::fmt::{self, Display};
use std::ptr::NonNull;
use std::sync::{Arc, PoisonError, RwLock};

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

/// How important a line in the relay's log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    /// Something failed and somebody has to do something.
    Error = 1,
    /// Something is not as it should be.
    Warn = 2,
    /// What an operator wants to know in normal times.
    Info = 3,
    /// For finding faults.
    Debug = 4,
    /// Every step.
    Trace = 5,
}

/// A handle to the relay: cheap to clone, usable from any thread. Handles that outlive their authenticator do nothing.
///
/// What is logged must never contain an authorization.
#[derive(Clone)]
pub struct Host(Arc<Link>);

struct Link {
    table: abi::Host,
    open: RwLock<bool>,
}

// SAFETY: the ABI allows the table's functions to be called from any thread at any time until `destroy` has returned,
// which `open` tracks; `ctx` is only ever handed back to them.
unsafe impl Send for Link {}
// SAFETY: as above: concurrent calls are allowed.
unsafe impl Sync for Link {}

impl Host {
    /// `None` if the pointer is null, or the table is not one of this ABI's major version and complete.
    ///
    /// # Safety
    /// `table` is null or points to a host table, the functions of which may be called as the ABI says until `close`
    /// has returned.
    pub(crate) unsafe fn from_raw(table: *const abi::Host) -> Option<Self> {
        if table.is_null() {
            return None;
        }
        // SAFETY: a host table of any version begins with these three fields.
        let (major, size) = unsafe { ((*table).abi_major, (*table).struct_size) };
        if major != abi::ABI_MAJOR || (size as usize) < size_of::<abi::Host>() {
            return None;
        }
        // SAFETY: it is of this version and large enough.
        let table = unsafe { *table };
        let complete =
            table.log.is_some() && table.complete.is_some() && table.set_error.is_some() && table.extension.is_some();
        complete.then(|| Self(Arc::new(Link { table, open: RwLock::new(true) })))
    }

    /// Ends every use of the table. Calls that are under way are waited for; the relay's functions do not block.
    pub(crate) fn close(&self) {
        *self.0.open.write().unwrap_or_else(PoisonError::into_inner) = false;
    }

    /// Calls `call` with the table, or not at all once it is closed.
    fn with_table<T>(&self, call: impl FnOnce(&abi::Host) -> Option<T>) -> Option<T> {
        let open = self.0.open.read().unwrap_or_else(PoisonError::into_inner);
        if *open { call(&self.0.table) } else { None }
    }

    /// Writes one line to the relay's log.
    pub fn log(&self, level: Level, text: impl Display) {
        // Formatted before the lock is taken: `Display` is the author's code and may itself log.
        let text = text.to_string();
        self.with_table(|table| {
            // SAFETY: the table is open, and the text outlives the call.
            table.log.map(|log| unsafe { log(table.ctx, level as i32, abi::Str::borrow(text.as_bytes())) })
        });
    }

    /// Logs what failed and needs somebody to do something.
    pub fn error(&self, text: impl Display) {
        self.log(Level::Error, text);
    }

    /// Logs what is not as it should be.
    pub fn warn(&self, text: impl Display) {
        self.log(Level::Warn, text);
    }

    /// Logs what an operator wants to know in normal times.
    pub fn info(&self, text: impl Display) {
        self.log(Level::Info, text);
    }

    /// Logs what helps to find faults.
    pub fn debug(&self, text: impl Display) {
        self.log(Level::Debug, text);
    }

    /// A further table of the relay's by id, such as `pusu.metrics/1`; `None` if this relay does not know it. What the
    /// pointer may be used for, and how long, is part of what the id means.
    pub fn extension(&self, id: &str) -> Option<NonNull<c_void>> {
        self.with_table(|table| {
            let extension = table.extension?;
            // SAFETY: the table is open, and the id outlives the call.
            let found = unsafe { extension(table.ctx, abi::Str::borrow(id.as_bytes())) };
            NonNull::new(found.cast_mut())
        })
    }

    /// Where the plugin's library and its folders are, and how long it may take; `None`: the relay is older than that.
    ///
    /// ```
    /// # use pusu_plugin_api::{CreateError, Host};
    /// # use std::path::PathBuf;
    /// /// The file with the plugin's memory, where the operator has given a folder for such.
    /// fn memory(host: &Host) -> Option<PathBuf> {
    ///     Some(host.facts()?.state_dir?.join("my-authenticator.db"))
    /// }
    /// ```
    pub fn facts(&self) -> Option<Facts> {
        self.with_table(|table| {
            let extension = table.extension?;
            // SAFETY: the table is open, and the id outlives the call.
            let found = unsafe { extension(table.ctx, abi::Str::borrow(abi::EXT_HOST.as_bytes())) };
            // SAFETY: what this id means is null or a table of facts, which lives as long as the host's table is open.
            unsafe { Facts::from_raw(found.cast()) }
        })
    }

    /// Says why `create` is about to fail.
    pub(crate) fn set_error(&self, text: &str) {
        self.with_table(|table| {
            // SAFETY: the table is open, and the text outlives the call.
            table.set_error.map(|set_error| unsafe { set_error(table.ctx, abi::Str::borrow(text.as_bytes())) })
        });
    }

    /// Answers a request; what the relay's function returned, or `None` if it was not called any more.
    pub(crate) fn complete(&self, ticket: u64, verdict: &Verdict) -> Option<i32> {
        verdict.raw(|raw| {
            self.with_table(|table| {
                // SAFETY: the table is open, and the verdict with everything it borrows outlives the call.
                table.complete.map(|complete| unsafe { complete(table.ctx, ticket, raw) })
            })
        })
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Host")
    }
}
