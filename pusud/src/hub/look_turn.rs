//! A turn of whoever looks into a shard: it is over when the clients have waited long enough, however little was seen in it.

use std::time::{Duration, Instant};

/// One turn.
pub(super) struct LookTurn {
    began: Instant,
    length: Duration,
}

impl LookTurn {
    /// It begins now and has this length.
    pub(super) fn begin(length: Duration) -> Self {
        Self { began: Instant::now(), length }
    }

    /// Whether others have to have theirs.
    pub(super) fn is_over(&self) -> bool {
        self.began.elapsed() >= self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_by_the_clock() {
        assert!(LookTurn::begin(Duration::ZERO).is_over());
        assert!(!LookTurn::begin(Duration::from_secs(86_400)).is_over());
    }
}
