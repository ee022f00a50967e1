//! One client's TLS session, the relay's side: from ciphertext that was read to plaintext, and back. It owns no buffer
//! but what is left of a record that has not come whole.
//!
//! rustls's unbuffered API asks for three things that are easily missed, and each is kept here:
//! an error has to be remembered, since the next call knows nothing of it; after our own close_notify nothing may be
//! encrypted, though the API still would; and once the handshake is done, what is left over must be less than a record,
//! since rustls keeps ranges into the buffer of a handshake message that has come by half, and calls that encrypt give
//! it an empty one.

use super::credentials::Credentials;
use super::record::{RECORD_BYTES_MAX, holds_record};
use super::resolver::take_asked_name;
use super::session_error::SessionError;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};
use rustls::{ProtocolVersion, ServerConfig};
use std::io;
use std::sync::Arc;

/// Most that may be left over between two reads: in the handshake a client's certificates, after it less than a record.
pub const UNREAD_BYTES_MAX: usize = 24 * 1024;

/// The session.
pub struct Session {
    connection: UnbufferedServerConnection,
    /// What was read and is not a whole record yet.
    unread: Vec<u8>,
    phase: Phase,
    server_name: Option<Box<str>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Handshake,
    Open,
    /// The client has said that it sends nothing more. It may still read.
    PeerClosed,
    /// We have said so, or there was an error: nothing may be sent any more.
    Ended,
}

/// What has come of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// What came has been handed out, if there was plaintext in it.
    Data,
    /// The client sends nothing more.
    End,
}

impl Session {
    /// A session that begins with its handshake.
    ///
    /// # Errors
    /// The configuration does not fit the provider.
    pub fn new(config: Arc<ServerConfig>) -> Result<Self, SessionError> {
        let connection = UnbufferedServerConnection::new(config)?;
        Ok(Self { connection, unread: Vec::new(), phase: Phase::Handshake, server_name: None })
    }

    /// Whether the handshake goes on.
    pub fn is_handshaking(&self) -> bool {
        self.phase == Phase::Handshake
    }

    /// Whether the client has said that it sends nothing more.
    pub fn has_peer_closed(&self) -> bool {
        self.phase == Phase::PeerClosed
    }

