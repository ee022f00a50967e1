//! Connections to the service: made when needed, kept open for the next question, never more than allowed.
//!
//! **Invariant:** a connection that is not in use is either idle or gone, and one is made only when none is idle; so
//! there are never more than may be in use at once, which whoever asks here sees to.

use crate::attempts::reach;
use crate::endpoint::Endpoint;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;

/// Longer than that no connection waits for the next question: on the way to the service others lose patience too.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// Longest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Most look-ups of the name at once. They cannot be interrupted, so those that hang must not pile up.
const LOOKUPS_MAX: usize = 2;

/// A connection that takes a request.
pub(crate) type Connection = SendRequest<Full<Bytes>>;

/// The connections that wait for a question, and how more are made.
pub(crate) struct Connections {
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    lookups: Arc<Semaphore>,
    idle: Mutex<VecDeque<Idle>>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Connections {
    /// No connection yet.
    pub(crate) fn new(endpoint: &Endpoint, tls: Option<Arc<ClientConfig>>) -> Self {
        Self {
            host: endpoint.host.clone(),
            port: endpoint.port,
            tls: tls.map(TlsConnector::from),
            lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)),
            idle: Mutex::default(),
        }
    }

    /// A connection that was kept open, if there is one: the one that was used last.
    pub(crate) async fn idle(&self) -> Option<Connection> {
        loop {
            let mut connection = self.take()?.connection;
            // One that the service has closed is found out here in most cases, and in all others when it is used.
            if connection.ready().await.is_ok() {
                return Some(connection);
            }
        }
    }

    fn take(&self) -> Option<Idle> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while idle.front().is_some_and(|oldest| oldest.since.elapsed() > IDLE_MAX) {
            idle.pop_front();
        }
        idle.pop_back()
    }

    /// Keeps a connection for the next question.
    pub(crate) fn keep(&self, connection: Connection) {
        if !connection.is_closed() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push_back(Idle { connection, since: Instant::now() });
        }
    }

    /// Makes a connection, for as long as the caller waits.
    ///
    /// # Errors
    /// What went wrong, for the log.
    pub(crate) async fn connect(&self) -> Result<Connection, String> {
        let stream = reach(self.addresses().await?).await?;
        // Questions are short and wait for their answers.
        stream.set_nodelay(true).map_err(|error| format!("cannot connect: {error}"))?;
        match &self.tls {
            None => handshake(TokioIo::new(stream)).await,
            Some(tls) => {
                let name =
                    ServerName::try_from(self.host.clone()).map_err(|_| "its name cannot be in a certificate")?;
                let stream =
                    tls.connect(name, stream).await.map_err(|error| format!("cannot connect over TLS: {error}"))?;
                handshake(TokioIo::new(stream)).await
            }
        }
    }

    async fn addresses(&self) -> Result<Vec<SocketAddr>, String> {
        if let Ok(address) = self.host.parse() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        let permit = Arc::clone(&self.lookups).acquire_owned().await.expect("the semaphore is never closed");
        let name = (self.host.clone(), self.port);
        let lookup = tokio::task::spawn_blocking(move || -> io::Result<Vec<SocketAddr>> {
            // Held until the system has answered, also if nobody waits for it any more.
            let _permit = permit;
            name.to_socket_addrs().map(Iterator::collect)
        });
        let addresses = lookup.await.map_err(|error| format!("its name cannot be looked up: {error}"))?;
        addresses.map_err(|error| format!("its name cannot be looked up: {error}"))
    }
}

/// Begins HTTP on a stream, and has it served on this thread until it ends.
async fn handshake(stream: impl Read + Write + Unpin + Send + 'static) -> Result<Connection, String> {
    let builder = http1::Builder::new().max_buf_size(HEAD_BYTES_MAX).handshake(stream);
    let (connection, served) = builder.await.map_err(|error| format!("cannot connect: {error}"))?;
    tokio::spawn(async move {
        // Whoever uses the connection hears of its errors.
        let _ = served.await;
    });
    Ok(connection)
}
