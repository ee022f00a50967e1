//! Output of the commands: lines for the person at the terminal, and results.

use super::terminal;
use pusud::system;
use std::fmt;
use std::io::{self, Write as _};

/// A line for the person at the terminal, on standard error.
pub(crate) fn note(line: impl fmt::Display) {
    write_line(&format!("pusud: {line}"));
}

/// A line on standard error, behind those of the log.
pub(super) fn write_line(line: &str) {
    let line = terminal::shown(line, &io::stderr());
    if !system::log_line(&line) {
        // Where standard error is closed nobody is there to be told, not even about that.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// Why a command has failed, for the person at the terminal, or for those who ask the journal for errors.
pub(crate) fn note_failure(error: &anyhow::Error) {
    let text = format!("error: {error:#}");
    if !system::takes_stderr() {
        return note(text);
    }
    text.lines().for_each(|line| write_line(&format!("{}pusud: {line}", system::ERROR)));
}

/// Prints the result of a command, escaped for a terminal. A reader that went away (`pusud check | head -1`) has seen
/// enough.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let text = terminal::shown(text, &out);
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("cannot write to standard output"))
        }
        _ => Ok(()),
    }
}
