//! A host as small as can be: it drives a plugin over the raw ABI and remembers what came back.
//!
//! **Invariant:** a call into the host after `destroy` has returned is remembered and fails the test.
#![allow(unsafe_code, dead_code, unreachable_pub, clippy::unwrap_used)]

#[cfg(unix)]
pub mod compiler;
pub mod offered;
mod tables;

use pusu_plugin_api::abi;
use std::ffi::c_void;
use std::ptr;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// An answer, copied out of a verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub decision: i32,
    pub expires_unix_ms: u64,
    pub subject: String,
    pub reason: String,
    pub permissions: Vec<(String, u32)>,
    pub attrs: Vec<(String, String)>,
}

#[derive(Default)]
struct Seen {
    answers: Vec<(u64, Answer)>,
    logs: Vec<(i32, String)>,
    /// Calls of the functions of extensions, in words.
    heard: Vec<String>,
    error: String,
    destroyed: bool,
    called_after_destroy: bool,
}

#[derive(Default)]
struct Memory {
    seen: Mutex<Seen>,
    changed: Condvar,
}

/// One instance of a plugin, and what its host has seen of it.
pub struct Driven {
    entry: abi::Authenticator,
    instance: *mut abi::Instance,
    memory: Box<Memory>,
    // Boxed so that its address stays; dropped after `destroy`.
    _table: Box<abi::Host>,
}

// SAFETY: the ABI allows `authorize` and `cancel` from any thread, and `Memory` is behind a lock.
unsafe impl Sync for Driven {}
// SAFETY: as above; the instance belongs to no thread.
unsafe impl Send for Driven {}

fn text(raw: abi::Str) -> String {
    if raw.ptr.is_null() {
        return String::new();
    }
    // SAFETY: the plugin lends it for the call in which this is used.
    let bytes = unsafe { std::slice::from_raw_parts(raw.ptr, raw.len) };
    String::from_utf8(bytes.to_vec()).expect("text is UTF-8")
}

fn memory<'a>(ctx: *mut c_void) -> &'a Memory {
    // SAFETY: `ctx` is the address of a `Memory` that `Driven` frees last of all.
    unsafe { &*ctx.cast::<Memory>() }
}

fn with_seen(ctx: *mut c_void, change: impl FnOnce(&mut Seen)) {
    let memory = memory(ctx);
    let mut seen = memory.seen.lock().unwrap();
    seen.called_after_destroy |= seen.destroyed;
    change(&mut seen);
    memory.changed.notify_all();
}

unsafe extern "C" fn log(ctx: *mut c_void, level: i32, line: abi::Str) {
    with_seen(ctx, |seen| seen.logs.push((level, text(line))));
}

unsafe extern "C" fn set_error(ctx: *mut c_void, line: abi::Str) {
    with_seen(ctx, |seen| seen.error = text(line));
}

unsafe extern "C" fn no_extension(_ctx: *mut c_void, _id: abi::Str) -> *const c_void {
    ptr::null()
}

unsafe extern "C" fn complete(ctx: *mut c_void, ticket: u64, verdict: *const abi::Verdict) -> i32 {
    // SAFETY: the plugin lends it for this call.
    let verdict = unsafe { &*verdict };
    assert_eq!(verdict.struct_size as usize, size_of::<abi::Verdict>());
    // SAFETY: as above; a slice of no elements needs a pointer that is not null.
    let (permissions, attrs) = unsafe {
        (
            if verdict.permissions_len == 0 {
                &[][..]
            } else {
                std::slice::from_raw_parts(verdict.permissions, verdict.permissions_len)
            },
            if verdict.attrs_len == 0 { &[][..] } else { std::slice::from_raw_parts(verdict.attrs, verdict.attrs_len) },
        )
    };
    let answer = Answer {
        decision: verdict.decision,
        expires_unix_ms: verdict.expires_unix_ms,
        subject: text(verdict.subject),
        reason: text(verdict.reason),
        permissions: permissions.iter().map(|permission| (text(permission.pattern), permission.access)).collect(),
        attrs: attrs.iter().map(|attr| (text(attr.key), text(attr.value))).collect(),
    };
    let mut code = 0;
    with_seen(ctx, |seen| {
        if seen.answers.iter().any(|(answered, _)| *answered == ticket) {
            code = 1;
        } else {
            seen.answers.push((ticket, answer));
        }
    });
    code
}

fn host_table(memory: &Memory, extension: unsafe extern "C" fn(*mut c_void, abi::Str) -> *const c_void) -> abi::Host {
    abi::Host {
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        struct_size: size_of::<abi::Host>() as u32,
        reserved: 0,
        ctx: ptr::from_ref(memory).cast_mut().cast(),
        log: Some(log),
        complete: Some(complete),
        set_error: Some(set_error),
        extension: Some(extension),
    }
}

impl Driven {
    /// Calls the entry and `create`.
    ///
    /// # Errors
    /// The status and the text of `set_error`.
    pub fn create(entry: abi::EntryFn, options_json: &str) -> Result<Self, (abi::Status, String)> {
        Self::create_for(entry, options_json, no_extension)
    }

