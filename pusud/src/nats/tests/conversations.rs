//! Conversations of two relays of which pieces are lost: in the end both know of all revocations.

use super::bench::{ALL, ALONE, Bench, about, heartbeat, payload, sender};
use crate::nats::wire::{self, Message};
use crate::peers::frame;
use crate::revocation::Whom;
use proptest::prelude::*;
use std::time::Duration;

/// The type of LINKS.
const LINKS: u8 = 23;

/// Two relays, and what is lost between them.
struct Pair([Bench; 2]);

impl Pair {
    fn new() -> Self {
        let mut pair = Self([Bench::new("one", 1), Bench::new("two", 2)]);
        pair.0.iter_mut().for_each(|bench| bench.connect("S1"));
        pair.pass(2000, |_| false);
        pair
    }

    /// So many milliseconds pass; of pieces of the conversation those are lost of which `is_lost` says so.
    fn pass(&mut self, milliseconds: u64, mut is_lost: impl FnMut(usize) -> bool) {
        for _ in 0..milliseconds / 50 {
            for from in 0..2 {
                let to = 1 - from;
                let subject = self.0[to].subject();
                for written in self.0[from].written() {
                    let sid = if written.subject == subject { ALONE } else { ALL };
                    let is_piece = matches!(written.message(), Message::Peer { .. });
                    if !(is_piece && is_lost(from)) && (sid == ALONE || written.subject == "pusu.n.all") {
                        self.0[to].receive(sid, &written.payload);
                    }
                }
            }
            self.0.iter_mut().for_each(|bench| bench.pass(Duration::from_millis(50)));
        }
    }

    fn revoke(&mut self, at: usize, subject: u32) {
        let whom = Whom::Subject(format!("s{subject}"));
        self.0[at].home().revocations.revoke(whom, None, drop).unwrap();
        self.0[at].backplane.revocations_changed();
    }

    fn agree(&mut self) -> bool {
        let [one, two] = &mut self.0;
        one.home().revocations.all() == two.home().revocations.all()
    }
}

#[test]
fn a_lost_last_piece_is_told_again() {
    for at in 0..2 {
        let mut pair = Pair::new();
        pair.revoke(at, 1);
        pair.pass(100, |from| from == at);
        assert!(!pair.agree());
        pair.pass(3000, |_| false);
        assert!(pair.agree(), "of {at}");
    }
}

#[test]
fn a_side_that_has_begun_anew_alone_is_heard() {
    for at in 0..2 {
        let mut pair = Pair::new();
        for subject in 0..3 {
            // Each of these ends the conversation and begins the next one.
            pair.revoke(at, subject);
            pair.pass(100, |_| true);
            pair.pass(3000, |_| false);
        }
        // One side is deaf for a while, and begins with the first one again.
        let deaf = &mut pair.0[at];
        deaf.pass(Duration::from_secs(4));
        deaf.written();
        pair.pass(2000, |_| false);
        pair.revoke(at, 9);
        pair.pass(3000, |_| false);
        assert!(pair.agree(), "{at}");
    }
}

/// The numbers of the conversations of which a relay has written pieces.
fn told(bench: &mut Bench) -> Vec<u32> {
    let written = bench.written();
    let numbers = written.iter().filter_map(|one| match one.message() {
        Message::Peer { conversation, .. } => Some(conversation),
        _ => None,
    });
    numbers.collect()
}

fn piece(conversation: u32) -> Vec<u8> {
    payload(|out| wire::peer_head(out, sender(2, 1), 1, conversation, 1))
}

#[test]
fn what_is_missing_beside_heartbeats_is_told_in_the_next_one() {
    let mut bench = Bench::joined("own", 1);
    bench.receive(ALL, &heartbeat(2, 1, &about("other", 1)));
    bench.receive(ALONE, &piece(1));
    assert_eq!(told(&mut bench).first(), Some(&1));
    bench.receive(ALL, &heartbeat(2, 1, &about("other", 3)));
    bench.pass(Duration::from_millis(1100));
    assert_eq!(told(&mut bench).first(), Some(&2));
}

