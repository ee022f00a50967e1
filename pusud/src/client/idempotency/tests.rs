//! Steps of clients against a simple model, and what the store takes when it is full.

use super::*;
use proptest::prelude::*;

fn store(places: usize) -> Arc<IdempotencyKeys> {
    Arc::new(IdempotencyKeys::with_places(places).unwrap())
}

fn scope<'a>(key: &'a str, subject: &'a str) -> Scope<'a> {
    Scope { key: key.as_bytes(), channel: "news", subject, ordinal: 0 }
}

/// The answer in a word.
fn word(begun: &Begun) -> &'static str {
    match begun {
        Begun::New(_) => "new",
        Begun::Replayed => "replayed",
        Begun::InFlight => "in flight",
        Begun::OtherContent => "other content",
    }
}

fn accept(begun: Begun, now: Instant) {
    match begun {
        Begun::New(reservation) => reservation.accept(now),
        other => panic!("{}", word(&other)),
    }
}

#[test]
fn a_publication_is_accepted_once() {
    let (store, now) = (store(8), Instant::now());
    let first = store.begin(scope("k", "s"), "1", now);
    assert_eq!(word(&store.begin(scope("k", "s"), "1", now)), "in flight");
    assert_eq!(word(&store.begin(scope("k", "s"), "2", now)), "in flight", "it may still be refused");
    accept(first, now);
    assert_eq!(word(&store.begin(scope("k", "s"), "1", now)), "replayed");
    assert_eq!(word(&store.begin(scope("k", "s"), "2", now)), "other content");
    let last = now + IDEMPOTENCY_TIME_MAX - Duration::from_millis(1);
    assert_eq!(word(&store.begin(scope("k", "s"), "1", last)), "replayed", "being asked again makes it no younger");
    assert_eq!(word(&store.begin(scope("k", "s"), "1", now + IDEMPOTENCY_TIME_MAX)), "new");
}

#[test]
fn what_is_not_accepted_is_forgotten() {
    let (store, now) = (store(8), Instant::now());
    for content in ["1", "1", "2"] {
        assert_eq!(word(&store.begin(scope("k", "s"), content, now)), "new");
    }
}

#[test]
fn all_of_the_scope_counts() {
    let (store, now) = (store(64), Instant::now());
    let plain = Scope { key: b"k", channel: "c", subject: "s", ordinal: 0 };
    let others = [
        Scope { key: b"K", ..plain },
        Scope { channel: "d", ..plain },
        Scope { subject: "", ..plain },
        Scope { ordinal: 1, ..plain },
        // The same bytes in a row.
        Scope { key: b"kc", channel: "s", subject: "", ..plain },
        Scope { key: b"", channel: "kc", ..plain },
    ];
    accept(store.begin(plain, "1", now), now);
    for other in others {
        accept(store.begin(other, "1", now), now);
        assert_eq!(word(&store.begin(other, "1", now)), "replayed");
    }
    assert_eq!(word(&store.begin(plain, "1", now)), "replayed");
}

#[test]
fn one_subject_pushes_out_its_own() {
    let (store, now) = (store(64), Instant::now());
    accept(store.begin(scope("k", "quiet"), "1", now), now);
    let keys: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    for key in &keys {
        accept(store.begin(scope(key, "greedy"), "1", now), now);
    }
    assert_eq!(word(&store.begin(scope("k", "quiet"), "1", now)), "replayed");
    let remembered = |key: &&String| word(&store.begin(scope(key, "greedy"), "1", now)) == "replayed";
    // From the last on, since asking for one that is forgotten takes a place.
    let last: Vec<&String> = keys.iter().rev().take_while(remembered).collect();
    assert_eq!(last.len(), 64 / SUBJECT_SHARE);
}

#[test]
fn who_is_on_his_way_keeps_his_place() {
    let (store, now) = (store(8), Instant::now());
    let on_their_way: Vec<Begun> = ["a", "b", "c", "d", "e", "f", "g", "h"]
        .iter()
        .map(|subject| store.begin(scope("k", subject), "1", now))
        .collect();
    let ninth = store.begin(scope("k", "i"), "1", now);
    assert_eq!(word(&store.begin(scope("k", "i"), "1", now)), "new", "there is no place to know it by");
    accept(ninth, now);
    assert_eq!(word(&store.begin(scope("k", "a"), "1", now)), "in flight");
    drop(on_their_way);
    assert_eq!(word(&store.begin(scope("k", "a"), "1", now)), "new");
}

