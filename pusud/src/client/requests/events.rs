//! Listening over HTTP: a request becomes a stream of Server-Sent Events, whose client is served like any other from there on.

use super::authorizing::{Credentials, unavailable};
use super::history::last_of;
use super::{Answer, CrossOrigin, Request, Requests, Then};
use crate::authenticator::{Authorization, Verdict, reason_or_none};
use crate::client::asking::question;
use crate::client::authorizations::Moment;
use crate::client::facts::Facts;
use crate::client::framing::Messages;
use crate::client::session::Session;
use crate::client::wire::Wire;
use crate::frames::{self, EventBody, Frames};
use crate::history::{self, Start};
use crate::http::{Framing, accepts_event_stream, query_pairs};
use crate::hub::STREAM_ID_BYTES_MAX;
use crate::protocol::Refusal;
use serde_json::json;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll, ready};
use tracing::{debug, info};
use zeroize::Zeroizing;

/// The path as the authenticator is told it.
const PATH: &str = "/events";
/// What keeps caches and proxies from holding events back.
const HEADERS: &str =
    "Content-Type: text/event-stream\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\nConnection: close\r\n";

/// Channels with history of one stream: each event's id says where its client stands in all of them.
const HISTORY_CHANNELS_MAX: usize = 32;

/// Where the client knows chunks. Libraries that wait for a certain number of bytes wait for no more than a chunk.
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

/// A client that listens to a stream of events.
pub(in crate::client) struct EventListener {
    pub(in crate::client) messages: Messages,
    pub(in crate::client) session: Session,
    /// `None` where nobody will be asked about the client again.
    pub(in crate::client) facts: Option<Box<Facts>>,
}

/// What a request for a stream asks for.
struct Wanted {
    channels: Vec<String>,
    authorization: Option<Zeroizing<String>>,
    /// Where channels with history begin.
    start: Start,
    last_event_id: Option<String>,
}

