//! Connections that are not let in: each is told why over HTTP, and so that the answer arrives. Health checks among them are
//! answered: a relay that is full is not sick.
//!
//! A connection that is closed while the client's request is on its way is reset, and the answer is lost with it. So the
//! request is read first, and what follows it until the client goes. That is bounded in time and in number: whoever comes
//! when there are too many takes the place of the one that has been there for longest.

use super::places::Places;
use crate::http::{self, Envelope, Health, HttpError};
use crate::protocol::Refusal;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Connections that are being refused at a time. Each is an open file.
pub const REFUSING_MAX: usize = 48;
/// How long a connection may take to send its request, take the answer, and go.
const REFUSE_TIME_MAX: Duration = Duration::from_secs(1);
/// A request that is longer is no health check, in bytes.
const REQUEST_BYTES_MAX: usize = 4096;

/// Refuses connections. Clones share the bound on their number.
#[derive(Clone)]
pub struct TurnedAway(Arc<Inner>);

struct Inner {
    conversations: Places,
    health: OnceLock<Box<dyn Fn() -> Health + Send + Sync>>,
}

impl Default for TurnedAway {
    fn default() -> Self {
        Self(Arc::new(Inner { conversations: Places::new(REFUSING_MAX), health: OnceLock::new() }))
    }
}

/// What a connection is told.
struct Answer {
    bytes: Vec<u8>,
    /// It is for whatever request comes, and a health check has another one.
    health: Option<Health>,
}

impl TurnedAway {
    /// Health checks are answered so from here on, and refused before.
    pub fn answer_health(&self, health: impl Fn() -> Health + Send + Sync + 'static) {
        // There is one relay, which says so once.
        self.0.health.set(Box::new(health)).ok();
    }

    /// Tells a connection why it is not let in, without waiting; `received` is what has come of its request. Called inside
    /// a runtime.
    pub fn refuse(&self, socket: std::net::TcpStream, refusal: Refusal, received: &[u8]) {
        let bytes = HttpError::turned_away(refusal).to_response();
        self.answer(socket, Answer { bytes, health: self.health() }, received);
    }

    /// Tells a connection that it should speak TLS here, the same way.
    pub fn refuse_plaintext(&self, socket: std::net::TcpStream, received: &[u8]) {
        self.answer(socket, Answer { bytes: HttpError::ENCRYPTED_ONLY.to_response(), health: None }, received);
    }

    /// What a connection is told that is not let in, once so much of its request has come; `None`: more has to come first.
    /// For whoever has to encrypt it.
    pub fn words(&self, refusal: Refusal, received: &[u8]) -> Option<Vec<u8>> {
        words(&HttpError::turned_away(refusal).to_response(), self.health(), received)
    }

    /// Waits for a connection to go that has been told why it is not let in.
    pub fn see_off(&self, socket: std::net::TcpStream) {
        self.answer(socket, Answer { bytes: Vec::new(), health: None }, &[]);
    }

    fn health(&self) -> Option<Health> {
        self.0.health.get().map(|health| health())
    }

    fn answer(&self, socket: std::net::TcpStream, answer: Answer, received: &[u8]) {
        // An error means that the connection is gone, or that the system is out of memory: it is closed.
        let Ok(socket) = TcpStream::from_std(socket) else { return };
        let received = received.to_vec();
        let displaced = self.0.conversations.take();
        drop(tokio::spawn(async move {
            let conversation = converse(&socket, &answer, received);
            tokio::select! {
                // Past its time, or broken, the connection is closed all the same.
                _ = timeout(REFUSE_TIME_MAX, conversation) => {}
                // As far as the system takes it, whatever the runtime knows of that: whether it arrives is for the network to
                // say.
                _ = displaced => drop(socket2::SockRef::from(&socket).send(&answer.bytes)),
            }
        }));
    }
}

/// Waits for the request where nothing of it has come, answers if there is anything to say, and waits for the client to go.
async fn converse(socket: &TcpStream, answer: &Answer, mut received: Vec<u8>) -> io::Result<()> {
    if !answer.bytes.is_empty() {
        let bytes = loop {
            if let Some(bytes) = words(&answer.bytes, answer.health, &received) {
                break bytes;
            }
            let mut more = [0; REQUEST_BYTES_MAX];
            match read_into(socket, &mut more).await? {
                0 => return Ok(()),
                len => received.extend_from_slice(&more[..len]),
            }
        };
        // The kernel's buffer is empty and takes the whole answer; but the runtime has to have seen that.
        while matches!(socket.try_write(&bytes), Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            socket.writable().await?;
        }
    }
    socket2::SockRef::from(socket).shutdown(std::net::Shutdown::Write)?;
    while read(socket).await? > 0 {}
    Ok(())
}

/// The answer to the request of which so much has come: the refusal, unless it is a health check. `None`: nothing has come,
/// or it may become one.
fn words(refusal: &[u8], health: Option<Health>, received: &[u8]) -> Option<Vec<u8>> {
    let Some(health) = health else { return (!received.is_empty()).then(|| refusal.to_vec()) };
    if let Some(is_head) = http::health_check(received) {
        let mut bytes = Vec::new();
        health.answer().push(&Envelope { headers: String::new(), closes: true, is_head }, &mut bytes);
        return Some(bytes);
    }
    let may_become_one = http::may_become_health_check(received) && received.len() < REQUEST_BYTES_MAX;
    (!may_become_one).then(|| refusal.to_vec())
}

/// Reads and forgets; 0 at the end of the stream.
async fn read(socket: &TcpStream) -> io::Result<usize> {
    read_into(socket, &mut [0; 1024]).await
}

async fn read_into(socket: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
    loop {
        socket.readable().await?;
        match socket.try_read(into) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            other => return other,
        }
    }
}
