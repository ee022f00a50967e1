//! Two relays that dial each other at the same time, in every order in which their messages can arrive; relays that share
//! a name; and a link whose end only one side has noticed.

use crate::mesh::handshake::{Code, Refusal, Role};
use crate::mesh::links::Conversation;
use crate::mesh::membership::{Settings, UNLISTED_LINKS_MAX};
use crate::mesh::node::Node;
use crate::mesh::tests::simulation::wire::{Wire, world};
use crate::mesh::wire;
use crate::peers::BootId;
use crate::peers::Decoder;
use crate::routing::{Door, Ticket};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};

/// A relay with a listener on one channel.
pub(super) struct Home;

impl Door for Home {
    fn announce(&mut self, _: &str) {}
    fn withdraw(&mut self, _: &str) {}
    fn has_listeners(&self, channel: &str) -> bool {
        channel == "a"
    }
    fn channels(&self) -> Vec<Box<str>> {
        vec!["a".into()]
    }
    fn deliver(&mut self, _: &str, _: &str) {}
    fn flush(&mut self) {}
    fn poll_room(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
    fn settled(&mut self, _: Ticket) {}
    fn passed(&mut self, _: Ticket) {}
}

pub(super) type TestNode = Rc<Node<Home, Wire>>;

pub(super) fn node(name: &str, boot: u8) -> TestNode {
    let settings = Settings {
        name: name.into(),
        network_name: "pusu".into(),
        relays: Vec::new(),
        keys: None,
        encryption: None,
        max_message_bytes: 1000,
    };
    let random = StdRng::seed_from_u64(boot.into());
    Node::new(settings, BootId([boot; 16]), Home, Wire::new(&world(0), boot.into()), random)
}

/// One end of a connection.
pub(super) struct End {
    pub(super) node: TestNode,
    conversation: Option<Conversation<Home, Wire>>,
    pub(super) id: u64,
    is_up: bool,
    /// Frames on their way here.
    pub(super) incoming: VecDeque<(u8, Vec<u8>)>,
}

/// A connection: the dialler's end, then the acceptor's.
pub(super) struct Connection(pub(super) [End; 2]);

impl Connection {
    pub(super) fn new(dialler: &TestNode, acceptor: &TestNode) -> Self {
        let end = |node: &TestNode, role| {
            let conversation = Conversation::new(node.clone(), role, SocketAddr::from(([10, 0, 0, 1], 1)));
            let id = conversation.id();
            End { node: node.clone(), conversation: Some(conversation), id, is_up: false, incoming: VecDeque::new() }
        };
        let mut connection = Self([end(dialler, Role::Dialler), end(acceptor, Role::Acceptor)]);
        let mut out = Vec::new();
        connection.0[0].conversation.as_ref().unwrap().begin(&mut out);
        connection.0[1].receive(&out);
        connection
    }

    /// One frame arrives at an end, which answers.
    fn deliver(&mut self, to: usize) -> Result<(), Refusal> {
        let mut out = Vec::new();
        let end = &mut self.0[to];
        let (kind, payload) = end.incoming.pop_front().unwrap();
        let result = end.take(kind, &payload, &mut out);
        if let Err(Refusal::Ours(code, reason)) = &result {
            wire::refuse(&mut out, *code as u16, reason);
        }
        if result.is_err() {
            end.conversation = None;
        }
        self.0[1 - to].receive(&out);
        result
    }

    pub(super) fn is_up(&self) -> bool {
        self.0.iter().all(|end| end.is_link())
    }

    /// Delivers everything; gives what the first end to refuse has said.
    pub(super) fn talk(&mut self) -> Option<Code> {
        let mut refused = None;
        while let Some(to) = (0..2).find(|to| !self.0[*to].incoming.is_empty()) {
            refused = refused.or(self.deliver(to).err().and_then(|refusal| refusal.code()));
        }
        refused
    }
}

impl End {
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        let mut decoder = Decoder::default();
        decoder.feed(bytes);
        while let Some((kind, payload)) = decoder.next(1024).unwrap() {
            self.incoming.push_back((kind, payload.to_vec()));
        }
    }

