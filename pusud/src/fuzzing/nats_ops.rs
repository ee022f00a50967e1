//! Operations of NATS servers, cut out of a stream.

use crate::nats::{LINE_BYTES_MAX, Malformed, Op, Parser};

/// A relay that takes small messages.
const PAYLOAD_BYTES_MAX: usize = 1000;
/// At most so many splits of one input are tried; all of them where it is not longer.
const SPLITS_MAX: usize = 16;

/// Operations are the same ones wherever the stream is split, no more is kept than has come and may be kept, and a message
/// that is written again is read as it was.
///
/// # Panics
/// Where that does not hold.
pub fn nats_ops(bytes: &[u8]) {
    let whole = read([bytes]);
    assert_eq!(whole, read(bytes.chunks(1)), "byte by byte");
    for split in (1..bytes.len()).step_by(1 + bytes.len() / SPLITS_MAX) {
        let (first, second) = bytes.split_at(split);
        assert_eq!(whole, read([first, second]), "split at {split}");
    }
}

/// What a stream consists of: operations as `Debug` has them, and how it ends.
#[derive(Debug, PartialEq)]
struct Read {
    ops: Vec<String>,
    malformed: Option<Malformed>,
}

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let mut parser = Parser::new(PAYLOAD_BYTES_MAX);
    let mut read = Read { ops: Vec::new(), malformed: None };
    for piece in pieces {
        let before = parser.unread();
        parser.feed(piece);
        assert_eq!(parser.unread(), before + piece.len());
        loop {
            let before = parser.unread();
            match parser.next_op() {
                Ok(Some(op)) => {
                    read.ops.push(format!("{op:?}"));
                    let length = written_again(&op);
                    let used = before - parser.unread();
                    assert!(used >= length, "{length} bytes out of {used}");
                }
                Ok(None) => break,
                Err(malformed) => {
                    assert!(malformed.to_string().len() < 1000);
                    return Read { malformed: Some(malformed), ..read };
                }
            }
        }
        assert!(parser.unread() < LINE_BYTES_MAX + PAYLOAD_BYTES_MAX + 2, "{} bytes wait", parser.unread());
    }
    read
}

/// The least bytes that an operation takes; a message is written again and read again.
fn written_again(op: &Op<'_>) -> usize {
    let message = match op {
        Op::Message(message) => message,
        Op::TooLong { bytes, .. } => {
            assert!(*bytes > PAYLOAD_BYTES_MAX as u64);
            return 8;
        }
        Op::Info(info) => {
            assert!(info.payload_bytes_max() > 0 && !info.server_id.contains(['.', ' ', '*', '>']));
            return 8;
        }
        Op::Error(error) => {
            assert!(!error.to_string().contains(char::is_control), "{error:?}");
            return 6;
        }
        _ => return 5,
    };
    assert!(message.payload.len() <= PAYLOAD_BYTES_MAX);
    let sid = message.sid.to_string();
    let length = message.payload.len().to_string();
    let fields = [Some(message.subject), Some(sid.as_bytes()), message.reply, Some(length.as_bytes())];
    let line = fields.into_iter().flatten().collect::<Vec<_>>().join(&b' ');
    let again = [b"MSG ", &line[..], b"\r\n", message.payload, b"\r\n"].concat();
    let mut parser = Parser::new(PAYLOAD_BYTES_MAX);
    parser.feed(&again);
    assert_eq!(parser.next_op(), Ok(Some(Op::Message(*message))));
    assert_eq!((parser.unread(), parser.next_op()), (0, Ok(None)));
    message.subject.len() + message.payload.len()
}
