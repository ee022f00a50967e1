//! A client that says exactly the bytes it is told to, and shows exactly the bytes it gets.

use super::Stream;
use super::frame::{FIN, Frame, close_code, text_message};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::time::Duration;

/// A connection in bytes.
pub(crate) struct Raw {
    stream: Stream,
}

/// A request for the upgrade, complete but for `more` header lines (each ended by CR LF).
pub(crate) fn upgrade_request(more: &str) -> String {
    format!(
        "GET / HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    )
}

impl Raw {
    /// Connects over TCP.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(Stream::connect(address))
    }

    /// Connects with a small receive buffer, so that the relay soon has to keep what is not read.
    pub(crate) fn connect_with_small_buffer(address: SocketAddr) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&address.into()).unwrap();
        Self::over(Stream::over(socket.into()))
    }

    /// Connects from an address of this machine.
    pub(crate) fn connect_from(source: IpAddr, address: SocketAddr) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(source, 0).into()).unwrap();
        socket.connect(&address.into()).unwrap();
        Self::over(Stream::over(socket.into()))
    }

    /// Connects, upgrades, and takes the greeting.
    pub(crate) fn upgraded(address: SocketAddr) -> Self {
        let mut raw = Self::connect(address);
        raw.upgrade();
        raw
    }

    /// Upgrades with a small receive buffer, authorizes for everything and subscribes.
    pub(crate) fn listening_with_small_buffer(address: SocketAddr, channel: &str) -> Self {
        let mut raw = Self::connect_with_small_buffer(address);
        raw.upgrade();
        raw.authorize();
        raw.send(text_message(&format!(r#"{{"type":"subscribe","channel":"{channel}"}}"#)));
        assert!(raw.read_text().starts_with(r#"{"type":"subscribe_ok""#));
        raw
    }

    /// Authorizes for everything.
    pub(crate) fn authorize(&mut self) {
        self.send(text_message(r#"{"type":"authorize","authorization":"both=*"}"#));
        assert_eq!(self.read_text(), r#"{"type":"authorization_ok"}"#);
    }

    /// Over a connection on which nothing has been said.
    pub(crate) fn over(stream: Stream) -> Self {
        Self { stream }
    }

    /// Upgrades and takes the greeting.
    pub(crate) fn upgrade(&mut self) {
        self.send(upgrade_request(""));
        let head = self.read_head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        self.expect_hello();
    }

    /// The connection itself.
    pub(crate) fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// Sends bytes, in one call.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends bytes whose end the relay may not want any more.
    pub(crate) fn send_perhaps(&mut self, bytes: impl AsRef<[u8]>) {
        // The relay may have closed the connection before the last byte, which is its right.
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Sends bytes as long as the relay takes them; false if it has closed the connection or takes nothing for `stuck`.
    /// Then part of them may have been sent.
    pub(crate) fn send_within(&mut self, bytes: &[u8], stuck: Duration) -> bool {
        self.stream.set_write_timeout(Some(stuck)).unwrap();
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends the end of the stream; reading goes on.
    pub(crate) fn finish_sending(&mut self) {
        // Over TLS there is a handshake before, and it is said in its words first.
        self.stream.shake_hands().unwrap();
        if let Some(session) = self.stream.session() {
            session.send_close_notify();
            self.stream.flush().unwrap();
        }
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Asks for the upgrade and expects the answer to be this status; returns all of it.
    pub(crate) fn expect_http_error(&mut self, status: u16) -> String {
        self.send(upgrade_request(""));
        let mut answer = Vec::new();
        self.stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "expected {status}, got {answer:?}");
        answer
    }

    /// Reads an HTTP head, with the empty line that ends it.
    pub(crate) fn read_head(&mut self) -> String {
        self.read_head_or_end().expect("the connection has ended in place of a head")
    }

    /// The same; `None`: the connection has ended before it.
    pub(crate) fn read_head_or_end(&mut self) -> Option<String> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            match self.stream.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                Ok(_) if head.is_empty() => return None,
                // What had come before is lost with it, as far as it was not read.
                Err(error) if head.is_empty() && error.kind() == ErrorKind::ConnectionReset => return None,
                other => panic!("{other:?} after {:?}", String::from_utf8_lossy(&head)),
            }
        }
        Some(String::from_utf8(head).unwrap())
    }

    /// Takes the greeting.
    pub(crate) fn expect_hello(&mut self) {
        let hello = self.read_text();
        assert!(hello.starts_with(r#"{"type":"hello""#), "{hello}");
    }

    /// Reads one frame, which a relay never masks.
    pub(crate) fn read_frame(&mut self) -> Frame {
        let [first_byte, second] = self.read_bytes();
        assert_eq!(second & 0x80, 0, "the relay masked a frame");
        let length = match second {
            126 => usize::from(u16::from_be_bytes(self.read_bytes())),
            127 => usize::try_from(u64::from_be_bytes(self.read_bytes())).unwrap(),
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).unwrap();
        Frame { first_byte, payload }
    }

    fn read_bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).unwrap_or_else(|error| panic!("waiting for a frame: {error}"));
        bytes
    }

    /// Whether more has come within `wait`, or the end of it.
    pub(crate) fn has_more_within(&mut self, wait: Duration) -> bool {
        self.stream.has_more_within(wait)
    }

    /// Reads some bytes, at most so many.
    pub(crate) fn read_some(&mut self, bytes_max: usize) -> usize {
        self.stream.read(&mut vec![0; bytes_max]).unwrap()
    }

    /// Reads publications of `[number, …]`, which have to come in order and without a gap, up to a close frame; returns
    /// how many came, and the close frame's code.
    pub(crate) fn read_numbered_to_close(&mut self) -> (u64, Option<u16>) {
        let mut next = 0;
        loop {
            let frame = self.read_frame();
            if frame.first_byte != FIN | 1 {
                return (next, close_code(&frame));
            }
            let message: serde_json::Value = serde_json::from_slice(&frame.payload).unwrap();
            assert_eq!(message["content"][0], next);
            next += 1;
        }
    }

    /// Reads one text frame.
    pub(crate) fn read_text(&mut self) -> String {
        let frame = self.read_frame();
        assert_eq!(frame.first_byte, FIN | 1, "expected a text frame, got {frame:?}");
        String::from_utf8(frame.payload).unwrap()
    }

    /// Reads the close frame, answers it, and waits for the relay to end the connection.
    pub(crate) fn expect_closed(&mut self, code: u16) {
        let frame = self.read_frame();
        assert_eq!(close_code(&frame), Some(code), "expected close {code}, got {}", shown(&frame));
        self.send_perhaps(Frame::new(FIN | 8, &frame.payload).masked());
        self.expect_end();
    }

    /// Waits for the relay to end the connection; nothing may come before.
    pub(crate) fn expect_end(&mut self) {
        let rest = self.read_to_end();
        assert!(rest.is_empty(), "expected the end, got {} bytes: {:?}", rest.len(), String::from_utf8_lossy(&rest));
    }

    /// Waits for the relay to end the connection before TLS is spoken on it.
    pub(crate) fn expect_closed_before_tls(&mut self) {
        // The client's own part of the handshake may not arrive any more.
        let sent = self.stream.write_all(upgrade_request("").as_bytes());
        let mut rest = Vec::new();
        let read = sent.and_then(|()| self.stream.read_to_end(&mut rest));
        assert!(rest.is_empty(), "the relay answers: {}", String::from_utf8_lossy(&rest));
        if let Err(error) = read {
            use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
            assert!(matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof), "{error}");
        }
    }

    /// Everything up to the end of the connection.
    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => {}
            // A relay that closes before it has read everything resets the connection; what it said has arrived.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("waiting for the end: {error} after {:?}", String::from_utf8_lossy(&rest)),
        }
        rest
    }

    /// All frames up to the end of the connection; of one that is cut short nothing.
    pub(crate) fn read_frames_to_end(&mut self) -> Vec<Frame> {
        let bytes = self.read_to_end();
        let mut rest = &bytes[..];
        std::iter::from_fn(|| {
            let (frame, behind) = Frame::split_off(rest)?;
            rest = behind;
            Some(frame)
        })
        .collect()
    }
}

fn shown(frame: &Frame) -> String {
    format!("{:#04x} {:?}", frame.first_byte, String::from_utf8_lossy(&frame.payload))
}
