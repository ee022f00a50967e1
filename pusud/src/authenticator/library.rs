//! The border between the daemon and a plugin: this file and those below it are the daemon's only unsafe code.
//!
//! Loads a checked image, proves and checks what it offers, calls its functions, and answers its calls. What comes in
//! is copied out at once, within bounds, and handed to safe code (host.rs, answer.rs, workers.rs).
//! **Invariant:** a library, once loaded, stays loaded: its functions and constants live as long as the process.
//! **Invariant:** no pointer from a plugin is kept but the instance, which is only ever handed back.
#![allow(unsafe_code)]

mod copy;
mod facts;
mod grants;
mod host_table;
mod instance;
mod log;
mod metrics;
mod offers;
mod system;
mod tables;

pub(super) use instance::Instance;
#[cfg(unix)]
pub(super) use system::close_inherited;
pub(super) use system::locale;
pub(super) use tables::Place;

use super::callbacks::Callbacks;
use super::exit;
use super::manifest::Manifest;
use super::proof;
use abi_stable::library::{AbiHeaderRef, ROOT_MODULE_LOADER_NAME_WITH_NUL};
use anyhow::{Context, Result, anyhow, bail, ensure};
use libloading::{Library, Symbol};
use pusu_plugin_abi as abi;
use std::ffi::c_void;
use std::path::Path;
use std::ptr;
use std::sync::Arc;

/// Stands where a plugin that fails says nothing.
pub(super) const NO_REASON: &str = "it gives no reason";

/// How the message begins where the options are wrong.
pub(super) const WRONG_OPTIONS: &str = "does not take its options";

/// A loaded plugin, checked and ready to make instances.
#[derive(Clone, Copy)]
pub(super) struct Plugin {
    create: unsafe extern "C" fn(*const abi::Host, abi::Str, *mut *mut abi::Instance) -> abi::Status,
    destroy: unsafe extern "C" fn(*mut abi::Instance),
    authorize: unsafe extern "C" fn(*mut abi::Instance, *const abi::Request) -> abi::Status,
    cancel: Option<unsafe extern "C" fn(*mut abi::Instance, u64)>,
    extension: Option<unsafe extern "C" fn(*mut abi::Instance, abi::Str) -> *const c_void>,
    flags: u32,
}

impl Plugin {
    /// Loads the image, whose file `manifest` was read from, and checks everything that can be checked without making
    /// an instance. Runs the library's initialisers.
    ///
    /// # Errors
    /// The system cannot load it, or it is not what its file said, or its table is not usable.
    pub(super) fn load(image: &Path, manifest: &Manifest) -> Result<Self> {
        let library =
            system::open(image).context("cannot be loaded; does it need another library that is not installed?")?;
        // Behind the library's own, so before them: they run last in, first out.
        exit::watch(&manifest.id, system::register_at_exit);
        // Also where a check below fails: its initialisers have run, and may have left threads and pointers behind.
        let library: &'static Library = Box::leak(Box::new(library));
        // SAFETY: the symbol's address is where the export table says that the manifest's bytes are; all values are
        // valid for bytes, and the library is never unloaded.
        let loaded: [u8; abi::MANIFEST_BYTES] = unsafe {
            let symbol: Symbol<'_, *const [u8; abi::MANIFEST_BYTES]> = library.get(abi::MANIFEST_SYMBOL)?;
            ptr::read_unaligned(*symbol)
        };
        ensure!(
            loaded == *manifest.raw(),
            "has another manifest in memory than in its file; the manifest has to be constant data (PUSU_MANIFEST)"
        );
        // SAFETY: where abi_stable's header is exported, its address is that of an `AbiHeader`, which is what an
        // `AbiHeaderRef` points to; its magic is checked before anything else of it is believed.
        let header =
            unsafe { library.get::<AbiHeaderRef>(ROOT_MODULE_LOADER_NAME_WITH_NUL).ok().map(|header| *header) };
        if let Some(header) = header {
            proof::check(header)?;
        }
        // SAFETY: the ABI gives this symbol this type, and the manifest says that the plugin speaks the ABI.
        let table = unsafe {
            let entry: Symbol<'_, abi::EntryFn> = library.get(abi::ENTRY_SYMBOL)?;
            entry(abi::ABI_MAJOR)
        };
        Self::check(table, manifest)
    }

