//! Speech of a plugin's process to the daemon: messages go out in order, and whoever has something to say waits for
//! nobody.
//!
//! A message is written at once where the socket has room, so that what was said before a crash has been said. What finds
//! no room is queued, and written by a thread (`pusu-auth-say`).
//! **Bound:** answers and returned calls by the daemon's open tickets; lines of the log, and answers that nobody waits for,
//! by [`LINES_MAX`], beyond which they are counted and left out.

use super::fields::Frame;
use super::message::ToDaemon;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

/// Most messages that wait to be written where another one may be left out.
const LINES_MAX: usize = 1024;

/// The way to the daemon.
pub(super) struct Speech {
    stream: UnixStream,
    state: Mutex<State>,
    /// There is something to write, or nothing any more.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Frame>,
    /// The thread writes a message that is not in the queue any more.
    is_writing: bool,
}

impl Speech {
    /// Speaks through `stream`.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn through(stream: UnixStream) -> io::Result<Arc<Self>> {
        let speech = Arc::new(Self { stream, state: Mutex::default(), changed: Condvar::new() });
        let writer = Arc::clone(&speech);
        Builder::new().name("pusu-auth-say".into()).spawn(move || writer.write())?;
        Ok(speech)
    }

    /// Says what has to be said.
    pub(super) fn say(&self, what: &ToDaemon) {
        self.push(self.lock(), what);
    }

    /// Says what may be left out; `false` if it is.
    pub(super) fn say_if_there_is_room(&self, what: &ToDaemon) -> bool {
        let state = self.lock();
        let is_room = state.queue.len() < LINES_MAX;
        if is_room {
            self.push(state, what);
        }
        is_room
    }

    /// Waits until all has been written, for so long at most.
    pub(super) fn finish(&self, at_most: Duration) {
        let is_busy = |state: &mut State| state.is_writing || !state.queue.is_empty();
        drop(self.changed.wait_timeout_while(self.lock(), at_most, is_busy));
    }

    fn push(&self, mut state: MutexGuard<'_, State>, what: &ToDaemon) {
        let mut frame = what.frame();
        if !state.is_writing && state.queue.is_empty() {
            let written = self.write_now(&frame);
            if written == frame.len() {
                return;
            }
            frame.drain(..written);
        }
        state.queue.push_back(frame);
        drop(state);
        self.changed.notify_all();
    }

    /// Writes as much as there is room for. Where nobody listens any more, the end of the socket has come or is on its way:
    /// then it counts as written.
    fn write_now(&self, frame: &[u8]) -> usize {
        let mut written = 0;
        while written < frame.len() {
            match send(&self.stream, &frame[written..], SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(more) => written += more,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return written,
                Err(_) => return frame.len(),
            }
        }
        written
    }

    /// The thread's life.
    fn write(&self) {
        let mut state = self.lock();
        loop {
            if let Some(frame) = state.queue.pop_front() {
                state.is_writing = true;
                drop(state);
                // As above.
                let _ = (&self.stream).write_all(&frame);
                state = self.lock();
                state.is_writing = false;
                self.changed.notify_all();
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{TO_DAEMON_BYTES_MAX, read};
    use super::*;
    use crate::authenticator::log_line::LogLine;
    use std::sync::mpsc;

    /// A daemon that does not read, and one that does again: nobody has waited, and what was not left out comes in order.
    #[test]
    fn nobody_waits_for_a_daemon_that_does_not_read() {
        const SAID: u64 = 20_000;
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let (done, said) = mpsc::channel();
        std::thread::spawn(move || {
            let speech = Speech::through(ours).unwrap();
            let line = ToDaemon::Log(LogLine { level: 3, text: vec![b'x'; 8192], ..LogLine::default() });
            let lines = (0..SAID).filter(|_| speech.say_if_there_is_room(&line)).count();
            (0..SAID).for_each(|ticket| speech.say(&ToDaemon::Returned { ticket, status: 0 }));
            done.send(lines).unwrap();
            speech.finish(Duration::from_secs(20));
        });
        let lines = said.recv_timeout(Duration::from_secs(20)).expect("it waits for the daemon");
        assert!((LINES_MAX..LINES_MAX + 200).contains(&lines), "{lines}");
        let mut next = || ToDaemon::parse(&read(&mut theirs, TO_DAEMON_BYTES_MAX).unwrap().unwrap()).unwrap();
        assert!((0..lines).all(|_| matches!(next(), ToDaemon::Log { .. })));
        assert!((0..SAID).all(|wanted| next() == ToDaemon::Returned { ticket: wanted, status: 0 }));
    }
}
