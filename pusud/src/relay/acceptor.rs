//! Accepts clients' connections, at one place of those where clients connect. Those that are let in are dealt out to the
//! shards, or go through the entrance first where more than a request comes at their beginning.
//!
//! Connections live long, so dealing them out spreads them evenly; the kernel's own spreading (SO_REUSEPORT) does not.

use super::certificates::Certificates;
use super::dealer::Dealer;
use super::endpoint::{self, Accepting};
use super::entrance::{Entrance, Seat, Visit};
use super::listener::Listener;
use crate::admission::{Admission, Beginning, ClientAddress, RefusalLog, TurnedAway};
use crate::config::Endpoint;
use crate::control::DescribedListener;
use crate::protocol::Refusal;
use crate::routing::Arrival;
use crate::system::ListeningSocket;
use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

/// The first wait after the system refused another connection, and the longest; each wait is twice the one before.
const BACKOFF_MIN: Duration = Duration::from_millis(10);
const BACKOFF_MAX: Duration = Duration::from_millis(500);

/// A bound socket that accepts clients.
pub(super) struct Acceptor {
    socket: ListeningSocket,
    address: String,
    listener: Arc<Listener>,
}

impl Acceptor {
    /// Of a listener at `endpoint`, where it binds unless the service manager has handed a socket over.
    ///
    /// # Errors
    /// Says which setting to change when the port is taken, the address is not this machine's, or the socket is of the wrong
    /// kind.
    pub(super) fn new(
        listener: Listener,
        endpoint: &Endpoint,
        handed_over: Option<ListeningSocket>,
    ) -> anyhow::Result<Self> {
        let (socket, address) = match handed_over {
            Some(socket) => {
                let address = endpoint::take_over(&listener.name, endpoint, &socket)?;
                info!(listener = listener.name, address, "the service manager has handed the socket over");
                (socket, address)
            }
            None => endpoint::bind(endpoint)?,
        };
        Ok(Self { socket, address, listener: Arc::new(listener) })
    }

    /// Where it is bound, with the real port.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Says where it is.
    pub(super) fn log(&self) {
        info!(listener = self.listener.name, address = %self.address, "clients connect here");
    }

    /// Whether connections go through the entrance.
    pub(super) fn has_entrance(&self) -> bool {
        self.listener.has_entrance()
    }

    /// Its certificates, where it encrypts.
    pub(super) fn certificates(&self) -> Option<Certificates> {
        let Listener { name, certificates, .. } = &*self.listener;
        Some(Certificates { listener: name.clone(), served: certificates.clone()? })
    }

    /// What the status shows of it.
    pub(super) fn described(&self) -> DescribedListener {
        let Listener { name, certificates, proxy_protocol, forwarding, .. } = &*self.listener;
        DescribedListener {
            name: name.clone(),
            address: self.address.clone(),
            certificates: certificates.clone(),
            proxy_protocol: *proxy_protocol,
            trusted_proxies: forwarding.as_ref().map(|forwarding| forwarding.to_string()),
        }
    }

    /// Accepts for ever and deals out the connections that `admission` lets in. When the system refuses another
    /// connection (out of files or memory) it waits and tries again; it never spins. Dropping the future closes the
    /// port.
    ///
    /// Returns only an error: the socket cannot be used with this runtime.
    pub(super) async fn run(
        self,
        dealer: &Dealer,
        admission: &Arc<Admission>,
        entrance: Option<&Entrance>,
    ) -> anyhow::Error {
        let socket = match Accepting::on(&self.socket) {
            Ok(socket) => socket,
            Err(error) => return anyhow::Error::new(error).context("cannot accept clients"),
        };
        let entrance = entrance.filter(|_| self.listener.has_entrance());
        let mut backoff = BACKOFF_MIN;
        let mut refused = RefusalLog::default();
        let mut waiting = None;
        let turned_away = admission.turned_away();
        loop {
            let accepted = tokio::select! {
                accepted = accept(&socket, entrance, &mut waiting) => accepted,
                () = refused.due() => {
                    refused.write(Instant::now());
                    continue;
                }
            };
            match accepted {
                Ok((socket, peer, seat)) => {
                    if backoff > BACKOFF_MIN {
                        info!("accepting clients again");
                        backoff = BACKOFF_MIN;
                    }
                    let outcome = match (entrance, seat) {
                        (Some(entrance), Some(seat)) => self.send_in(entrance, socket, peer, seat, admission),
                        _ => self.let_in(dealer, socket, peer, admission, &turned_away),
                    };
                    if let Err(refusal) = outcome {
                        refused.note(refusal, peer);
                        // Whoever gives way to it closes its socket: else files would run out where many come at once.
                        yield_now().await;
                    }
                }
                Err(error) if is_the_peers(&error) => {}
                Err(error) => {
                    if backoff == BACKOFF_MIN {
                        warn!(%error, "cannot accept clients for now; is the open-file limit (ulimit -n) too low?");
                    }
                    sleep(backoff).await;
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                }
            }
        }
    }

    /// Lets a connection in whose request comes first.
    fn let_in(
        &self,
        dealer: &Dealer,
        socket: TcpStream,
        peer: ClientAddress,
        admission: &Arc<Admission>,
        turned_away: &TurnedAway,
    ) -> Result<(), Refusal> {
        let Listener { number, .. } = *self.listener;
        match admission.admit(number, self.listener.counted(peer), Beginning::Request) {
            Ok(pass) => {
                let forwarding = self.listener.forwarding_of(peer);
                let received = Vec::new();
                dealer.deal(Box::new(Arrival {
                    socket,
                    peer,
                    client: peer,
                    pass,
                    forwarding,
                    session: None,
                    received,
                }));
                Ok(())
            }
            Err(refusal) => {
                turned_away.refuse(socket, refusal, &[]);
                Err(refusal)
            }
        }
    }

    /// Sends a connection through the entrance. It is let in before, unless a PROXY header says where it comes from. Where it
    /// is refused, it goes there as a guest.
    fn send_in(
        &self,
        entrance: &Entrance,
        socket: TcpStream,
        peer: ClientAddress,
        seat: Seat,
        admission: &Arc<Admission>,
    ) -> Result<(), Refusal> {
        let listener = self.listener.clone();
        let admit = || admission.admit(listener.number, listener.counted(peer), Beginning::Handshake);
        let (pass, guest) = match (!listener.proxy_protocol).then(admit) {
            None => (None, None),
            Some(Ok(pass)) => (Some(pass), None),
            Some(Err(refusal)) => (None, Some(entrance.guest(refusal))),
        };
        entrance.send_in(Visit { socket, peer, listener, pass, guest, seat });
        Ok(())
    }
}

/// The next connection, and a seat in the entrance where it goes through that. As long as there is none, one connection is
/// `waiting` for it and the others wait in the kernel: a place where nobody comes takes no seat from the others.
async fn accept(
    socket: &Accepting,
    entrance: Option<&Entrance>,
    waiting: &mut Option<(TcpStream, ClientAddress)>,
) -> io::Result<(TcpStream, ClientAddress, Option<Seat>)> {
    if waiting.is_none() {
        *waiting = Some(socket.accept().await?);
    }
    let seat = match entrance {
        Some(entrance) => Some(entrance.seat().await),
        None => None,
    };
    let (socket, peer) = waiting.take().expect("it has been accepted");
    Ok((socket, peer, seat))
}

/// Whether it was the connection that failed, and not accepting as such.
fn is_the_peers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}
