//! Timers of one client: the deadline for its first authorization, the ends of its authorizations, and their
//! re-authorization after a swap of the authenticator.
//!
//! Part of the client's own task: it is polled wherever the task waits, so that an end takes effect whatever the client
//! is waiting for. Clients that are authorized, and whose authorization neither ends nor is kept, have none of this.

use super::asking::Asking;
use super::uptime::Uptime;
use super::{Client, Context};
use crate::admission::Probation;
use crate::client::deadlines::Alarm;
use crate::client::orders::Orders;
use crate::client::reauthorize::{Instruction, Registration};
use crate::protocol::{Disconnect, Refusal, Reply};
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Instant;

/// What clients are told when an authorization has run out.
const EXPIRED: &str = "expired";

/// Runs a shard's timers, for ever: the deadlines of clients, re-authorization, keepalive and slow consumers.
pub async fn run_timers(context: Rc<Context>) {
    tokio::join!(
        context.deadlines.run(),
        context.ends.run(),
        context.reauthorizations.run(),
        context.hub.run_upkeep(),
        context.verdicts.run_tidying(|| context.authenticator.generation()),
    );
}

/// What one client waits for besides its messages.
#[derive(Default)]
pub(super) struct Upkeep {
    /// That the client is not authorized yet.
    probation: Option<Probation>,
    /// When it has to have asked to be.
    authorize_by: Option<Instant>,
    /// For what is above.
    alarm: Option<Alarm<Instant>>,
    /// For the next end, or the notice before it.
    end: Option<Alarm<Uptime>>,
    /// While the client's authorization is kept.
    registration: Option<Registration>,
    asking: Option<Asking>,
    /// The client has asked for an authorization, and waits for the answer.
    asks: bool,
    /// Of the plugin, about what was granted.
    orders: Orders,
    /// The authorizations have changed: alarm and registration have to be brought up to date.
    has_changed: bool,
}

impl Upkeep {
    /// What a client waits for that has to authorize by `authorize_by`.
    pub(super) fn until_authorized(probation: Probation, authorize_by: Instant) -> Box<Self> {
        let (probation, authorize_by) = (Some(probation), Some(authorize_by));
        Box::new(Self { probation, authorize_by, has_changed: true, ..Self::default() })
    }
}

impl Client {
    /// The client has asked to be authorized. What follows is the authenticator's time, which has a limit of its own.
    pub(super) fn stop_the_clock(&mut self) {
        if let Some(upkeep) = &mut self.upkeep {
            upkeep.authorize_by = None;
            upkeep.has_changed = true;
        }
    }

    /// The client has asked for an authorization, or has its answer.
    pub(super) fn set_asks(&mut self, asks: bool) {
        if let Some(upkeep) = &mut self.upkeep {
            upkeep.asks = asks;
        }
    }

    /// The client is authorized for the first time: it counts as such, and may send longer messages.
    pub(super) fn end_probation(&mut self) {
        if let Some(upkeep) = &mut self.upkeep {
            upkeep.probation = None;
        }
        self.messages.set_bytes_max(self.context.limits.max_message_bytes);
        self.messages.read_ahead();
    }

    /// Has alarm and registration brought up to date at the next poll: an authorization was added.
    pub(super) fn mark_changed(&mut self) {
        let session = &self.session;
        if self.upkeep.is_some() || session.any_kept() || session.any_held() || session.next_event().is_some() {
            self.upkeep.get_or_insert_default().has_changed = true;
        }
    }

    /// Does what is due. Called wherever the client's task waits.
    pub(super) fn poll_upkeep(&mut self, cx: &mut TaskContext<'_>) {
        let Some(mut upkeep) = self.upkeep.take() else { return };
        if upkeep.alarm.as_ref().is_some_and(|alarm| alarm.at() <= Instant::now())
            || upkeep.end.as_ref().is_some_and(|end| end.at() <= Uptime::now())
        {
            upkeep.has_changed = true;
        }
        if upkeep.orders.has_come() {
            // Before an answer that was given after them.
            self.follow_orders(&mut upkeep, cx);
            upkeep.has_changed = true;
        }
        while self.poll_asking(&mut upkeep, cx).is_ready() {}
        if upkeep.has_changed {
            self.update(&mut upkeep, cx);
        }
        let has_timers = upkeep.alarm.is_some() || upkeep.end.is_some() || upkeep.registration.is_some();
        if has_timers || upkeep.probation.is_some() || upkeep.orders.may_come() {
            self.upkeep = Some(upkeep);
        }
    }

