//! The journal of systemd as the place where the log goes: whether it is that, and how serious a line is in its words.
//!
//! It knows nothing of what is logged. Without the mark every line of a service counts as `info` there.

use std::fmt;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

#[cfg(not(unix))]
pub use elsewhere::takes_stderr;
#[cfg(unix)]
pub use unix::takes_stderr;

/// What an error is marked with, in front of each of its lines (sd-daemon(3)).
pub const ERROR: &str = "<3>";

/// Lines as `F` writes them, each with its mark.
pub(crate) struct Marked<F>(pub(crate) F);

impl<S, N, F> FormatEvent<S, N> for Marked<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        out.write_str(mark(*event.metadata().level()))?;
        self.0.format_event(context, out, event)
    }
}

fn mark(level: Level) -> &'static str {
    match level {
        Level::ERROR => ERROR,
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        Level::DEBUG | Level::TRACE => "<7>",
    }
}

#[cfg(unix)]
mod unix {
    use std::env;
    use std::fs::File;
    use std::io;
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;

    /// Whether what is written to standard error goes to the journal: systemd says which file that is, since whoever
    /// starts a program with another standard error leaves the variable in place (systemd.exec(5), JOURNAL_STREAM).
    pub fn takes_stderr() -> bool {
        let Ok(journal) = env::var("JOURNAL_STREAM") else { return false };
        let stderr = io::stderr().as_fd().try_clone_to_owned().and_then(|stderr| File::from(stderr).metadata());
        stderr.is_ok_and(|file| journal == format!("{}:{}", file.dev(), file.ino()))
    }
}

#[cfg(not(unix))]
mod elsewhere {
    /// There is none.
    pub fn takes_stderr() -> bool {
        false
    }
}
