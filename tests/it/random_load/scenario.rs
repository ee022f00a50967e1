//! What happens in one scenario, all of it drawn from one number.
//!
//! **Invariant:** a listener that reads cannot be too slow, whatever the machine does. What is on its way to it at a time
//! ([`IN_FLIGHT_BYTES`]) fits into what the kernel and the relay keep for it by default, and all that is published into
//! half of what a link keeps, so that links drop nothing either.

use std::fmt;

/// What is on its way at a time, at most: what has been published and not read by the slowest of those who read.
pub(super) const IN_FLIGHT_BYTES: usize = 2_800_000;
/// All that is published.
const PUBLISHED_BYTES: usize = 8_000_000;
/// What all who read get together, in a debug build.
const DELIVERED_BYTES: usize = if cfg!(debug_assertions) { 40_000_000 } else { 400_000_000 };
const DELIVERIES: usize = if cfg!(debug_assertions) { 24_000 } else { 200_000 };
/// What a crowd publishes.
const CROWD_BYTES: usize = 200_000_000;
const SOURCES_MAX: usize = 2000;
const SIZES: (usize, usize) = (10, 1_000_000);
/// What a publication has around its content.
const ENVELOPE_BYTES: usize = 64;

/// When messages are published.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pace {
    /// All sources publish in the same moment, and again when everybody has read that.
    Burst,
    /// One source after the other, evenly spaced.
    Paced,
    /// As fast as those who read keep up, one source after the other.
    InTurn,
    /// As fast as that, all of one source before all of the next.
    OneByOne,
}

pub(super) struct Scenario {
    seed: u64,
    pub(super) relays: usize,
    pub(super) shards: usize,
    pub(super) sources: usize,
    /// Bytes of the content of each message.
    pub(super) size: usize,
    /// Messages of each source.
    pub(super) rounds: usize,
    pub(super) pace: Pace,
    pub(super) readers: usize,
    /// Those who do not read.
    pub(super) slow: usize,
    /// Where there is one, those who do not read listen to what it publishes.
    pub(super) crowd: Option<Crowd>,
}

/// Sources that publish more than anybody reads, in the same moment, and may be disconnected for it.
#[derive(Debug)]
pub(super) struct Crowd {
    pub(super) sources: usize,
    pub(super) size: usize,
    pub(super) rounds: usize,
}

impl Scenario {
    pub(super) fn of_seed(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let relays = if random.u8(..3) == 0 { 3 } else { 1 };
        let shards = if random.bool() { 1 } else { 3 };
        let pace = [Pace::Burst, Pace::Burst, Pace::Paced, Pace::InTurn, Pace::OneByOne][random.usize(..5)];
        let sources = even_by_magnitude(&mut random, 1, SOURCES_MAX);
        let at_once = if pace == Pace::Burst { IN_FLIGHT_BYTES } else { PUBLISHED_BYTES };
        let size_max = SIZES.1.min((at_once / sources).saturating_sub(ENVELOPE_BYTES));
        let size = often_much(&mut random, SIZES.0, size_max);
        let readers = random.usize(1..=8);
        let each = sources * (size + ENVELOPE_BYTES);
        let rounds_max = (PUBLISHED_BYTES / each)
            .min(DELIVERED_BYTES / readers / each)
            .min(DELIVERIES / readers / sources)
            .clamp(1, 200);
        let rounds = often_much(&mut random, 1, rounds_max);
        let slow = if random.u8(..3) == 0 { random.usize(1..=3) } else { 0 };
        let alone = Self { seed, relays, shards, sources, size, rounds, pace, readers, slow, crowd: None };
        if random.u8(..5) == 0 { alone.beside_a_crowd(&mut random) } else { alone }
    }

    /// Who reads has little waiting then: a relay whose memory is full cuts those who have much.
    fn beside_a_crowd(self, random: &mut fastrand::Rng) -> Self {
        let (sources, size) = (often_much(random, 10, 200), often_much(random, 50_000, SIZES.1));
        let rounds = random.usize(1..=(CROWD_BYTES / sources / size).clamp(1, 5));
        let crowd = Crowd { sources, size, rounds };
        let (sources, size, rounds) = (self.sources.min(10), self.size.min(500), self.rounds.clamp(10, 20));
        let slow = random.usize(1..=30);
        Self { relays: 1, sources, size, rounds, slow, pace: Pace::Paced, crowd: Some(crowd), ..self }
    }

    /// As many clients as there are, and the defaults: the ceiling is then one that could be reached.
    pub(super) fn settings(&self) -> String {
        // `pusud check`, `pusud status` and the harness's test of the links are clients for moments.
        let crowd = self.crowd.as_ref().map_or(0, |crowd| crowd.sources);
        let clients = self.sources + self.readers + self.slow + crowd + 16;
        let mib = if self.crowd.is_some() { 16 } else { 64 };
        format!("limits: {{max_connections: {clients}, max_queued_bytes: {mib} MiB}}")
    }

    /// Messages of all sources.
    pub(super) fn messages(&self) -> usize {
        self.sources * self.rounds
    }

    /// Messages that may be on their way.
    pub(super) fn window(&self) -> usize {
        (IN_FLIGHT_BYTES / (self.size + ENVELOPE_BYTES)).clamp(1, SOURCES_MAX)
    }

    /// Who publishes a message, and which of its own that is, from 1.
    pub(super) fn message(&self, number: usize) -> (usize, u64) {
        let (source, before) = match self.pace {
            Pace::OneByOne => (number / self.rounds, number % self.rounds),
            _ => (number % self.sources, number / self.sources),
        };
        (source, before as u64 + 1)
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, relays, shards, sources, size, rounds, pace, readers, slow, crowd } = self;
        write!(
            f,
            "seed {seed}: relays {relays}, shards {shards}, sources {sources}, messages of each {rounds}, bytes {size}, \
             {pace:?}, who read {readers}, who do not {slow}"
        )?;
        crowd.as_ref().map_or(Ok(()), |crowd| write!(f, ", {crowd:?}"))
    }
}

/// A number between two others: in two of three cases the half of them that is most work.
fn often_much(random: &mut fastrand::Rng, least: usize, most: usize) -> usize {
    if random.u8(..3) == 0 { even_by_magnitude(random, least, most) } else { random.usize(most / 2..=most).max(least) }
}

/// A number between two others, each of its magnitudes as likely as any other.
fn even_by_magnitude(random: &mut fastrand::Rng, least: usize, most: usize) -> usize {
    let (low, high) = ((least as f64).ln(), ((most.max(least) + 1) as f64).ln());
    ((low + random.f64() * (high - low)).exp() as usize).clamp(least, most.max(least))
}

#[test]
fn scenarios_keep_to_their_bounds() {
    for seed in 0..10_000 {
        let scenario = Scenario::of_seed(seed);
        let each = scenario.size + ENVELOPE_BYTES;
        let bytes = scenario.messages() * each;
        assert!(bytes <= PUBLISHED_BYTES, "{scenario}");
        assert!(scenario.pace != Pace::Burst || scenario.sources * each <= IN_FLIGHT_BYTES, "{scenario}");
        assert!(bytes * scenario.readers <= DELIVERED_BYTES.max(PUBLISHED_BYTES * 8), "{scenario}");
        let mut last = vec![0; scenario.sources];
        for number in 0..scenario.messages().min(10_000) {
            let (source, of_its_own) = scenario.message(number);
            last[source] += 1;
            assert_eq!(of_its_own, last[source], "{scenario}");
        }
    }
}
