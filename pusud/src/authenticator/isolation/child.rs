//! A plugin's process as its parent sees it: who waits for its end, how it is ended, and with it what it has started.
//!
//! The end of the process is what counts, and not the end of its socket: a process that the plugin has forked holds that
//! as well. So a thread (`pusu-auth-wait`) waits for the process itself, and then shuts the socket down.
//! **Invariant:** no zombie is left, however it ends.

use super::end::End;
use super::{process, stderr};
use crate::authenticator::image::Image;
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::thread::{Builder, JoinHandle};

/// Why there is no process.
#[derive(Debug)]
pub(super) struct NoProcess;

impl fmt::Display for NoProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot be given a process of its own")
    }
}

/// A process that has been started and not been reaped.
pub(super) struct Process {
    child: Child,
    /// Ends with it.
    waiter: JoinHandle<()>,
    /// Our end of its standard error.
    stderr: UnixStream,
}

impl Process {
    /// Starts the process of `plugin`, for the library in `image`. It dies with the thread that calls this. Gives its
    /// socket too, which ends when the process does.
    ///
    /// # Errors
    /// The system gives no process, socket or thread.
    pub(super) fn start(image: &Image, plugin: &str) -> Result<(Self, UnixStream)> {
        let (child, stream, stderr) = process::spawn(image).context(NoProcess)?;
        match attend(&child, &stream, &stderr, plugin) {
            Ok(waiter) => Ok((Self { child, waiter, stderr }, stream)),
            Err(error) => {
                process::end(child);
                Err(error)
                    .context("cannot be given the threads that attend to its process; raise the limit on processes")
            }
        }
    }

    /// Ends it, and whatever it has started that is still in its group.
    pub(super) fn kill(&self) {
        if let Some(group) = group(&self.child) {
            // All of it may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// Makes sure that it is gone, and says how it ended.
    pub(super) fn reap(mut self) -> End {
        self.kill();
        let _ = self.child.kill();
        // Before its number is given away, which the waiter may still be asking about.
        drop(self.waiter.join());
        let end = self.child.wait().map_or(End::NeverRan, End::Status);
        // Somebody who has left the group may hold the other end. What has been said is still read.
        let _ = self.stderr.shutdown(Shutdown::Both);
        end
    }
}

/// Whoever waits for the process, and whoever reads its standard error.
fn attend(child: &Child, stream: &UnixStream, stderr: &UnixStream, plugin: &str) -> io::Result<JoinHandle<()>> {
    stderr::forward(stderr.try_clone()?, plugin)?;
    let (socket, process) = (stream.try_clone()?, group(child));
    Builder::new().name("pusu-auth-wait".into()).spawn(move || {
        let Some(process) = process else { return };
        // It stays a zombie, so that its number stays its own until it is reaped.
        while let Err(rustix::io::Errno::INTR) =
            waitid(WaitId::Pid(process), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        {}
        // Whoever reads finds what was said before, and then the end.
        let _ = socket.shutdown(Shutdown::Both);
    })
}

/// Its number, which is also that of its group.
fn group(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()).ok()?)
}
