//! The queue of the log: whoever logs hands a line over and never waits, and a thread of its own writes.
//!
//! So a log that nobody reads, or that cannot be written, stops nobody. **Invariant:** at most `QUEUE_BYTES_MAX` wait,
//! those included that are being written. A line that does not fit, or that could not be written, is counted as lost,
//! and the count is logged once a line has been written again.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;
use std::{mem, thread};

/// What may wait to be written, in bytes.
const QUEUE_BYTES_MAX: usize = 1024 * 1024;
/// The pause before another attempt where standard error was made non-blocking by somebody who shares it, and is full.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// Lines on their way to where the log goes.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// There is something to write.
    has_lines: Condvar,
    /// Nothing is left to write.
    is_empty: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    /// How many bytes the thread has taken out and is writing.
    being_written: usize,
    lost: u64,
    /// Of those, how many the log does not tell of yet.
    untold: u64,
    /// The last lines could be written.
    is_read: bool,
}

impl Queue {
    /// Starts the thread that writes to `out`. It does `between` whenever it has written, and when `period` has passed.
    ///
    /// # Errors
    /// The system is out of threads.
    pub(super) fn start(
        out: impl Write + Send + 'static,
        period: Duration,
        mut between: impl FnMut() + Send + 'static,
    ) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self::default());
        let writing = queue.clone();
        let mut out = out;
        let write = move || {
            loop {
                writing.write_waiting(&mut out, period);
                between();
            }
        };
        // It ends with the process.
        thread::Builder::new().name("log".into()).spawn(write)?;
        Ok(queue)
    }

    /// Hands over one whole line, or several. Never waits for who reads the log.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.waiting() + line.len() > QUEUE_BYTES_MAX {
            return state.lose(1);
        }
        if state.lines.is_empty() {
            self.has_lines.notify_one();
        }
        state.lines.extend_from_slice(line);
    }

    /// Lines that were lost since the start.
    pub(super) fn lost(&self) -> u64 {
        self.lock().lost
    }

    /// Lines that were lost and of which nothing has been said yet, once there is somebody to tell and room for it.
    pub(super) fn take_untold(&self) -> u64 {
        let mut state = self.lock();
        let has_room = state.is_read && state.waiting() < QUEUE_BYTES_MAX / 2;
        if has_room { mem::take(&mut state.untold) } else { 0 }
    }

    /// Waits until everything has been written, at most for `within`.
    pub(super) fn flush(&self, within: Duration) {
        let is_busy = |state: &mut State| state.waiting() > 0;
        // Whether it has come to an end or not: there is nothing more that could be done.
        drop(self.is_empty.wait_timeout_while(self.lock(), within, is_busy));
    }

    fn write_waiting(&self, out: &mut impl Write, period: Duration) {
        let waiting = self.has_lines.wait_timeout_while(self.lock(), period, |state| state.lines.is_empty());
        let (mut state, _) = waiting.expect("nothing panics while it holds the queue");
        if state.lines.is_empty() {
            return;
        }
        let lines = mem::take(&mut state.lines);
        state.being_written = lines.len();
        drop(state);
        let written = write_all(out, &lines);
        let mut state = self.lock();
        state.being_written = 0;
        let rest = &lines[written..];
        state.is_read = rest.is_empty();
        state.lose(rest.iter().filter(|&&byte| byte == b'\n').count() as u64);
        if state.lines.is_empty() {
            self.is_empty.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the queue")
    }
}

impl State {
    /// Bytes that have not been written.
    fn waiting(&self) -> usize {
        self.lines.len() + self.being_written
    }

    fn lose(&mut self, lines: u64) {
        self.lost += lines;
        self.untold += lines;
    }
}

/// Writes as much as can be; returns how much that is.
fn write_all(out: &mut impl Write, bytes: &[u8]) -> usize {
    let mut written = 0;
    while written < bytes.len() {
        match out.write(&bytes[written..]) {
            Ok(0) => break,
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(RETRY_PAUSE),
            // The disk is full, or the reader has gone. The next lines are tried again.
            Err(_) => break,
        }
    }
    written
}

/// One line: what the formatter writes into it is handed over at once.
pub(super) struct Line(pub(super) Arc<Queue>);

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