    fn take(&mut self, kind: u8, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Refusal> {
        let Some(conversation) = &mut self.conversation else { return Ok(()) };
        if self.is_up {
            return self.node.mesh.borrow_mut().receive(self.id, wire::parse(kind, payload)?).map(|_| ());
        }
        self.is_up = conversation.shake(kind, payload, out)?.is_some();
        Ok(())
    }

    /// Whether this end is its relay's link.
    fn is_link(&self) -> bool {
        self.conversation.is_some() && self.node.mesh.borrow_mut().link(self.id).is_some()
    }
}

fn links(node: &TestNode) -> usize {
    node.mesh.borrow().links().count()
}

/// Runs `connections` in every order in which their frames can arrive.
fn in_every_order(make: impl Fn() -> Vec<Connection>, check: impl Fn(&[Connection])) -> usize {
    // Which of the possible deliveries was chosen at each step, and how many there were.
    let mut choices: Vec<(usize, usize)> = Vec::new();
    let mut orders = 0;
    loop {
        let mut connections = make();
        for step in 0.. {
            let possible: Vec<_> = (0..connections.len() * 2)
                .map(|at| (at / 2, at % 2))
                .filter(|(connection, end)| !connections[*connection].0[*end].incoming.is_empty())
                .collect();
            if possible.is_empty() {
                break;
            }
            if step == choices.len() {
                choices.push((0, possible.len()));
            }
            let (connection, end) = possible[choices[step].0];
            connections[connection].deliver(end).ok();
        }
        check(&connections);
        orders += 1;
        while choices.pop_if(|(chosen, possible)| *chosen + 1 == *possible).is_some() {}
        match choices.last_mut() {
            Some((chosen, _)) => *chosen += 1,
            None => return orders,
        }
    }
}

#[test]
fn of_two_connections_the_same_one_remains_on_both_sides() {
    let make = || {
        let (a, b) = (node("a", 1), node("b", 2));
        vec![Connection::new(&a, &b), Connection::new(&b, &a)]
    };
    let orders = in_every_order(make, |connections| {
        assert_eq!(connections.iter().filter(|connection| connection.is_up()).count(), 1);
        let ends = connections.iter().flat_map(|connection| &connection.0);
        assert_eq!(ends.filter(|end| end.is_link()).count(), 2, "the one that is refused is a link on neither side");
    });
    assert!(orders > 500, "{orders}");
}

#[test]
fn a_link_that_only_one_side_has_noticed_to_be_broken_locks_nobody_out() {
    for (who_noticed, who_dials) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let nodes = [node("a", 1), node("b", 2)];
        let mut old = Connection::new(&nodes[0], &nodes[1]);
        assert_eq!(old.talk(), None);
        assert!(old.is_up());
        old.0[who_noticed].conversation = None;
        assert_eq!(links(&nodes[1 - who_noticed]), 1, "the other side has not noticed");
        let mut new = Connection::new(&nodes[who_dials], &nodes[1 - who_dials]);
        assert_eq!(new.talk(), None, "{who_noticed} noticed, {who_dials} dials");
        assert!(new.is_up());
        assert_eq!((links(&nodes[0]), links(&nodes[1])), (1, 1));
        let late = old.0[1 - who_noticed].take(wire::kind::GOODBYE, &[], &mut Vec::new());
        assert_eq!(late.unwrap_err().code(), Some(Code::Replaced), "nothing of the old link is done any more");
    }
}

#[test]
fn while_both_sides_have_a_link_a_second_one_is_refused() {
    for who_dials in [0, 1] {
        let nodes = [node("a", 1), node("b", 2)];
        let mut first = Connection::new(&nodes[0], &nodes[1]);
        first.talk();
        let mut second = Connection::new(&nodes[who_dials], &nodes[1 - who_dials]);
        assert_eq!(second.talk(), Some(Code::AlreadyLinked));
        assert!(first.is_up() && !second.is_up());
    }
}

#[test]
fn a_later_start_takes_the_place_of_an_earlier_one_and_not_the_other_way_round() {
    for (own, other) in [("a", "b"), ("b", "a")] {
        let (own, earlier, later) = (node(own, 1), node(other, 2), node(other, 3));
        let mut first = Connection::new(&earlier, &own);
        first.talk();
        let mut second = Connection::new(&later, &own);
        assert_eq!(second.talk(), None);
        assert!(second.is_up() && !first.is_up());
        let mut again = Connection::new(&earlier, &own);
        assert_eq!(again.talk(), Some(Code::SameName));
        assert!(second.is_up() && !again.is_up());
        drop(second);
        assert_eq!(links(&own), 0);
        let mut at_last = Connection::new(&earlier, &own);
        assert_eq!(at_last.talk(), None, "once the later one has gone, the earlier one is welcome");
    }
}

#[test]
fn itself_is_recognised() {
    let own = node("a", 1);
    assert_eq!(Connection::new(&own, &own).talk(), Some(Code::Itself));
}

/// Relays that are in no list link too, so that a network can grow relay by relay, but not without end: the memory and the
/// files for them are planned with.
#[test]
fn of_relays_that_are_in_no_list_only_some_are_linked() {
    for own in ["a", "z"] {
        let own = node(own, 1);
        let others: Vec<_> = (0..=UNLISTED_LINKS_MAX).map(|at| node(&format!("relay-{at}"), 2)).collect();
        let mut connections: Vec<_> = others.iter().map(|other| Connection::new(other, &own)).collect();
        let (last, linked) = connections.split_last_mut().unwrap();
        for connection in &mut *linked {
            assert_eq!(connection.talk(), None);
        }
        assert_eq!(last.talk(), Some(Code::Full));
        assert!(linked.iter().all(Connection::is_up) && !last.is_up());
        linked[0].0[1].conversation = None;
        let mut again = Connection::new(others.last().unwrap(), &own);
        assert_eq!(again.talk(), None, "one has gone");
        assert_eq!(links(&own), UNLISTED_LINKS_MAX);
    }
}

/// A relay that starts takes no clients then: it would know none of the other one's numbers.
#[test]
fn a_link_on_its_way_is_seen() {
    let nodes = [node("a", 1), node("b", 2)];
    let mut connection = Connection::new(&nodes[0], &nodes[1]);
    let is_on_its_way = || nodes.iter().any(|node| node.mesh.borrow().has_link_on_its_way());
    let mut was_seen = false;
    while let Some(to) = (0..2).find(|to| !connection.0[*to].incoming.is_empty()) {
        connection.deliver(to).unwrap();
        was_seen |= is_on_its_way();
    }
    assert!(was_seen && connection.is_up() && !is_on_its_way());
}