/// It was not heard for a while, and heard this relay all the time: pieces that it has missed must not look like the next ones.
#[test]
fn a_pair_of_connections_begins_no_conversation_twice() {
    let mut bench = Bench::joined("own", 1);
    bench.receive(ALL, &heartbeat(2, 1, &about("other", 1)));
    bench.receive(ALONE, &piece(5));
    assert_eq!(told(&mut bench).last(), Some(&5));
    for beat in 1..3 {
        bench.pass(Duration::from_millis(3300));
        bench.written();
        bench.receive(ALL, &heartbeat(2, 1, &about("other", 1 + 4 * beat)));
        bench.pass(Duration::from_millis(1100));
        assert_eq!(told(&mut bench).first(), Some(&(5 + beat as u32)));
    }
    bench.receive(ALL, &heartbeat(2, 2, &about("other", 20)));
    bench.pass(Duration::from_millis(1100));
    assert_eq!(told(&mut bench).first(), Some(&1), "over another connection");
}

#[test]
fn who_is_at_an_earlier_one_learns_of_the_later_one() {
    let mut bench = Bench::joined("own", 1);
    bench.receive(ALL, &heartbeat(2, 1, &about("other", 1)));
    bench.receive(ALONE, &piece(3));
    told(&mut bench);
    bench.receive(ALONE, &piece(1));
    assert_eq!(told(&mut bench), [3]);
}

/// They skip it, and go on with what they know.
#[test]
fn a_frame_of_a_later_version_ends_nothing() {
    let mut bench = Bench::joined("own", 1);
    bench.receive(ALL, &heartbeat(2, 1, &about("other", 1)));
    let piece = |number, kind: u8, fields: &[u8]| {
        payload(|out| {
            wire::peer_head(out, sender(2, 1), 1, 1, number);
            frame(out, kind, |out| out.extend_from_slice(fields));
            frame(out, LINKS, |out| out.extend_from_slice(b"\x05third\x01"));
        })
    };
    bench.receive(ALONE, &piece(1, 200, b"whatever there will be"));
    let sees = |bench: &Bench| bench.peer("other").unwrap().sees.map(|sees| sees.len());
    assert_eq!((bench.nats().unknown, bench.nats().garbage, sees(&bench)), (1, 0, Some(1)));
    let later = payload(|out| {
        wire::nothing(out, sender(2, 1));
        out[1] = 200;
    });
    bench.receive(ALL, &later);
    assert_eq!((bench.nats().unknown, bench.nats().garbage), (2, 0), "nor is a payload of a kind that is not known");
    bench.receive(ALL, &payload(|out| wire::nothing(out, sender(2, 1))));
    assert_eq!(bench.nats().unknown, 2, "which means nothing in any version");
    bench.receive(ALONE, &piece(2, LINKS, b"\x05third\x07"));
    assert_eq!((bench.nats().unknown, bench.nats().garbage), (2, 1), "a known one with wrong fields is a breach");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn everything_is_known_in_the_end(steps in proptest::collection::vec((0usize..2, 0u32..9, 0u64..1500, any::<u16>()), 1..20)) {
        let mut pair = Pair::new();
        for (at, subject, milliseconds, fate) in steps {
            pair.revoke(at, subject);
            let mut count = 0;
            pair.pass(milliseconds, |_| {
                count = (count + 1) % 16;
                fate >> count & 1 == 1
            });
        }
        pair.pass(8000, |_| false);
        prop_assert!(pair.agree());
        // And then they are quiet.
        pair.pass(40_000, |_| false);
        let mut pieces = 0;
        pair.pass(60_000, |_| {
            pieces += 1;
            false
        });
        prop_assert_eq!(pieces, 0);
    }
}
