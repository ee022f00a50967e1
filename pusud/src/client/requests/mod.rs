//! Requests over HTTP: one connection's conversation until it becomes a WebSocket or a stream of events, or ends.
//!
//! Requests are handled one after the other, also where they come in one go, and their answers leave in that order: the
//! order of one connection is the order of one source. Answers are gathered as long as a whole request is there to be
//! handled, and leave together.
//! **Invariant:** an answer leaves when it is true: 202 behind a fence, where the publication goes to linked relays.

mod answering;
mod authorizing;
mod events;
mod history;
mod publication;
mod publish;
mod publish_now;
mod received;
mod results;
mod routes;

pub(super) use events::EventListener;
pub use routes::Paths;

use super::handshake::{self, Hops, Progress, Upgrade};
use super::publish_rate::PublishRate;
use super::{Context, Greeting};
use crate::admission::{ClientAddress, Forwarding, Place, Probation};
use crate::frames::Frames;
use crate::http::{Answer, CrossOrigin, Envelope, HttpError, Request};
use crate::hub::{ListenerId, Outbox, Stage, Turn};
use crate::protocol::Refusal;
use authorizing::Known;
use received::Received;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::{coop, yield_now};
use tokio::time::timeout_at;
use tracing::debug;

/// A connection that has sent so much, in bytes, lets others have their turn before its next request.
const TURN_BYTES_MAX: usize = 16 * 1024;

/// The conversation.
pub(super) struct Requests<'a> {
    context: Rc<Context>,
    outbox: Rc<Outbox>,
    listener: ListenerId,
    place: &'a mut Place,
    /// As long as nothing has been authorized.
    probation: Option<Probation>,
    authorize_by: Instant,
    received: Received,
    /// Who is at the other end, as far as that was known before any request.
    peer: ClientAddress,
    forwarding: Option<Arc<Forwarding>>,
    /// Whom the last request has come from, in the words of trusted proxies; `None`: a Unix socket's owner has said nothing.
    client: Option<IpAddr>,
    /// By when the head that is on its way has to be there.
    head_by: Option<Instant>,
    is_first: bool,
    /// The last request, where it was a usual one: the next one mostly has the same head, but for the length.
    last: Option<(Request, Option<IpAddr>)>,
    /// Answers that have not left.
    answers: Vec<u8>,
    /// They are true when the network has come so far.
    needs_fence: bool,
    known: Option<Known>,
    turn: Option<Box<Turn>>,
    publish_rate: Option<PublishRate>,
    turn_bytes: usize,
}

/// The beginning of something else.
pub(super) enum Begun {
    /// A WebSocket; its client has to be authorized anew.
    WebSocket {
        /// The request, which has been granted.
        upgrade: Upgrade,
        /// What came behind it.
        unread: Vec<u8>,
        /// That it is not authorized.
        probation: Probation,
        /// By when it has to have asked to be.
        authorize_by: Instant,
    },
    /// A stream of events, which has begun.
    Events(EventListener),
}

/// What follows an answer.
enum Then {
    /// The next request.
    Next,
    /// The end of the connection.
    Close,
    /// A stream of events.
    Listen(EventListener),
}

impl<'a> Requests<'a> {
    /// A conversation that begins with `greeting`.
    pub(super) fn new(
        context: Rc<Context>,
        outbox: Rc<Outbox>,
        listener: ListenerId,
        place: &'a mut Place,
        probation: Probation,
        greeting: Greeting,
    ) -> Self {
        let Greeting { client, forwarding, received } = greeting;
        let now = Instant::now();
        Self {
            received: Received::new(context.clone(), outbox.clone(), received),
            authorize_by: now + context.limits.authorize_timeout,
            head_by: Some(now + context.limits.handshake_timeout),
            context,
            outbox,
            listener,
            place,
            probation: Some(probation),
            peer: client,
            forwarding,
            client: client.ip(),
            is_first: true,
            last: None,
            answers: Vec::new(),
            needs_fence: false,
            known: None,
            turn: None,
            publish_rate: None,
            turn_bytes: 0,
        }
    }

    /// Handles requests until something else begins; `None`: the connection is to end.
    pub(super) async fn serve(mut self) -> Option<Begun> {
        loop {
            match self.next_head().await? {
                Progress::Accept(upgrade) => return self.upgrade(upgrade).await,
                Progress::Request(request, client) => {
                    self.received.take(request.head_len());
                    let then = match self.identify(client) {
                        Ok(()) if self.publish_now(&request) => {
                            self.last = Some((request, client));
                            self.send_gathered().await;
                            Then::Next
                        }
                        Ok(()) => Box::pin(self.answer(&request)).await,
                        Err(refusal) => self.refuse(&request, refusal).await,
                    };
                    match then {
                        Then::Listen(listener) => return Some(Begun::Events(listener)),
                        Then::Next if !self.outbox.is_closing() => {}
                        Then::Next | Then::Close => {
                            self.send_answers().await;
                            return None;
                        }
                    }
                }
                Progress::Refuse(response, refusal) => {
                    if let Some(refusal) = refusal {
                        self.context.hub.count_refusal(refusal);
                    }
                    self.answers.extend_from_slice(&response);
                    self.send_answers().await;
                    return None;
                }
                Progress::Partial => unreachable!("a head that is there is whole"),
            }
            self.is_first = false;
            self.head_by = None;
            if self.is_late() {
                self.send_answers().await;
                self.count_late(true);
                return None;
            }
            self.take_turn().await;
        }
    }