impl Requests<'_> {
    /// Begins a stream of events.
    pub(super) async fn listen(&mut self, request: &Request, origin: &CrossOrigin) -> Then {
        match self.try_listen(request, origin).await {
            Ok(listener) => Then::Listen(listener),
            Err(answer) => self.respond_early(request, origin, &answer).await,
        }
    }

    async fn try_listen(&mut self, request: &Request, origin: &CrossOrigin) -> Result<EventListener, Answer> {
        if !matches!(request.framing, None | Some(Framing::Length(0))) {
            return Err(Answer::problem(400, "A request for events has no body."));
        }
        if !request.accept().is_none_or(accepts_event_stream) {
            return Err(Answer::problem(406, "Events come as text/event-stream, which the header Accept excludes."));
        }
        let Wanted { channels, authorization, start, last_event_id } = self.wanted(request.query())?;
        let last_event_id = match request.last_event_id() {
            Some(header) => Some(String::from_utf8_lossy(header).into_owned()),
            None => last_event_id,
        };
        let starts = self.starts(&channels, start, last_event_id)?;
        let credentials = self.credentials(request, origin, PATH, authorization)?;
        let (session, facts) = self.begin_session(credentials).await?;
        for channel in &channels {
            if !session.may_read(channel) {
                return Err(Answer::problem(403, &format!("no permission to read the channel {channel}")));
            }
        }
        self.probation = None;
        self.outbox.set_authorized(true);
        let body = if request.is_1_1 { EventBody::Chunks } else { EventBody::Plain };
        self.begin_stream(&channels, &starts, origin, body).await?;
        let context = &self.context;
        let wire = Wire::new(context.hub.clone(), self.outbox.clone(), context.buffer.clone(), Vec::new());
        Ok(EventListener { messages: Messages::none(wire), session, facts })
    }

    /// The channels of a query, each once, and what else is in it.
    fn wanted(&self, query: &str) -> Result<Wanted, Answer> {
        let (mut channels, mut authorization, mut start, mut last_event_id) = (Vec::new(), None, Start::Now, None);
        for pair in query_pairs(query) {
            let Some((name, value)) = pair else {
                return Err(Answer::problem(400, "The escapes of the query are malformed, or no UTF-8."));
            };
            match &*name {
                "channel" if channels.contains(&value) => {}
                "channel" => {
                    self.check_channel(&value).map_err(|refused| refused.answer())?;
                    channels.push(value);
                }
                "authorization" => authorization = Some(Zeroizing::new(value)),
                "last" => start = Start::Last(last_of(&value)?),
                "last_event_id" => last_event_id = Some(value),
                _ => {}
            }
        }
        if channels.is_empty() {
            return Err(Answer::problem(400, "The query names no channel: /events?channel=NAME, as often as needed."));
        }
        if channels.len() > self.context.limits.max_subscriptions {
            self.context.hub.count_refusal(Refusal::MaxSubscriptions);
            return Err(Answer::problem(400, "The query names more channels than limits.max_subscriptions."));
        }
        Ok(Wanted { channels, authorization, start, last_event_id })
    }

    /// Those of the channels that have history, and where each of them begins.
    fn starts(&self, channels: &[String], start: Start, id: Option<String>) -> Result<Vec<(String, Start)>, Answer> {
        let id = id.filter(|id| !id.is_empty());
        if id.as_ref().is_some_and(|id| id.len() > STREAM_ID_BYTES_MAX) {
            let detail =
                format!("A Last-Event-ID is at most {STREAM_ID_BYTES_MAX} bytes long: leave it out to begin anew.");
            return Err(Answer::problem(400, &detail));
        }
        let named: Vec<&str> = channels.iter().map(|channel| &**channel).collect();
        let with_history: Vec<&str> =
            named.iter().copied().filter(|channel| self.context.hub.has_history(channel)).collect();
        if with_history.len() > HISTORY_CHANNELS_MAX {
            let detail =
                format!("A stream has at most {HISTORY_CHANNELS_MAX} channels with history: open several streams.");
            return Err(Answer::problem(400, &detail));
        }
        let starts = history::starts(id.as_deref(), &with_history, &start);
        Ok(with_history.into_iter().map(str::to_owned).zip(starts).collect())
    }

    /// Asks the authenticator, as for a WebSocket: a stream lasts, and so does what it is permitted by.
    async fn begin_session(&mut self, credentials: Credentials) -> Result<(Session, Option<Box<Facts>>), Answer> {
        let Credentials { authorization, facts } = credentials;
        let authenticator = self.context.authenticator.clone();
        let authorization = Authorization::new(authorization.as_bytes());
        let kept = authenticator.reauthorizes().then(|| Rc::new(Authorization::new(authorization.expose())));
        let request = question(self.outbox.transport(), Some(&facts), authorization, false);
        self.send_answers().await;
        let asked = self.context.hub.look_at_clock();
        let verdict = self.while_open(authenticator.authorize(request)).await?;
        self.context.hub.count_authorized(asked);
        let client = self.outbox.transport().describe_client();
        match verdict {
            Verdict::Grant(grant) => {
                debug!(client, subject = grant.subject, ticket = grant.ticket, "authorized");
                self.context.show_subject(&self.outbox, &grant.subject);
                let mut session = Session::default();
                session.granted(grant, kept.filter(|_| authenticator.reauthorizes()), Moment::now());
                // Before anything is awaited: from here on a revocation finds it.
                self.outbox.set_standing(session.standing());
                session.share_permissions(&self.context.permissions);
                // Nobody will be asked about it again unless what it sent is kept.
                let facts = session.any_kept().then(|| Box::new(facts));
                Ok((session, facts))
            }
            Verdict::Refuse(reason) => {
                info!(client, reason = reason_or_none(&reason), "authorization refused");
                Err(Answer::problem(401, if reason.is_empty() { "refused" } else { &reason }))
            }
            Verdict::Unavailable(reason) => {
                info!(client, reason = reason_or_none(&reason), "authorization could not be decided");
                Err(unavailable())
            }
        }
    }

    /// Subscribes, and begins the stream once the linked relays know of it.
    async fn begin_stream(
        &mut self,
        channels: &[String],
        starts: &[(String, Start)],
        origin: &CrossOrigin,
        body: EventBody,
    ) -> Result<(), Answer> {
        let hub = self.context.hub.clone();
        let stream = hub.begin_event_stream();
        for channel in channels {
            // There are not too many: they have been counted, and a connection without a stream listens to nothing.
            hub.subscribe(self.listener, channel);
        }
        let all_know = poll_fn(|cx| self.poll_acknowledged(channels, cx));
        let is_open = self.while_open(all_know).await;
        is_open.inspect_err(|_| hub.unsubscribe_all(self.listener))?;
        let coding = if body == EventBody::Chunks { CHUNKED } else { "" };
        let mut head = format!("HTTP/1.1 200 OK\r\n{HEADERS}{coding}{}\r\n", origin.headers()).into_bytes();
        let subscribed = json!({"relay": &*self.context.name, "channels": channels}).to_string();
        head.extend_from_slice(&frames::event(body, "subscribed", subscribed.as_bytes()));
        hub.send(&self.outbox, Frames::from(head));
        stream.begin(&self.outbox, body);
        hub.confirm_stream(self.listener, &self.outbox, starts);
        Ok(())
    }

    fn poll_acknowledged(&self, channels: &[String], cx: &TaskContext<'_>) -> Poll<()> {
        for channel in channels {
            ready!(self.context.hub.poll_acknowledged(self.listener, channel, cx));
        }
        Poll::Ready(())
    }
}
