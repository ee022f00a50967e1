//! The tables of facts (`pusu.host/1`, `pusu.entry/1`).
//!
//! **Invariant:** what a plugin was given is never freed or changed.

use crate::authenticator::facts::{EntryFacts, Facts};
use pusu_plugin_abi as abi;
use std::sync::{Mutex, PoisonError};

/// Facts as the ABI lays them out. What they borrow is never freed or changed.
struct FactsTable(abi::HostFacts);

// SAFETY: constant, and so is everything it points to.
unsafe impl Send for FactsTable {}
// SAFETY: as above.
unsafe impl Sync for FactsTable {}

/// The table of these facts. Kept for ever, since a thread of the plugin that outlives `destroy` must not read freed
/// memory; but once for all instances with the same ones, so that they do not add up.
pub(super) fn facts_table(facts: &Facts) -> &'static abi::HostFacts {
    static ALL: Mutex<Vec<(&'static Facts, &'static FactsTable)>> = Mutex::new(Vec::new());
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, table)) = all.iter().find(|(known, _)| *known == facts) {
        return &table.0;
    }
    let facts: &'static Facts = Box::leak(Box::new(facts.clone()));
    let table: &'static FactsTable = Box::leak(Box::new(FactsTable(abi::HostFacts {
        struct_size: size_of::<abi::HostFacts>() as u32,
        isolation: facts.isolation,
        version: abi::Str::borrow(env!("CARGO_PKG_VERSION").as_bytes()),
        relay: abi::Str::borrow(facts.relay.as_bytes()),
        settings_dir: abi::Str::borrow(&facts.settings_dir),
        state_dir: abi::Str::borrow(&facts.state_dir),
        library: abi::Str::borrow(&facts.library),
        create_timeout_ms: facts.create_timeout_ms,
        destroy_timeout_ms: facts.destroy_timeout_ms,
    })));
    all.push((facts, table));
    &table.0
}

/// The table of these facts, kept for ever and made once, as above.
pub(super) fn entry_table(facts: EntryFacts) -> &'static abi::Entry {
    static ALL: Mutex<Vec<&'static abi::Entry>> = Mutex::new(Vec::new());
    let EntryFacts { index, count, authorize_timeout_ms } = facts;
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    let known = |table: &&abi::Entry| {
        (table.index, table.count, table.authorize_timeout_ms) == (index, count, authorize_timeout_ms)
    };
    if let Some(table) = all.iter().copied().find(known) {
        return table;
    }
    let struct_size = size_of::<abi::Entry>() as u32;
    let table = Box::leak(Box::new(abi::Entry { struct_size, index, count, reserved: 0, authorize_timeout_ms }));
    all.push(table);
    table
}
