//! The log of refused connections: at most one line a second, with how many there were.

use crate::admission::ClientAddress;
use crate::protocol::{Refusal, Refusals};
use std::future::pending;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tracing::warn;

/// The time between two lines.
const LINE_INTERVAL: Duration = Duration::from_secs(1);

/// What has not been logged yet.
#[derive(Default)]
pub struct RefusalLog {
    refused: Refusals,
    last: Option<(ClientAddress, String)>,
    next_line: Option<Instant>,
}

impl RefusalLog {
    /// Remembers that a client was not let in, since a limit was reached.
    pub fn note(&mut self, refusal: Refusal, client: ClientAddress) {
        self.note_reason(refusal, client, "a limit was reached".to_owned());
    }

    /// Remembers that a client was not let in, and why.
    pub fn note_reason(&mut self, refusal: Refusal, client: ClientAddress, reason: String) {
        self.refused.count(refusal);
        self.last = Some((client, reason));
    }

    /// Ready when there is something to log and it is time to.
    pub async fn due(&self) {
        match (&self.last, self.next_line) {
            (None, _) => pending().await,
            (Some(_), Some(next_line)) => sleep_until(next_line).await,
            (Some(_), None) => {}
        }
    }

    /// Logs what there is, now.
    pub fn write(&mut self, now: Instant) {
        if let Some((client, reason)) = self.last.take() {
            warn!(refused = %self.refused, client = %client.host(), "connections refused: {reason}");
            self.refused = Refusals::default();
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
        assert_eq!(log.refused.to_string(), "max_unauthorized 3");
        log.write(now + LINE_INTERVAL);
        assert!(!is_due(&log), "all is said");
    }
}
