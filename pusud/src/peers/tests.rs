//! Relays that tell each other, through the bytes of their frames.

use super::{Breach, Decoder, FRAME_BYTES_MAX, Malformed, Peers, parse};
use crate::revocation::{Revocations, Whom};
use crate::routing::{
    Door, Kick, KickTarget, Order, OrderNews, OrderReply, OrderTicket, OwnDecider, PeerState, SeenRelay, Ticket,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What a relay was asked.
#[derive(Default)]
struct Home {
    kicks: Vec<OrderTicket>,
    to_count: RefCell<Vec<OrderTicket>>,
}

impl Door for Home {
    fn announce(&mut self, _: &str) {}
    fn withdraw(&mut self, _: &str) {}
    fn has_listeners(&self, _: &str) -> bool {
        false
    }
    fn channels(&self) -> Vec<Box<str>> {
        Vec::new()
    }
    fn deliver(&mut self, _: &str, _: &str) {}
    fn flush(&mut self) {}
    fn poll_room(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
    fn settled(&mut self, _: Ticket) {}
    fn passed(&mut self, _: Ticket) {}
    fn kick(&mut self, target: KickTarget, ticket: OrderTicket) {
        assert!(matches!(target, KickTarget::Subject(_)));
        self.kicks.push(ticket);
    }
    fn count_revoked(&self, ticket: OrderTicket) -> Box<dyn FnOnce(u64) + Send> {
        self.to_count.borrow_mut().push(ticket);
        Box::new(drop)
    }
}

struct Relay {
    name: &'static str,
    revocations: Arc<Revocations>,
    peers: Peers,
    home: Home,
}

/// Some relays and the conversations between them: the ends of each with their numbers there.
struct Network {
    relays: Vec<Relay>,
    ends: BTreeMap<(usize, u64), (usize, u64)>,
    begun: u64,
}

impl Network {
    fn new(names: &[&'static str]) -> Self {
        let relay = |name: &&'static str| {
            let revocations = Arc::<Revocations>::default();
            Relay { name, peers: Peers::new(revocations.clone()), revocations, home: Home::default() }
        };
        Self { relays: names.iter().map(relay).collect(), ends: BTreeMap::new(), begun: 0 }
    }

    /// Begins a conversation. Gives its numbers at both ends.
    fn link(&mut self, a: usize, b: usize) -> (u64, u64) {
        let (at_a, at_b) = (self.begun, self.begun + 1);
        self.begun += 2;
        let names = [a, b].map(|relay| self.relays[relay].name);
        self.relays[a].peers.begin(at_a, names[1], true);
        self.relays[b].peers.begin(at_b, names[0], true);
        self.ends.extend([((a, at_a), (b, at_b)), ((b, at_b), (a, at_a))]);
        (at_a, at_b)
    }

    /// Writes to all that have something to be told, until nobody has. Gives the kinds of the frames in their order.
    fn talk(&mut self) -> Vec<u8> {
        let mut kinds = Vec::new();
        let next = |relays: &mut [Relay]| {
            relays.iter_mut().enumerate().find_map(|(at, relay)| Some((at, relay.peers.next_to_write()?)))
        };
        while let Some((at, id)) = next(&mut self.relays) {
            let (to, there) = self.ends[&(at, id)];
            loop {
                let mut out = Vec::new();
                self.relays[at].peers.write(id, &mut out);
                if out.is_empty() {
                    break;
                }
                let mut decoder = Decoder::default();
                decoder.feed(&out);
                while let Some((kind, payload)) = decoder.next(FRAME_BYTES_MAX).unwrap() {
                    let Relay { peers, home, .. } = &mut self.relays[to];
                    peers.receive(there, parse(kind, payload).unwrap(), home).unwrap();
                    kinds.push(kind);
                }
                assert!(decoder.is_empty(), "whole frames");
            }
        }
        kinds
    }

    /// The shards have looked: so many clients each.
    fn count(&mut self, relay: usize, clients: u64) -> usize {
        let Relay { peers, home, .. } = &mut self.relays[relay];
        let tickets = home.to_count.take();
        tickets.iter().for_each(|ticket| peers.counted_revoked(*ticket, clients));
        tickets.len()
    }

    fn revoke(&mut self, relay: usize, subject: &str) -> UnboundedReceiver<OrderNews> {
        let (reply, news) = unbounded_channel();
        let Relay { peers, revocations, .. } = &mut self.relays[relay];
        let (change, _) = revocations.revoke(Whom::Subject(subject.into()), None, drop).unwrap();
        peers.revocations_changed();
        peers.order(&Order::Revocations(change), &reply);
        news
    }
}

fn all(news: &mut UnboundedReceiver<OrderNews>) -> Vec<OrderNews> {
    std::iter::from_fn(|| news.try_recv().ok()).collect()
}

fn sent_and(relay: &str, count: u64) -> [OrderNews; 2] {
    [OrderNews::Sent(relay.into()), OrderNews::Done(relay.into(), count)]
}

#[test]
fn a_revocation_holds_at_a_peer_and_its_clients_are_counted_before_that_is_said() {
    let mut network = Network::new(&["a", "b"]);
    network.link(0, 1);
    network.talk();
    let mut news = network.revoke(0, "alice");
    network.talk();
    assert_eq!(network.relays[1].revocations.count(), 1);
    assert_eq!(all(&mut news), [OrderNews::Sent("b".into())], "nobody has looked yet");
    assert_eq!(network.count(1, 7), 1);
    network.talk();
    assert_eq!(all(&mut news), [OrderNews::Done("b".into(), 7)]);
}

/// Each of three tells the other two, so that it comes twice everywhere.
#[test]
fn what_several_peers_tell_is_counted_once() {
    let mut network = Network::new(&["a", "b", "c"]);
    for (a, b) in [(0, 1), (1, 2), (0, 2)] {
        network.link(a, b);
    }
    network.talk();
    let mut news = network.revoke(0, "alice");
    network.talk();
    assert_eq!([0, 1, 2].map(|relay| network.count(relay, 3)), [0, 1, 1]);
    network.talk();
    let mut said = all(&mut news);
    said.sort_by_key(|news| format!("{news:?}"));
    let done = |relay: &str| OrderNews::Done(relay.into(), 3);
    assert_eq!(said, [done("b"), done("c"), OrderNews::Sent("b".into()), OrderNews::Sent("c".into())]);
}

#[test]
fn a_kick_is_answered() {
    let mut network = Network::new(&["a", "b"]);
    let (_, there) = network.link(0, 1);
    let (reply, mut news): (OrderReply, _) = unbounded_channel();
    network.relays[0].peers.order(&Order::Kick(Kick::Subject("alice".into())), &reply);
    network.talk();
    let kicks = std::mem::take(&mut network.relays[1].home.kicks);
    assert_eq!(kicks, [OrderTicket { link: there, number: 1 }]);
    network.relays[1].peers.kicked(kicks[0], 2);
    network.talk();
    assert_eq!(all(&mut news), sent_and("b", 2));
}

/// As where a carrier has lost some of it.
#[test]
fn a_conversation_that_begins_anew_tells_everything_again() {
    let mut network = Network::new(&["a", "b"]);
    let (here, there) = network.link(0, 1);
    network.talk();
    let mut lost = network.revoke(0, "alice");
    network.relays[0].peers.write(here, &mut Vec::new());
    network.relays[0].peers.end(here);
    network.relays[1].peers.end(there);
    assert!(network.relays.iter_mut().all(|relay| relay.peers.next_to_write().is_none()), "nobody is left");
    assert_eq!(all(&mut lost), [OrderNews::Sent("b".into())]);
    assert!(lost.is_closed() && network.relays[1].revocations.count() == 0);
    network.link(0, 1);
    network.talk();
    assert_eq!(network.relays[1].revocations.count(), 1);
    // What was asked for the sake of the old one answers nobody.
    let old = OrderTicket { link: there, number: 1 };
    network.relays[1].peers.counted_revoked(old, 1);
    network.relays[1].peers.kicked(old, 1);
    assert_eq!(network.relays[1].peers.next_to_write(), None);
}

#[test]
fn differences_between_those_that_decide_are_known_until_they_are_gone() {
    let mut network = Network::new(&["a", "b"]);
    let decider = |version: &str| {
        let (id, version) = ("A".into(), version.into());
        [OwnDecider { id, version, library: [0; 32], options_sha256: [0; 32] }]
    };
    network.relays[0].peers.decide_by(&decider("1"), None);
    let (here, there) = network.link(0, 1);
    network.relays[1].peers.decide_by(&decider("2"), None);
    network.talk();
    let differences = |network: &Network| {
        let of = |relay: usize, id| network.relays[relay].peers.difference(id).map(str::to_owned);
        (of(0, here), of(1, there))
    };
    let version = |there: u8, here: u8| Some(format!("A has version {there} there, {here} here"));
    assert_eq!(differences(&network), (version(2, 1), version(1, 2)));
    network.relays[0].peers.decide_by(&decider("2"), None);
    network.talk();
    assert_eq!(differences(&network), (None, None));
}

#[test]
fn links_are_told_when_they_have_changed() {
    let mut network = Network::new(&["a", "b"]);
    let (here, there) = network.link(0, 1);
    network.talk();
    assert_eq!(network.relays[1].peers.seen_by(there), None);
    for (is_linked, frames) in [(false, 1), (false, 0), (true, 1)] {
        network.relays[0].peers.tell_links(here, [("b", is_linked)].into_iter());
        assert_eq!(network.talk().len(), frames);
        let state = if is_linked { PeerState::Linked } else { PeerState::Linking };
        let seen = network.relays[1].peers.seen_by(there);
        assert_eq!(seen, Some(vec![SeenRelay { name: "b".into(), state }]));
    }
}

#[test]
fn a_peer_of_an_earlier_version_is_told_nothing_and_tells_nothing() {
    let mut network = Network::new(&["a"]);
    let Relay { peers, home, .. } = &mut network.relays[0];
    peers.begin(5, "old", false);
    peers.decide_by(&[], None);
    peers.tell_links(5, [("b", true)].into_iter());
    let (reply, mut news) = unbounded_channel();
    peers.order(&Order::Kick(Kick::Subject("alice".into())), &reply);
    assert_eq!(all(&mut news), [OrderNews::TooOld("old".into())]);
    let mut out = Vec::new();
    peers.write(5, &mut out);
    assert!(out.is_empty());
    let room = parse(22, &[]).unwrap();
    assert_eq!(peers.receive(5, room, home), Err(Breach::Malformed(Malformed::UnknownType(22))));
}

#[test]
fn more_than_can_be_answered_is_a_breach() {
    let mut network = Network::new(&["a"]);
    let Relay { peers, home, .. } = &mut network.relays[0];
    peers.begin(5, "b", true);
    let kick = [&[0; 7][..], &[1, 2], b"alice"].concat();
    let done: Vec<_> = (0..65).map(|_| peers.receive(5, parse(19, &kick).unwrap(), home)).collect();
    assert_eq!(done.iter().position(Result::is_err), Some(64));
    assert_eq!(done[64], Err(Breach::Kicks));
    let acknowledgement = [&[0; 7][..], &[1, 1], &[0; 8]].concat();
    assert_eq!(peers.receive(5, parse(18, &acknowledgement).unwrap(), home), Err(Breach::Acknowledgement));
}
