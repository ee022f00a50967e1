//! Frames of links between relays: cut out of a stream, read, written again, and taken in as what a peer tells.

use crate::mesh::{self, Announced, Frame, Incoming, Queue};
use crate::peers::Decoder;

/// A link of a relay that takes small messages.
const BYTES_MAX: usize = mesh::FRAME_BYTES_OVER_CONTENT + 1000;
/// At most so many splits of one input are tried; all of them where it is not longer.
const SPLITS_MAX: usize = 16;

/// Frames are the same ones wherever the stream is split, what can be read is written as it was, and what a peer tells
/// of its interest adds up however odd it is.
///
/// # Panics
/// Where that does not hold.
pub fn relay_frames(bytes: &[u8]) {
    let whole = decode([bytes]);
    assert_eq!(whole, decode(bytes.chunks(1)), "byte by byte");
    for split in (1..bytes.len()).step_by(1 + bytes.len() / SPLITS_MAX) {
        let (first, second) = bytes.split_at(split);
        assert_eq!(whole, decode([first, second]), "split at {split}");
    }
    let (mut announced, mut incoming, mut queue) = (Announced::default(), Incoming::default(), Queue::default());
    for (kind, payload) in &whole.frames {
        let Ok(frame) = mesh::parse(*kind, payload) else { continue };
        if is_whole(&frame) {
            is_written_as_it_was(*kind, payload, &frame);
        }
        is_taken_in(frame.clone(), &mut announced, &mut incoming);
        holds(frame, &mut queue);
        assert_eq!(announced.table().total().count, announced.table().iter().count() as u64);
    }
}

/// What a stream consists of.
#[derive(Debug, PartialEq)]
struct Decoded {
    frames: Vec<(u8, Vec<u8>)>,
    is_malformed: bool,
}

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
    let mut decoder = Decoder::default();
    let mut decoded = Decoded { frames: Vec::new(), is_malformed: false };
    for piece in pieces {
        decoder.feed(piece);
        loop {
            match decoder.next(BYTES_MAX) {
                Ok(Some((kind, payload))) => {
                    assert!(payload.len() < BYTES_MAX);
                    decoded.frames.push((kind, payload.to_vec()));
                }
                Ok(None) => break,
                Err(_) => return Decoded { is_malformed: true, ..decoded },
            }
        }
    }
    decoded
}

/// Whether the lists in a frame are good to the end.
fn is_whole(frame: &Frame<'_>) -> bool {
    match frame.clone() {
        Frame::Snapshot { mut channels, .. } => channels.all(|channel| channel.is_ok()),
        Frame::Hold { mut channels } | Frame::Go { mut channels } => channels.all(|channel| channel.is_ok()),
        Frame::Changes { mut changes, .. } => changes.all(|change| change.is_ok()),
        Frame::Publications { mut publications, .. } => publications.all(|publication| publication.is_ok()),
        _ => true,
    }
}

fn is_written_as_it_was(kind: u8, payload: &[u8], frame: &Frame<'_>) {
    let mut out = Vec::new();
    mesh::any(&mut out, frame);
    let again = decode([&out[..]]);
    let [(written, fields)] = &again.frames[..] else { panic!("{frame:?} became {again:?}") };
    // HELLO may be longer than what is known of it; long lists and reasons are cut.
    assert!(*written == kind && payload.starts_with(fields), "{frame:?} became {again:?}");
}

/// Errors are as good as anything else here: they end the link.
fn is_taken_in(frame: Frame<'_>, announced: &mut Announced, incoming: &mut Incoming) {
    match frame {
        Frame::Snapshot { generation, channels } => drop(announced.snapshot(generation, channels)),
        Frame::SnapshotEnd { generation, number, total } => {
            drop(announced.snapshot_end(generation, number, total));
            while announced.is_taking_in() {
                announced.take_in(3);
            }
        }
        Frame::Changes { first, changes } => drop(announced.changes(first, changes)),
        Frame::Publications { first, .. } => drop(incoming.arrive(first)),
        Frame::Ready(ready) => drop(incoming.relink(ready.next)),
        _ => {}
    }
}

/// What is held goes on when it is let go of, and not before.
fn holds(frame: Frame<'_>, queue: &mut Queue) {
    let (channels, is_held) = match frame {
        Frame::Hold { channels } => (channels, true),
        Frame::Go { channels } => (channels, false),
        _ => return,
    };
    for channel in channels.filter_map(Result::ok) {
        let done = if is_held { queue.hold(channel) } else { queue.go_on(channel) };
        let place = queue.place(&channel.into());
        assert!(queue.push(place, b"1").is_taken);
        let mut out = Vec::new();
        queue.write(1, &mut out, usize::MAX);
        assert_eq!(out.is_empty(), is_held, "{channel} {done:?}");
    }
}
