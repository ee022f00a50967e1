//! The way back to the relay, usable from any thread until the instance is destroyed.

use crate::entry_facts::Entry;
use crate::facts::Facts;
use crate::grants::GrantsHandle;
use crate::link::{Link, copied};
use crate::metrics::{Counter, Gauge, Histogram, Series};
use crate::request::Ticket;
use crate::verdict::Verdict;
use pusu_plugin_abi as abi;
use std::any::Any;
use std::ffi::c_void;
use std::fmt::{self, Display, Write as _};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::Arc;

/// How important a line in the relay's log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    /// Something failed and somebody has to do something.
    Error = 1,
    /// Something is not as it should be.
    Warn = 2,
    /// What an operator wants to know in normal times.
    Info = 3,
    /// For finding faults.
    Debug = 4,
    /// Every step.
    Trace = 5,
}

/// A handle to the relay: cheap to clone, usable from any thread. Handles that outlive their authenticator do nothing.
///
/// Its functions wait for no client, disk or network, and never call the authenticator. So they may be called from
/// inside every function of it, and while it holds locks of its own. What is logged must never contain an
/// authorization.
#[derive(Clone)]
pub struct Host(pub(crate) Arc<Link>);

impl Host {
    /// As [`Link::from_raw`].
    ///
    /// # Safety
    /// As [`Link::from_raw`].
    pub(crate) unsafe fn from_raw(table: *const abi::Host) -> Option<Self> {
        // SAFETY: as the caller promises.
        unsafe { Link::from_raw(table, None) }.map(|link| Self(Arc::new(link)))
    }

    /// A host of a test's own, whose functions use `kept`.
    ///
    /// # Safety
    /// As [`Link::from_raw`].
    pub(crate) unsafe fn for_tests(table: &abi::Host, kept: Box<dyn Any + Send + Sync>) -> Option<Self> {
        // SAFETY: as the caller promises.
        unsafe { Link::from_raw(table, Some(kept)) }.map(|link| Self(Arc::new(link)))
    }

    /// Ends every use of the relay's tables.
    pub(crate) fn close(&self) {
        self.0.close();
    }

    /// Writes one line to the relay's log, of at most [`LOG_BYTES_MAX`](abi::LOG_BYTES_MAX) bytes. Lines beyond a rate
    /// are counted and left out.
    pub fn log(&self, level: Level, text: impl Display) {
        // Formatted before the lock is taken: `Display` is the author's code and may itself log.
        let text = text.to_string();
        self.0.with_tables(|tables| {
            let host = &tables.host;
            // SAFETY: the table is open, and the text outlives the call.
            host.log.map(|log| unsafe { log(host.ctx, level as i32, abi::Str::borrow(text.as_bytes())) })
        });
    }

    /// Writes one line with named facts to the relay's log, about a request or a grant where `ticket` is given, so that
    /// all lines of one client are found. Where the relay does not know `pusu.log/1`, all of it stands in the text.
    ///
    /// ```
    /// # use pusu_plugin_api::{Host, Level, Request};
    /// fn log_key(host: &Host, request: &Request<'_>, key_id: &str) {
    ///     host.log_about(Level::Debug, request.ticket(), "the key is known", &[("key_id", key_id)]);
    /// }
    /// ```
    pub fn log_about(
        &self,
        level: Level,
        ticket: impl Into<Option<Ticket>>,
        text: impl Display,
        facts: &[(&str, &str)],
    ) {
        let ticket: Option<Ticket> = ticket.into();
        let mut text = text.to_string();
        if !self.0.has(|tables| tables.log.is_some()) {
            let ticket = ticket.map(|ticket| ("ticket", ticket.to_string()));
            let all = ticket.iter().map(|(key, value)| (*key, value.as_str())).chain(facts.iter().copied());
            for (key, value) in all {
                // Writing into a `String` does not fail.
                let _ = write!(text, " {key}={value:?}");
            }
            return self.log(level, text);
        }
        let borrowed = |text: &str| abi::Str::borrow(text.as_bytes());
        let attrs: Vec<abi::Attr> =
            facts.iter().map(|(key, value)| abi::Attr { key: borrowed(key), value: borrowed(value) }).collect();
        self.0.with_tables(|tables| {
            let log = tables.log?.log?;
            let ticket = ticket.map_or(0, |ticket| ticket.0);
            // SAFETY: the table is open, and the text and the attributes outlive the call.
            unsafe { log(tables.host.ctx, level as i32, ticket, borrowed(&text), attrs.as_ptr(), attrs.len()) };
            Some(())
        });
    }

