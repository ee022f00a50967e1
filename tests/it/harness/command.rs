//! Commands that run to their end, and commands that go on while the test does other things.

use super::{DEADLINE, Log};
use std::io::Write;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// Asserts exit code 0 and returns the standard output.
    pub(crate) fn succeeds(self) -> String {
        assert!(self.status.success(), "{}\n{}\n{}", self.status, self.stdout, self.stderr);
        self.stdout
    }

    /// Asserts exit code 1 and one message that holds each of `parts`, and returns it.
    pub(crate) fn fails_saying(self, parts: &[&str]) -> String {
        assert_eq!(self.status.code(), Some(1), "{}\n{}\n{}", self.status, self.stdout, self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "the message does not say {part:?}:\n{}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self.stderr
    }
}

/// The daemon's binary with these arguments, in an empty environment as far as pusud reads it.
pub(crate) fn pusud(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pusud"));
    command.args(args).env_remove("PUSU_AUTHORIZATION").env_remove("RUST_LOG");
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Finished {
    run_with_input(command, "")
}

/// Runs a command to its end with something on its standard input.
pub(crate) fn run_with_input(command: &mut Command, input: &str) -> Finished {
    let mut running = Running::start(command.stdin(Stdio::piped()));
    let mut stdin = running.take_stdin();
    // A command that fails early does not read its input.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    running.finish()
}

/// Runs the kit, which waits itself for plugins that hang, and for processes that start.
pub(crate) fn run_kit(command: &mut Command) -> Finished {
    const DEADLINES: u32 = 9;
    Running::start(command.stdin(Stdio::null())).finish_within(DEADLINES)
}

/// A command that is running; dropping it ends the process.
pub(crate) struct Running {
    child: Child,
    pub(crate) stdout: Log,
    pub(crate) stderr: Log,
}

impl Running {
    /// Starts a command whose output is collected.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = Log::of(child.stdout.take().unwrap());
        let stderr = Log::of(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// Its standard input, which has to be a pipe.
    pub(crate) fn take_stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        run(Command::new("kill").args(["-INT", &self.child.id().to_string()])).succeeds();
    }

    /// Sends SIGTERM, as service managers do.
    pub(crate) fn terminate(&self) {
        run(Command::new("kill").args(["-TERM", &self.child.id().to_string()])).succeeds();
    }

    /// Waits for the end of the command.
    pub(crate) fn finish(self) -> Finished {
        self.finish_within(1)
    }

    /// The same of a command that waits itself, for so many deadlines.
    pub(crate) fn finish_within(mut self, deadlines: u32) -> Finished {
        for (name, log) in [("standard output", &self.stdout), ("standard error", &self.stderr)] {
            assert!(
                (0..deadlines).any(|_| log.ends()),
                "{name} still open after {deadlines} times {DEADLINE:?}:\n{}\n{}",
                self.stdout.text(),
                self.stderr.text()
            );
        }
        let status = self.child.wait().unwrap();
        Finished { status, stdout: self.stdout.text(), stderr: self.stderr.text() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