#[test]
fn it_takes_what_it_says_when_it_is_full() {
    let (store, now) = (Arc::new(IdempotencyKeys::new().unwrap()), Instant::now());
    assert_eq!(store.lock().bytes(), 0);
    // Each has a subject of its own; twice as many as there are places.
    for number in 0..2 * IDEMPOTENCY_KEYS_MAX {
        accept(store.begin(scope("k", &number.to_string()), "", now), now);
    }
    let number = IDEMPOTENCY_KEYS_MAX.to_string();
    assert_eq!(word(&store.begin(scope("k", &number), "", now)), "replayed", "the oldest that has a place");
    assert_eq!(store.lock().bytes(), idempotency_bytes_max());
    assert!(idempotency_bytes_max() < 8 << 20, "{}", idempotency_bytes_max());
}

/// The store as one would describe it.
#[derive(Default)]
struct Model {
    /// Key, subject, content; those that were accepted with their time.
    known: Vec<(u8, u8, u8, Option<u64>)>,
}

const PLACES: usize = 16;
const SECONDS: u64 = IDEMPOTENCY_TIME_MAX.as_secs();

impl Model {
    fn begin(&mut self, key: u8, subject: u8, content: u8, now: u64) -> &'static str {
        self.known.retain(|(.., accepted)| accepted.is_none_or(|then| now < then + SECONDS));
        let same = self.known.iter().find(|known| (known.0, known.1) == (key, subject));
        match same {
            Some((.., None)) => return "in flight",
            Some((_, _, known, Some(_))) if *known == content => return "replayed",
            Some(_) => return "other content",
            None => {}
        }
        let own = self.known.iter().filter(|known| known.1 == subject).count();
        if own >= PLACES / SUBJECT_SHARE {
            self.oldest_leaves(|known| known == subject);
        } else if self.known.len() >= PLACES {
            self.oldest_leaves(|_| true);
        }
        let own = self.known.iter().filter(|known| known.1 == subject).count();
        if own < PLACES / SUBJECT_SHARE && self.known.len() < PLACES {
            self.known.push((key, subject, content, None));
        }
        "new"
    }

    fn oldest_leaves(&mut self, is_meant: impl Fn(u8) -> bool) {
        let oldest = self.known.iter().position(|(_, subject, _, accepted)| is_meant(*subject) && accepted.is_some());
        oldest.map(|at| self.known.remove(at));
    }

    fn end(&mut self, key: u8, subject: u8, accepted: Option<u64>) {
        let is_it = |known: &(u8, u8, u8, Option<u64>)| (known.0, known.1, known.3) == (key, subject, None);
        let Some(at) = self.known.iter().position(is_it) else { return };
        let (key, subject, content, _) = self.known.remove(at);
        if accepted.is_some() {
            // Behind all that were accepted before.
            self.known.push((key, subject, content, accepted));
        }
    }
}

proptest! {
    #[test]
    fn it_does_as_the_model(
        steps in proptest::collection::vec((0u8..4, 0u8..12, 0u8..2, 0usize..8, any::<bool>(), 0u64..40), 0..200),
    ) {
        let (store, start, mut now) = (store(PLACES), Instant::now(), 0);
        let (mut model, mut on_their_way) = (Model::default(), Vec::new());
        for (key, subject, content, ending, is_accepted, passed) in steps {
            now += passed;
            let at = start + Duration::from_secs(now);
            let names = [key, subject, content].map(|number| number.to_string());
            let begun = store.begin(scope(&names[0], &names[1]), &names[2], at);
            prop_assert_eq!(word(&begun), model.begin(key, subject, content, now));
            if let Begun::New(reservation) = begun {
                on_their_way.push((key, subject, reservation));
            }
            if ending < on_their_way.len() {
                let (key, subject, reservation) = on_their_way.swap_remove(ending);
                // One without a place may be there twice, and is not in the model.
                if reservation.place.is_some() {
                    model.end(key, subject, is_accepted.then_some(now));
                }
                match is_accepted {
                    true => reservation.accept(at),
                    false => drop(reservation),
                }
            }
        }
    }
}
