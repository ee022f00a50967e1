//! The end of the process that nobody has decided: something in a plugin has called `exit`.
//!
//! Such an end would look like success, and a service manager would leave the relay down. **Invariant:** between
//! [`forbid_exit`] and [`allow_exit`] it ends with a status of its own instead, behind a line that says why.

use super::creation;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// The status of a process that a plugin has ended.
pub const EXIT_STATUS: i32 = 70;

/// As many threads may call `exit` at once and be heard: each of them takes one registration out of the C library's list.
const CALLERS_MAX: usize = 64;

/// What is done with the line that says why, before the end.
type Tell = fn(&str);

/// Set while an end is nobody's decision.
static TELL: Mutex<Option<Tell>> = Mutex::new(None);
static IS_ENDING: AtomicBool = AtomicBool::new(false);
/// The plugins that have been loaded.
static LOADED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// From here on an `exit` is a plugin's.
pub fn forbid_exit(tell: Tell) {
    *TELL.lock().unwrap_or_else(PoisonError::into_inner) = Some(tell);
}

/// From here on an `exit` is the daemon's own.
pub fn allow_exit() {
    *TELL.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// To be called before anything is said about `error`: where a thread hangs in loading a library, it holds the lock of the
/// system's loader. Whatever logs for the first time would wait for that, and so would an orderly end. So this says it in
/// the plainest way, as a line of JSON if the log is, and ends the process.
pub fn exit_past_hanging_load(error: &anyhow::Error, log_is_json: bool) {
    if !creation::loading_hangs() {
        return;
    }
    let line = match log_is_json {
        true => format!("{}\n", serde_json::json!({"level": "ERROR", "message": format!("{error:#}")})),
        false => format!("pusud: error: {error:#}\n"),
    };
    #[cfg(unix)]
    {
        // There is nobody to tell if nobody listens.
        let _ = rustix::io::write(rustix::stdio::stderr(), line.as_bytes());
    }
    #[cfg(not(unix))]
    eprint!("{line}");
    exit_past_hanging_threads(1);
}

/// To be called last of all: where a thread hangs in making an instance, this ends the process with `status` at once. An
/// orderly end would run what a library does then, beside the thread that is in it.
pub fn exit_past_hanging_threads(status: u8) {
    if creation::hanging() == 0 {
        return;
    }
    #[cfg(unix)]
    signal_hook::low_level::exit(status.into());
    #[cfg(not(unix))]
    std::process::exit(status.into());
}

/// A plugin has been loaded. Has `register` called for the function that is to be called at an `exit`.
pub(super) fn watch(plugin: &str, register: fn(extern "C" fn())) {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if !loaded.iter().any(|other| other == plugin) {
        loaded.push(plugin.to_owned());
        (0..CALLERS_MAX).for_each(|_| register(at_exit));
    }
}

#[cfg(unix)]
extern "C" fn at_exit() {
    let Some(tell) = *TELL.lock().unwrap_or_else(PoisonError::into_inner) else { return };
    if IS_ENDING.swap(true, Ordering::Relaxed) {
        // Another thread has called it as well, and ends the process.
        loop {
            thread::park();
        }
    }
    let plugins = LOADED.lock().unwrap_or_else(PoisonError::into_inner).join(" or ");
    let thread = thread::current().name().unwrap_or("one of its own").to_owned();
    // In a thread of its own: what the log keeps for this one may be gone already.
    let telling = thread::spawn(move || {
        tell(&format!("the plugin {plugins} has called `exit` (thread: {thread}), which ends the whole process"));
    });
    // A panic is no reason to go on.
    drop(telling.join());
    signal_hook::low_level::exit(EXIT_STATUS);
}

#[cfg(not(unix))]
extern "C" fn at_exit() {}
