//! Logging: to standard error, one line an event. The journal is told how serious each is, and keeps the time itself.

mod limit;
mod queue;

use crate::system::journal::{self, Marked};
use anyhow::{Context as _, anyhow};
use clap::ValueEnum;
use limit::{LeftOut, Limit, Limited};
use queue::{Line, Queue};
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal as _, Write};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use std::{panic, thread};
use tracing::{error, warn};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: time, level, message, fields; in colours on a terminal unless NO_COLOR is set
    Text,
    /// For programs: one JSON object a line
    Json,
}

/// What is logged: this level and all that are more severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Level {
    /// Failures
    Error,
    /// And whatever an operator should look at
    Warn,
    /// And what happens in the course of things
    Info,
    /// And what helps to find a mistake
    Debug,
    /// And everything else
    Trace,
}

/// How the lines get to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// At once, all of them: a command's, and those of a process that a plugin may crash.
    Direct,
    /// The same, with what authenticators say about their decisions: for whoever tries one out.
    Explained,
    /// Through a queue and a thread of its own, and bounded in number: a daemon's. Nobody who logs ever waits.
    Queued,
}

/// The queue and the limit of a daemon's log.
static QUEUED: OnceLock<(Arc<Queue>, Arc<Limit>)> = OnceLock::new();

/// What operators have done is written at any level.
const AUDIT: &str = ",pusud::audit=info";
/// The part of a filter that lets through what authenticators say about their decisions.
const DECISIONS: &str = ",pusud::authenticator::host=debug";
/// How long the end of the process may wait for the log's reader.
const FINISH_WITHIN: Duration = Duration::from_secs(1);
/// The time after which the thread of the queue looks whether something was left out.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Starts logging, for the whole process.
///
/// # Errors
/// When it was started before, or the system is out of threads.
pub fn start_logging(format: Format, level: Level, output: Output) -> anyhow::Result<()> {
    let name = match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    };
    // Dependencies are heard when something is wrong. What they say below that is about bytes, which may be secrets.
    let dependencies = if level == Level::Error { "error" } else { "warn" };
    // Who asks for every detail gets it.
    let limit = (output == Output::Queued && level <= Level::Info).then(Arc::<Limit>::default);
    let decisions = if output == Output::Explained && level == Level::Info { DECISIONS } else { "" };
    let writer = match output {
        Output::Direct | Output::Explained => BoxMakeWriter::new(|| Direct),
        Output::Queued => {
            let (queue, told) = (queue(limit.clone())?, limit.clone());
            QUEUED.set((queue.clone(), told.unwrap_or_default())).map_err(|_| anyhow!("logging was started before"))?;
            panic::set_hook(Box::new(log_panic));
            BoxMakeWriter::new(move || Line(queue.clone()))
        }
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(format!("{dependencies},pusud={name}{decisions}{AUDIT}")))
        .with_writer(writer)
        .log_internal_errors(false)
        .with_target(false);
    let started = match (format, journal::takes_stderr()) {
        (Format::Text, false) => subscriber.with_ansi(colours()).map_event_format(Limited::within(limit)).try_init(),
        (Format::Text, true) => subscriber
            .with_ansi(false)
            .without_time()
            .map_event_format(Marked)
            .map_event_format(Limited::within(limit))
            .try_init(),
        (Format::Json, false) => {
            subscriber.json().flatten_event(true).map_event_format(Limited::within(limit)).try_init()
        }
        (Format::Json, true) => subscriber
            .json()
            .flatten_event(true)
            .map_event_format(Marked)
            .map_event_format(Limited::within(limit))
            .try_init(),
    };
    started.map_err(|error| anyhow!("cannot start logging: {error}"))
}

fn colours() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Lines of a daemon's log that were lost since the start, because nobody read them or they could not be written.
pub fn lost_log_lines() -> u64 {
    QUEUED.get().map_or(0, |(queue, _)| queue.lost())
}

/// Lines of a daemon's log that were left out since the start, because too many of their kind came.
pub fn left_out_log_lines() -> u64 {
    QUEUED.get().map_or(0, |(_, limit)| limit.left_out())
}

/// Hands over a line that is no event, if the log is a daemon's. False: it is not.
pub fn log_line(line: &str) -> bool {
    let Some((queue, _)) = QUEUED.get() else { return false };
    queue.push(format!("{line}\n").as_bytes());
    true
}

/// Waits until the log's last lines are written, at most a second. For the end of the process.
pub fn finish_log() {
    if let Some((queue, limit)) = QUEUED.get() {
        tell_left_out(queue, limit.take_left_out(None));
        queue.flush(FINISH_WITHIN / 2);
        tell_lost(queue);
        queue.flush(FINISH_WITHIN / 2);
    }
}

fn queue(limit: Option<Arc<Limit>>) -> anyhow::Result<Arc<Queue>> {
    let tell = move || {
        let Some((queue, _)) = QUEUED.get() else { return };
        tell_lost(queue);
        if let Some(limit) = &limit {
            tell_left_out(queue, limit.take_left_out(Some(Instant::now())));
        }
    };
    Queue::start(Direct, LOOK_INTERVAL, tell).context("cannot start the thread that writes the log")
}

fn tell_lost(queue: &Queue) {
    let lines = queue.take_untold();
    if lines > 0 {
        warn!(target: limit::TARGET, lines, "log lines were lost: standard error was not read, or could not be written");
    }
}

fn tell_left_out(queue: &Queue, left_out: Vec<LeftOut>) {
    for LeftOut { lines, last } in left_out {
        warn!(target: limit::TARGET, lines, "too many log lines of one kind: these were left out, of which the last follows");
        queue.push(last.as_bytes());
    }
}

/// A thread's panic is a line of the log, which programs can read as any other and which waits for nobody.
fn log_panic(info: &panic::PanicHookInfo<'_>) {
    let thread = thread::current();
    let location = info.location().map(tracing::field::display);
    let payload = info.payload();
    let words =
        payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = words.unwrap_or("it gives no reason");
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| tracing::field::display(backtrace));
    error!(thread = thread.name(), location, backtrace, "panicked: {message}");
}

/// Standard error, without a buffer and without an error: there is nobody who could be told.
struct Direct;

impl Write for Direct {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stderr().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
