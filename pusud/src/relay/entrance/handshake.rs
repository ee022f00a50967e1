//! The TLS handshake of one connection.

use super::failure::Ended;
use crate::protocol::Refusal;
use crate::tls::{Received, Session};
use std::cell::RefCell;
use std::io;
use tokio::net::TcpStream;

/// The first byte of every TLS connection: a record of the handshake.
const HANDSHAKE_RECORD: u8 = 22;

/// Whether a connection that begins with this byte speaks something else than TLS.
pub(super) fn is_plaintext(first: u8) -> bool {
    first != HANDSHAKE_RECORD
}

/// Shakes hands; `early` are bytes that came in before. Returns what the client has sent behind its handshake.
pub(super) async fn shake_hands(
    socket: &TcpStream,
    session: &mut Session,
    early: Vec<u8>,
    buffer: &RefCell<Box<[u8]>>,
) -> Result<Vec<u8>, Ended> {
    let mut early = &early[..];
    let (mut received, mut answer) = (Vec::new(), Vec::new());
    loop {
        let read = |room: &mut [u8]| match early.is_empty() {
            true => socket.try_read(room),
            false => io::Read::read(&mut early, room),
        };
        let mut take = |plaintext: &[u8]| received.extend_from_slice(plaintext);
        let outcome = session.read(&mut buffer.borrow_mut(), read, &mut take, &mut answer);
        // An alert where there was an error.
        let sent = send(socket, &answer).await;
        // Its room goes while the client thinks: half handshakes are held by the thousand.
        answer = Vec::new();
        match outcome {
            Ok(Received::End) if session.is_handshaking() => {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            Ok(Received::Data) if session.is_handshaking() => sent?,
            // Also where the client has said its last words with it: they are heard.
            Ok(Received::Data | Received::End) => return sent.map(|()| received).map_err(Ended::from),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.readable().await?,
            Err(error) if error.get_ref().is_some() => {
                return Err(Ended::Refused(Refusal::Tls, format!("the TLS handshake failed: {error}")));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// What a client sends next, behind its handshake; nothing at the end.
pub(super) async fn read(
    socket: &TcpStream,
    session: &mut Session,
    buffer: &RefCell<Box<[u8]>>,
) -> Result<Vec<u8>, Ended> {
    let (mut received, mut answer) = (Vec::new(), Vec::new());
    loop {
        let mut take = |plaintext: &[u8]| received.extend_from_slice(plaintext);
        let outcome = session.read(&mut buffer.borrow_mut(), |room| socket.try_read(room), &mut take, &mut answer);
        let sent = send(socket, &std::mem::take(&mut answer)).await;
        match outcome {
            Ok(Received::Data) if received.is_empty() => sent?,
            Ok(Received::Data | Received::End) => return sent.map(|()| received).map_err(Ended::from),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.readable().await?,
            Err(error) => return Err(error.into()),
        }
    }
}

/// The ciphertext of what a client is told that is not let in, and of the end of its session.
pub(super) fn last_words(session: &mut Session, answer: &[u8]) -> Vec<u8> {
    let (mut words, mut end) = (Vec::new(), Vec::new());
    // Where nothing can be encrypted any more, the connection is closed without a word.
    let len = session.encrypt(answer, &mut words).unwrap_or(0);
    words.truncate(len);
    let len = session.close_notify(&mut end);
    words.extend_from_slice(&end[..len]);
    words
}

/// Sends all of it.
pub(super) async fn send(socket: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match socket.try_write(bytes) {
            Ok(sent) => bytes = &bytes[sent..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
