//! Lines to standard output on a thread of its own, so that a reader who is slow holds up neither Ctrl-C nor pongs.
//!
//! On a terminal each line is escaped first: see `terminal`.
//!
//! **Invariant:** bounded: when the reader is slow the queue fills, the listener stops reading, and the relay sees it.

use super::terminal;
use std::io::{self, Write};
use tokio::sync::{mpsc, oneshot};

/// Lines that may wait for the reader.
const QUEUE_LINES: usize = 256;

/// The open end of the printer.
pub(super) struct Printer {
    to_terminal: bool,
    lines: mpsc::Sender<Vec<u8>>,
    outcome: oneshot::Receiver<io::Result<()>>,
}

/// The reader is gone; [`Printer::finish`] says whether that is an error.
#[derive(Debug)]
pub(super) struct Gone;

impl Printer {
    /// Starts printing to `out`, which may be a terminal.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(mut out: impl Write + Send + 'static, to_terminal: bool) -> io::Result<Self> {
        let (lines, mut queue) = mpsc::channel::<Vec<u8>>(QUEUE_LINES);
        let (done, outcome) = oneshot::channel();
        std::thread::Builder::new().name("pusud-printer".into()).spawn(move || {
            let outcome = print_all(&mut queue, &mut out);
            drop(queue);
            // Nobody waits for the outcome after Ctrl-C.
            let _ = done.send(outcome);
        })?;
        Ok(Self { to_terminal, lines, outcome })
    }

    /// Queues one line; adds the line's end.
    pub(super) async fn line(&self, line: String) -> Result<(), Gone> {
        let mut line = if self.to_terminal { terminal::escaped(&line).into_owned() } else { line };
        line.push('\n');
        self.lines.send(line.into_bytes()).await.map_err(|_| Gone)
    }

    /// Waits until the reader is gone.
    pub(super) async fn gone(&self) {
        self.lines.closed().await;
    }

    /// Waits until everything is printed. A reader that went away, as `head` does, is no error.
    ///
    /// # Errors
    /// When standard output cannot be written for another reason, such as a full disk.
    pub(super) async fn finish(self) -> io::Result<()> {
        drop(self.lines);
        match self.outcome.await {
            Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}

fn print_all(queue: &mut mpsc::Receiver<Vec<u8>>, out: &mut impl Write) -> io::Result<()> {
    while let Some(line) = queue.blocking_recv() {
        out.write_all(&line)?;
        // One write for all that is there, and none left unwritten while waiting for more.
        while let Ok(line) = queue.try_recv() {
            out.write_all(&line)?;
        }
        out.flush()?;
    }
    Ok(())
}
