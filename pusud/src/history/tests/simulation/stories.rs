//! Stories: nothing happens by chance but how long it takes, and each is told under several seeds. Some have a rule without which
//! they end badly; runs under random faults hardly ever meet them.

mod away;
mod forgotten;
mod old;

use super::class::{Class, Kept, Without};
use super::judge::Outcome;
use super::listener::Listener;
use super::world::World;
use crate::history::safeguard::Safeguard;

/// Under so many seeds.
const SEEDS: u64 = 12;
/// How long a link that breaks may be taken for up.
const NOTICED_MS: i64 = 3100;
/// How long others are asked about a relay that is away, with the time that it takes to notice that.
const ASKED_MS: i64 = 19_000;
/// As long as anything takes between relays that are linked.
const SOON_MS: i64 = 400;

/// What relays keep for as long as such a story takes.
const LONG: Kept = Kept { retention_ms: 100_000, ..Kept::ALL };
/// A relay that keeps everything for a second.
const SHORT: Kept = Kept { ttl_ms: 1000, ..Kept::ALL };

fn tell(class: Class, without: Without, seed: u64, kept: &[Kept], story: fn(&mut World)) -> Result<Outcome, String> {
    let mut world = World::told(class, without, seed, kept);
    story(&mut world);
    world.judge.close(&world.listeners)
}

/// It ends well.
fn holds(class: Class, kept: &[Kept], story: fn(&mut World)) -> Outcome {
    let mut all = Outcome::default();
    for seed in 0..SEEDS {
        let told = tell(class, Without::Nothing, seed, kept, story);
        all.add(told.unwrap_or_else(|failure| panic!("seed {seed}: {failure}")));
    }
    all
}

/// It ends well, and without this rule it never does.
fn needs(safeguard: Safeguard, class: Class, kept: &[Kept], story: fn(&mut World)) {
    holds(class, kept, story);
    for seed in 0..SEEDS {
        let told = tell(class, Without::Safeguard(safeguard), seed, kept, story);
        assert!(told.is_err(), "seed {seed} holds without {safeguard:?}");
    }
}

impl World {
    /// These relays start, link with each other where they can, and take clients.
    fn starts(&mut self, places: std::ops::Range<usize>) {
        places.for_each(|place| self.begin(place));
        self.pass(1000);
    }

    /// A listener comes for the first time.
    fn listener(&mut self, place: usize) -> usize {
        self.listeners.push(Listener::new("a", self.judge.clone()));
        let listener = self.listeners.len() - 1;
        self.come(listener, place, u32::MAX);
        listener
    }

    /// It goes, and comes to this relay at once.
    fn moves(&mut self, listener: usize, place: usize) {
        self.event += 1;
        self.part(listener);
        self.come(listener, place, u32::MAX);
    }

    /// Something is published, and arrives where it can.
    fn publishes(&mut self, place: usize) {
        self.event += 1;
        self.publish_at(place, 0, "a", 1);
        self.pass(SOON_MS);
    }

    fn heard(&self, listener: usize) -> usize {
        self.listeners[listener].seen.len()
    }
}
