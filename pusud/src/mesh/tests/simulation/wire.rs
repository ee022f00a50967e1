//! The simulated wires: streams in memory between hosts, with latency, partitions, resets and hosts that fall silent.
//!
//! They behave as TCP does: bytes come in order and whole or not at all, and a partition holds them back until it heals.

use crate::config::PeerAddress;
use crate::mesh::links::{LinkReader, Transport};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

const CAPACITY: usize = 128 * 1024;
const SYN_RETRY: Duration = Duration::from_millis(500);
const DIAL_MAX: Duration = Duration::from_secs(3);

/// A relay's place in the world.
pub(in crate::mesh::tests) type Host = usize;

#[derive(Default)]
struct Pipe {
    chunks: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
    is_finished: bool,
    is_reset: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    fn wake(&mut self) {
        self.reader.take().into_iter().chain(self.writer.take()).for_each(Waker::wake);
    }

    fn reset(&mut self) {
        self.is_reset = true;
        self.wake();
    }
}

type Pipes = [Rc<RefCell<Pipe>>; 2];

/// All hosts, and what is between them.
pub(in crate::mesh::tests) struct Wires {
    random: StdRng,
    listening: BTreeMap<Host, mpsc::UnboundedSender<(Stream, SocketAddr)>>,
    /// Ordered pairs of hosts between which nothing gets through.
    cut: BTreeSet<(Host, Host)>,
    /// Hosts without power: they answer nothing, not even with a refusal.
    silent: BTreeSet<Host>,
    /// Bytes that arrive as other ones, once.
    changed: Option<[&'static [u8]; 2]>,
    connections: Vec<((Host, Host), Pipes)>,
    /// When the second of two hosts has last read a byte of the first.
    heard: BTreeMap<(Host, Host), Instant>,
}

/// Shared by everybody.
pub(in crate::mesh::tests) type World = Rc<RefCell<Wires>>;

pub(in crate::mesh::tests) fn world(seed: u64) -> World {
    Rc::new(RefCell::new(Wires {
        random: StdRng::seed_from_u64(seed),
        listening: BTreeMap::new(),
        cut: BTreeSet::new(),
        silent: BTreeSet::new(),
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
    fn carry(&mut self, bytes: &[u8], room: usize) -> (Vec<u8>, usize) {
        if let Some([sent, arrives]) = self.changed
            && let Some(at) = bytes.windows(sent.len()).position(|window| window == sent)
        {
            self.changed = None;
            return ([&bytes[..at], arrives].concat(), at + sent.len());
        }
        let len = self.random.random_range(1..=bytes.len()).min(room);
        (bytes[..len].to_vec(), len)
    }

    fn is_cut(&self, from: Host, to: Host) -> bool {
        self.cut.contains(&(from, to)) || self.silent.contains(&to)
    }
}

/// One end of a connection.
pub(in crate::mesh::tests) struct Stream {
    world: World,
    own: Host,
    other: Host,
    incoming: Rc<RefCell<Pipe>>,
    outgoing: Rc<RefCell<Pipe>>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let world = &mut *this.world.borrow_mut();
        let pipe = &mut *this.incoming.borrow_mut();
        pipe.reader = Some(cx.waker().clone());
        if world.is_cut(this.other, this.own) {
            return Poll::Pending;
        }
        if pipe.is_reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let Some((due, chunk)) = pipe.chunks.front_mut() else {
            return if pipe.is_finished { Poll::Ready(Ok(())) } else { Poll::Pending };
        };
        if *due > Instant::now() {
            let mut alarm = Box::pin(sleep_until(*due));
            if alarm.as_mut().poll(cx).is_pending() {
                this.alarm = Some(alarm);
                return Poll::Pending;
            }
        }
        let len = chunk.len().min(buf.remaining()).min(world.random.random_range(1..=9000));
        buf.put_slice(&chunk[..len]);
        chunk.drain(..len);
        if chunk.is_empty() {
            pipe.chunks.pop_front();
        }
        pipe.bytes -= len;
        world.heard.insert((this.other, this.own), Instant::now());
        pipe.writer.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let pipe = &mut *self.outgoing.borrow_mut();
        if pipe.is_reset && !self.world.borrow().is_cut(self.other, self.own) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if pipe.bytes >= CAPACITY {
            pipe.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let world = &mut *self.world.borrow_mut();
        let (chunk, len) = world.carry(bytes, CAPACITY - pipe.bytes);
        let due = Instant::now() + Duration::from_millis(world.random.random_range(0..30));
        let due = pipe.chunks.back().map_or(due, |(last, _)| due.max(*last));
        pipe.bytes += chunk.len();
        pipe.chunks.push_back((due, chunk));
        pipe.reader.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut pipe = self.outgoing.borrow_mut();
        pipe.is_finished = true;
        pipe.wake();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Stream {
    /// The system says that the connection has ended; where something was left unread, with a reset that may overtake
    /// what was sent.
    fn drop(&mut self) {
        let (mut incoming, mut outgoing) = (self.incoming.borrow_mut(), self.outgoing.borrow_mut());
        let world = &mut *self.world.borrow_mut();
        if world.silent.contains(&self.own) {
            return;
        }
        outgoing.is_finished = true;
        outgoing.wake();
        if !incoming.chunks.is_empty() && world.random.random() {
            outgoing.reset();
        }
        incoming.reset();
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

    fn connect(&self, other: Host) -> io::Result<Stream> {
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

    async fn dial(&self, peer: &PeerAddress, resolved: impl FnOnce(Vec<IpAddr>)) -> io::Result<(Stream, SocketAddr)> {
        let other: Host = peer.host.parse().expect("hosts are numbers");
        resolved(vec![remote(other).ip()]);
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
        self.connect(other).map(|stream| (stream, remote(other)))
    }

    async fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        let accepted = std::future::poll_fn(|cx| self.accepted.borrow_mut().poll_recv(cx)).await;
        match accepted {
            Some(accepted) => Ok(accepted),
            // The host has no power, and is about to be taken down.
            None => std::future::pending().await,
        }
    }

    fn split(stream: &mut Stream) -> (impl LinkReader, impl AsyncWrite + Unpin) {
        tokio::io::split(stream)
    }
}

/// Here it is the world that ends what is not acknowledged.
impl LinkReader for ReadHalf<&mut Stream> {
    fn limit_sending(&self, _is_limited: bool) -> io::Result<()> {
        Ok(())
    }
}
