//! One connection to the operations port, from its first byte to its last.

use super::activity::{Activity, HEAD_TIME_MAX, Watched};
use super::caller::Caller;
use super::connections::Seat;
use super::door::Door;
use crate::tls::{self, Served};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

/// The longest head of a request.
pub(super) const HEAD_BYTES_MAX: usize = 16 * 1024;
/// The most headers of a request.
const HEADERS_MAX: usize = 64;

/// A connection that is about to be served.
pub(super) struct Conversation {
    pub(super) door: Arc<Door>,
    pub(super) peer: SocketAddr,
    pub(super) certificates: Option<Served>,
    pub(super) activity: Arc<Activity>,
    pub(super) seat: Seat,
}

impl Conversation {
    /// Answers its requests until its end.
    pub(super) async fn run(self, socket: TcpStream) {
        // An answer is written as a whole.
        socket.set_nodelay(true).ok();
        let Ok(local) = socket.local_addr() else { return };
        let caller = Caller { peer: self.peer, local };
        match &self.certificates {
            None => self.serve(socket, caller).await,
            Some(certificates) => match timeout(HEAD_TIME_MAX, tls::accept(certificates, socket)).await {
                Ok(Ok(session)) => self.serve(session, caller).await,
                Ok(Err(error)) => debug!(peer = %self.peer, %error, "operations: no TLS session"),
                Err(_) => debug!(peer = %self.peer, "operations: the TLS handshake has taken too long"),
            },
        }
    }

    async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin, caller: Caller) {
        let answer = service_fn(move |request| async move {
            self.activity.is_busy();
            let answer = self.door.answer(caller, &self.activity, request).await;
            Ok::<_, Infallible>(answer.map(|body| body.on(&self.activity)))
        });
        let stream = TokioIo::new(Watched { stream, activity: self.activity.clone() });
        let connection = http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .title_case_headers(true)
            // The pace is watched below.
            .header_read_timeout(None)
            .serve_connection(stream, answer);
        let mut connection = pin!(connection);
        loop {
            let deadline = self.activity.deadline();
            tokio::select! {
                ended = &mut connection => {
                    if let Err(error) = ended {
                        debug!(peer = %self.peer, place = self.seat.number(), %error, "operations: connection closed");
                    }
                    return;
                }
                () = sleep_until(deadline) => {
                    if self.activity.deadline() <= Instant::now() {
                        debug!(peer = %self.peer, "operations: too slow, or idle for too long");
                        return;
                    }
                }
            }
        }
    }
}

/// Tells a connection that there is no room, if that can be done at once.
pub(super) fn turn_away(socket: &TcpStream) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    // One that is encrypted finds no TLS here, and that it is closed.
    let _ = socket.try_write(ANSWER);
}
