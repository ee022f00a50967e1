//! The border between the daemon and a plugin: the daemon's only unsafe code.
//!
//! Loads a checked image, proves and checks what it offers, calls its functions, and answers its calls. What comes in
//! is copied out at once, within bounds, and handed to safe code (host.rs, answer.rs, workers.rs).
//! **Invariant:** a library, once loaded, stays loaded: its functions and constants live as long as the process.
//! **Invariant:** no pointer from a plugin is kept but the instance, which is only ever handed back.
// Longer than 300 lines: the only unsafe code of the daemon stands in one file.
#![allow(unsafe_code)]

use super::answer::{Answer, Fault};
use super::callbacks::{self, Callbacks};
use super::decider::{Decider, Gone};
use super::exit;
use super::facts::Facts;
use super::manifest::Manifest;
use super::proof;
use super::verdict::Request;
use abi_stable::library::{AbiHeaderRef, ROOT_MODULE_LOADER_NAME_WITH_NUL};
use anyhow::{Context, Result, bail, ensure};
use libloading::{Library, Symbol};
use pusu_plugin_abi as abi;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Stands where a plugin that fails says nothing.
pub(super) const NO_REASON: &str = "it gives no reason";

/// A loaded plugin, checked and ready to make instances.
#[derive(Clone, Copy)]
pub(super) struct Plugin {
    create: unsafe extern "C" fn(*const abi::Host, abi::Str, *mut *mut abi::Instance) -> abi::Status,
    destroy: unsafe extern "C" fn(*mut abi::Instance),
    authorize: unsafe extern "C" fn(*mut abi::Instance, *const abi::Request) -> abi::Status,
    cancel: Option<unsafe extern "C" fn(*mut abi::Instance, u64)>,
}

impl Plugin {
    /// Loads the image, whose file `manifest` was read from, and checks everything that can be checked without making
    /// an instance. Runs the library's initialisers.
    ///
    /// # Errors
    /// The system cannot load it, or it is not what its file said, or its table is not usable.
    pub(super) fn load(image: &Path, manifest: &Manifest) -> Result<Self> {
        let library = open(image).context("cannot be loaded; does it need another library that is not installed?")?;
        // Behind the library's own, so before them: they run last in, first out.
        exit::watch(&manifest.id, register_at_exit);
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
        Ok(Self { create, destroy, authorize, cancel: table.cancel })
    }

    /// Makes an instance that answers to `host`. `options_json` is one JSON object.
    ///
    /// # Errors
    /// The plugin refuses, in its own words.
    pub(super) fn create(self, host: Arc<dyn Callbacks>, options_json: &str) -> Result<Instance> {
        // Leaked, 56 bytes an instance: a thread of the plugin that outlives `destroy` must not read freed memory.
        let table: &'static abi::Host = Box::leak(Box::new(abi::Host {
            abi_major: abi::ABI_MAJOR,
            abi_minor: abi::ABI_MINOR,
            struct_size: size_of::<abi::Host>() as u32,
            reserved: 0,
            ctx: ptr::without_provenance_mut(host.number().get()),
            log: Some(host_log),
            complete: Some(host_complete),
            set_error: Some(host_set_error),
            extension: Some(host_extension),
        }));
        let mut raw = ptr::null_mut();
        // SAFETY: the table lives for ever, the options for the call, and `raw` can be written to.
        let status = unsafe { (self.create)(table, abi::Str::borrow(options_json.as_bytes()), &raw mut raw) };
        let said = || host.last_error().take().unwrap_or_else(|| NO_REASON.to_owned());
        match status {
            abi::OK if raw.is_null() => bail!("says that an instance is made, but gives none (`*out` is NULL)"),
            abi::OK => Ok(Instance { plugin: self, raw, host }),
            abi::ERR_CONFIG => bail!("does not take its options, correct them in the settings: {}", said()),
            abi::ERR_ABI => bail!("cannot do without something that this daemon lacks: {}", said()),
            abi::ERR_PANIC => bail!("panicked in `create`: {}", said()),
            other => bail!("failed in `create` (status {other}): {}", said()),
        }
    }
}

