//! Refusals of the server: they are said, and subscriptions that it has not taken are told to it again now and then.
//!
//! **Invariant:** nobody is certain of a channel whose subscription the server has not taken.

use super::Backplane;
use super::lines::Cause;
use crate::nats::queue::Kind;
use crate::nats::server::{Permission, ServerError, command};
use crate::routing::Door;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{error, warn};

/// How long after a refusal subscriptions are tried again.
const TRY_AGAIN: Duration = Duration::from_secs(30);

impl<D: Door> Backplane<D> {
    /// Says it in the log and the status: not each time, since a server may refuse each message.
    pub(super) fn refused(&mut self, refusal: &ServerError, now: Instant) {
        self.figures.refusals += 1;
        // A publication that is refused is over with that; a subscription is missing from then on.
        if !matches!(refusal, ServerError::Permissions(Permission::Publish, _)) {
            self.server.iter_mut().for_each(|server| server.refusals += 1);
        }
        match refusal {
            ServerError::Permissions(Permission::Subscribe, subject) if *subject == self.subjects.of_history() => {
                self.do_without_history();
            }
            ServerError::Permissions(Permission::Subscribe, subject) => {
                if let Some(channel) = self.subjects.channel_of(subject) {
                    self.interest.refuse(Some(&channel));
                    self.hold_refused(now);
                }
            }
            ServerError::Permissions(Permission::Publish, subject) if *subject == self.subjects.of_history() => {
                self.tell_all_history_again();
            }
            // It does not say which one it was: one of those of which nobody is certain.
            ServerError::Subscriptions => {
                self.interest.refuse(None);
                self.hold_refused(now);
            }
            _ => {}
        }
        let text = self.words(refusal);
        if !self.is_known_error(&text, now) && self.lines.may(Cause::Refusal, now) {
            match refusal {
                ServerError::Permissions(..) => error!("{text}"),
                _ => warn!("{text}"),
            }
            self.remember_error(text, now);
        }
    }

    /// The refusal for people.
    pub(super) fn words(&self, refusal: &ServerError) -> String {
        let everything = self.subjects.everything();
        match refusal {
            ServerError::Permissions(permission, subject) => {
                format!(
                    "NATS does not let this relay {permission} to `{subject}`: allow its user to publish and to subscribe to `{everything}`"
                )
            }
            other => format!("NATS refuses: {other}"),
        }
    }

    /// Whether the relay cannot hear others at all over this connection, or not what they publish to channels with history: others
    /// would take it for one that hears them.
    pub(super) fn hears_no_relays(&self, refusal: &ServerError) -> bool {
        let own = self.subjects.of_relay(self.boot, self.connection);
        let ServerError::Permissions(Permission::Subscribe, subject) = refusal else { return false };
        let is_of_history = self.has_channels_with_history() && *subject == self.subjects.of_history();
        *subject == self.subjects.of_all() || *subject == own || is_of_history
    }

    /// Those whose subscriptions were not taken are answered after a second, and by no barrier.
    pub(super) fn hold_refused(&mut self, now: Instant) {
        self.must_hold = true;
        self.try_refused.get_or_insert(now + TRY_AGAIN);
        self.to_tick.notify_one();
    }

    /// Does so, before barriers are looked at: refusals come by the thousand.
    pub(super) fn hold_now(&mut self) {
        if std::mem::take(&mut self.must_hold) {
            let interest = &self.interest;
            self.barriers.hold(|sid| interest.is_refused(sid));
        }
    }

    /// Tells the server once more of the subscriptions that it has not taken: it may have been told to take them meanwhile.
    pub(super) fn try_again(&mut self, now: Instant) {
        if !self.has_joined() || self.try_refused.take_if(|at| *at <= now).is_none() {
            return;
        }
        let group = self.own_group();
        for asked in self.interest.try_refused() {
            let subject = self.subjects.of_channel(&asked.channel);
            self.queue.write(Kind::Ordered, |out| command::subscribe(out, &subject, Some(&group), asked.sid));
            self.barriers.ask_late(asked);
        }
        self.to_write.notify_one();
        self.begin_barrier(now);
    }
}
