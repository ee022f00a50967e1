//! A thread of another process that stands still, as one does that hangs.

use super::{Running, root};
use std::process::{ChildStdin, Command, Stdio};

/// Stands still as long as this lives.
pub(crate) struct StoppedThread {
    _stdin: ChildStdin,
    _debugger: Running,
}

/// Stops one thread of the process `pid`, known by its name; `None`: the system does not permit it.
pub(crate) fn stop_thread(pid: u32, name: &str) -> Option<StoppedThread> {
    let script = root().join("tests/fixtures/stop_thread.py");
    let mut command = Command::new("python3");
    let mut debugger = Running::start(command.arg(script).args([&pid.to_string(), name]).stdin(Stdio::piped()));
    let stdin = debugger.take_stdin();
    // Its output ends without a word where it may not.
    let is_stopped = debugger.stdout.first_line().is_some_and(|line| line == "stopped");
    is_stopped.then_some(StoppedThread { _stdin: stdin, _debugger: debugger })
}
