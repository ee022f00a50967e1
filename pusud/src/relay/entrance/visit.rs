//! One connection's visit to the entrance: who it is, then its handshake, then on to a shard.

use super::failure::{Ended, Failure};
use super::{Guest, Seat, Shared, handshake, proxied};
use crate::admission::{Admission, Beginning, ClientAddress, Pass, Source, begins_like_proxy_header};
use crate::protocol::Refusal;
use crate::relay::listener::Listener;
use crate::routing::Arrival;
use crate::tls::Session;
use std::fmt::Display;
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::Arc;
use tokio::time::timeout;
use tracing::debug;

/// With so many bytes it can be told whether a PROXY header begins.
const PROXY_HEADER_START_BYTES: usize = 12;

/// A connection that comes in.
pub(in crate::relay) struct Visit {
    pub(in crate::relay) socket: TcpStream,
    /// Who is at the other end of the socket.
    pub(in crate::relay) peer: ClientAddress,
    pub(in crate::relay) listener: Arc<Listener>,
    /// What it was let in with; `None`: a PROXY header says where it comes from, or it is a guest.
    pub(in crate::relay) pass: Option<Pass>,
    /// It is not let in, and told so behind its handshake.
    pub(in crate::relay) guest: Option<Guest>,
    pub(in crate::relay) seat: Seat,
}

/// A visit that goes on: whatever ends it, its place among the connections is given back.
struct Entering<'a> {
    shared: &'a Shared,
    listener: &'a Listener,
    client: ClientAddress,
    pass: Held<'a>,
    guest: Option<Guest>,
}

/// What a connection was let in with, until it is handed on.
struct Held<'a> {
    admission: &'a Admission,
    pass: Option<Pass>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(pass) = &self.pass {
            self.admission.leave(&pass.place);
        }
    }
}

impl Visit {
    /// Takes the connection in, and deals it out to a shard if it keeps the rules.
    pub(super) async fn receive(self, shared: Rc<Shared>) {
        let Self { socket, peer, listener, pass, guest, seat } = self;
        let pass = Held { admission: &shared.admission, pass };
        let mut entering = Entering { shared: &shared, listener: &listener, client: peer, pass, guest };
        let ended = match timeout(shared.timeout, entering.enter(socket, peer)).await {
            Ok(Ok(arrival)) => return shared.dealer.deal(arrival),
            Ok(Err(ended)) => ended,
            Err(_) => {
                Ended::Refused(Refusal::HandshakeTimeout, "no complete handshake within handshake_timeout".to_owned())
            }
        };
        let client = entering.client;
        drop(entering);
        // Whoever is told of the failure finds that the place is free.
        drop(seat);
        match ended {
            Ended::Refused(refusal, reason) => {
                shared.admission.count_refusal(refusal);
                note(&shared, Failure { refusal, client, reason });
            }
            Ended::Counted(refusal) => {
                note(&shared, Failure { refusal, client, reason: "a limit was reached".to_owned() });
            }
            Ended::Gone(_) => debug!(%client, listener = listener.name, "gone before its handshake was complete"),
        }
    }
}

fn note(shared: &Shared, failure: Failure) {
    // The thread that receives it runs this.
    shared.failures.send(failure).ok();
}

