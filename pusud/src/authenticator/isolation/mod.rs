//! `isolation: process`: the instance in a process of its own, so that whatever becomes of it, the relay goes on.
//!
//! The process is the daemon's own binary, started again; the same code loads the same library there. To the pool's
//! threads it is one more `Decider`. Policy stays on this side: queue, deadlines, tickets and counts are those of
//! `isolation: thread`.
//! **Invariant:** what was checked is what is loaded: the process gets the sealed memory, not a path (image.rs).
//! **Invariant:** options and authorizations go through the socket alone, never through arguments or environment.

#[cfg(unix)]
mod asking;
#[cfg(unix)]
mod calls;
#[cfg(unix)]
mod child;
#[cfg(unix)]
mod confinement;
#[cfg(unix)]
mod daemon_link;
#[cfg(unix)]
mod deadline;
#[cfg(unix)]
mod end;
#[cfg(unix)]
mod fields;
#[cfg(all(unix, any(test, feature = "fuzzing")))]
mod fuzzing;
#[cfg(unix)]
mod guest;
#[cfg(unix)]
mod message;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod remote;
#[cfg(unix)]
mod speech;
#[cfg(unix)]
mod stderr;
#[cfg(unix)]
mod supervisor;

#[cfg(all(unix, any(test, feature = "fuzzing")))]
pub use fuzzing::any_verdict;
#[cfg(unix)]
pub use guest::serve;
#[cfg(unix)]
pub(super) use unix::{check, start, try_to_load};

#[cfg(not(unix))]
pub use elsewhere::serve;
#[cfg(not(unix))]
pub(super) use elsewhere::{check, start, try_to_load};

use super::decider::Decider;
use super::file::LibraryFile;
use super::host::Host;
use super::manifest::Manifest;
use anyhow::Result;
use std::sync::Arc;
use std::time::Duration;

/// What bounds the process.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// How much address space it may have; `None`: as much as the daemon.
    pub(super) memory_bytes_max: Option<u64>,
    /// How long it may take until there is an instance in it.
    pub(super) create_timeout: Duration,
    /// Whether another one takes its place when it ends.
    pub(super) restarts: bool,
}

/// The argument that makes the binary the process of a plugin.
pub const COMMAND: &str = "plugin-process";

#[cfg(unix)]
mod unix {
    use super::child::NoProcess;
    use super::message::{Purpose, Start};
    use super::remote::Remote;
    use super::{Arc, Decider, Host, LibraryFile, Limits, Manifest, Result};
    use crate::authenticator::callbacks::Callbacks as _;
    use crate::authenticator::facts::Facts;
    use crate::authenticator::image;
    use crate::authenticator::lasting::Lasting;
    use std::os::unix::ffi::OsStrExt;
    use zeroize::Zeroizing;

    /// Starts a process in which the library is loaded and the options are checked, and ends it.
    ///
    /// # Errors
    /// As [`start`].
    pub(in super::super) fn check(
        file: &LibraryFile,
        manifest: &Manifest,
        options: &str,
        limits: Limits,
        host: Arc<Host>,
    ) -> Result<()> {
        run(file, manifest, options, limits, host, Purpose::Check).map(drop)
    }

    /// Loads the library in a process, and ends that: who hangs or crashes in being loaded does it there. Where the system
    /// gives no process, that is logged, and nothing is found out.
    ///
    /// # Errors
    /// It cannot be loaded, or not in time.
    pub(in super::super) fn try_to_load(file: &LibraryFile, manifest: &Manifest, limits: Limits) -> Result<()> {
        let host = Host::new(&manifest.id, Facts::default(), Lasting::default());
        match run(file, manifest, "{}", limits, host, Purpose::Load) {
            Err(error) if error.is::<NoProcess>() => {
                tracing::warn!(plugin = manifest.id, "is loaded without having been tried: {error:#}");
                Ok(())
            }
            tried => tried.map(drop),
        }
    }

    /// Starts the process and makes the instance in it.
    ///
    /// # Errors
    /// The system gives no process, or the library cannot be loaded in it, or the plugin refuses: as for a thread.
    pub(in super::super) fn start(
        file: &LibraryFile,
        manifest: &Manifest,
        options: &str,
        limits: Limits,
        host: Arc<Host>,
    ) -> Result<Arc<dyn Decider>> {
        Ok(Arc::new(run(file, manifest, options, limits, host, Purpose::Serve)?))
    }

    fn run(
        file: &LibraryFile,
        manifest: &Manifest,
        options: &str,
        limits: Limits,
        host: Arc<Host>,
        purpose: Purpose,
    ) -> Result<Remote> {
        let image = image::place_elsewhere(file, &manifest.id)?;
        let path = if image.in_place() { image.path().as_os_str().as_bytes().to_vec() } else { Vec::new() };
        let start = Start {
            plugin: manifest.id.clone(),
            path,
            purpose,
            memory_bytes_max: limits.memory_bytes_max,
            facts: host.facts().clone(),
            log_level: (1..=5).rev().find(|level| host.is_logged(*level)).unwrap_or(0),
            has_grants: host.grants().is_some(),
            can_recheck: host.rechecks(),
            manifest: manifest.raw().to_vec(),
            options: Zeroizing::new(options.to_owned()),
        };
        Remote::start(image, start, limits, manifest.flags, host)
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use super::{Arc, Decider, Host, LibraryFile, Limits, Manifest, Result};
    use anyhow::bail;

    /// As [`start`].
    ///
    /// # Errors
    /// Always.
    pub(in super::super) fn check(
        file: &LibraryFile,
        manifest: &Manifest,
        options: &str,
        limits: Limits,
        host: Arc<Host>,
    ) -> Result<()> {
        start(file, manifest, options, limits, host).map(drop)
    }

    /// Nothing can be found out here.
    ///
    /// # Errors
    /// None.
    pub(in super::super) fn try_to_load(_file: &LibraryFile, _manifest: &Manifest, _limits: Limits) -> Result<()> {
        Ok(())
    }

    /// There is no such process here.
    ///
    /// # Errors
    /// Always.
    pub(in super::super) fn start(
        _file: &LibraryFile,
        _manifest: &Manifest,
        _options: &str,
        _limits: Limits,
        _host: Arc<Host>,
    ) -> Result<Arc<dyn Decider>> {
        bail!(
            "cannot be run in a process of its own: `isolation: process` in the settings is not available on this \
             system; remove it, or write `isolation: thread`"
        )
    }

    /// There is no such process here.
    ///
    /// # Errors
    /// Always.
    pub fn serve() -> Result<()> {
        bail!("`isolation: process` is not available on this system")
    }
}
