//! What another relay, or whoever calls itself one, sends on a link.

use crate::network::boot_id::BootId;
use crate::network::codec::{self, Frame, HANDSHAKE_FRAME_BYTES_MAX, Hello};
use crate::network::decoder::Decoder;
use crate::network::encode;
use crate::network::fields::{Malformed, hash};
use crate::network::hello::{Handshake, Role, Step, VERSION};
use crate::network::interest::{Announced, Announcer, Table};
use crate::network::key::Keys;
use crate::network::numbers::{Incoming, Outgoing};

/// The same frames come out whatever pieces the bytes come in; what can be read is written as it was; whoever does not
/// know the key gets no further than AUTH; and on a link that is up the tables stay what their totals say.
///
/// # Panics
/// Where that does not hold.
pub fn link_frames(bytes: &[u8]) {
    let (frames, end) = frames(bytes, usize::MAX);
    for piece in [1, 7] {
        assert_eq!((&frames, &end), (&self::frames(bytes, piece).0, &self::frames(bytes, piece).1), "in {piece}s");
    }
    for (kind, payload) in &frames {
        is_written_as_it_was(*kind, payload);
    }
    for role in [Role::Dialler, Role::Acceptor] {
        shake_hands(role, Some(Keys::parse(&[b'k'; 32]).expect("long enough")), &frames);
        shake_hands(role, None, &frames);
    }
    talk(&frames);
}

type Frames = Vec<(u8, Vec<u8>)>;

/// The frames in `bytes`, and what ends them.
fn frames(bytes: &[u8], piece: usize) -> (Frames, Option<Malformed>) {
    let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
    for piece in bytes.chunks(piece.min(bytes.len()).max(1)) {
        decoder.feed(piece);
        loop {
            match decoder.next(HANDSHAKE_FRAME_BYTES_MAX) {
                Ok(Some((kind, payload))) => {
                    assert!(payload.len() < HANDSHAKE_FRAME_BYTES_MAX);
                    frames.push((kind, payload.to_vec()));
                }
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

fn is_written_as_it_was(kind: u8, payload: &[u8]) {
    let Ok(frame) = codec::parse(kind, payload) else { return };
    let is_whole = match frame.clone() {
        Frame::Snapshot { mut channels, .. } => channels.all(|channel| channel.is_ok()),
        Frame::Changes { mut changes, .. } => changes.all(|change| change.is_ok()),
        Frame::Publications { mut publications, .. } => publications.all(|publication| publication.is_ok()),
        _ => true,
    };
    if is_whole {
        let mut out = Vec::new();
        encode::any(&mut out, &frame);
        assert_eq!(out[4], kind);
        // HELLO may be longer than what is known of it, and a refusal longer than what is said of one.
        assert!(payload.starts_with(&out[5..]), "{frame:?} is written as {out:?}");
        assert!(payload.len() == out.len() - 5 || matches!(frame, Frame::Hello(_) | Frame::Refuse { .. }), "{frame:?}");
    }
}

/// The handshake goes its way or ends. With a key, nothing that these bytes hold can prove that their sender knows it.
fn shake_hands(role: Role, keys: Option<Keys>, frames: &Frames) {
    let own = Hello {
        major: VERSION.0,
        minor: VERSION.1,
        key: keys.is_some(),
        content_bytes_max: 1000,
        boot: BootId([1; 16]),
        nonce: [2; 32],
        network: "n".into(),
        name: "own".into(),
    };
    let has_key = keys.is_some();
    let mut handshake = Handshake::new(role, own, keys);
    let (mut out, mut steps) = (Vec::new(), Vec::new());
    for (kind, payload) in frames {
        let Ok(step) = handshake.on_frame(*kind, payload, |_| false, &mut out) else { break };
        steps.push(step);
    }
    match &steps[..] {
        [] | [Step::Wait] => {}
        [Step::Wait, Step::Authenticated { .. }] | [Step::Wait, Step::Authenticated { .. }, Step::Ready(_)] => {
            assert!(!has_key, "a stranger has been taken for a relay");
        }
        other => panic!("{other:?}"),
    }
    assert!(out.len() <= 2 * HANDSHAKE_FRAME_BYTES_MAX, "a stranger is told {} bytes", out.len());
}

/// What a link that is up makes of interest, acknowledgements and numbers.
fn talk(frames: &Frames) {
    let (mut announced, mut incoming, mut outgoing) = (Announced::default(), Incoming::default(), Outgoing::default());
    let mut table = Table::default();
    table.set("a", true);
    let mut announcer = Announcer::new(&table);
    announcer.write(&table, &mut Vec::new());
    outgoing.give();
    for (kind, payload) in frames {
        let Ok(frame) = codec::parse(*kind, payload) else { return };
        let is_good = match frame {
            Frame::Snapshot { generation, channels } => announced.snapshot(generation, channels).is_ok(),
            Frame::SnapshotEnd { generation, number, total } => {
                announced.snapshot_end(generation, number, total).is_ok()
            }
            Frame::Changes { first, changes } => announced.changes(first, changes).is_ok(),
            Frame::Acknowledge { number } => announcer.acknowledge(number).is_ok(),
            Frame::Ready(ready) => {
                incoming.relink(ready.next);
                outgoing.relink(ready.seen);
                true
            }
            Frame::Ping { seen, .. } | Frame::Pong { seen, .. } => outgoing.confirm(seen),
            Frame::Publications { first, .. } => {
                incoming.arrive(first);
                true
            }
            _ => true,
        };
        if !is_good {
            return;
        }
        let total = announced.table().total();
        let names: Vec<_> = announced.table().iter().collect();
        let sum = names.iter().fold(0u64, |sum, name| sum.wrapping_add(hash(name)));
        assert_eq!((total.count, total.hash), (names.len() as u64, sum));
        assert!(outgoing.unconfirmed() <= 1);
    }
}
