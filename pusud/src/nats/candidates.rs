//! Candidates: the servers that may be connected to, and which one is next.
//!
//! Those of the settings come first, then those that servers have named. **Invariant:** after a connection has ended, others are
//! tried before the same server is.

use crate::nats::server::ServerAddress;
use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use std::time::Duration;

/// Most servers that are learned from servers.
const LEARNED_MAX: usize = 64;
/// The pause when all have been tried, doubled each time.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// The servers.
pub(super) struct Candidates {
    listed: Vec<ServerAddress>,
    learned: Vec<ServerAddress>,
    next: usize,
    tried: usize,
    pause: Duration,
    /// Whether the one that was tried last requires TLS.
    requires_tls: bool,
}

impl Candidates {
    /// Of the settings: at least one. Each relay has its own order, so that not all go from one to the same next one.
    pub(super) fn new(mut listed: Vec<ServerAddress>, random: &mut StdRng) -> Self {
        listed.shuffle(random);
        Self { listed, learned: Vec::new(), next: 0, tried: 0, pause: PAUSE_MIN, requires_tls: false }
    }

    /// The server that was tried last has named others of its cluster, as `host:port`.
    pub(super) fn learn(&mut self, urls: &[String]) {
        let others = urls.iter().filter_map(|url| ServerAddress::advertised(url, self.requires_tls).ok());
        self.learned = others.filter(|other| !self.listed.contains(other)).take(LEARNED_MAX).collect();
    }

    /// It has named others since, if these are any.
    pub(super) fn learn_more(&mut self, urls: &[String]) {
        if !urls.is_empty() {
            self.learn(urls);
        }
    }

    /// The next one to be tried, and how long to wait before.
    pub(super) fn next(&mut self, random: &mut StdRng) -> (ServerAddress, Duration) {
        let count = self.listed.len() + self.learned.len();
        let mut pause = Duration::ZERO;
        if self.tried >= count {
            pause = self.pause.mul_f64(random.random_range(0.5..1.0));
            self.pause = (2 * self.pause).min(PAUSE_MAX);
            self.tried = 0;
        }
        self.tried += 1;
        let at = self.next % count;
        self.next = at + 1;
        let address = self.listed.get(at).unwrap_or_else(|| &self.learned[at - self.listed.len()]);
        self.requires_tls = address.requires_tls();
        (address.clone(), pause)
    }

    /// A connection has lasted.
    pub(super) fn lasted(&mut self) {
        (self.tried, self.pause) = (0, PAUSE_MIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    fn addresses(names: &[&str]) -> Vec<ServerAddress> {
        names.iter().map(|name| ServerAddress::parse(&format!("nats://{name}")).unwrap()).collect()
    }

    #[test]
    fn others_are_tried_first_and_pauses_grow() {
        let mut random = StdRng::seed_from_u64(1);
        let mut candidates = Candidates::new(addresses(&["a", "b"]), &mut random);
        let (first, pause) = candidates.next(&mut random);
        assert_eq!(pause, Duration::ZERO);
        candidates.lasted();
        candidates.learn(&["c:4222".to_owned(), "a:4222".to_owned(), "no port".to_owned()]);
        let mut tried = Vec::new();
        for _ in 0..3 {
            let (address, pause) = candidates.next(&mut random);
            assert_eq!(pause, Duration::ZERO);
            tried.push(address);
        }
        assert_eq!(tried.iter().position(|address| *address == first), Some(2), "{tried:?}");
        tried.sort_by_key(ToString::to_string);
        assert_eq!(tried, addresses(&["a", "b", "c"]));
        let pauses: Vec<Duration> =
            (0..60).map(|_| candidates.next(&mut random).1).filter(|pause| !pause.is_zero()).collect();
        assert!(pauses.len() == 20 && pauses[0] < PAUSE_MIN && pauses[19] >= PAUSE_MAX / 2 && pauses[19] <= PAUSE_MAX);
    }
}
