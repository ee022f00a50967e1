//! The log of refused connections: at most one line a second for each reason, with how many there were.

use crate::admission::ClientAddress;
use crate::protocol::Refusal;
use std::future::pending;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tracing::warn;

/// The time between two lines.
const LINE_INTERVAL: Duration = Duration::from_secs(1);

/// What has not been logged yet.
#[derive(Default)]
pub struct RefusalLog {
    /// By what was exceeded or broken, each with its last client and what that did.
    refused: Vec<(Refusal, u64, ClientAddress, String)>,
    next_line: Option<Instant>,
}

impl RefusalLog {
    /// Remembers that a client was not let in, since a limit was reached.
    pub fn note(&mut self, refusal: Refusal, client: ClientAddress) {
        self.note_reason(refusal, client, "a limit was reached".to_owned());
    }

    /// Remembers that a client was not let in, and why.
    pub fn note_reason(&mut self, refusal: Refusal, client: ClientAddress, reason: String) {
        match self.refused.iter_mut().find(|(other, ..)| *other == refusal) {
            Some((_, count, last, why)) => (*count, *last, *why) = (*count + 1, client, reason),
            None => self.refused.push((refusal, 1, client, reason)),
        }
    }

    /// Ready when there is something to log and it is time to.
    pub async fn due(&self) {
        match self.next_line {
            _ if self.refused.is_empty() => pending().await,
            Some(next_line) => sleep_until(next_line).await,
            None => {}
        }
    }

    /// Logs what there is, now.
    pub fn write(&mut self, now: Instant) {
        for (refusal, count, client, reason) in self.refused.drain(..) {
            let refused = format_args!("{} {count}", refusal.key());
            warn!(%refused, client = %client.host(), "connections refused: {reason}");
            self.next_line = Some(now + LINE_INTERVAL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn is_due_at_once_and_then_once_a_second() {
        let mut log = RefusalLog::default();
        let is_due = |log: &RefusalLog| log.due().now_or_never().is_some();
        let address = ClientAddress::from(std::net::IpAddr::from([192, 0, 2, 1]));
        assert!(!is_due(&log), "nothing happened");
        log.note(Refusal::MaxConnections, address);
        assert!(is_due(&log));
        let now = Instant::now();
        log.write(now);
        assert!(!is_due(&log), "all is said");
        (0..3).for_each(|_| log.note(Refusal::MaxUnauthorized, address));
        assert_eq!(log.next_line, Some(now + LINE_INTERVAL), "not before");
        log.note_reason(Refusal::Tls, address, "it spoke in riddles".to_owned());
        let kinds: Vec<_> = log.refused.iter().map(|(refusal, count, ..)| (*refusal, *count)).collect();
        assert_eq!(kinds, [(Refusal::MaxUnauthorized, 3), (Refusal::Tls, 1)], "each has its own line");
        log.write(now + LINE_INTERVAL);
        assert!(!is_due(&log), "all is said");
    }
}
