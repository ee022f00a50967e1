//! The limit of the log: of each kind of line so many at once, and then one a second, so that nobody fills the disk by
//! what he sends.
//!
//! A kind is a place in the source. What is left out is counted, and told of now and then with the last example. **Bound:**
//! `BURST` lines, and then three lines in `TELL_INTERVAL` beside one a second, for each of the places that log.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tracing::callsite::Identifier;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Lines of one kind that come one after the other.
const BURST: u32 = 50;
/// The time in which another line of a kind may come.
const INTERVAL: Duration = Duration::from_secs(1);
/// The time between two words about what was left out of a kind.
const TELL_INTERVAL: Duration = Duration::from_secs(10);
/// The target of the lines about that, which are not limited.
pub(super) const TARGET: &str = "pusud::log";
/// The target of what operators have done, of which nothing is left out: whoever writes it is known, or bounded.
const AUDIT: &str = "pusud::audit";

/// What each kind of line has used of its part.
#[derive(Default)]
pub(super) struct Limit {
    kinds: Mutex<HashMap<Identifier, Kind>>,
    left_out: AtomicU64,
}

struct Kind {
    /// When all of its part would be there again.
    full_at: Instant,
    left_out: u64,
    last: String,
    /// Not before is it told what was left out.
    tell_at: Instant,
}

/// What was left out of one kind of line.
pub(super) struct LeftOut {
    pub(super) lines: u64,
    /// The last of them, as it would have been written.
    pub(super) last: String,
}

impl Limit {
    /// Whether another line of a kind may be written now.
    fn passes(&self, kind: &Identifier, now: Instant) -> bool {
        let mut kinds = self.lock();
        let kind = kinds.entry(kind.clone()).or_insert_with(|| Kind::new(now));
        let may = kind.full_at <= now + INTERVAL * (BURST - 1);
        if may {
            kind.full_at = kind.full_at.max(now) + INTERVAL;
        }
        may
    }

    fn leave_out(&self, kind: &Identifier, line: String, now: Instant) {
        let mut kinds = self.lock();
        let kind = kinds.entry(kind.clone()).or_insert_with(|| Kind::new(now));
        if kind.left_out == 0 {
            kind.tell_at = kind.tell_at.max(now + INTERVAL);
        }
        kind.left_out += 1;
        self.left_out.fetch_add(1, Ordering::Relaxed);
        kind.last = line;
    }

    /// What was left out and is to be told now, or whenever it is due.
    pub(super) fn take_left_out(&self, now: Option<Instant>) -> Vec<LeftOut> {
        let mut kinds = self.lock();
        let is_due = |kind: &&mut Kind| kind.left_out > 0 && now.is_none_or(|now| now >= kind.tell_at);
        kinds.values_mut().filter(is_due).map(|kind| kind.take(now)).collect()
    }

    /// How many lines were left out since the start.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Identifier, Kind>> {
        self.kinds.lock().expect("nothing panics while it holds the kinds")
    }
}

impl Kind {
    fn new(now: Instant) -> Self {
        Self { full_at: now, left_out: 0, last: String::new(), tell_at: now }
    }

    fn take(&mut self, now: Option<Instant>) -> LeftOut {
        if let Some(now) = now {
            self.tell_at = now + TELL_INTERVAL;
        }
        LeftOut { lines: std::mem::take(&mut self.left_out), last: std::mem::take(&mut self.last) }
    }
}

/// Lines as `F` writes them, within the limit if there is one.
pub(super) struct Limited<F> {
    lines: F,
    limit: Option<Arc<Limit>>,
}

impl<F> Limited<F> {
    /// What puts lines under this limit.
    pub(super) fn within(limit: Option<Arc<Limit>>) -> impl FnOnce(F) -> Self {
        move |lines| Self { lines, limit }
    }
}

impl<S, N, F> FormatEvent<S, N> for Limited<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let is_limited = ![TARGET, AUDIT].contains(&event.metadata().target());
        let Some(limit) = self.limit.as_ref().filter(|_| is_limited) else {
            return self.lines.format_event(context, out, event);
        };
        let (kind, now) = (event.metadata().callsite(), Instant::now());
        if limit.passes(&kind, now) {
            return self.lines.format_event(context, out, event);
        }
        let mut line = String::new();
        self.lines.format_event(context, Writer::new(&mut line), event)?;
        limit.leave_out(&kind, line, now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A place in the source that logs.
    struct Site(#[expect(dead_code, reason = "two places must not be one address")] u8);

    impl tracing::Callsite for Site {
        fn set_interest(&self, _: tracing::subscriber::Interest) {}

        fn metadata(&self) -> &tracing::Metadata<'_> {
            unreachable!("nobody asks")
        }
    }

    #[test]
    fn a_burst_and_then_one_a_second_and_the_rest_is_told_with_the_last_example() {
        let (limit, start) = (Limit::default(), Instant::now());
        static SITES: [Site; 2] = [Site(0), Site(1)];
        let [a, b] = [Identifier(&SITES[0]), Identifier(&SITES[1])];
        let pass = |kind: &Identifier, after| (0..200).filter(|_| limit.passes(kind, start + after)).count() as u32;
        assert_eq!(pass(&a, Duration::ZERO), BURST);
        assert_eq!(pass(&b, Duration::ZERO), BURST, "another kind has its own part");
        assert_eq!(pass(&a, 3 * INTERVAL), 3);
        assert_eq!(pass(&a, 1000 * INTERVAL), BURST);
        let left_out =
            |now| limit.take_left_out(now).into_iter().map(|left| (left.lines, left.last)).collect::<Vec<_>>();
        limit.leave_out(&a, "one".into(), start);
        limit.leave_out(&a, "two".into(), start);
        assert_eq!(left_out(Some(start)), [], "not before there may be more of them");
        assert_eq!(left_out(Some(start + INTERVAL)), [(2, "two".into())]);
        limit.leave_out(&a, "three".into(), start + INTERVAL);
        assert_eq!(left_out(Some(start + 5 * INTERVAL)), []);
        assert_eq!(left_out(None), [(1, "three".into())], "at the end of the process");
        assert_eq!(limit.left_out(), 3);
    }
}
