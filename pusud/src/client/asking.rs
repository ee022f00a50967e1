//! Asking the authenticator about a client: because it wants to be authorized, or because another authenticator has
//! taken over.
//!
//! The first the client waits for, and reads nothing meanwhile; of the second it knows nothing unless less is permitted
//! afterwards.

use super::authorizations::{Added, Moment, ToAsk};
use super::uptime::Uptime;
use super::{Client, Next, handshake};
use crate::authenticator::{Authorization, PREVIOUS_TICKET, Request, Verdict, reason_or_none};
use crate::client::reauthorize::Permit;
use crate::hub::Stage;
use crate::protocol::{Disconnect, Refusal, Reply};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll, ready};
use tracing::{debug, info};

/// A question that the client has not asked itself.
pub(super) struct Asking {
    kept: Rc<Authorization>,
    permit: Permit,
    verdict: Pin<Box<dyn Future<Output = Verdict>>>,
}

impl Client {
    /// Asks because the client wants it.
    pub(super) async fn authorize(&mut self, authorization: Authorization, again: bool) -> Next {
        let context = self.context.clone();
        let kept = context.authenticator.reauthorizes().then(|| Rc::new(Authorization::new(authorization.expose())));
        let request = self.question(authorization, again);
        self.stop_the_clock();
        self.set_asks(true);
        let Some(verdict) = self.while_writing(context.authenticator.authorize(request)).await else {
            return Next::End;
        };
        self.set_asks(false);
        match verdict {
            Verdict::Grant(grant) => {
                debug!(client = %self.peer(), subject = grant.subject, ticket = grant.ticket, "authorized");
                // The settings may have changed while it was decided.
                let kept = kept.filter(|_| context.authenticator.reauthorizes());
                let added = self.session.granted(grant, kept, Moment::now());
                self.authorized(added, again)
            }
            Verdict::Refuse(reason) => {
                info!(client = %self.peer(), reason = reason_or_none(&reason), "authorization refused");
                let reason = if reason.is_empty() { "refused" } else { &reason };
                self.end(&Reply::AuthorizationFailed { reason }.to_json(), Disconnect::AuthorizationFailed)
            }
            Verdict::Unavailable(reason) => {
                info!(client = %self.peer(), reason = reason_or_none(&reason), "authorization could not be decided");
                let reply = Reply::AuthorizationFailed { reason: "unavailable" };
                self.end(&reply.to_json(), Disconnect::Unavailable)
            }
        }
    }

    /// An authorization was granted; `again`: not the first one.
    fn authorized(&mut self, added: Added, again: bool) -> Next {
        self.idle_authorizations = if added == Added::Nothing { self.idle_authorizations + 1 } else { 0 };
        let reason = match added {
            Added::TooMany => "too many authorizations at a time",
            _ if self.idle_authorizations as usize > self.context.limits.max_authorize_attempts => {
                "too many authorizations in a row that give nothing new"
            }
            _ => {
                if !again {
                    self.end_probation();
                }
                self.mark_changed();
                self.outbox.reach(Stage::Authorized);
                self.reply(&Reply::AuthorizationOk);
                return Next::Message;
            }
        };
        self.context.hub.count_refusal(Refusal::MaxAuthorizeAttempts);
        info!(client = %self.peer(), reason, "authorization refused");
        self.end(&Reply::AuthorizationFailed { reason }.to_json(), Disconnect::AuthorizationFailed)
    }

    /// Asks about an authorization again that another generation of the authenticator has granted, or that the plugin
    /// wants to be asked about, if there is one.
    pub(super) fn ask_again(&mut self, permit: Permit) -> Option<Asking> {
        let authenticator = self.context.authenticator.clone();
        if !authenticator.ready() {
            // Nobody would be asked, and what is to be asked is to be asked still.
            permit.undecided();
            return None;
        }
        let ToAsk { kept, ticket } = self.session.ask(authenticator.generation(), Uptime::now())?;
        let mut request = self.question(Authorization::new(kept.expose()), true);
        request.recheck = true;
        if ticket != 0 {
            request.attributes.push((PREVIOUS_TICKET.to_owned(), ticket.to_string()));
        }
        Some(Asking { kept, permit, verdict: Box::pin(async move { authenticator.authorize(request).await }) })
    }

    /// Ready when the answer has come and what follows from it is done.
    pub(super) fn poll_asked_again(&mut self, asking: &mut Asking, cx: &mut TaskContext<'_>) -> Poll<()> {
        let (grant, reason) = match ready!(asking.verdict.as_mut().poll(cx)) {
            Verdict::Grant(grant) => (Some(grant), String::new()),
            Verdict::Refuse(reason) => (None, reason),
            Verdict::Unavailable(_) => {
                // What was granted stays: that nobody can be asked must not disconnect everybody.
                asking.permit.undecided();
                return Poll::Ready(());
            }
        };
        asking.permit.decided();
        if grant.is_none() {
            let reason = reason_or_none(&reason);
            info!(client = %self.peer(), reason, "re-authorization refused");
        }
        if self.session.replace(&asking.kept, grant, Moment::now()) {
            self.shrink(if reason.is_empty() { "no longer permitted" } else { &reason });
        }
        Poll::Ready(())
    }

    /// What the authenticator is asked about this client.
    fn question(&self, authorization: Authorization, again: bool) -> Request {
        let attributes = handshake::attributes(self.facts.as_deref());
        Request { authorization, peer: self.peer(), again, recheck: false, attributes }
    }
}
