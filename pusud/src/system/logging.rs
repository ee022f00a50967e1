//! Logging: to standard error, one line an event. The journal is told how serious each is, and keeps the time itself.

use crate::system::journal::{self, Marked};
use clap::ValueEnum;
use std::io::{self, IsTerminal as _};
use tracing_subscriber::EnvFilter;

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: time, level, message, fields; in colours on a terminal unless NO_COLOR is set
    Text,
    /// For programs: one JSON object a line
    Json,
}

/// What is logged: this level and all that are more severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
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

/// Starts logging, for the whole process.
///
/// # Errors
/// When it was started before.
pub fn start_logging(format: Format, level: Level) -> anyhow::Result<()> {
    let level = match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    };
    // Dependencies are heard when something is wrong. What they say below that is about bytes, which may be secrets.
    let dependencies = if level == "error" { "error" } else { "warn" };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(format!("{dependencies},pusud={level}")))
        .with_writer(io::stderr)
        .with_target(false);
    let started = match (format, journal::takes_stderr()) {
        (Format::Text, false) => subscriber.with_ansi(colours()).try_init(),
        (Format::Text, true) => subscriber.with_ansi(false).without_time().map_event_format(Marked).try_init(),
        (Format::Json, false) => subscriber.json().flatten_event(true).try_init(),
        (Format::Json, true) => subscriber.json().flatten_event(true).map_event_format(Marked).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
}

fn colours() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
