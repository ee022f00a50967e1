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
    queue: mpsc::Sender<Item>,
    outcome: oneshot::Receiver<Result<(), Fault>>,
}

/// A thing to do in its turn.
pub(super) type Job = Box<dyn FnOnce() -> anyhow::Result<()> + Send>;

enum Item {
    Line(Vec<u8>),
    /// To be done when all lines before it are out.
    Then(Job),
}

/// Why the printer has ended before its time.
enum Fault {
    Output(io::Error),
    Job(anyhow::Error),
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
        let (queue, mut items) = mpsc::channel(QUEUE_LINES);
        let (done, outcome) = oneshot::channel();
        std::thread::Builder::new().name("pusud-printer".into()).spawn(move || {
            let outcome = print_all(&mut items, &mut out);
            drop(items);
            // Nobody waits for the outcome after Ctrl-C.
            let _ = done.send(outcome);
        })?;
        Ok(Self { to_terminal, queue, outcome })
    }

    /// Queues one line; adds the line's end.
    pub(super) async fn line(&self, line: String) -> Result<(), Gone> {
        let mut line = if self.to_terminal { terminal::escaped(&line).into_owned() } else { line };
        line.push('\n');
        self.queue.send(Item::Line(line.into_bytes())).await.map_err(|_| Gone)
    }

    /// Has `job` done when all lines before it are out. Where they do not come out it is never done.
    pub(super) async fn then(&self, job: Job) {
        // Whoever waits for the outcome is told.
        let _ = self.queue.send(Item::Then(job)).await;
    }

    /// Waits until the reader is gone.
    pub(super) async fn gone(&self) {
        self.queue.closed().await;
    }

    /// Waits until everything is printed. A reader that went away, as `head` does, is no error.
    ///
    /// # Errors
    /// When standard output cannot be written for another reason, such as a full disk, or a job has failed.
    pub(super) async fn finish(self) -> anyhow::Result<()> {
        drop(self.queue);
        match self.outcome.await {
            Ok(Err(Fault::Output(error))) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(anyhow::Error::new(error).context("cannot write to standard output"))
            }
            Ok(Err(Fault::Job(error))) => Err(error),
            _ => Ok(()),
        }
    }
}

fn print_all(items: &mut mpsc::Receiver<Item>, out: &mut impl Write) -> Result<(), Fault> {
    while let Some(item) = items.blocking_recv() {
        let mut next = Some(item);
        // One write for all that is there, and none left unwritten while waiting for more.
        while let Some(item) = next {
            match item {
                Item::Line(line) => out.write_all(&line).map_err(Fault::Output)?,
                Item::Then(job) => {
                    out.flush().map_err(Fault::Output)?;
                    job().map_err(Fault::Job)?;
                }
            }
            next = items.try_recv().ok();
        }
        out.flush().map_err(Fault::Output)?;
    }
    Ok(())
}