impl Entering<'_> {
    async fn enter(&mut self, socket: TcpStream, peer: ClientAddress) -> Result<Box<Arrival>, Ended> {
        let socket = tokio::net::TcpStream::from_std(socket)?;
        let mut received = Vec::new();
        if self.listener.proxy_protocol {
            received = self.identify(&socket, peer).await?;
            let beginning =
                if self.listener.certificates.is_some() { Beginning::Handshake } else { Beginning::Request };
            let admitted = self.shared.admission.admit(self.listener.number, self.counted(peer), beginning);
            match admitted {
                Ok(pass) => self.pass.pass = Some(pass),
                Err(refusal) if beginning == Beginning::Request => {
                    self.shared.turned_away.refuse(socket.into_std()?, refusal, &received);
                    return Err(Ended::Counted(refusal));
                }
                Err(refusal) => self.guest = Some(Guest { refusal, place: self.shared.guests.take() }),
            }
        }
        match self.guest.take() {
            None => self.go_on(socket, peer, received, None).await,
            Some(Guest { refusal, place }) => tokio::select! {
                ended = self.go_on(socket, peer, received, Some(refusal)) => ended,
                // Another one has its place.
                _ = place => Err(Ended::Counted(refusal)),
            },
        }
    }

    /// Shakes hands where that is spoken; `refusal`: to be told that it is not let in.
    async fn go_on(
        &mut self,
        socket: tokio::net::TcpStream,
        peer: ClientAddress,
        mut received: Vec<u8>,
        refusal: Option<Refusal>,
    ) -> Result<Box<Arrival>, Ended> {
        let mut session = None;
        if let Some(certificates) = &self.listener.certificates {
            let first = match received.first() {
                Some(first) => *first,
                None => first_byte(&socket).await?,
            };
            if handshake::is_plaintext(first) {
                let reason = plaintext(&socket, &received).await;
                self.shared.turned_away.refuse_plaintext(socket.into_std()?, &received);
                return Err(Ended::Refused(Refusal::Tls, reason.to_owned()));
            }
            let credentials = certificates.credentials();
            // Boxed from the start: half handshakes are held by the thousand.
            let mut new = Box::new(Session::new(credentials.server_config()).map_err(failed)?);
            let shaken = handshake::shake_hands(&socket, &mut new, received, &self.shared.buffer).await;
            received =
                match shaken.and_then(|received| new.check_client(&credentials).map_err(failed).map(|()| received)) {
                    Ok(received) => received,
                    Err(ended) => {
                        if matches!(ended, Ended::Refused(..)) {
                            // The alert has been sent. A client that thinks its handshake done sends its request by now, and
                            // closing here would reset the connection under the alert.
                            self.shared.turned_away.see_off(socket.into_std()?);
                        }
                        return Err(ended);
                    }
                };
            if let Some(refusal) = refusal.or_else(|| self.end_handshake()) {
                return Err(self.refuse(socket, &mut new, received, refusal).await);
            }
            session = Some(new);
        }
        let (client, forwarding) = (self.client, self.listener.forwarding_of(self.client));
        // Whatever fails from here on, the place goes with the arrival.
        let socket = socket.into_std()?;
        let pass = self.pass.pass.take().expect("it was let in");
        Ok(Box::new(Arrival { socket, peer, client, pass, forwarding, session, received }))
    }

    /// The limit that keeps the connection out, now that its handshake is done.
    fn end_handshake(&mut self) -> Option<Refusal> {
        let pass = self.pass.pass.as_mut().expect("nobody shakes hands before being let in, or being a guest");
        self.shared.admission.end_handshake(pass).err()
    }

    /// Tells an encrypted connection why it is not let in, once its request has come.
    async fn refuse(
        &self,
        socket: tokio::net::TcpStream,
        session: &mut Session,
        mut received: Vec<u8>,
        refusal: Refusal,
    ) -> Ended {
        let turned_away = &self.shared.turned_away;
        let answer = loop {
            if let Some(answer) = turned_away.words(refusal, &received) {
                break answer;
            }
            match handshake::read(&socket, session, &self.shared.buffer).await {
                Ok(more) if more.is_empty() => return Ended::Counted(refusal),
                Ok(more) => received.extend_from_slice(&more),
                Err(ended) => return ended,
            }
        };
        let sent = handshake::send(&socket, &handshake::last_words(session, &answer)).await;
        match sent.and_then(|()| socket.into_std()) {
            Ok(socket) => {
                turned_away.see_off(socket);
                Ended::Counted(refusal)
            }
            Err(error) => error.into(),
        }
    }

    /// Learns from the PROXY header who the client is; returns what follows it.
    async fn identify(&mut self, socket: &tokio::net::TcpStream, peer: ClientAddress) -> Result<Vec<u8>, Ended> {
        if !self.listener.takes_proxy_header_of(peer) {
            let reason = "it comes from nobody of trusted_proxies, and a PROXY header is required".to_owned();
            return Err(Ended::Refused(Refusal::ProxyProtocol, reason));
        }
        let (source, behind) = proxied::read_header(socket).await?;
        if begins_like_proxy_header(&behind) {
            let reason = "a second PROXY header follows the first; send one alone".to_owned();
            return Err(Ended::Refused(Refusal::ProxyProtocol, reason));
        }
        if let Source::Client(client) = source {
            self.client = client.into();
        }
        Ok(behind)
    }

    /// What limits by address count the client by: not the proxy itself, which checks whether the relay is well.
    fn counted(&self, peer: ClientAddress) -> Option<std::net::IpAddr> {
        self.listener.counted(self.client).filter(|_| self.client != peer)
    }
}

fn failed(error: impl Display) -> Ended {
    Ended::Refused(Refusal::Tls, format!("the TLS handshake failed: {error:#}"))
}

/// The first byte that comes, which stays where it is.
async fn first_byte(socket: &tokio::net::TcpStream) -> Result<u8, Ended> {
    let mut first = [0];
    match socket.peek(&mut first).await? {
        0 => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
        _ => Ok(first[0]),
    }
}

/// What came where TLS is spoken, in words for the operator.
async fn plaintext(socket: &tokio::net::TcpStream, received: &[u8]) -> &'static str {
    let mut beginning = [0; PROXY_HEADER_START_BYTES];
    // There is something, or it was received: this does not wait. Behind a PROXY header there is no second one.
    let peeked = if received.is_empty() { socket.peek(&mut beginning).await.unwrap_or(0) } else { 0 };
    match begins_like_proxy_header(&beginning[..peeked]) {
        true => "a PROXY header came where TLS is spoken: set `proxy_protocol: required`, or let the proxy send none",
        false => "plaintext came where TLS is spoken",
    }
}