    fn check(table: *const abi::Authenticator, manifest: &Manifest) -> Result<Self> {
        ensure!(
            !table.is_null(),
            "gives no table for plugin ABI {}, though its manifest says it has one",
            abi::ABI_MAJOR
        );
        // SAFETY: not NULL, so by the ABI a constant table that lives as long as the process, and one of any version
        // begins with these four numbers.
        let [major, minor, size, flags] = unsafe { ptr::read_unaligned(table.cast::<[u32; 4]>()) };
        ensure!(
            major == abi::ABI_MAJOR && size as usize == size_of::<abi::Authenticator>(),
            "has a table of ABI {major}.{minor} and {size} bytes, expected are ABI {}.{} and {} bytes; build it again \
             with an unchanged header or SDK",
            abi::ABI_MAJOR,
            abi::ABI_MINOR,
            size_of::<abi::Authenticator>()
        );
        ensure!(
            flags == manifest.flags,
            "has the flags {flags:#x} in its table and {:#x} in its manifest; they have to be the same",
            manifest.flags
        );
        // SAFETY: as above, and its size is that of this struct.
        let table = unsafe { ptr::read_unaligned(table) };
        let (Some(create), Some(destroy), Some(authorize)) = (table.create, table.destroy, table.authorize) else {
            bail!("has a table in which `create`, `destroy` or `authorize` is NULL; all three are needed");
        };
        Ok(Self { create, destroy, authorize, cancel: table.cancel, extension: table.extension, flags })
    }

    /// Makes an instance that answers to `host`. `options_json` is one JSON object.
    ///
    /// # Errors
    /// The plugin refuses, in its own words.
    pub(super) fn create(self, host: Arc<dyn Callbacks>, options_json: &str) -> Result<Instance> {
        let table = host_table::of(&*host);
        let mut raw = ptr::null_mut();
        // SAFETY: the table lives for ever, the options for the call, and `raw` can be written to.
        let status = unsafe { (self.create)(table, abi::Str::borrow(options_json.as_bytes()), &raw mut raw) };
        match status {
            abi::OK if raw.is_null() => bail!("says that an instance is made, but gives none (`*out` is NULL)"),
            abi::OK => Ok(Instance::new(self, raw, host)),
            status => Err(failure(status, "create", &*host)),
        }
    }

    /// Checks options: as the plugin does it without an instance, or by making one and destroying it.
    ///
    /// # Errors
    /// The plugin refuses them, in its own words.
    pub(super) fn try_options(self, host: Arc<dyn Callbacks>, options_json: &str) -> Result<()> {
        match self.check_options(&*host, options_json) {
            Some(checked) => checked,
            None => self.create(host, options_json).map(drop),
        }
    }

    /// Checks options as the plugin does it without an instance; `None`: it has no way to (`pusu.check/1`).
    ///
    /// # Errors
    /// The plugin refuses them, in its own words.
    pub(super) fn check_options(self, host: &dyn Callbacks, options_json: &str) -> Option<Result<()>> {
        let check = offers::check(&self)?;
        let table = host_table::for_check(host);
        // SAFETY: the table lives for ever, and the options for the call.
        let status = unsafe { check(table, abi::Str::borrow(options_json.as_bytes())) };
        Some(if status == abi::OK { Ok(()) } else { Err(failure(status, "check", host)) })
    }
}

/// Words for a function of the plugin that has failed.
fn failure(status: abi::Status, function: &str, host: &dyn Callbacks) -> anyhow::Error {
    let said = host.last_error().take().unwrap_or_else(|| NO_REASON.to_owned());
    match status {
        abi::ERR_CONFIG => anyhow!("{WRONG_OPTIONS}, correct them in the settings: {said}"),
        abi::ERR_ABI => anyhow!("cannot do without something that this daemon lacks: {said}"),
        abi::ERR_PANIC => anyhow!("panicked in `{function}`: {said}"),
        other => anyhow!("failed in `{function}` (status {other}): {said}"),
    }
}
