//! Orders of the plugin about what one client was granted: from its mailbox to what follows from them; and what the operator
//! revokes.
//!
//! **Invariant:** a revocation takes effect at once, or within [`PUT_OFF_MAX`] where an answer about the client is awaited.

use super::Client;
use super::session::Session;
use super::uptime::Uptime;
use crate::authenticator::{Mail, Mailbox, reason_or_none};
use crate::protocol::Disconnect;
use crate::revocation::REVOKED;
use std::mem::take;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;
use tracing::{info, warn};

/// How long a revocation may wait for an answer about the same client. A plugin that revokes all of a subject and grants
/// anew, in one call, means the client to have what is new: it would be disconnected in between.
const PUT_OFF_MAX: Duration = Duration::from_millis(500);

/// Orders about one client's grants.
#[derive(Default)]
pub(super) struct Orders {
    /// While the plugin keeps an eye on any of its grants.
    mailbox: Option<Arc<Mailbox>>,
    put_off: Vec<Mail>,
    /// When these are due.
    due: Option<Uptime>,
}

impl Orders {
    /// Whether the plugin keeps an eye on any grant.
    pub(super) fn may_come(&self) -> bool {
        self.mailbox.is_some()
    }

    /// Whether there are new ones.
    pub(super) fn has_come(&self) -> bool {
        self.mailbox.as_ref().is_some_and(|mailbox| mailbox.has_mail())
    }

    /// When there is next something to do that has been put off.
    pub(super) fn due(&self) -> Option<Uptime> {
        self.due
    }

    /// Sees to it that orders about the session's grants come here, and wake the client's task.
    pub(super) fn listen(&mut self, session: &mut Session, waker: &Waker) {
        if !session.any_held() {
            *self = Self::default();
            return;
        }
        let mailbox = self.mailbox.get_or_insert_with(|| Mailbox::new(waker.clone()));
        for held in session.take_undelivered() {
            held.deliver_to(mailbox);
        }
    }

    /// What is to be done now. `asks`: the client awaits an answer; `is_rechecked`: the relay does, about one of its
    /// grants, of whose end the plugin is sure if it has named it.
    pub(super) fn take(&mut self, asks: bool, is_rechecked: bool, now: Uptime) -> Vec<Mail> {
        let mut mail = take(&mut self.put_off);
        mail.extend(self.mailbox.iter().flat_map(|mailbox| mailbox.take()));
        if self.due.is_none_or(|due| due > now) {
            let waits = |mail: &Mail| match mail {
                Mail::Revoke { is_by_subject, .. } => asks || is_rechecked && *is_by_subject,
                Mail::Recheck(_) => false,
            };
            (self.put_off, mail) = mail.into_iter().partition(waits);
        }
        self.due = if self.put_off.is_empty() { None } else { self.due.or(Some(now + PUT_OFF_MAX)) };
        mail
    }
}

impl Client {
    /// Lets end whatever an operator has revoked.
    pub(super) fn heed_revocations(&mut self) {
        let revocations = self.context.revocations.clone();
        if self.session.revoke_all(|standing| revocations.revokes(standing)) {
            info!(client = %self.peer(), "authorization revoked by the operator");
            self.mark_changed();
            self.shrink(REVOKED, Disconnect::ByOperator);
        }
    }

    /// Does what the plugin has ordered.
    pub(super) fn follow(&mut self, order: Mail) {
        match order {
            Mail::Revoke { ticket, reason, .. } => {
                if self.session.revoke(ticket) {
                    info!(client = %self.peer(), ticket, reason = reason_or_none(&reason), "authorization revoked");
                    let reason = if reason.is_empty() { REVOKED } else { &reason };
                    self.shrink(reason, Disconnect::AuthorizationFailed);
                }
            }
            Mail::Recheck(ticket) if self.session.recheck(ticket) => {}
            Mail::Recheck(ticket) => {
                warn!(client = %self.peer(), ticket, "cannot be rechecked: what it sent was not kept when it came");
            }
        }
    }
}
