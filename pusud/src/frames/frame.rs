//! WebSocket frames from the relay to a client (RFC 6455, section 5.2): functions from values to bytes.
//!
//! Frames of a server are never masked, and the relay never fragments.

use super::buffer::Frames;
use crate::protocol::Disconnect;

/// The first bit of every frame. No event has it in its first byte.
pub(super) const FIN: u8 = 0x80;
pub(super) const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
/// The first byte of a text frame.
pub(super) const TEXT_FRAME: u8 = FIN | TEXT;
/// The longest reason that fits into a close frame, in bytes (RFC 6455, section 5.5, less the code).
const CLOSE_REASON_BYTES_MAX: usize = 123;

/// One text frame.
pub fn text(payload: &[u8]) -> Frames {
    let mut out = Vec::with_capacity(payload.len() + 10);
    push_header(&mut out, TEXT, payload.len());
    out.extend_from_slice(payload);
    out.into()
}

/// The close frame that says why a connection ends.
pub fn close(disconnect: Disconnect) -> Frames {
    let reason = disconnect.reason().as_bytes();
    assert!(reason.len() <= CLOSE_REASON_BYTES_MAX, "close reasons are short constants");
    let mut out = Vec::with_capacity(reason.len() + 4);
    push_header(&mut out, CLOSE, reason.len() + 2);
    out.extend_from_slice(&disconnect.code().to_be_bytes());
    out.extend_from_slice(reason);
    out.into()
}

/// A ping without a payload.
pub fn ping() -> Frames {
    Frames::from(vec![FIN | PING, 0])
}

/// The payload of the first of these whole frames, and what is behind it.
pub(super) fn payload(frames: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[_, short], behind) = frames.split_first_chunk()?;
    let (len, behind) = match short {
        126 => behind.split_first_chunk().map(|(len, behind)| (u16::from_be_bytes(*len).into(), behind))?,
        127 => behind.split_first_chunk().map(|(len, behind)| (u64::from_be_bytes(*len) as usize, behind))?,
        _ => (short.into(), behind),
    };
    Some(behind.split_at(len))
}

/// Appends what stands before a payload.
pub(super) fn push_header(out: &mut Vec<u8>, opcode: u8, payload_len: usize) {
    out.push(FIN | opcode);
    match payload_len {
        0..=125 => out.push(payload_len as u8),
        126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(payload_len as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(payload_len as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::tests::decode;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, OpCode};

    #[test]
    fn close_carries_code_and_reason() {
        let frames = decode(&close(Disconnect::SlowConsumer));
        assert_eq!(frames[0].header().opcode, OpCode::Control(Control::Close));
        assert_eq!(frames[0].payload(), [&4001u16.to_be_bytes()[..], b"slow consumer"].concat());
    }

    #[test]
    fn lengths_at_the_edges() {
        for len in [0, 1, 125, 126, 127, 0xffff, 0x1_0000] {
            let payload = vec![b'x'; len];
            let frames = decode(&text(&payload));
            assert_eq!(frames.len(), 1);
            assert_eq!(frames[0].payload(), payload);
        }
    }
}
