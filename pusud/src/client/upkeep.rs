//! What happens to a client's authorizations while it says nothing: the first one has to come in time, they end, and they
//! are asked again when another authenticator has taken over.
//!
//! Part of the client's own task: it is polled wherever the task waits, so that an end takes effect whatever the client
//! is waiting for. Clients that are authorized, and whose authorization neither ends nor is kept, have none of this.

use super::asking::Asking;
use super::{Client, Context};
use crate::admission::Probation;
use crate::client::deadlines::Alarm;
use crate::client::reauthorize::{Called, Seat};
use crate::protocol::{Disconnect, Refusal, Reply};
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Instant;

/// What clients are told when an authorization has run out.
const EXPIRED: &str = "expired";

/// Runs a shard's timers, for ever: those of the ends, those of asking again, and those of silent and slow clients.
pub async fn attend(context: Rc<Context>) {
    tokio::join!(context.deadlines.run(), context.turns.run(), context.hub.look_after_clients());
}

/// What one client waits for besides its messages.
#[derive(Default)]
pub(super) struct Upkeep {
    /// That the client is not authorized yet.
    probation: Option<Probation>,
    /// When it has to have asked to be.
    authorize_by: Option<Instant>,
    /// For the next end, or the notice before it, or what is above.
    alarm: Option<Alarm>,
    /// Where the client's authorization is kept.
    seat: Option<Seat>,
    asking: Option<Asking>,
    /// The authorizations have changed: alarm and seat have to be looked at.
    is_unsettled: bool,
}

impl Upkeep {
    /// What a client waits for that has to authorize by `authorize_by`.
    pub(super) fn until_authorized(probation: Probation, authorize_by: Instant) -> Box<Self> {
        let (probation, authorize_by) = (Some(probation), Some(authorize_by));
        Box::new(Self { probation, authorize_by, is_unsettled: true, ..Self::default() })
    }
}

impl Client {
    /// The client has asked to be authorized. What follows is the authenticator's time, which has a limit of its own.
    pub(super) fn stop_the_clock(&mut self) {
        if let Some(upkeep) = &mut self.upkeep {
            upkeep.authorize_by = None;
            upkeep.is_unsettled = true;
        }
    }

    /// The client is authorized for the first time: it counts as such, and may send longer messages.
    pub(super) fn end_probation(&mut self) {
        if let Some(upkeep) = &mut self.upkeep {
            upkeep.probation = None;
        }
        self.messages.set_bytes_max(self.context.limits.max_message_bytes);
    }

    /// Has alarm and seat looked at, at the next poll: an authorization was added.
    pub(super) fn unsettle(&mut self) {
        if self.upkeep.is_some() || self.session.any_kept() || self.session.next_event().is_some() {
            self.upkeep.get_or_insert_default().is_unsettled = true;
        }
    }

    /// Does what is due. Called wherever the client's task waits.
    pub(super) fn poll_upkeep(&mut self, cx: &mut TaskContext<'_>) {
        let Some(mut upkeep) = self.upkeep.take() else { return };
        if upkeep.alarm.as_ref().is_some_and(|alarm| alarm.at() <= Instant::now()) {
            upkeep.is_unsettled = true;
        }
        while self.poll_asking(&mut upkeep, cx).is_ready() {}
        if upkeep.is_unsettled {
            self.settle(&mut upkeep, cx);
        }
        if upkeep.alarm.is_some() || upkeep.seat.is_some() || upkeep.probation.is_some() {
            self.upkeep = Some(upkeep);
        }
    }

    /// Lets end what has ended, and sees to it that the task is woken when there is something to do next.
    fn settle(&mut self, upkeep: &mut Upkeep, cx: &mut TaskContext<'_>) {
        upkeep.is_unsettled = false;
        let now = Instant::now();
        if upkeep.authorize_by.take_if(|authorize_by| *authorize_by <= now).is_some() {
            self.context.hub.count_refusal(Refusal::AuthorizeTimeout);
            self.context.hub.close(&self.outbox, Disconnect::AuthorizeTimeout);
        }
        let passed = self.session.pass(now);
        if let Some(seconds) = passed.notice_seconds {
            self.reply(&Reply::AuthorizationExpiring { seconds });
        }
        if passed.ended {
            self.shrink(EXPIRED);
        }
        let next = [self.session.next_event(), upkeep.authorize_by].into_iter().flatten().min();
        if upkeep.alarm.as_ref().map(Alarm::at) != next {
            upkeep.alarm = next.map(|at| self.context.deadlines.set(at, cx.waker().clone()));
        }
        if !self.session.any_kept() {
            upkeep.seat = None;
        } else {
            let seat = upkeep.seat.get_or_insert_with(|| self.context.turns.take_seat(cx.waker().clone()));
            if upkeep.asking.is_none() && self.session.stale(self.context.authenticator.generation()).is_some() {
                seat.queue();
            }
        }
    }

    /// Ready when there may be more to do.
    fn poll_asking(&mut self, upkeep: &mut Upkeep, cx: &mut TaskContext<'_>) -> Poll<()> {
        if let Some(asking) = &mut upkeep.asking {
            ready!(self.poll_asked_again(asking, cx));
            upkeep.asking = None;
        } else {
            match upkeep.seat.as_ref().and_then(Seat::called) {
                None => return Poll::Pending,
                Some(Called::Ask(turn)) => upkeep.asking = self.ask_again(turn),
                Some(Called::Forget) => self.session.forget_kept(),
            }
        }
        upkeep.is_unsettled = true;
        Poll::Ready(())
    }

    /// Ends the subscriptions that nothing permits any more, with what waits of them, and the connection where nothing is
    /// left at all.
    pub(super) fn shrink(&mut self, reason: &str) {
        if !self.session.is_authorized() {
            self.context.hub.take_all_away(self.listener);
            // That the outbox closes is what ends the task, wherever it waits.
            self.end(&Reply::AuthorizationFailed { reason }.to_json(), Disconnect::AuthorizationFailed);
            return;
        }
        for channel in self.context.hub.channels_of(self.listener) {
            if !self.session.may_read(&channel) {
                self.context.hub.take_away(self.listener, &channel);
                self.reply(&Reply::SubscriptionEnded { channel: &channel, reason });
            }
        }
    }
}
