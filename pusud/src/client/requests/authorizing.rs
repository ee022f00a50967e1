//! Authorization of requests over HTTP: each brings its own, and what was decided about it is remembered for a while.

use super::{Answer, CrossOrigin, Request, Requests};
use crate::authenticator::{Authorization, Verdict, reason_or_none};
use crate::client::asking::question;
use crate::client::authorizations::Moment;
use crate::client::facts::Facts;
use crate::client::verdicts::{Found, Outcome, Question, Remembered};
use crate::client::writable::Writable;
use crate::http::{self, SeenHeaders};
use crate::protocol::Access;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::Poll;
use tracing::{debug, info};
use zeroize::Zeroizing;

/// What the last request was authorized by, and what that gave: the next one is mostly the same.
pub(super) struct Known {
    path: &'static str,
    authorization: Option<Zeroizing<Vec<u8>>>,
    cookie: Option<Zeroizing<Vec<u8>>>,
    origin: Option<Box<str>>,
    seen: SeenHeaders,
    client: Option<IpAddr>,
    remembered: Weak<Remembered>,
    writable: Writable,
}

impl Known {
    /// What was given, if this request for `path` is authorized by the same.
    pub(super) fn of(&self, request: &Request, path: &str, client: Option<IpAddr>) -> Option<Arc<Remembered>> {
        let is_same = self.authorization.as_deref().map(Vec::as_slice) == request.authorization()
            && self.cookie.as_deref().map(Vec::as_slice) == request.cookie()
            && self.origin.as_deref() == request.origin()
            && self.seen == *request.seen()
            && self.client == client
            && self.path == path;
        if is_same { self.remembered.upgrade() } else { None }
    }

    /// Whether that, which is `remembered` and holds, allows to write `channel`.
    pub(super) fn may_write(&mut self, remembered: &Remembered, channel: &str) -> bool {
        let allow = || remembered.allows(Access::WRITE, channel);
        self.writable.may_write(channel, remembered.permissions_len(), allow)
    }
}

/// What tells the authenticator who asks.
pub(super) struct Credentials {
    pub(super) authorization: Zeroizing<String>,
    pub(super) facts: Facts,
}

impl Credentials {
    /// Of a request for `path`.
    ///
    /// # Errors
    /// 401: its header `Authorization` is none that is understood.
    pub(super) fn of(request: &Request, origin: &CrossOrigin, path: &'static str) -> Result<Self, Answer> {
        let authorization = match request.authorization() {
            Some(header) => http::authorization(header).map_err(|error| Answer::problem(401, &error.to_string()))?,
            None => Zeroizing::new(String::new()),
        };
        let mut seen = request.seen().clone();
        if !origin.may_use_cookies() {
            seen.hide_cookie();
        } else if request.authorization().is_none() {
            // Of those that are not asked for by name, one that is no text is none.
            let cookie = request.cookie().and_then(|cookie| std::str::from_utf8(cookie).ok());
            cookie.into_iter().for_each(|cookie| seen.show_cookie(cookie));
        }
        Ok(Self { authorization, facts: Facts { path: path.into(), origin: request.origin().map(Box::from), seen } })
    }
}

