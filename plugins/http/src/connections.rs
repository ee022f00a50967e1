//! Connections to the service: made when needed, kept open for the next question, never more than allowed.
//!
//! **Invariant:** a connection that is not in use is either idle or gone, and one is made only when none is idle; so
//! there are never more than may be in use at once, which whoever asks here sees to.
//! **Invariant:** none takes a question when it is older than its time, and the name is looked up for each that is made.

use crate::attempts::reach;
use crate::endpoint::Place;
use crate::unix_socket;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::rt::{Read, Write};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use shared_https::Trust;
use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    made: Instant,
    /// Which pool it was made for: those of one before are not kept.
    pool: u64,
    /// Whom it trusts: where that has changed, it is not used.
    tls: Option<Arc<ClientConfig>>,
}

/// The connections that wait for a question, and how more are made.
pub(crate) struct Connections {
    place: Place,
    trust: Option<Trust>,
    age_max: Duration,
    lookups: Arc<Semaphore>,
    pool: Mutex<Pool>,
}

#[derive(Default)]
struct Pool {
    number: u64,
    idle: VecDeque<Idle>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Connection {
    /// Sends a question and waits for the head of its answer.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        self.sender.send_request(request).await
    }
}

impl Connections {
    /// No connection yet. None is used for longer than `age_max`: what its name leads to may have changed.
    pub(crate) fn new(place: Place, trust: Option<Trust>, age_max: Duration) -> Self {
        Self { place, trust, age_max, lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)), pool: Mutex::default() }
    }

    /// A connection that was kept open, if there is one: the one that was used last.
    pub(crate) async fn idle(&self) -> Option<Connection> {
        loop {
            let mut connection = self.take()?.connection;
            // One that the service has closed is found out here in most cases, and in all others when it is used.
            if connection.sender.ready().await.is_ok() {
                return Some(connection);
            }
        }
    }

    fn take(&self) -> Option<Idle> {
        let mut pool = self.pool();
        while pool.idle.front().is_some_and(|oldest| oldest.since.elapsed() > IDLE_MAX) {
            pool.idle.pop_front();
        }
        pool.idle.retain(|idle| self.may_be_used(&idle.connection));
        pool.idle.pop_back()
    }

    /// Keeps a connection for the next question.
    pub(crate) fn keep(&self, connection: Connection) {
        let mut pool = self.pool();
        let is_good = !connection.sender.is_closed() && connection.pool == pool.number;
        if is_good && self.may_be_used(&connection) {
            pool.idle.push_back(Idle { connection, since: Instant::now() });
        }
    }

    /// Whether it is neither too old nor trusts somebody who is not trusted any more.
    fn may_be_used(&self, connection: &Connection) -> bool {
        let is_trusted = match (&connection.tls, &self.trust) {
            (Some(then), Some(now)) => Arc::ptr_eq(then, &now.current().config),
            _ => true,
        };
        is_trusted && connection.made.elapsed() < self.age_max
    }

    /// Lets go of all connections that there are, those in use when their questions are answered: the service may have
    /// moved without a word.
    pub(crate) fn discard(&self) {
        let mut pool = self.pool();
        pool.number += 1;
        pool.idle.clear();
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a connection, for as long as the caller waits.
    ///
    /// # Errors
    /// What went wrong, for the log.
    pub(crate) async fn connect(&self) -> Result<Connection, String> {
        let pool = self.pool().number;
        let (host, port) = match &self.place {
            Place::Unix(path) => return handshake(unix_socket::connect(path).await?, pool, None).await,
            Place::Tcp { host, port } => (host, *port),
        };
        let stream = reach(self.addresses(host, port).await?).await?;
        // Questions are short and wait for their answers.
        stream.set_nodelay(true).map_err(|error| format!("cannot connect: {error}"))?;
        match &self.trust {
            None => handshake(TokioIo::new(stream), pool, None).await,
            Some(trust) => {
                let name = ServerName::try_from(host.clone()).map_err(|_| "its name cannot be in a certificate")?;
                let config = Arc::clone(&trust.current().config);
                let connecting = TlsConnector::from(Arc::clone(&config)).connect(name, stream).await;
                let stream = connecting.map_err(|error| trust.fault(&error))?;
                handshake(TokioIo::new(stream), pool, Some(config)).await
            }
        }
    }

    /// Asked for anew at each connection.
    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        if let Ok(address) = host.parse() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let permit = Arc::clone(&self.lookups).acquire_owned().await.expect("the semaphore is never closed");
        let name = (host.to_owned(), port);
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
async fn handshake(
    stream: impl Read + Write + Unpin + Send + 'static,
    pool: u64,
    tls: Option<Arc<ClientConfig>>,
) -> Result<Connection, String> {
    let builder = http1::Builder::new().max_buf_size(HEAD_BYTES_MAX).handshake(stream);
    let (sender, served) = builder.await.map_err(|error| format!("cannot connect: {error}"))?;
    tokio::spawn(async move {
        // Whoever uses the connection hears of its errors.
        let _ = served.await;
    });
    Ok(Connection { sender, made: Instant::now(), pool, tls })
}