    /// As `create`, with a host that has all extensions but `pusu.host/1`.
    ///
    /// # Errors
    /// As `create`.
    pub fn create_with_extensions(entry: abi::EntryFn, options_json: &str) -> Result<Self, (abi::Status, String)> {
        Self::create_for(entry, options_json, tables::extension)
    }

    fn create_for(
        entry: abi::EntryFn,
        options_json: &str,
        extension: unsafe extern "C" fn(*mut c_void, abi::Str) -> *const c_void,
    ) -> Result<Self, (abi::Status, String)> {
        // SAFETY: any number may be asked for.
        assert!(unsafe { entry(abi::ABI_MAJOR + 1) }.is_null(), "an unknown version is not there");
        // SAFETY: as above; the table is constant and lives as long as the process.
        let plugin = unsafe { entry(abi::ABI_MAJOR).as_ref() }.expect("the version this was built for is there");
        assert_eq!((plugin.abi_major, plugin.abi_minor), (abi::ABI_MAJOR, abi::ABI_MINOR));
        assert_eq!(plugin.struct_size as usize, size_of::<abi::Authenticator>());

        let memory = Box::<Memory>::default();
        let table = Box::new(host_table(&memory, extension));
        let mut instance = ptr::null_mut();
        let create = plugin.create.expect("create is there");
        // SAFETY: the table lives in a box that outlives the instance.
        let status = unsafe { create(&*table, abi::Str::borrow(options_json.as_bytes()), &mut instance) };
        if status != abi::OK {
            assert!(instance.is_null(), "on failure *out stays as it is");
            let error = memory.seen.lock().unwrap().error.clone();
            return Err((status, error));
        }
        Ok(Self { entry: *plugin, instance, memory, _table: table })
    }

    pub fn flags(&self) -> u32 {
        self.entry.flags
    }

    pub fn authorize(&self, ticket: u64, authorization: &[u8]) -> abi::Status {
        let request = abi::Request {
            struct_size: size_of::<abi::Request>() as u32,
            flags: 0,
            ticket,
            timeout_ms: 5000,
            authorization: abi::Str::borrow(authorization),
            peer: abi::Str::borrow(b"127.0.0.1:50000"),
            attrs: ptr::null(),
            attrs_len: 0,
        };
        let authorize = self.entry.authorize.expect("authorize is there");
        // SAFETY: the instance lives, and the request lives for the call.
        unsafe { authorize(self.instance, &request) }
    }

    pub fn cancel(&self, ticket: u64) {
        let cancel = self.entry.cancel.expect("cancel is there");
        // SAFETY: the instance lives.
        unsafe { cancel(self.instance, ticket) }
    }

    pub fn extension(&self, id: &str) -> *const c_void {
        let extension = self.entry.extension.expect("extension is there");
        // SAFETY: the instance lives, and the id lives for the call.
        unsafe { extension(self.instance, abi::Str::borrow(id.as_bytes())) }
    }

    fn error(&self) -> String {
        self.memory.seen.lock().unwrap().error.clone()
    }

    /// Calls of the functions of extensions so far, in words.
    pub fn heard(&self) -> Vec<String> {
        self.memory.seen.lock().unwrap().heard.clone()
    }

    /// Authorizes, expects the answer in the call, and returns it.
    pub fn ask(&self, ticket: u64, authorization: &[u8]) -> Answer {
        assert_eq!(self.authorize(ticket, authorization), abi::OK);
        self.answer(ticket).expect("OK means that the answer is there")
    }

    pub fn answer(&self, ticket: u64) -> Option<Answer> {
        find(&self.memory.seen.lock().unwrap().answers, ticket)
    }

    /// Waits for an answer that comes later.
    pub fn wait(&self, ticket: u64) -> Answer {
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut seen = self.memory.seen.lock().unwrap();
        loop {
            if let Some(answer) = find(&seen.answers, ticket) {
                return answer;
            }
            let left = deadline.checked_duration_since(Instant::now()).expect("an answer within ten seconds");
            seen = self.memory.changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    pub fn logs(&self) -> Vec<(i32, String)> {
        self.memory.seen.lock().unwrap().logs.clone()
    }

    /// Destroys the instance, then runs `after`, and returns what was logged.
    pub fn destroy(mut self, after: impl FnOnce()) -> Vec<(i32, String)> {
        self.end();
        after();
        self.logs()
    }

    fn end(&mut self) {
        let instance = std::mem::replace(&mut self.instance, ptr::null_mut());
        if !instance.is_null() {
            let destroy = self.entry.destroy.expect("destroy is there");
            // SAFETY: the instance lives, no call for it is under way, and its address is forgotten.
            unsafe { destroy(instance) };
            self.memory.seen.lock().unwrap().destroyed = true;
        }
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        self.end();
        // Where a test has failed already, a second panic would hide why.
        if !std::thread::panicking() {
            let seen = self.memory.seen.lock().unwrap();
            assert!(!seen.called_after_destroy, "the plugin called its host after destroy had returned");
        }
    }
}

fn find(answers: &[(u64, Answer)], ticket: u64) -> Option<Answer> {
    answers.iter().find(|(answered, _)| *answered == ticket).map(|(_, answer)| answer.clone())
}
