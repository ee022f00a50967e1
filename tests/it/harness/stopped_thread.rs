//! A thread of another process that stands still, as one does that hangs.

use super::{Running, root};
use std::process::{ChildStdin, Command, Stdio};

/// Stands still as long as this lives.
pub(crate) struct StoppedThread {
    _stdin: ChildStdin,
    _debugger: Running,
}

/// Exit code of the script where the system does not permit it.
const NOT_PERMITTED: i32 = 77;

/// Stops one thread of the process `pid`, known by its name.
///
/// # Errors
/// What the system does not permit.
pub(crate) fn stop_thread(pid: u32, name: &str) -> Result<StoppedThread, String> {
    let script = root().join("tests/fixtures/stop_thread.py");
    let mut command = Command::new("python3");
    let mut debugger = Running::start(command.arg(script).args([&pid.to_string(), name]).stdin(Stdio::piped()));
    let stdin = debugger.take_stdin();
    match debugger.stdout.first_line().as_deref() {
        Some("stopped") => Ok(StoppedThread { _stdin: stdin, _debugger: debugger }),
        _ => {
            let finished = debugger.finish();
            assert_eq!(finished.status.code(), Some(NOT_PERMITTED), "{finished:?}");
            Err(finished.stderr)
        }
    }
}