/// A running instance. Dropping it destroys it.
pub(super) struct Instance {
    plugin: Plugin,
    raw: *mut abi::Instance,
    /// Kept until `destroy` has returned, so that the plugin finds its host as long as it may call.
    host: Arc<dyn Callbacks>,
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

/// The process's locale, by category; `None`: this system does not tell.
#[cfg(target_os = "linux")]
pub(super) fn locale() -> Option<String> {
    use std::ffi::{CStr, c_char, c_int};
    // <locale.h>
    const LC_ALL: c_int = 6;
    unsafe extern "C" {
        fn setlocale(category: c_int, locale: *const c_char) -> *mut c_char;
    }
    // SAFETY: with NULL it changes nothing, and gives a string that lives until the locale is changed, which no
    // thread of this process does but those of a plugin that the check is about.
    let locale = unsafe { setlocale(LC_ALL, ptr::null()).as_ref().map(|locale| CStr::from_ptr(locale)) };
    locale.map(|locale| locale.to_string_lossy().into_owned())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn locale() -> Option<String> {
    None
}

/// Has the C library call a function when something calls `exit`, or `quick_exit` where that is known.
#[cfg(unix)]
fn register_at_exit(function: extern "C" fn()) {
    unsafe extern "C" {
        safe fn atexit(function: extern "C" fn()) -> std::ffi::c_int;
        #[cfg(target_os = "linux")]
        safe fn at_quick_exit(function: extern "C" fn()) -> std::ffi::c_int;
    }
    // They fail when there is no memory. Then an `exit` of the plugin's ends the process as it always would.
    let _ = atexit(function);
    #[cfg(target_os = "linux")]
    let _ = at_quick_exit(function);
}

/// Elsewhere an `exit` of the plugin's ends the process.
#[cfg(not(unix))]
fn register_at_exit(_function: extern "C" fn()) {}

#[cfg(unix)]
fn open(image: &Path) -> Result<Library, libloading::Error> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
    // libloading does not name it.
    const RTLD_NODELETE: i32 = if cfg!(target_vendor = "apple") { 0x80 } else { 0x1000 };
    // SAFETY: runs the library's initialisers, which is what the operator has asked for by naming it in the settings.
    unsafe { Library::open(Some(image), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) }.map(Into::into)
}

#[cfg(not(unix))]
fn open(image: &Path) -> Result<Library, libloading::Error> {
    // SAFETY: runs the library's initialisers, which is what the operator has asked for by naming it in the settings.
    unsafe { Library::new(image) }
}

/// Closes every file that this process was started with, but for standard input, output and error.
///
/// To be called first of all in a process that is to run a plugin and nothing else.
///
/// # Errors
/// The system does not tell which files are open.
#[cfg(unix)]
pub(super) fn close_inherited() -> Result<()> {
    let listed = std::fs::read_dir("/dev/fd").context("cannot see which files are open")?;
    let numbers: Vec<i32> = listed.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    // The one that listed them is among them, and closed by now.
    let is_open = |number: &i32| Path::new("/dev/fd").join(number.to_string()).symlink_metadata().is_ok();
    for number in numbers.into_iter().filter(|number| *number > 2 && is_open(number)) {
        // SAFETY: it is open, and nothing in this process has opened a file yet: nobody has a handle to it.
        unsafe { rustix::io::close(number) };
    }
    Ok(())
}

unsafe extern "C" fn host_log(ctx: *mut c_void, level: i32, text: abi::Str) {
    guarded((), || {
        // SAFETY: by the ABI the text is borrowed for this call.
        let text = unsafe { copy(text, Past::Cut(abi::LOG_BYTES_MAX)) };
        if let (Some(host), Ok(text)) = (callbacks::find(ctx.addr()), text) {
            host.log(level, &text);
        }
    });
}

unsafe extern "C" fn host_set_error(ctx: *mut c_void, text: abi::Str) {
    guarded((), || {
        // SAFETY: by the ABI the text is borrowed for this call.
        let text = unsafe { copy(text, Past::Cut(abi::LOG_BYTES_MAX)) };
        if let (Some(host), Ok(text)) = (callbacks::find(ctx.addr()), text) {
            host.last_error().set(&text);
        }
    });
}

unsafe extern "C" fn host_complete(ctx: *mut c_void, ticket: u64, verdict: *const abi::Verdict) -> i32 {
    guarded(abi::MALFORMED, || {
        let Some(host) = callbacks::find(ctx.addr()) else { return abi::LATE };
        // SAFETY: by the ABI the verdict is borrowed for this call.
        host.complete(ticket, &mut || unsafe { copy_verdict(verdict) }.map_err(Fault::Malformed))
    })
}

unsafe extern "C" fn host_extension(ctx: *mut c_void, id: abi::Str) -> *const c_void {
    guarded(ptr::null(), || {
        // SAFETY: by the ABI the id is borrowed for this call.
        let id = unsafe { copy(id, Past::Refuse(abi::KEY_BYTES_MAX)) };
        match (callbacks::find(ctx.addr()), id.as_deref()) {
            (Some(host), Ok(id)) if id == abi::EXT_HOST.as_bytes() => ptr::from_ref(facts_table(host.facts())).cast(),
            _ => ptr::null(),
        }
    })
}

/// Facts as the ABI lays them out. What they borrow is never freed or changed.
struct FactsTable(abi::HostFacts);

// SAFETY: constant, and so is everything it points to.
unsafe impl Send for FactsTable {}
// SAFETY: as above.
unsafe impl Sync for FactsTable {}

/// The table of these facts. Kept for ever, since a thread of the plugin that outlives `destroy` must not read freed
/// memory; but once for all instances with the same ones, so that they do not add up.
fn facts_table(facts: &Facts) -> &'static abi::HostFacts {
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

/// Keeps a panic of the daemon's from unwinding into the plugin.
fn guarded<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        // Dropping a payload may panic again.
        std::mem::forget(payload);
        otherwise
    })
}

