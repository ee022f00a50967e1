//! The simulated wires: connections between hosts, with latency, partitions, resets and hosts that fall silent.
//!
//! They behave as TCP does: bytes come in order and whole or not at all, and a partition holds them back until it heals.

use super::stream::{Pipe, Pipes, Stream};
use crate::config::PeerAddress;
use crate::mesh::links::{LinkReader, LinkStream, Transport};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncWrite, ReadHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

const SYN_RETRY: Duration = Duration::from_millis(500);
const DIAL_MAX: Duration = Duration::from_secs(3);

/// A relay's place in the world.
pub(in crate::mesh::tests) type Host = usize;

/// All hosts, and what is between them.
pub(in crate::mesh::tests) struct Wires {
    pub(super) random: StdRng,
    listening: BTreeMap<Host, mpsc::UnboundedSender<(Stream, SocketAddr)>>,
    /// Ordered pairs of hosts between which nothing gets through.
    cut: BTreeSet<(Host, Host)>,
    /// Hosts without power: they answer nothing, not even with a refusal.
    pub(super) silent: BTreeSet<Host>,
    /// Where names lead to; a host's number leads to it without being here.
    names: BTreeMap<&'static str, Answer>,
    /// How often each of them was asked about.
    lookups: BTreeMap<&'static str, u32>,
    /// Bytes that arrive as other ones, once.
    changed: Option<[&'static [u8]; 2]>,
    connections: Vec<((Host, Host), Pipes)>,
    /// When the second of two hosts has last read a byte of the first.
    pub(super) heard: BTreeMap<(Host, Host), Instant>,
}

/// What DNS says of a name.
#[derive(Debug, Clone)]
pub(in crate::mesh::tests) enum Answer {
    /// It leads to these hosts.
    Hosts(Vec<Host>),
    /// The server fails.
    Failure,
    /// The server says nothing.
    Silence,
}

/// Shared by everybody.
pub(in crate::mesh::tests) type World = Rc<RefCell<Wires>>;

pub(in crate::mesh::tests) fn world(seed: u64) -> World {
    Rc::new(RefCell::new(Wires {
        random: StdRng::seed_from_u64(seed),
        listening: BTreeMap::new(),
        cut: BTreeSet::new(),
        silent: BTreeSet::new(),
        names: BTreeMap::new(),
        lookups: BTreeMap::new(),
        changed: None,
        connections: Vec::new(),
        heard: BTreeMap::new(),
    }))
}

pub(in crate::mesh::tests) fn address(host: Host) -> PeerAddress {
    PeerAddress { host: host.to_string().into(), port: 1 }
}

impl Wires {
    pub(in crate::mesh::tests) fn cut(&mut self, from: Host, to: Host) {
        self.cut.insert((from, to));
    }

    pub(in crate::mesh::tests) fn heal(&mut self) {
        self.cut.clear();
        self.connections.iter().flat_map(|(_, pipes)| pipes).for_each(|pipe| pipe.borrow_mut().wake());
    }

    /// From here on DNS says this of a name, also to those who wait for an answer.
    pub(in crate::mesh::tests) fn lead(&mut self, name: &'static str, answer: Answer) {
        self.names.insert(name, answer);
    }

    /// How often a name was asked about.
    pub(in crate::mesh::tests) fn lookups(&self, name: &str) -> u32 {
        self.lookups.get(name).copied().unwrap_or_default()
    }

    /// When `to` has last read a byte of `from`, if it ever has.
    pub(in crate::mesh::tests) fn heard(&self, from: Host, to: Host) -> Option<Instant> {
        self.heard.get(&(from, to)).copied()
    }

    /// Ends all connections between two hosts, as a firewall that has lost its table does.
    pub(in crate::mesh::tests) fn reset(&mut self, a: Host, b: Host) {
        for ((from, to), pipes) in &self.connections {
            if (*from, *to) == (a, b) || (*from, *to) == (b, a) {
                pipes.iter().for_each(|pipe| pipe.borrow_mut().reset());
            }
        }
    }

    /// The host loses its power: its ends of all connections vanish without a word.
    pub(in crate::mesh::tests) fn silence(&mut self, host: Host) {
        self.silent.insert(host);
        self.listening.remove(&host);
    }

    /// The host has power again, and knows nothing of its old connections: whatever comes over them is answered by a reset.
    pub(in crate::mesh::tests) fn power(&mut self, host: Host) {
        if self.silent.remove(&host) {
            for (_, pipes) in self.connections.extract_if(.., |((from, to), _)| *from == host || *to == host) {
                pipes.iter().for_each(|pipe| pipe.borrow_mut().reset());
            }
        }
    }