    /// The version that was agreed on, as people write it.
    pub fn version(&self) -> &'static str {
        match self.connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "1.3",
            _ => "1.2",
        }
    }

    /// The name that the client asked for, where it has named one.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// Checks the certificate that the client has shown, now or in the session that it has resumed, by what is trusted now.
    ///
    /// # Errors
    /// It may not be let in with it, or without one.
    pub fn check_client(&self, credentials: &Credentials) -> anyhow::Result<()> {
        credentials.client_certificate(&self.connection).map(drop)
    }

    /// The client's certificate in DER, where it has shown one.
    pub fn client_certificate(&self) -> Option<&[u8]> {
        self.connection.peer_certificates()?.first().map(AsRef::as_ref)
    }

    /// What was read and is not a whole record yet, in bytes.
    pub fn unread_bytes(&self) -> usize {
        self.unread.len()
    }

    /// Reads with `read` into `buffer`, which has to be longer than [`UNREAD_BYTES_MAX`], and hands the plaintext to `take`,
    /// record by record. What has to be sent for it, parts of the handshake or an alert, is put behind `out`.
    ///
    /// # Errors
    /// What `read` says, or a [`SessionError`]; then `out` may have an alert, and the session has ended.
    pub fn read(
        &mut self,
        buffer: &mut [u8],
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
        take: &mut dyn FnMut(&[u8]),
        out: &mut Vec<u8>,
    ) -> io::Result<Received> {
        if self.has_peer_closed() {
            return Ok(Received::End);
        }
        let left = self.unread.len();
        buffer[..left].copy_from_slice(&self.unread);
        let filled = left + read(&mut buffer[left..])?;
        if filled == left {
            return Ok(Received::End);
        }
        self.receive(&mut buffer[..filled], take, out).map_err(io::Error::from)
    }

    fn receive(
        &mut self,
        bytes: &mut [u8],
        take: &mut dyn FnMut(&[u8]),
        out: &mut Vec<u8>,
    ) -> Result<Received, SessionError> {
        if self.phase == Phase::Ended {
            return Err(SessionError::Ended);
        }
        let is_handshaking = self.is_handshaking();
        let used = self.process(bytes, take, out);
        if is_handshaking {
            self.server_name = take_asked_name().or(self.server_name.take());
        }
        let used = used.and_then(|used| self.check_rest(&bytes[used..]).map(|()| used));
        match used {
            Ok(used) => {
                // From the buffer after the call: records are decrypted in place. A new one, since an idle client keeps none.
                self.unread = bytes[used..].to_vec();
                Ok(if self.phase == Phase::PeerClosed { Received::End } else { Received::Data })
            }
            Err(error) => {
                self.phase = Phase::Ended;
                self.unread = Vec::new();
                self.push_alerts(out);
                Err(error)
            }
        }
    }

    /// Whether what is left over is no more than may be.
    fn check_rest(&self, rest: &[u8]) -> Result<(), SessionError> {
        match self.phase {
            Phase::Handshake if rest.len() > UNREAD_BYTES_MAX => Err(SessionError::TooLong),
            Phase::Handshake => Ok(()),
            _ if holds_record(rest) => Err(SessionError::SplitMessage),
            _ => Ok(()),
        }
    }

    /// Takes whole records; returns how many bytes they were.
    fn process(
        &mut self,
        bytes: &mut [u8],
        take: &mut dyn FnMut(&[u8]),
        out: &mut Vec<u8>,
    ) -> Result<usize, SessionError> {
        let mut used = 0;
        loop {
            let UnbufferedStatus { mut discard, state } = self.connection.process_tls_records(&mut bytes[used..]);
            let mut is_done = false;
            match state? {
                ConnectionState::ReadTraffic(mut records) => {
                    while let Some(record) = records.next_record() {
                        let record = record?;
                        take(record.payload);
                        discard += record.discard;
                    }
                }
                ConnectionState::EncodeTlsData(mut data) => encode(out, |room| data.encode(room))?,
                // What was encoded is ours to send now.
                ConnectionState::TransmitTlsData(sent) => sent.done(),
                ConnectionState::PeerClosed => self.phase = Phase::PeerClosed,
                ConnectionState::WriteTraffic(_) => {
                    if self.phase == Phase::Handshake {
                        self.phase = Phase::Open;
                    }
                    is_done = true;
                }
                ConnectionState::BlockedHandshake => is_done = true,
                // Early data is never accepted.
                ConnectionState::ReadEarlyData(_) | ConnectionState::Closed | _ => {
                    self.phase = Phase::Ended;
                    is_done = true;
                }
            }
            used += discard;
            if is_done {
                return Ok(used);
            }
        }
    }

    /// Encrypts at most [`RECORD_BYTES_MAX`] bytes into the beginning of `room`, which grows where it has to; returns how
    /// many bytes of ciphertext that are.
    ///
    /// # Errors
    /// The session has ended, or its keys are used up.
    pub fn encrypt(&mut self, plaintext: &[u8], room: &mut Vec<u8>) -> Result<usize, SessionError> {
        debug_assert!(plaintext.len() <= RECORD_BYTES_MAX);
        self.write(Content::Plaintext(plaintext), room)
    }

    /// Puts a close_notify at the beginning of `room`; returns its length, which is 0 where there is nobody to tell.
    pub fn close_notify(&mut self, room: &mut Vec<u8>) -> usize {
        let len = self.write(Content::CloseNotify, room).unwrap_or(0);
        self.phase = Phase::Ended;
        len
    }

    fn write(&mut self, content: Content<'_>, room: &mut Vec<u8>) -> Result<usize, SessionError> {
        if !matches!(self.phase, Phase::Open | Phase::PeerClosed) {
            return Err(SessionError::Ended);
        }
        let mut len = 0;
        loop {
            let written = match self.connection.process_tls_records(&mut []).state? {
                ConnectionState::WriteTraffic(mut traffic) => match content {
                    Content::Plaintext(plaintext) => traffic.encrypt(plaintext, &mut room[len..]),
                    Content::CloseNotify => traffic.queue_close_notify(&mut room[len..]),
                },
                // The answer to a KeyUpdate goes first.
                ConnectionState::EncodeTlsData(mut data) => {
                    let mut queued = Vec::new();
                    encode(&mut queued, |space| data.encode(space))?;
                    room.splice(len..len, queued.iter().copied());
                    len += queued.len();
                    continue;
                }
                ConnectionState::TransmitTlsData(sent) => {
                    sent.done();
                    continue;
                }
                ConnectionState::PeerClosed => continue,
                _ => return Err(SessionError::Ended),
            };
            match written {
                Ok(written) => return Ok(len + written),
                Err(EncryptError::InsufficientSize(size)) => room.resize(len + size.required_size, 0),
                Err(EncryptError::EncryptExhausted) => return Err(SessionError::Exhausted),
            }
        }
    }

    /// The alert that an error has left behind. Only what is queued is asked for: any other call would look at the bad
    /// record again.
    fn push_alerts(&mut self, out: &mut Vec<u8>) {
        while self.connection.wants_write() {
            let UnbufferedStatus { state, .. } = self.connection.process_tls_records(&mut []);
            let Ok(ConnectionState::EncodeTlsData(mut alert)) = state else { return };
            if encode(out, |room| alert.encode(room)).is_err() {
                return;
            }
        }
    }
}

/// What is to be encrypted.
#[derive(Clone, Copy)]
enum Content<'a> {
    Plaintext(&'a [u8]),
    CloseNotify,
}

/// Puts what `encode` gives behind `out`.
fn encode(
    out: &mut Vec<u8>,
    mut encode: impl FnMut(&mut [u8]) -> Result<usize, EncodeError>,
) -> Result<(), SessionError> {
    let at = out.len();
    loop {
        match encode(&mut out[at..]) {
            Ok(len) => {
                out.truncate(at + len);
                return Ok(());
            }
            Err(EncodeError::InsufficientSize(size)) => out.resize(at + size.required_size, 0),
            Err(EncodeError::AlreadyEncoded) => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