/// Copies a verdict out of the plugin's memory, within the ABI's bounds.
///
/// # Safety
/// A `verdict` that is not NULL, and what it points to, can be read as far as its lengths say and the bounds allow.
unsafe fn copy_verdict(verdict: *const abi::Verdict) -> Result<Answer, String> {
    if verdict.is_null() {
        return Err("it is NULL".to_owned());
    }
    // SAFETY: any verdict begins with its size; the caller vouches for the rest.
    let size = unsafe { ptr::read_unaligned(verdict.cast::<u32>()) };
    if size as usize != size_of::<abi::Verdict>() {
        return Err(format!("struct_size is {size}, expected is {}", size_of::<abi::Verdict>()));
    }
    // SAFETY: it has the size of the struct, by its own account and by the caller's.
    let verdict = unsafe { ptr::read_unaligned(verdict) };
    let text = |name: &str, text: abi::Str| {
        // SAFETY: the caller vouches for what the verdict points to.
        unsafe { copy(text, Past::Refuse(abi::TEXT_BYTES_MAX)) }.map_err(|error| format!("{name} {error}"))
    };
    // SAFETY: the caller vouches for what the verdict points to.
    let permissions =
        unsafe { copy_list("permissions", verdict.permissions, verdict.permissions_len, abi::PERMISSIONS_MAX) }?;
    // SAFETY: as above.
    let attributes = unsafe { copy_list("attrs", verdict.attrs, verdict.attrs_len, abi::ATTRS_MAX) }?;
    Ok(Answer {
        decision: verdict.decision,
        expires_unix_ms: verdict.expires_unix_ms,
        subject: text("subject", verdict.subject)?,
        reason: text("reason", verdict.reason)?,
        detail: text("detail", verdict.detail)?,
        permissions: permissions
            .into_iter()
            .map(|permission| Ok((text("pattern", permission.pattern)?, permission.access)))
            .collect::<Result<_, String>>()?,
        attributes: attributes
            .into_iter()
            .map(|attr| Ok((text("key of an attribute", attr.key)?, text("value of an attribute", attr.value)?)))
            .collect::<Result<_, String>>()?,
    })
}

/// Copies a list of structs out of the plugin's memory.
///
/// # Safety
/// If `list` is not NULL, as many of them as `len` says and `max` allows can be read there.
unsafe fn copy_list<T: Copy>(name: &str, list: *const T, len: usize, max: usize) -> Result<Vec<T>, String> {
    if len > max {
        return Err(format!("{name}_len is {len}, at most {max} are taken"));
    }
    if list.is_null() && len > 0 {
        return Err(format!("{name} is NULL"));
    }
    // SAFETY: not NULL where there is one, and the caller vouches for `len` of them.
    Ok((0..len).map(|index| unsafe { ptr::read_unaligned(list.add(index)) }).collect())
}

/// What becomes of bytes past a bound.
enum Past {
    /// More than this many bytes are an error.
    Refuse(usize),
    /// What is past this many bytes is left out.
    Cut(usize),
}

/// Copies bytes out of the plugin's memory.
///
/// # Safety
/// If `text.ptr` is not NULL, as many bytes as the length says and the bound allows can be read there.
unsafe fn copy(text: abi::Str, past: Past) -> Result<Vec<u8>, String> {
    let len = match past {
        Past::Refuse(max) if text.len > max => {
            return Err(format!("has {} bytes, at most {max} are taken", text.len));
        }
        Past::Refuse(_) => text.len,
        Past::Cut(max) => text.len.min(max),
    };
    match (text.ptr.is_null(), len) {
        (_, 0) => Ok(Vec::new()),
        (true, _) => Err("is NULL".to_owned()),
        // SAFETY: not NULL, and the caller vouches for the length.
        (false, _) => Ok(unsafe { std::slice::from_raw_parts(text.ptr, len) }.to_vec()),
    }
}