impl Requests<'_> {
    /// Credentials of a request that may have its authorization in the query, for clients that can set no header.
    pub(super) fn credentials(
        &self,
        request: &Request,
        origin: &CrossOrigin,
        path: &'static str,
        in_query: Option<Zeroizing<String>>,
    ) -> Result<Credentials, Answer> {
        let mut credentials = Credentials::of(request, origin, path)?;
        if let Some(authorization) = in_query.filter(|_| request.authorization().is_none()) {
            credentials.authorization = authorization;
            if !self.context.seen.has_cookie() {
                credentials.facts.seen.hide_cookie();
            }
        }
        Ok(credentials)
    }

    /// What the one who sends this request may do.
    ///
    /// # Errors
    /// 401 or 503.
    pub(super) async fn verdict(
        &mut self,
        request: &Request,
        origin: &CrossOrigin,
        path: &'static str,
    ) -> Result<Arc<Remembered>, Answer> {
        if let Some(remembered) = self.known.as_ref().and_then(|known| known.of(request, path, self.client))
            && remembered.holds(self.context.authenticator.generation())
        {
            return Ok(remembered);
        }
        let remembered = self.verdict_about(Credentials::of(request, origin, path)?).await?;
        self.known = Some(Known {
            path,
            authorization: request.authorization().map(|header| Zeroizing::new(header.to_vec())),
            cookie: request.cookie().map(|header| Zeroizing::new(header.to_vec())),
            origin: request.origin().map(Box::from),
            seen: request.seen().clone(),
            client: self.client,
            remembered: Arc::downgrade(&remembered),
            writable: Writable::default(),
        });
        Ok(remembered)
    }

    /// What the one who sends these credentials may do.
    ///
    /// # Errors
    /// 401 or 503.
    pub(super) async fn verdict_about(&mut self, credentials: Credentials) -> Result<Arc<Remembered>, Answer> {
        let remembered = self.decide(credentials).await?;
        self.known = None;
        self.probation = None;
        self.outbox.set_authorized(true);
        self.outbox.set_standing(remembered.standing.clone());
        self.context.show_subject(&self.outbox, &remembered.identity);
        Ok(remembered)
    }

    /// Whether `remembered`, which is what the last request was given, still allows to write `channel`.
    pub(super) fn may_write(&mut self, remembered: &Remembered, channel: &str) -> bool {
        remembered.holds(self.context.authenticator.generation())
            && self.known.as_mut().is_some_and(|known| known.may_write(remembered, channel))
    }

    async fn decide(&mut self, credentials: Credentials) -> Result<Arc<Remembered>, Answer> {
        let Credentials { authorization, facts } = credentials;
        let context = self.context.clone();
        let transport = self.outbox.transport();
        let request = question(transport, Some(&facts), Authorization::new(authorization.as_bytes()), false);
        let peer = transport.client().and_then(|client| client.ip()).map_or(String::new(), |ip| ip.to_string());
        let key = context.verdicts.key(&request, &peer);
        let mut request = Some(request);
        loop {
            let outcome = match context.verdicts.find(key, context.authenticator.generation()) {
                Found::Remembered(remembered) => return Ok(remembered),
                Found::Asked(mut asked) => {
                    // Earlier answers do not wait for this.
                    self.send_answers().await;
                    let decided = asked.wait_for(Option::is_some);
                    // `Err`: who has asked has given up.
                    self.while_open(decided).await?.ok().and_then(|outcome| outcome.clone())
                }
                Found::Unknown(asking) => {
                    self.send_answers().await;
                    let request = request.take().expect("a question is asked once");
                    let began = context.hub.look_at_clock();
                    let verdict = self.while_open(context.authenticator.authorize(request)).await?;
                    context.hub.count_authorized(began);
                    Some(self.decided(asking, verdict))
                }
            };
            match outcome {
                None => {}
                Some(Outcome::Granted(remembered)) if remembered.holds(context.authenticator.generation()) => {
                    return Ok(remembered);
                }
                // Another authenticator has taken over meanwhile.
                Some(Outcome::Granted(remembered)) if !remembered.is_of(context.authenticator.generation()) => {
                    return Err(unavailable());
                }
                Some(Outcome::Granted(_)) => return Err(Answer::problem(401, "The authorization has ended.")),
                Some(Outcome::Refused(reason)) => return Err(Answer::problem(401, &reason)),
                Some(Outcome::Unavailable) => return Err(unavailable()),
            }
        }
    }

    fn decided(&self, asking: Question, verdict: Verdict) -> Outcome {
        let client = self.outbox.transport().describe_client();
        let outcome = match verdict {
            Verdict::Grant(grant) => {
                debug!(client, subject = grant.subject, ticket = grant.ticket, "authorized");
                return Outcome::Granted(asking.grant(grant, Moment::now()));
            }
            Verdict::Refuse(reason) => {
                info!(client, reason = reason_or_none(&reason), "authorization refused");
                Outcome::Refused(if reason.is_empty() { "refused".into() } else { reason.into() })
            }
            Verdict::Unavailable(reason) => {
                info!(client, reason = reason_or_none(&reason), "authorization could not be decided");
                Outcome::Unavailable
            }
        };
        asking.fail(outcome.clone());
        outcome
    }

    /// Waits for something as long as the connection is not closed from this side.
    ///
    /// # Errors
    /// 503: it has been.
    pub(super) async fn while_open<T>(&self, future: impl Future<Output = T>) -> Result<T, Answer> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            // Ready or not, whoever closes the outbox wakes this task.
            let _ = self.outbox.poll_drained(cx);
            if self.outbox.is_closing() {
                return Poll::Ready(Err(stopping()));
            }
            future.as_mut().poll(cx).map(Ok)
        })
        .await
    }
}

/// The answer where nobody can be asked.
pub(super) fn unavailable() -> Answer {
    Answer::problem(503, "The authorization cannot be decided now; try again later.")
}

/// The answer where the relay ends the connection.
pub(super) fn stopping() -> Answer {
    Answer::problem(503, "The relay has closed the connection; try again.")
}
