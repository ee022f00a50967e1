//! Connections that are not let in: each is told why over HTTP, and so that the answer arrives.
//!
//! A connection that is closed while the client's request is on its way is reset, and the answer is lost with it. So the
//! request is read first, and what follows it until the client goes. That is bounded in time and in number: past it the
//! answer is sent and the connection closed at once.

use crate::http::HttpError;
use crate::protocol::Refusal;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Connections that are being refused at a time. Each is an open file.
pub const REFUSING_MAX: usize = 64;
/// How long a connection may take to send its request, take the answer, and go.
const REFUSE_TIME_MAX: Duration = Duration::from_secs(1);

/// Refuses connections. Clones share the bound on their number.
#[derive(Clone)]
pub struct TurnedAway(Arc<Semaphore>);

impl Default for TurnedAway {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(REFUSING_MAX)))
    }
}

impl TurnedAway {
    /// Tells a connection why it is not let in, without waiting; `received` is what has come of its request. Called inside
    /// a runtime.
    pub fn refuse(&self, socket: std::net::TcpStream, refusal: Refusal, received: &[u8]) {
        self.answer(socket, HttpError::turned_away(refusal).to_response(), received);
    }

    /// Tells a connection that it should speak TLS here, the same way.
    pub fn refuse_plaintext(&self, socket: std::net::TcpStream, received: &[u8]) {
        self.answer(socket, HttpError::ENCRYPTED_ONLY.to_response(), received);
    }

    /// Tells a connection that is encrypted why it is not let in, the same way; `encrypt` makes ciphertext of the answer.
    pub fn refuse_encrypted(
        &self,
        socket: std::net::TcpStream,
        refusal: Refusal,
        received: &[u8],
        encrypt: impl FnOnce(&[u8]) -> Vec<u8>,
    ) {
        self.answer(socket, encrypt(&HttpError::turned_away(refusal).to_response()), received);
    }

    /// Waits for a connection to go that has been told why it is not let in.
    pub fn see_off(&self, socket: std::net::TcpStream) {
        self.answer(socket, Vec::new(), &[]);
    }

    fn answer(&self, socket: std::net::TcpStream, answer: Vec<u8>, received: &[u8]) {
        let Ok(permit) = self.0.clone().try_acquire_owned() else {
            // As far as the system takes it: whether it arrives is for the network to say.
            drop((&socket).write(&answer));
            return;
        };
        // An error means that the connection is gone, or that the system is out of memory: it is closed.
        let Ok(socket) = TcpStream::from_std(socket) else { return };
        let has_come = !received.is_empty();
        drop(tokio::spawn(async move {
            // Past its time, or broken, the connection is closed all the same.
            timeout(REFUSE_TIME_MAX, converse(&socket, &answer, has_come)).await.ok();
            drop(socket);
            drop(permit);
        }));
    }
}

/// Waits for the request where nothing of it has come, answers if there is anything to say, and waits for the client to go.
async fn converse(socket: &TcpStream, answer: &[u8], has_come: bool) -> io::Result<()> {
    if !answer.is_empty() {
        if !has_come && read(socket).await? == 0 {
            return Ok(());
        }
        // The kernel's buffer is empty and takes the whole answer; but the runtime has to have seen that.
        while matches!(socket.try_write(answer), Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            socket.writable().await?;
        }
    }
    socket2::SockRef::from(socket).shutdown(std::net::Shutdown::Write)?;
    while read(socket).await? > 0 {}
    Ok(())
}

/// Reads and forgets; 0 at the end of the stream.
async fn read(socket: &TcpStream) -> io::Result<usize> {
    let mut discard = [0; 1024];
    loop {
        socket.readable().await?;
        match socket.try_read(&mut discard) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            other => return other,
        }
    }
}