    /// The next time that `sent` is written to a connection, `arrives` comes out of it.
    pub(in crate::mesh::tests) fn change(&mut self, sent: &'static [u8], arrives: &'static [u8]) {
        self.changed = Some([sent, arrives]);
    }

    /// What goes into a connection of bytes that are written to it, and how many of them that are.
    pub(super) fn carry(&mut self, bytes: &[u8], room: usize) -> (Vec<u8>, usize) {
        if let Some([sent, arrives]) = self.changed
            && let Some(at) = bytes.windows(sent.len()).position(|window| window == sent)
        {
            self.changed = None;
            return ([&bytes[..at], arrives].concat(), at + sent.len());
        }
        let len = self.random.random_range(1..=bytes.len()).min(room);
        (bytes[..len].to_vec(), len)
    }

    pub(super) fn is_cut(&self, from: Host, to: Host) -> bool {
        self.cut.contains(&(from, to)) || self.silent.contains(&to)
    }
}

/// A host's way to the others.
pub(in crate::mesh::tests) struct Wire {
    world: World,
    own: Host,
    accepted: RefCell<mpsc::UnboundedReceiver<(Stream, SocketAddr)>>,
}

impl Wire {
    pub(in crate::mesh::tests) fn new(world: &World, own: Host) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        world.borrow_mut().listening.insert(own, sender);
        Self { world: world.clone(), own, accepted: RefCell::new(receiver) }
    }

    fn connect_to(&self, other: Host) -> io::Result<Stream> {
        let pipes: Pipes = Default::default();
        let [there, back] = &pipes;
        let end = |own, other, incoming: &Rc<RefCell<Pipe>>, outgoing: &Rc<RefCell<Pipe>>| Stream {
            world: self.world.clone(),
            own,
            other,
            incoming: incoming.clone(),
            outgoing: outgoing.clone(),
            alarm: None,
        };
        let (near, far) = (end(self.own, other, back, there), end(other, self.own, there, back));
        let listening = self.world.borrow().listening.get(&other).cloned();
        let is_taken = listening.is_some_and(|listening| listening.send((far, remote(self.own))).is_ok());
        if !is_taken {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let connections = &mut self.world.borrow_mut().connections;
        connections.retain(|(_, pipes)| !pipes.iter().all(|pipe| pipe.borrow().is_reset));
        connections.push(((self.own, other), pipes));
        Ok(near)
    }
}

fn remote(host: Host) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, host as u8], 1))
}

impl Transport for Wire {
    type Stream = Stream;

    async fn resolve(&self, peer: &PeerAddress) -> io::Result<Vec<SocketAddr>> {
        if let Ok(host) = peer.host.parse() {
            return Ok(vec![remote(host)]);
        }
        let name = self.world.borrow().names.get_key_value(&*peer.host).map(|(name, _)| *name);
        *self.world.borrow_mut().lookups.entry(name.expect("the name is known")).or_default() += 1;
        loop {
            let answer = self.world.borrow().names.get(&*peer.host).cloned();
            match answer.expect("the name is known") {
                Answer::Hosts(hosts) => return Ok(hosts.into_iter().map(remote).collect()),
                Answer::Failure => return Err(io::Error::other("the server fails")),
                Answer::Silence => sleep(SYN_RETRY).await,
            }
        }
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<Stream> {
        let IpAddr::V4(ip) = address.ip() else { unreachable!("all are 10.0.0.*") };
        let other = Host::from(ip.octets()[3]);
        let end = Instant::now() + DIAL_MAX;
        sleep(Duration::from_millis(10)).await;
        loop {
            {
                let world = self.world.borrow();
                if !world.is_cut(self.own, other) && !world.is_cut(other, self.own) {
                    break;
                }
            }
            if Instant::now() >= end {
                return Err(io::ErrorKind::TimedOut.into());
            }
            sleep(SYN_RETRY).await;
        }
        self.connect_to(other)
    }

    async fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        let accepted = std::future::poll_fn(|cx| self.accepted.borrow_mut().poll_recv(cx)).await;
        match accepted {
            Some(accepted) => Ok(accepted),
            // The host has no power, and is about to be taken down.
            None => std::future::pending().await,
        }
    }
}

impl LinkStream for Stream {
    fn split(&mut self) -> (impl LinkReader, impl AsyncWrite + Unpin) {
        tokio::io::split(self)
    }

    fn limit_sending(&self, _is_limited: bool) -> io::Result<()> {
        Ok(())
    }
}

/// Here it is the world that ends what is not acknowledged.
impl LinkReader for ReadHalf<&mut Stream> {
    fn limit_sending(&self, _is_limited: bool) -> io::Result<()> {
        Ok(())
    }
}