    /// Lets end what has ended, and sees to it that the task is woken when there is something to do next.
    fn update(&mut self, upkeep: &mut Upkeep, cx: &mut TaskContext<'_>) {
        upkeep.has_changed = false;
        if upkeep.authorize_by.take_if(|authorize_by| *authorize_by <= Instant::now()).is_some() {
            self.context.hub.count_refusal(Refusal::AuthorizeTimeout);
            self.context.hub.close_past(&self.outbox, Disconnect::AuthorizeTimeout, Refusal::AuthorizeTimeout);
        }
        let passed = self.session.pass(Uptime::now());
        if let Some(seconds) = passed.notice_seconds {
            self.reply(&Reply::AuthorizationExpiring { seconds });
        }
        if passed.ended {
            self.shrink(EXPIRED, Disconnect::AuthorizationFailed);
        }
        self.follow_orders(upkeep, cx);
        if upkeep.alarm.as_ref().map(Alarm::at) != upkeep.authorize_by {
            upkeep.alarm = upkeep.authorize_by.map(|at| self.context.deadlines.set(at, cx.waker().clone()));
        }
        let next = [self.session.next_event(), upkeep.orders.due()].into_iter().flatten().min();
        if upkeep.end.as_ref().map(Alarm::at) != next {
            upkeep.end = next.map(|at| self.context.ends.set(at, cx.waker().clone()));
        }
        if !self.session.any_kept() {
            upkeep.registration = None;
        } else {
            let register = || self.context.reauthorizations.register(cx.waker().clone());
            let registration = upkeep.registration.get_or_insert_with(register);
            let generation = self.context.authenticator.generation();
            if upkeep.asking.is_none() && self.session.any_to_ask(generation, Uptime::now()) {
                registration.enqueue();
            }
        }
    }

    /// Does what the plugin has ordered about its grants.
    fn follow_orders(&mut self, upkeep: &mut Upkeep, cx: &TaskContext<'_>) {
        upkeep.orders.listen(&mut self.session, cx.waker());
        for order in upkeep.orders.take(upkeep.asks, upkeep.asking.is_some(), Uptime::now()) {
            self.follow(order);
        }
    }

    /// Ready when there may be more to do.
    fn poll_asking(&mut self, upkeep: &mut Upkeep, cx: &mut TaskContext<'_>) -> Poll<()> {
        if let Some(asking) = &mut upkeep.asking {
            ready!(self.poll_asked_again(asking, cx));
            upkeep.asking = None;
        } else {
            match upkeep.registration.as_ref().and_then(Registration::take_instruction) {
                None => return Poll::Pending,
                Some(Instruction::Reauthorize(permit)) => upkeep.asking = self.ask_again(permit),
                Some(Instruction::Forget) => self.session.forget_kept(),
            }
        }
        upkeep.has_changed = true;
        Poll::Ready(())
    }

    /// Ends the subscriptions that nothing permits any more, with what waits of them, and the connection, with `disconnect`,
    /// where nothing is left at all.
    pub(super) fn shrink(&mut self, reason: &str, disconnect: Disconnect) {
        self.outbox.set_standing(self.session.standing());
        if !self.session.is_authorized() {
            self.context.hub.take_all_away(self.listener);
            // That the outbox closes is what ends the task, wherever it waits.
            self.end(&Reply::AuthorizationFailed { reason }.to_json(), disconnect);
            return;
        }
        for channel in self.context.hub.channels_of(self.listener) {
            if !self.session.may_read(&channel) {
                self.context.hub.take_away(self.listener, &channel);
                let ended = Reply::SubscriptionEnded { channel: &channel, reason }.to_json();
                self.context.hub.reply_ended(self.listener, &self.outbox, &ended);
            }
        }
    }
}