    /// Whether lines of this level are written now; true where the relay does not tell. Costs next to nothing, and may
    /// change at any time.
    pub fn enabled(&self, level: Level) -> bool {
        let enabled = self.0.with_tables(|tables| match tables.log.and_then(|log| log.enabled) {
            // SAFETY: the table is open.
            Some(enabled) => Some(unsafe { enabled(tables.host.ctx, level as i32) } != 0),
            None => Some(true),
        });
        enabled.unwrap_or(false)
    }

    /// Logs what failed and needs somebody to do something.
    pub fn error(&self, text: impl Display) {
        self.log(Level::Error, text);
    }

    /// Logs what is not as it should be.
    pub fn warn(&self, text: impl Display) {
        self.log(Level::Warn, text);
    }

    /// Logs what an operator wants to know in normal times.
    pub fn info(&self, text: impl Display) {
        self.log(Level::Info, text);
    }

    /// Logs what helps to find faults.
    pub fn debug(&self, text: impl Display) {
        self.log(Level::Debug, text);
    }

    /// Ending and rechecking what was granted. `None`: this relay does not know `pusu.grants/1`, or the plugin is not
    /// exported with [`GRANTS`](crate::GRANTS). A plugin that cannot do without says `needs: &["pusu.grants/1"]`.
    pub fn grants(&self) -> Option<GrantsHandle> {
        self.0.has(|tables| tables.grants.is_some()).then(|| GrantsHandle::new(self.clone()))
    }

