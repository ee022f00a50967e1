//! Lines of the log that others can bring about without end: how many there are of each cause.
//!
//! **Invariant:** a cause has a few lines at once and then one a minute, whatever other causes there are.

use std::time::Duration;
use tokio::time::Instant;

/// The first ones are said as they come.
const AT_ONCE: u32 = 5;
/// Time between two of those that follow, and after which the first ones begin anew one by one.
const PAUSE: Duration = Duration::from_secs(60);
/// The same of relays that come and go: each of a large network may do so at once.
const OF_RELAYS_AT_ONCE: u32 = 512;
const OF_RELAYS_PAUSE: Duration = Duration::from_secs(1);

/// Why something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The server has refused something.
    Refusal,
    /// Another relay has this relay's name.
    Namesake,
    /// A relay is at another cluster.
    OtherCluster,
    /// Relays come, move, and go.
    Relays,
}

/// What has been said of each cause.
#[derive(Debug, Default)]
pub(super) struct Lines([Said; 4]);

#[derive(Debug, Default, Clone, Copy)]
struct Said {
    count: u32,
    /// When one of them is forgotten.
    less: Option<Instant>,
}

impl Lines {
    /// Whether a line may be said of it now, which it is then.
    pub(super) fn may(&mut self, cause: Cause, now: Instant) -> bool {
        let (at_once, pause) = match cause {
            Cause::Relays => (OF_RELAYS_AT_ONCE, OF_RELAYS_PAUSE),
            _ => (AT_ONCE, PAUSE),
        };
        let said = &mut self.0[cause as usize];
        let mut less = said.less.unwrap_or(now + pause);
        while said.count > 0 && less <= now {
            (said.count, less) = (said.count - 1, less + pause);
        }
        let may = said.count < at_once;
        if may {
            less = if said.count == 0 { now + pause } else { less };
            said.count += 1;
        }
        said.less = Some(less);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_has_a_few_lines_and_then_one_a_minute_and_silences_no_other() {
        let (mut lines, start) = (Lines::default(), Instant::now());
        let mut said = Vec::new();
        for second in 0..200 {
            if lines.may(Cause::OtherCluster, start + Duration::from_secs(second)) {
                said.push(second);
            }
        }
        assert_eq!(said, [0, 1, 2, 3, 4, 60, 120, 180]);
        let later = start + Duration::from_secs(200);
        assert!(lines.may(Cause::Refusal, later) && !lines.may(Cause::OtherCluster, later));
        let much_later = later + Duration::from_secs(3600);
        assert_eq!((0..100).filter(|_| lines.may(Cause::OtherCluster, much_later)).count(), 5);
    }

    #[test]
    fn a_large_network_may_come_at_once() {
        let (mut lines, start) = (Lines::default(), Instant::now());
        assert_eq!((0..1000).filter(|_| lines.may(Cause::Relays, start)).count(), 512);
        let minute = start + Duration::from_secs(60);
        assert_eq!((0..1000).filter(|_| lines.may(Cause::Relays, minute)).count(), 60);
    }
}
