//! Calls of the system around a plugin that no safe library offers: its loader, its locale, the ends of the process and the
//! files that it was started with.

use anyhow::{Context, Result};
use libloading::Library;
use std::path::Path;
use std::ptr;

/// The process's locale, by category; `None`: this system does not tell.
#[cfg(target_os = "linux")]
pub(in crate::authenticator) fn locale() -> Option<String> {
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
pub(in crate::authenticator) fn locale() -> Option<String> {
    None
}

/// Has the C library call a function when something calls `exit`, or `quick_exit` where that is known.
#[cfg(unix)]
pub(super) fn register_at_exit(function: extern "C" fn()) {
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
pub(super) fn register_at_exit(_function: extern "C" fn()) {}

#[cfg(unix)]
pub(super) fn open(image: &Path) -> Result<Library, libloading::Error> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
    // libloading does not name it.
    const RTLD_NODELETE: i32 = if cfg!(target_vendor = "apple") { 0x80 } else { 0x1000 };
    // SAFETY: runs the library's initialisers, which is what the operator has asked for by naming it in the settings.
    unsafe { Library::open(Some(image), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) }.map(Into::into)
}

#[cfg(not(unix))]
pub(super) fn open(image: &Path) -> Result<Library, libloading::Error> {
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
pub(in crate::authenticator) fn close_inherited() -> Result<()> {
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
