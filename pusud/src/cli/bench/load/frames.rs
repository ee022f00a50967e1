//! A listener's bytes, taken apart into frames without copying them and without keeping the payloads of large ones.
//!
//! Owns the beginning of the frame that has not arrived in full. Reads headers with tungstenite; it never writes and
//! knows nothing of the protocol inside of the frames.
//!
//! **Invariant:** a frame is shown once, when its last byte has arrived; of its payload at least the first
//! [`SHOWN_BYTES_MIN`] bytes, or all of it where it is shorter.

use crate::cli::client_messages::Failure;
use std::io::Cursor;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;

/// What is seen of every payload: more than the longest channel name with every character escaped, and a stamp.
pub(crate) const SHOWN_BYTES_MIN: usize = 1024;
/// The longest header of a frame (RFC 6455, section 5.2).
const HEADER_BYTES_MAX: usize = 14;

/// A message that has arrived, or the payload of another frame.
pub(crate) struct Shown<'a> {
    /// It, or the beginning of it.
    pub(crate) payload: &'a [u8],
    /// Whether it is all of the payload.
    pub(crate) whole: bool,
}

/// Reads one listener's frames.
#[derive(Default)]
pub(super) struct FrameReader {
    /// The beginning of the frame that is arriving.
    head: Vec<u8>,
    /// How much of it has not been fed yet; `None` while the header is not complete.
    missing: Option<u64>,
}

impl FrameReader {
    /// Shows every frame that ends in `bytes`.
    ///
    /// # Errors
    /// Bytes that are no frames of a relay, and whatever `show` returns; reading cannot go on after either.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        mut show: impl FnMut(&FrameHeader, Shown<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        while !bytes.is_empty() {
            if self.head.is_empty()
                && let Some((header, start, payload_len)) = parse(bytes)?
                && let Ok(payload_len) = usize::try_from(payload_len)
                && let Some(payload) = bytes[start..].get(..payload_len)
            {
                show(&header, Shown { payload, whole: true })?;
                bytes = &bytes[start + payload_len..];
            } else {
                bytes = self.gather(bytes)?;
                if self.missing == Some(0) {
                    let (header, start, payload_len) = parse(&self.head)?.expect("a frame ends after its header");
                    let payload = &self.head[start..];
                    show(&header, Shown { payload, whole: payload.len() as u64 == payload_len })?;
                    self.head.clear();
                    self.missing = None;
                }
            }
        }
        Ok(())
    }

    /// Takes bytes of the frame that is arriving; returns the others.
    fn gather<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Failure> {
        let Some(missing) = self.missing else {
            // Byte by byte, so that nothing is taken that belongs to the next frame.
            self.head.push(bytes[0]);
            self.missing = parse(&self.head)?.map(|(_, _, payload_len)| payload_len);
            return Ok(&bytes[1..]);
        };
        let taken = usize::try_from(missing).unwrap_or(usize::MAX).min(bytes.len());
        let room = (HEADER_BYTES_MAX + SHOWN_BYTES_MIN).saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..taken.min(room)]);
        self.missing = Some(missing - taken as u64);
        Ok(&bytes[taken..])
    }
}

/// The header at the front of `bytes`, where the payload starts, and how long it is; `None` if there is more to come.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(FrameHeader, usize, u64)>, Failure> {
    let mut cursor = Cursor::new(bytes);
    let broken = |what: &str| Failure::lasting(format!("the relay sent what is no WebSocket frame: {what}"));
    match FrameHeader::parse(&mut cursor).map_err(|error| broken(&error.to_string()))? {
        Some((header, _)) if header.mask.is_some() => Err(broken("it is masked")),
        Some((header, payload_len)) => {
            let start = usize::try_from(cursor.position()).expect("a header is a few bytes long");
            Ok(Some((header, start, payload_len)))
        }
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

    fn frames_of(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for payload in payloads {
            Frame::message(payload.clone(), OpCode::Data(Data::Text), true).format(&mut bytes).unwrap();
        }
        bytes
    }

    proptest! {
        #[test]
        fn frames_are_found_however_the_bytes_are_cut(
            lengths in prop::collection::vec(prop_oneof![0usize..200, 1000usize..1100, 65_000usize..66_000], 1..6),
            cuts in prop::collection::vec(1usize..70_000, 1..20),
        ) {
            let payloads: Vec<Vec<u8>> =
                lengths.iter().enumerate().map(|(at, &length)| vec![b'a' + at as u8; length]).collect();
            let bytes = frames_of(&payloads);
            let mut reader = FrameReader::default();
            let mut seen = Vec::new();
            let mut cuts = cuts.iter().cycle();
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let (chunk, more) = rest.split_at((*cuts.next().expect("endless")).min(rest.len()));
                reader.feed(chunk, |header, frame| {
                    assert!(header.is_final);
                    seen.push((frame.payload.to_vec(), frame.whole));
                    Ok(())
                }).expect("good frames");
                rest = more;
            }
            prop_assert_eq!(seen.len(), payloads.len());
            for ((seen, whole), payload) in seen.iter().zip(&payloads) {
                prop_assert!(payload.starts_with(seen));
                prop_assert_eq!(*whole, seen.len() == payload.len());
                prop_assert!(seen.len() >= payload.len().min(SHOWN_BYTES_MIN));
            }
        }
    }

    #[test]
    fn a_frame_is_shown_when_it_is_complete() {
        let bytes = frames_of(&[vec![b'a'; 100_000]]);
        let mut shown = 0;
        let mut reader = FrameReader::default();
        let (most, last) = bytes.split_at(bytes.len() - 1);
        for (chunk, expected) in [(most, 0), (last, 1)] {
            reader
                .feed(chunk, |_, _| {
                    shown += 1;
                    Ok(())
                })
                .unwrap();
            assert_eq!(shown, expected);
        }
        assert!(reader.head.is_empty() && reader.head.capacity() < 4 * SHOWN_BYTES_MIN, "large payloads are not kept");
    }

    #[test]
    fn what_is_no_frame_of_a_relay_is_an_error() {
        for (bytes, expected) in [(&[0x81, 0x80, 0, 0, 0, 0][..], "masked"), (&[0x83, 0][..], "no WebSocket frame")] {
            let error = FrameReader::default().feed(bytes, |_, _| Ok(())).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
