//! The tables that a plugin offers beside its own, called as a relay calls them.

use super::{Driven, Memory, host_table, no_extension};
use pusu_plugin_api::abi;
use std::ptr;

/// What a check returned, the text of `set_error`, and the lines of the log.
pub type Checked = (abi::Status, String, Vec<(i32, String)>);

/// Asks the plugin whether options are good, without an instance: what it returns, the error, and the lines of the log.
/// `None`: it does not offer that.
pub fn check(entry: abi::EntryFn, options_json: &str) -> Option<Checked> {
    // SAFETY: any number may be asked for; the table is constant.
    let plugin = unsafe { entry(abi::ABI_MAJOR).as_ref() }.expect("the version this was built for is there");
    let extension = plugin.extension?;
    // SAFETY: the instance may be null, and what this id means is null or such a table.
    let table = unsafe { extension(ptr::null_mut(), abi::Str::borrow(abi::EXT_CHECK.as_bytes())).cast::<abi::Check>() };
    // SAFETY: as above.
    let check = unsafe { table.as_ref() }?;
    assert_eq!(check.struct_size as usize, size_of::<abi::Check>());
    let memory = Box::<Memory>::default();
    let host = host_table(&memory, no_extension);
    // SAFETY: the host and the options live for the call.
    let status = unsafe { check.check.expect("check is there")(&host, abi::Str::borrow(options_json.as_bytes())) };
    let seen = memory.seen.lock().unwrap();
    Some((status, seen.error.clone(), seen.logs.clone()))
}

impl Driven {
    /// A table of the plugin's, which begins with its size.
    pub fn table<T>(&self, id: &str) -> Option<&T> {
        // SAFETY: what these ids mean is null or a `T`, which lives as long as the process.
        let table = unsafe { self.extension(id).cast::<T>().as_ref() }?;
        // SAFETY: each table begins with its size.
        assert_eq!(unsafe { *ptr::from_ref(table).cast::<u32>() } as usize, size_of::<T>(), "{id}");
        Some(table)
    }

    /// Reloads: the status, and the text of `set_error`.
    pub fn reload(&self) -> (abi::Status, String) {
        let table: &abi::Reload = self.table(abi::EXT_RELOAD).expect("reload is offered");
        self.memory.seen.lock().unwrap().error.clear();
        // SAFETY: the instance lives.
        (unsafe { table.reload.expect("it is there")(self.instance) }, self.error())
    }

    /// Asks how it is: the number, and the text of `set_error`.
    pub fn health(&self) -> (i32, String) {
        let table: &abi::Health = self.table(abi::EXT_HEALTH).expect("health is offered");
        self.memory.seen.lock().unwrap().error.clear();
        // SAFETY: the instance lives.
        (unsafe { table.health.expect("it is there")(self.instance) }, self.error())
    }

    pub fn ended(&self, ticket: u64, why: i32) {
        let table: &abi::GrantsHeard = self.table(abi::EXT_GRANTS).expect("grants are heard of");
        // SAFETY: the instance lives.
        unsafe { table.ended.expect("it is there")(self.instance, ticket, why) }
    }

    pub fn adopted(&self, ticket: u64, subject: &str, expires_unix_ms: u64) {
        let table: &abi::GrantsHeard = self.table(abi::EXT_GRANTS).expect("grants are heard of");
        let adopted = table.adopted.expect("it is there");
        // SAFETY: the instance lives, and the subject lives for the call.
        unsafe { adopted(self.instance, ticket, abi::Str::borrow(subject.as_bytes()), expires_unix_ms) }
    }
}
