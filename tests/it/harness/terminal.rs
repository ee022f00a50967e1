//! A pseudo-terminal: commands that write to one believe that somebody sits in front of them.

use super::Log;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};

/// A command whose output and errors go to a terminal of its own; dropping it ends the process.
pub(crate) struct OnTerminal {
    child: Child,
    /// What the terminal was sent, of both.
    pub(crate) shown: Log,
}

impl OnTerminal {
    /// Starts a command.
    pub(crate) fn start(command: &mut Command) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap();
        let open = || OpenOptions::new().read(true).write(true).open(OsStr::from_bytes(name.as_bytes())).unwrap();
        let (out, errors) = (open(), open());
        let child = command.stdin(Stdio::null()).stdout(out).stderr(errors).spawn().unwrap();
        // The command still holds the terminal; else it would stay open behind its end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Self { child, shown: Log::of(File::from(controller)) }
    }

    /// Waits for the end of the command.
    pub(crate) fn finish(mut self) -> (ExitStatus, String) {
        assert!(self.shown.ends(), "the terminal is still open:\n{}", self.shown.text());
        (self.child.wait().unwrap(), self.shown.text())
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
