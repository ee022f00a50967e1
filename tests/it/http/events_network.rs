//! Streams on linked relays: from the first event on nothing is missed that any relay has accepted, and nothing is doubled,
//! also where a relay dies.

use super::source::Source;
use crate::harness::{Checker, DEADLINE, EventListener, Listener, Network, numbered};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const CHANNEL: &str = "steady";
/// From one message of a source to the next.
const PAUSE: Duration = Duration::from_millis(2);
const KILLS: usize = 5;
/// What is heard on the relay that has come back each time, at least.
const HEARD: u64 = 300;

/// `subscribed` says that every relay knows: what is accepted anywhere after it arrives.
fn from_the_first_event_on_nothing_is_missed(network: &Network) {
    let relays = network.relays();
    let mut sources: Vec<Source> = relays.iter().map(Source::of).collect();
    for round in 0..200 {
        let channels = [format!("{round}"), format!("{round}, too")];
        let channels = channels.each_ref().map(String::as_str);
        let at = round % relays.len();
        let mut listener = relays[at].events(&channels);
        assert_eq!(listener.subscribed()["relay"], format!("relay-{at}"));
        for step in 1..relays.len() {
            let source = &mut sources[(at + step) % relays.len()];
            for channel in channels {
                source.publish(channel, &step.to_string());
                listener.expect_publish(channel, json!(step));
            }
        }
    }
}

#[test]
fn on_three_relays_nothing_is_missed_from_the_first_event_on() {
    from_the_first_event_on_nothing_is_missed(&Network::of(3));
}

#[test]
fn on_two_relays_of_three_shards_nothing_is_missed_from_the_first_event_on() {
    from_the_first_event_on_nothing_is_missed(&Network::with(2, |_, setup| setup.shards(3)));
}

/// A source that publishes until it is told to end, or until its relay has died; how many were accepted.
fn publish(mut source: Source, number: usize, ends: Arc<AtomicBool>) -> JoinHandle<u64> {
    thread::spawn(move || {
        let mut accepted = 0;
        while !ends.load(Ordering::Relaxed) {
            match source.try_publish(CHANNEL, &numbered(number, accepted + 1, 0)) {
                Ok(status) => assert_eq!(status, 202),
                Err(_) => return accepted,
            }
            accepted += 1;
            thread::sleep(PAUSE);
        }
        accepted
    })
}

/// Who listens on one of the relays that live.
enum Witness {
    Stream(Box<EventListener>),
    WebSocket(Box<Listener>),
}

impl Witness {
    /// Reads until all that sources 0 and 1 have published has arrived, once it is known how much that is; returns how much
    /// of the others has.
    fn listen(mut self, lasts: &OnceLock<[u64; 2]>) -> Vec<u64> {
        let mut ends = None;
        loop {
            self.read();
            let arrived = |source: usize| self.checker().arrived_of(CHANNEL, source);
            let Some(lasts) = lasts.get() else { continue };
            if (0..2).all(|source| arrived(source).1 >= lasts[source]) {
                assert_eq!(
                    [arrived(0), arrived(1)],
                    lasts.map(|last| (last, last)),
                    "count and number of the last one"
                );
                return (2..2 + KILLS).map(|source| arrived(source).1).collect();
            }
            let since: Instant = *ends.get_or_insert_with(Instant::now);
            assert!(since.elapsed() < DEADLINE, "{:?} of {lasts:?} have arrived", [arrived(0), arrived(1)]);
        }
    }

    fn checker(&self) -> &Checker {
        match self {
            Self::Stream(listener) => &listener.checker,
            Self::WebSocket(listener) => &listener.checker,
        }
    }

    fn read(&mut self) {
        const WAIT: Duration = Duration::from_millis(50);
        match self {
            Self::Stream(listener) => {
                let event = listener.try_next(WAIT).unwrap_or_else(|gone| panic!("a listener is {gone:?}"));
                assert!(event.is_none_or(|event| listener.check(&event)), "nothing else is said");
            }
            Self::WebSocket(listener) => assert_eq!(listener.next(WAIT), Ok(None)),
        }
    }
}

/// Each source has one connection, and its numbers come without a gap and once: the checker sees to that.
#[test]
fn a_relay_is_killed_under_load_and_the_others_deliver_what_they_accept() {
    let mut network = Network::of(3);
    let mut witnesses = Vec::new();
    for relay in &network.relays()[..2] {
        (0..2).for_each(|_| witnesses.push(Witness::Stream(Box::new(relay.events(&[CHANNEL])))));
        let mut listener = relay.listener();
        listener.subscribe(CHANNEL);
        witnesses.push(Witness::WebSocket(Box::new(listener)));
    }
    let all = Arc::new(OnceLock::new());
    let witnesses: Vec<_> = witnesses
        .into_iter()
        .map(|witness| {
            let all = all.clone();
            thread::spawn(move || witness.listen(&all))
        })
        .collect();
    let ends = Arc::new(AtomicBool::new(false));
    let living = [0, 1].map(|at| publish(Source::of(network.relay(at)), at, ends.clone()));
    let mut accepted = Vec::new();
    for round in 0..KILLS {
        let dying = publish(Source::of(network.relay(2)), 2 + round, ends.clone());
        let mut listener = network.relay(2).events(&[CHANNEL]);
        listener.listen(HEARD);
        drop(listener);
        network.relay_mut(2).kill();
        accepted.push(dying.join().unwrap());
        network.relay_mut(2).restart();
        network.wait_linked();
    }
    // Who has come back has everything from the first event on, and so have the others of what it accepts.
    let mut returned = network.relay(2).events(&[CHANNEL]);
    returned.listen(HEARD);
    ends.store(true, Ordering::Relaxed);
    let lasts = living.map(|source| source.join().unwrap());
    println!("{lasts:?} were accepted by the relays that live, {accepted:?} by the one that was killed");
    all.set(lasts).expect("it ends once");
    for witness in witnesses {
        let arrived = witness.join().unwrap();
        for (arrived, accepted) in arrived.iter().zip(&accepted) {
            // One more may have been on its way.
            assert!(*arrived <= accepted + 1 && *arrived > 0, "{arrived} of {accepted}");
        }
    }
}
