//! A relay's side of a link, written byte by byte from docs/protocol/relay-link.md and not with pusud's own code.

use super::DEADLINE;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Types of frames.
pub(crate) mod kind {
    pub(crate) const HELLO: u8 = 1;
    pub(crate) const AUTH: u8 = 2;
    pub(crate) const READY: u8 = 3;
    pub(crate) const REFUSE: u8 = 4;
    pub(crate) const PING: u8 = 6;
    pub(crate) const PONG: u8 = 7;
    pub(crate) const SNAPSHOT: u8 = 8;
    pub(crate) const SNAPSHOT_END: u8 = 9;
    pub(crate) const CHANGES: u8 = 10;
    pub(crate) const ACKNOWLEDGE: u8 = 11;
    pub(crate) const RESYNC: u8 = 13;
    pub(crate) const PUBLICATIONS: u8 = 14;
    pub(crate) const HOLD: u8 = 15;
    pub(crate) const GO: u8 = 16;
    pub(crate) const REVOCATIONS: u8 = 17;
    pub(crate) const REVOKED: u8 = 18;
    pub(crate) const KICK: u8 = 19;
    pub(crate) const HISTORY: u8 = 24;
}

/// A frame.
pub(crate) struct LinkFrame {
    /// Its type.
    pub(crate) kind: u8,
    /// Its fields.
    pub(crate) fields: Vec<u8>,
}

impl LinkFrame {
    /// A number of 8 bytes, and where it begins in the fields.
    pub(crate) fn number(&self, at: usize) -> u64 {
        u64::from_be_bytes(self.fields[at..at + 8].try_into().unwrap())
    }

    /// How many channels a CHANGES tells of.
    fn changes(&self) -> u64 {
        let (mut at, mut count) = (8, 0);
        while at < self.fields.len() {
            at += 2 + usize::from(self.fields[at + 1]);
            count += 1;
        }
        count
    }

    /// What a relay acknowledges that has taken this frame in.
    pub(crate) fn to_acknowledge(&self) -> Option<u64> {
        match self.kind {
            kind::SNAPSHOT_END => Some(self.number(4)),
            kind::CHANGES => Some(self.number(0) + self.changes() - 1),
            _ => None,
        }
    }
}

/// One side of a connection between relays.
pub(crate) struct FakeRelay {
    stream: TcpStream,
}

