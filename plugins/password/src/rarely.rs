//! Errors that strangers bring about as often as they like: one line in a while, with the number of those left out.

use pusu_plugin_api::Host;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long nothing is said after a line.
const SILENCE: Duration = Duration::from_secs(10);

/// When the last one was said, and how many were not since.
#[derive(Default)]
pub(crate) struct Rarely(Mutex<Option<(Instant, u64)>>);

impl Rarely {
    /// Says it, unless something was said a moment ago.
    pub(crate) fn error(&self, host: &Host, text: impl Display) {
        self.error_at(Instant::now(), host, text);
    }

    fn error_at(&self, now: Instant, host: &Host, text: impl Display) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left_out = match &mut *last {
            Some((said, left_out)) if now.saturating_duration_since(*said) < SILENCE => {
                *left_out += 1;
                return;
            }
            Some((_, left_out)) => *left_out,
            None => 0,
        };
        *last = Some((now, 0));
        drop(last);
        match left_out {
            0 => host.error(text),
            _ => host.error(format_args!("{text} (since the last such line, {left_out} more were left out)")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pusu_plugin_api::testing::Relay;

    #[test]
    fn one_of_many_is_said_and_the_next_one_counts_them() {
        let (relay, rarely, now) = (Relay::new(), Rarely::default(), Instant::now());
        for _ in 0..100 {
            rarely.error_at(now, &relay.host(), "no");
        }
        rarely.error_at(now + SILENCE, &relay.host(), "still no");
        let said: Vec<_> = relay.lines().into_iter().map(|line| line.text).collect();
        assert_eq!(said, ["no", "still no (since the last such line, 99 more were left out)"]);
    }
}
