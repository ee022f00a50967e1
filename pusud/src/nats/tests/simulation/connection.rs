//! A connection between a relay and a server: two pipes of bytes, which behave as TCP does.

use super::checker::Host;
use super::server::Key;
use rand::RngExt as _;
use rand::rngs::StdRng;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::task::Waker;
use std::time::Duration;
use tokio::time::Instant;

/// What the kernels of both sides hold of one direction, in bytes.
const CAPACITY: usize = 48 * 1024;
/// What a server keeps for a client that does not read, in bytes.
const PENDING_BYTES_MAX: usize = 128 * 1024;

/// One direction.
#[derive(Default)]
pub(super) struct Pipe {
    chunks: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
    pub(super) is_finished: bool,
    pub(super) is_reset: bool,
    pub(super) waker: Option<Waker>,
}

impl Pipe {
    pub(super) fn room(&self) -> usize {
        CAPACITY.saturating_sub(self.bytes)
    }

    pub(super) fn put(&mut self, bytes: Vec<u8>, random: &mut StdRng) {
        let due = Instant::now() + Duration::from_micros(random.random_range(50..15_000));
        let due = self.chunks.back().map_or(due, |(last, _)| due.max(*last));
        self.bytes += bytes.len();
        self.chunks.push_back((due, bytes));
    }

    /// When the next bytes are there.
    pub(super) fn due(&self) -> Option<Instant> {
        self.chunks.front().map(|(due, _)| *due)
    }

    /// Takes out up to so many bytes that are there.
    pub(super) fn take(&mut self, len_max: usize, now: Instant) -> Option<Vec<u8>> {
        let (_, chunk) = self.chunks.front_mut().filter(|(due, _)| *due <= now)?;
        let rest = chunk.split_off(len_max.min(chunk.len()));
        let taken = std::mem::replace(chunk, rest);
        if chunk.is_empty() {
            self.chunks.pop_front();
        }
        self.bytes -= taken.len();
        Some(taken)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.chunks.clear();
        self.bytes = 0;
    }

    pub(super) fn wake(&mut self) {
        self.waker.take().into_iter().for_each(Waker::wake);
    }

    pub(super) fn reset(&mut self) {
        self.is_reset = true;
        self.clear();
        self.wake();
    }
}

/// A connection, as long as one of its ends is there.
pub(super) struct Connection {
    pub(super) server: usize,
    pub(super) host: Host,
    /// From the relay to the server, and back.
    pub(super) up: Pipe,
    pub(super) down: Pipe,
    /// What the server has read and not used up.
    pub(super) input: Vec<u8>,
    /// What the server has for the client, and the kernel has no room for.
    pub(super) pending: Vec<u8>,
    pub(super) subscriptions: BTreeMap<u64, Key>,
    /// The server has an end of it, and so has the relay.
    pub(super) is_at_server: bool,
    pub(super) is_at_relay: bool,
}

impl Connection {
    pub(super) fn new(host: Host, server: usize) -> Self {
        Self {
            server,
            host,
            up: Pipe::default(),
            down: Pipe::default(),
            input: Vec::new(),
            pending: Vec::new(),
            subscriptions: BTreeMap::new(),
            is_at_server: true,
            is_at_relay: true,
        }
    }

    /// The server has something for the client. Whether too much waits.
    pub(super) fn send(&mut self, parts: &[&[u8]]) -> bool {
        parts.iter().for_each(|part| self.pending.extend_from_slice(part));
        self.pending.len() > PENDING_BYTES_MAX
    }

    /// Moves what there is room for to the kernel.
    pub(super) fn flush(&mut self, random: &mut StdRng) {
        let len = self.pending.len().min(self.down.room());
        if len > 0 {
            let rest = self.pending.split_off(len);
            self.down.put(std::mem::replace(&mut self.pending, rest), random);
            self.down.wake();
        }
    }

    /// The server ends it, or its process does.
    pub(super) fn end_at_server(&mut self, random: &mut StdRng) {
        self.is_at_server = false;
        self.pending = Vec::new();
        if random.random() {
            self.down.reset()
        } else {
            self.down.is_finished = true
        }
        self.up.reset();
        self.down.wake();
    }

    /// The relay ends it, or its process does. Where something was left unread that is a reset, which may overtake what was
    /// sent.
    pub(super) fn end_at_relay(&mut self, random: &mut StdRng) {
        self.is_at_relay = false;
        self.up.is_finished = true;
        if !self.down.is_empty() && random.random() {
            self.up.reset();
        }
        self.down.reset();
    }

    /// The reason why the relay cannot write.
    pub(super) fn write_error(&self) -> Option<io::Error> {
        self.up.is_reset.then(|| io::ErrorKind::BrokenPipe.into())
    }
}