impl FakeRelay {
    /// Over a connection that has been made.
    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        Self { stream }
    }

    /// Waits for a relay that dials.
    pub(crate) fn accept(listener: &TcpListener) -> Self {
        listener.set_nonblocking(true).unwrap();
        let began = Instant::now();
        loop {
            if let Ok((stream, _)) = listener.accept() {
                stream.set_nonblocking(false).unwrap();
                return Self::over(stream);
            }
            assert!(began.elapsed() < DEADLINE, "nobody has dialled");
            thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// Dials a relay on this machine.
    pub(crate) fn dial(port: u16) -> Self {
        let relay = SocketAddr::from(([127, 0, 0, 1], port));
        Self::over(TcpStream::connect_timeout(&relay, DEADLINE).unwrap())
    }

    /// Dials a relay without a key and is linked with it, as one of version 1.0. Its `name` is behind the relay's, so that
    /// the relay decides and says READY first.
    pub(crate) fn linked(name: &str, port: u16) -> Self {
        Self::linked_as(name, port, 0)
    }

    /// The same, as one of this minor version.
    pub(crate) fn linked_as(name: &str, port: u16, minor: u16) -> Self {
        let mut fake = Self::dial(port);
        let mut fields = hello(name, [7; 16], false);
        fields[6..8].copy_from_slice(&minor.to_be_bytes());
        if minor >= 2 {
            // No encryption, and no certificates.
            fields.extend([0, 0]);
        }
        fake.send(kind::HELLO, &fields);
        fake.expect(kind::HELLO);
        fake.send(kind::AUTH, &[0]);
        fake.expect(kind::AUTH);
        let ready = fake.expect(kind::READY);
        let [link, seen, next] = [ready.number(0), 0, 1u64];
        fake.send(kind::READY, &[link, seen, next].map(u64::to_be_bytes).concat());
        fake
    }

    /// The same connection once more, to read and write at the same time.
    pub(crate) fn again(&self) -> Self {
        Self { stream: self.stream.try_clone().unwrap() }
    }

    /// Ends the connection.
    pub(crate) fn end(&self) {
        self.stream.shutdown(Shutdown::Both).unwrap();
    }

    /// Sends a frame.
    pub(crate) fn send(&mut self, kind: u8, fields: &[u8]) {
        self.stream.write_all(&frame(kind, fields)).unwrap();
    }

    /// Sends bytes, or as many of them as the relay takes.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// The next frame; `None` when the relay has ended the connection.
    pub(crate) fn next(&mut self) -> Option<LinkFrame> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes(head[..4].try_into().unwrap());
        let mut fields = vec![0; length as usize - 1];
        self.stream.read_exact(&mut fields).ok()?;
        Some(LinkFrame { kind: head[4], fields })
    }

    /// Announces these channels, and waits until that is acknowledged.
    pub(crate) fn announce(&mut self, channels: &[&str]) {
        let names: Vec<u8> = channels.iter().flat_map(|channel| named(channel)).collect();
        self.send(kind::SNAPSHOT, &[&1u32.to_be_bytes()[..], &names].concat());
        let sum = channels.iter().fold(0u64, |sum, channel| sum.wrapping_add(hash(channel)));
        let total = [channels.len() as u64, sum].map(u64::to_be_bytes).concat();
        self.send(kind::SNAPSHOT_END, &[&1u32.to_be_bytes()[..], &1u64.to_be_bytes(), &total].concat());
        self.answer_until(|frame| frame.kind == kind::ACKNOWLEDGE);
    }

    /// Waits for a frame of this type, which is the next one.
    pub(crate) fn expect(&mut self, kind: u8) -> LinkFrame {
        let frame = self.next().unwrap_or_else(|| panic!("the connection has ended before a frame of type {kind}"));
        let text = String::from_utf8_lossy(&frame.fields);
        assert_eq!(frame.kind, kind, "{text}");
        frame
    }

    /// Answers everything as a relay does, until the connection ends or `is_enough` says so.
    pub(crate) fn answer_until(&mut self, mut is_enough: impl FnMut(&LinkFrame) -> bool) {
        while let Some(next) = self.next() {
            if next.kind == kind::PING {
                let pong = [next.number(0).to_be_bytes(), [0; 8]].concat();
                self.try_send(&frame(kind::PONG, &pong));
            }
            if let Some(number) = next.to_acknowledge() {
                self.try_send(&frame(kind::ACKNOWLEDGE, &number.to_be_bytes()));
            }
            if is_enough(&next) {
                return;
            }
        }
    }
}

/// A frame, as bytes.
pub(crate) fn frame(kind: u8, fields: &[u8]) -> Vec<u8> {
    let length = u32::try_from(fields.len() + 1).unwrap();
    [&length.to_be_bytes()[..], &[kind], fields].concat()
}

/// The fields of a HELLO.
pub(crate) fn hello(name: &str, boot: [u8; 16], has_key: bool) -> Vec<u8> {
    let mut fields = b"PUSU\x00\x01\x00\x00".to_vec();
    fields.push(has_key.into());
    fields.extend(1_000_000u32.to_be_bytes());
    fields.extend(boot);
    fields.extend([9; 32]);
    fields.extend(named("pusu"));
    fields.extend(named(name));
    fields
}

/// A name, as it stands in frames.
pub(crate) fn named(name: &str) -> Vec<u8> {
    [&[u8::try_from(name.len()).unwrap()], name.as_bytes()].concat()
}

/// The hash of a channel's name, for totals.
pub(crate) fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