    /// A number that only rises, among the relay's metrics; the name ends in `_total`. See
    /// [`Counter`](crate::Counter).
    pub fn counter(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Counter {
        Counter(Series::define(self, abi::METRIC_COUNTER, name, help, labels, &[]))
    }

    /// A number that goes up and down, among the relay's metrics. See [`Gauge`](crate::Gauge).
    pub fn gauge(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Gauge {
        Gauge(Series::define(self, abi::METRIC_GAUGE, name, help, labels, &[]))
    }

    /// The most memory, in bytes, that the authenticator takes while it decides, beside a few KiB a call. Set it in
    /// [`Check::check`](crate::Check::check) and in `create`: `pusud check` adds it to what the relay takes.
    pub fn memory_bytes_max(&self) -> Gauge {
        self.gauge(abi::METRIC_MEMORY, "Memory that this authenticator takes at most while it decides.", &[])
    }

    /// A count of values by size, among the relay's metrics. `bounds` are upper bounds, finite and rising; none stands
    /// for those of times, 0.5 ms to 10 s. See [`Histogram`](crate::Histogram).
    pub fn histogram(&self, name: &str, help: &str, labels: &[(&str, &str)], bounds: &[f64]) -> Histogram {
        Histogram(Series::define(self, abi::METRIC_HISTOGRAM, name, help, labels, bounds))
    }

    /// The relay's minor version of the ABI: it raises with each bit, key or reserved byte that gets a meaning. Whoever uses
    /// one of a later version looks here in `create`. 0 once the authenticator has been destroyed.
    pub fn abi_minor(&self) -> u32 {
        self.0.with_tables(|tables| Some(tables.host.abi_minor)).unwrap_or(0)
    }

    /// A further table of the relay's by id; `None` if this relay does not know it. What the pointer may be used for,
    /// and how long, is part of what the id means. For the ids of this project there are functions of this type.
    pub fn extension(&self, id: &str) -> Option<NonNull<c_void>> {
        self.0.with_tables(|tables| {
            let extension = tables.host.extension?;
            // SAFETY: the table is open, and the id outlives the call.
            let found = unsafe { extension(tables.host.ctx, abi::Str::borrow(id.as_bytes())) };
            NonNull::new(found.cast_mut())
        })
    }

    /// Where the plugin's library and its folders are, and how long it may take; `None`: the relay is older than that.
    ///
    /// ```
    /// # use pusu_plugin_api::{CreateError, Host};
    /// # use std::path::PathBuf;
    /// /// The file with the plugin's memory, where the operator has given a folder for such.
    /// fn memory(host: &Host) -> Option<PathBuf> {
    ///     Some(host.facts()?.state_dir?.join("my-authenticator.db"))
    /// }
    /// ```
    pub fn facts(&self) -> Option<Facts> {
        self.0.with_tables(|tables| {
            let extension = tables.host.extension?;
            // SAFETY: the table is open, and the id outlives the call.
            let found = unsafe { extension(tables.host.ctx, abi::Str::borrow(abi::EXT_HOST.as_bytes())) };
            // SAFETY: what this id means is null or a table of facts, which lives as long as the host's table is open.
            unsafe { Facts::from_raw(found.cast()) }
        })
    }

    /// Which of the relay's authenticators this one is, and the time of a call; `None`: the relay is older than that, and
    /// asks this one alone.
    ///
    /// ```
    /// # use pusu_plugin_api::{Host, Verdict};
    /// /// What is not this authenticator's may be that of the next one.
    /// fn not_mine(host: &Host) -> Verdict {
    ///     match host.entry() {
    ///         Some(entry) if !entry.is_last() => Verdict::abstain(),
    ///         _ => Verdict::refuse("the token is of an unknown kind"),
    ///     }
    /// }
    /// ```
    pub fn entry(&self) -> Option<Entry> {
        self.0.with_tables(|tables| {
            let extension = tables.host.extension?;
            // SAFETY: the table is open, and the id outlives the call.
            let found = unsafe { extension(tables.host.ctx, abi::Str::borrow(abi::EXT_ENTRY.as_bytes())) };
            // SAFETY: what this id means is null or a table of this type, which lives as long as the host's is open.
            let table = unsafe { copied::<abi::Entry>(found) }?;
            Some(Entry::from_raw(&table))
        })
    }

    /// The whole path of a file that the options name: a relative one starts in the folder of the relay's settings. Where
    /// the relay does not say which that is, it starts in the working directory.
    pub fn resolve(&self, path: impl AsRef<Path>) -> PathBuf {
        let folder = self.facts().and_then(|facts| facts.settings_dir).unwrap_or_default();
        let path = folder.join(path);
        std::path::absolute(&path).unwrap_or(path)
    }

    /// Says why `create`, or a function that may say so, is about to fail.
    pub(crate) fn set_error(&self, text: &str) {
        self.0.with_tables(|tables| {
            let host = &tables.host;
            // SAFETY: the table is open, and the text outlives the call.
            host.set_error.map(|set_error| unsafe { set_error(host.ctx, abi::Str::borrow(text.as_bytes())) })
        });
    }

    /// Answers a request; what the relay's function returned, or `None` if it was not called any more.
    pub(crate) fn complete(&self, ticket: u64, verdict: &Verdict) -> Option<i32> {
        verdict.raw(|raw| {
            self.0.with_tables(|tables| {
                let host = &tables.host;
                // SAFETY: the table is open, and the verdict with everything it borrows outlives the call.
                host.complete.map(|complete| unsafe { complete(host.ctx, ticket, raw) })
            })
        })
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Host")
    }
}
