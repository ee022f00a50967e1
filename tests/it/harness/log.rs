//! The lines that a process writes, collected while it runs.

use super::DEADLINE;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Whether a line of the log says that a client was disconnected as a slow consumer, or for `max_queued_bytes`.
pub(crate) fn is_disconnect(line: &str) -> bool {
    ["slow consumer disconnected", "client disconnected: max_queued_bytes exceeded"]
        .iter()
        .any(|words| line.contains(words))
}

/// The lines of one stream so far; clones are the same log.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<String>,
    ended: bool,
    reader: Reader,
}

/// What the thread does that reads the stream.
#[derive(Default, PartialEq, Eq)]
enum Reader {
    #[default]
    Reads,
    StandsStill,
    Leaves,
}

impl Shared {
    /// A test that has failed while it waited has left it as it was.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    /// Collects the lines of `stream` on a thread of its own until it ends.
    pub(crate) fn of(stream: impl Read + Send + 'static) -> Self {
        let log = Self::default();
        let writer = log.clone();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while writer.goes_on() && reader.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                line.clear();
                writer.0.state().lines.push(text);
                writer.0.changed.notify_all();
            }
            drop(reader);
            writer.0.state().ended = true;
            writer.0.changed.notify_all();
        });
        log
    }

    /// From the next line on nobody reads the stream.
    pub(crate) fn stand_still(&self) {
        self.set(Reader::StandsStill);
    }

    /// The stream is read again.
    pub(crate) fn go_on(&self) {
        self.set(Reader::Reads);
    }

    /// The stream's reader goes away with the next line.
    pub(crate) fn leave(&self) {
        self.set(Reader::Leaves);
    }

    fn set(&self, reader: Reader) {
        self.0.state().reader = reader;
        self.0.changed.notify_all();
    }

    fn goes_on(&self) -> bool {
        let state = self.0.state();
        let state = self
            .0
            .changed
            .wait_while(state, |state| state.reader == Reader::StandsStill)
            .unwrap_or_else(PoisonError::into_inner);
        state.reader == Reader::Reads
    }

    /// Everything so far.
    pub(crate) fn text(&self) -> String {
        self.0.state().lines.join("\n")
    }

    /// The lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.state().lines.clone()
    }

    /// Waits for a line that `find` makes something of, from the first line on.
    pub(crate) fn wait_for<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        self.wait(what, |lines| lines.iter().find_map(|line| find(line)))
    }

    /// Waits up to `wait` for a line after the first `seen`; `false` if none came or none can come any more.
    pub(crate) fn grows_past(&self, seen: usize, wait: std::time::Duration) -> bool {
        let state = self.0.state();
        let (state, _) = self
            .0
            .changed
            .wait_timeout_while(state, wait, |state| state.lines.len() <= seen && !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
        state.lines.len() > seen
    }

    /// Waits for the first line; `None`: the stream has ended without one, or the deadline passed.
    pub(crate) fn first_line(&self) -> Option<String> {
        self.grows_past(0, DEADLINE).then(|| self.lines().swap_remove(0))
    }

    /// Waits until the stream has ended; `false` if the deadline passed first.
    pub(crate) fn ends(&self) -> bool {
        let state = self.0.state();
        self.0
            .changed
            .wait_timeout_while(state, DEADLINE, |state| !state.ended)
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .ended
    }

    /// Waits until `find` makes something of all lines so far.
    pub(crate) fn wait<T>(&self, what: &str, find: impl Fn(&[String]) -> Option<T>) -> T {
        let started = Instant::now();
        let mut state = self.0.state();
        loop {
            if let Some(found) = find(&state.lines) {
                return found;
            }
            let left = DEADLINE.saturating_sub(started.elapsed());
            assert!(!state.ended, "the process ended before {what}; it had written:\n{}", state.lines.join("\n"));
            assert!(!left.is_zero(), "waited in vain for {what}; so far:\n{}", state.lines.join("\n"));
            state = self.0.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