    /// Waits for the next head. `None`: the connection is to end.
    async fn next_head(&mut self) -> Option<Progress> {
        let Self { last, received, context, .. } = self;
        let bytes_max = context.limits.max_header_bytes;
        if let Some((request, client)) = last.take_if(|(request, _)| request.repeats_in(received.unread(), bytes_max)) {
            return Some(Progress::Request(request, client));
        }
        loop {
            let hops = self.forwarding.as_deref().map(|forwarding| Hops { peer: self.peer, forwarding });
            let max = self.context.limits.max_header_bytes;
            let progress = handshake::advance(self.received.unread(), max, hops.as_ref(), &self.context.seen);
            if progress != Progress::Partial {
                return Some(progress);
            }
            // Others have what is left of it.
            self.turn = None;
            self.last = None;
            self.send_answers().await;
            let is_between = !self.is_first && self.received.unread().is_empty();
            self.outbox.reach(if is_between { Stage::Idle } else { Stage::Request });
            let by = self.next_by(is_between);
            match timeout_at(by.into(), self.received.more()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return None,
                Err(_) => {
                    self.count_late(is_between);
                    return None;
                }
            }
        }
    }

    /// By when more has to have come.
    fn next_by(&mut self, is_between: bool) -> Instant {
        let (now, limits) = (Instant::now(), &self.context.limits);
        if is_between {
            let by = now + limits.keep_alive_timeout;
            return if self.probation.is_some() { by.min(self.authorize_by) } else { by };
        }
        let by = *self.head_by.get_or_insert(now + limits.handshake_timeout);
        // Halves of further requests win no time.
        if self.probation.is_some() && !self.is_first { by.min(self.authorize_by) } else { by }
    }

    /// Whether nothing was authorized in the time for that, however much was asked.
    fn is_late(&self) -> bool {
        self.probation.is_some() && !self.is_first && Instant::now() >= self.authorize_by
    }

    fn count_late(&self, is_between: bool) {
        let client = self.outbox.transport().describe_client();
        if !is_between {
            self.context.hub.count_refusal(Refusal::HandshakeTimeout);
            debug!(client, "no complete request within handshake_timeout");
        } else if self.probation.is_some() {
            self.context.hub.count_refusal(Refusal::AuthorizeTimeout);
            debug!(client, "no request that is authorized within authorize_timeout");
        }
    }

    /// A trusted proxy says where the request comes from. It may hand on requests of many clients over one connection.
    fn identify(&mut self, client: Option<IpAddr>) -> Result<(), Refusal> {
        if self.forwarding.is_none() || client == self.client {
            return Ok(());
        }
        self.client = client;
        // The proxy's own requests are those of the connection itself.
        let other = client.filter(|address| self.peer.ip() != Some(*address));
        self.outbox.transport().set_client(other.map_or(self.peer, ClientAddress::from));
        // The proxy has no limit, as the addresses of this machine have none.
        let address = other.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        self.context.admission.identify(self.place, self.probation.as_mut(), address)
    }

    async fn upgrade(mut self, mut upgrade: Upgrade) -> Option<Begun> {
        self.received.take(upgrade.request_len);
        self.send_answers().await;
        self.outbox.reach(Stage::Request);
        let origin = upgrade.facts.as_deref().and_then(|facts| facts.origin.as_deref());
        let origin = CrossOrigin::of(origin, &self.context.limits.allowed_origins);
        if let Some(facts) = upgrade.facts.as_deref_mut().filter(|_| !origin.may_use_cookies()) {
            facts.seen.hide_cookie();
        }
        if origin == CrossOrigin::Refused {
            self.context.hub.count_refusal(Refusal::AllowedOrigins);
            self.context.hub.send(&self.outbox, Frames::from(HttpError::ORIGIN_NOT_ALLOWED.to_response()));
            return None;
        }
        let probation = self.identify(upgrade.client).and_then(|()| match self.probation.take() {
            Some(probation) => Ok((probation, self.authorize_by)),
            None => {
                // What was authorized on this connection was so request by request.
                let again = self.context.admission.begin_probation(self.place)?;
                Ok((again, Instant::now() + self.context.limits.authorize_timeout))
            }
        });
        match probation {
            Ok((probation, authorize_by)) => {
                self.outbox.set_authorized(false);
                self.outbox.set_standing(Default::default());
                Some(Begun::WebSocket { upgrade, unread: self.received.into_unread(), probation, authorize_by })
            }
            Err(refusal) => {
                let response = HttpError::turned_away(refusal).to_response();
                self.context.hub.send(&self.outbox, Frames::from(response));
                None
            }
        }
    }

    /// Lets others have their turn where this connection has had much.
    async fn take_turn(&mut self) {
        if self.turn_bytes >= TURN_BYTES_MAX {
            self.turn_bytes = 0;
            yield_now().await;
        } else {
            coop::consume_budget().await;
        }
    }
}
