//! Asking the authenticator about a client: because it wants to be authorized, or because another authenticator has
//! taken over.
//!
//! The first the client waits for, and reads nothing meanwhile; of the second it knows nothing unless less is permitted
//! afterwards.

use super::authorizations::{Added, Moment, ToAsk};
use super::facts::{self, Facts};
use super::uptime::Uptime;
use super::wire::NextFrame;
use super::{Client, Next, connection};
use crate::authenticator::{Authorization, PREVIOUS_TICKET, Request, Verdict, reason_or_none};
use crate::client::reauthorize::Permit;
use crate::hub::Transport;
use crate::protocol::{Disconnect, Refusal, Reply};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll, ready};
use tokio::io::ReadBuf;
use tracing::{debug, info};

/// The first byte of a close frame: the last one, of the kind 8.
const CLOSE_FRAME: u8 = 0x88;

/// The end of the wait for a verdict.
enum Waited {
    Decided(Verdict),
    /// The client goes: nobody waits for the verdict any more.
    Leaving,
    /// The connection is to end.
    Ended,
}

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
        let asked = context.hub.look_at_clock();
        let verdict = match self.while_here(context.authenticator.authorize(request)).await {
            Waited::Decided(verdict) => verdict,
            Waited::Leaving => {
                debug!(client = %self.peer(), "leaves before its authorization is decided");
                // Its last words are read as ever.
                self.set_asks(false);
                return Next::Message;
            }
            Waited::Ended => return Next::End,
        };
        context.hub.count_authorized(asked);
        self.set_asks(false);
        match verdict {
            Verdict::Grant(grant) => {
                debug!(client = %self.peer(), subject = grant.subject, ticket = grant.ticket, "authorized");
                // The settings may have changed while it was decided.
                let kept = kept.filter(|_| context.authenticator.reauthorizes());
                context.show_subject(&self.outbox, &grant.subject);
                let added = self.session.granted(grant, kept, Moment::now());
                // Before anything is awaited: from here on a revocation finds it.
                self.outbox.set_standing(self.session.standing());
                self.session.share_permissions(&context.permissions);
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

    /// Waits for a verdict as long as the client is there, and writes what waits for room in the kernel meanwhile.
    async fn while_here(&mut self, verdict: impl Future<Output = Verdict>) -> Waited {
        let mut verdict = pin!(verdict);
        let mut looks = match self.messages.next_frame() {
            NextFrame::Begins(CLOSE_FRAME) => return Waited::Leaving,
            NextFrame::NotRead => true,
            // What comes behind cannot be seen.
            NextFrame::Begins(_) | NextFrame::Unknown => false,
        };
        poll_fn(|cx| {
            if self.poll_writing(cx).is_break() {
                return Poll::Ready(Waited::Ended);
            }
            if let Poll::Ready(verdict) = verdict.as_mut().poll(cx) {
                return Poll::Ready(Waited::Decided(verdict));
            }
            if looks && let Poll::Ready(is_leaving) = self.poll_leaving(cx) {
                if is_leaving {
                    return Poll::Ready(Waited::Leaving);
                }
                // It has sent more, which waits for the verdict; what comes behind cannot be seen.
                looks = false;
            }
            Poll::Pending
        })
        .await
    }

    /// Ready when something has come behind what was read: whether that is the end of the connection, or a close frame.
    fn poll_leaving(&mut self, cx: &mut TaskContext<'_>) -> Poll<bool> {
        if self.outbox.transport().is_encrypted() {
            // The first byte on the socket says nothing: what has come is read, and kept.
            let next = ready!(self.messages.poll_beginning(cx));
            return Poll::Ready(matches!(next, None | Some(NextFrame::Begins(CLOSE_FRAME))));
        }
        let mut first = [0];
        let mut first = ReadBuf::new(&mut first);
        Poll::Ready(match ready!(self.outbox.socket().poll_peek(cx, &mut first)) {
            Ok(_) => first.filled().first().is_none_or(|byte| *byte == CLOSE_FRAME),
            Err(_) => true,
        })
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
                self.outbox.set_authorized(true);
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
        let ToAsk { kept, ticket, generation, entry } = self.session.ask(authenticator.generation(), Uptime::now())?;
        let mut request = self.question(Authorization::new(kept.expose()), true);
        request.recheck = true;
        if ticket != 0 {
            request.attributes.push((PREVIOUS_TICKET.to_owned(), ticket.to_string().into()));
        }
        let verdict = Box::pin(async move { authenticator.authorize_again(request, generation, entry).await });
        Some(Asking { kept, permit, verdict })
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
            // One that the operator has revoked ends as such.
            self.heed_revocations();
            let reason = reason_or_none(&reason);
            info!(client = %self.peer(), reason, "re-authorization refused");
        }
        if let Some(grant) = &grant {
            self.context.show_subject(&self.outbox, &grant.subject);
        }
        let is_replaced = self.session.replace(&asking.kept, grant, Moment::now());
        self.outbox.set_standing(self.session.standing());
        self.session.share_permissions(&self.context.permissions);
        if is_replaced {
            self.shrink(
                if reason.is_empty() { "no longer permitted" } else { &reason },
                Disconnect::AuthorizationFailed,
            );
        }
        Poll::Ready(())
    }

    /// What the authenticator is asked about this client.
    fn question(&self, authorization: Authorization, again: bool) -> Request {
        question(self.outbox.transport(), self.facts.as_deref(), authorization, again)
    }
}

/// What the authenticator is asked about the client behind `transport`, whose request has said this.
pub(super) fn question(
    transport: &Transport,
    facts: Option<&Facts>,
    authorization: Authorization,
    again: bool,
) -> Request {
    let mut attributes = facts::attributes(facts);
    attributes.extend(connection::attributes(transport));
    let peer = match transport.client() {
        Some(client) if client.ip().is_some() => client.to_string(),
        _ => String::new(),
    };
    Request { authorization, peer, encrypted: transport.is_encrypted(), again, recheck: false, attributes }
}
