//! Flow control: when sources and what was set aside go on, and when there is something to flush. No source is faster
//! than the relay, and none starves another.

use super::room::{Need, Waiter};
use super::{Hub, State};
use crate::routing::{LANES, Lane, SHARES, ShardSet, Share};
use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

/// A source's wait for a turn, which ends with it.
pub struct Waiting {
    hub: Rc<Hub>,
    waiter: Rc<Waiter>,
}

impl Waiting {
    /// Ready with the source's turn, once.
    pub fn poll(&self, cx: &Context<'_>) -> Poll<Box<Turn>> {
        self.waiter.poll(cx).map(|(lane, left)| Box::new(Turn { hub: self.hub.clone(), lane, left, is_fresh: true }))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let granted = self.waiter.give_up();
        self.hub.end_turn(granted);
    }
}

/// A source's right to publish, in one lane. What is left of it goes to others when it is dropped.
pub struct Turn {
    hub: Rc<Hub>,
    lane: Lane,
    left: usize,
    /// The inboxes of what it was granted for had room.
    is_fresh: bool,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.left > 0 {
            self.hub.end_turn(Some((self.lane, self.left)));
        }
    }
}

impl Hub {
    pub(super) fn wait(self: &Rc<Self>, state: &mut State, need: Need) -> Waiting {
        let waiter = state.rooms.wait(need);
        self.schedule_flush();
        Waiting { hub: self.clone(), waiter }
    }

    /// A turn or the wait for one has ended, with this much of the room left.
    fn end_turn(&self, granted: Option<(Lane, usize)>) {
        let state = &mut *self.state.borrow_mut();
        if let Some((lane, left)) = granted {
            state.rooms.give_back(lane, left);
        }
        if state.anybody_waits() {
            self.schedule_flush();
        }
    }

    /// Whether somebody waits for room, so that other tasks, and what has come in meanwhile, have to have their turn
    /// before it is given away.
    pub fn anybody_waits(&self) -> bool {
        self.state.borrow().anybody_waits()
    }

    /// Gives the room that there is to those who wait for it.
    pub fn go_on(&self) {
        let state = &mut *self.state.borrow_mut();
        if !state.anybody_waits() {
            return;
        }
        state.turns = state.turns.wrapping_add(1);
        let mut delivered = [0; SHARES];
        for at in 0..LANES {
            // In turn, since there is one place for a publication that is larger than its lane's room.
            state.go_on_in(Lane::in_turn(state.turns + at), &mut delivered);
        }
        if delivered != [0; SHARES] {
            state.outgoing.release(&delivered);
            self.schedule_flush();
        }
        if std::mem::take(&mut state.has_held_up)
            && let Some(watcher) = state.inbox_watcher.take()
        {
            watcher.wake();
        }
    }

    /// Lets sources go on that wait for other members' inboxes, for ever.
    pub async fn watch_inboxes(&self) -> Infallible {
        poll_fn(|cx| {
            let state = &mut *self.state.borrow_mut();
            let held_up: Vec<_> = state.rooms.held_up().collect();
            for (member, lane) in held_up {
                if state.outgoing.poll_member(member, Share::of(lane), cx).is_ready() {
                    state.rooms.let_on(member, lane);
                    self.schedule_flush();
                }
            }
            state.inbox_watcher = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Ready when there is something to flush. Called by the flush task alone.
    pub fn poll_flush_due(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.flush_due.replace(false) {
            return Poll::Ready(());
        }
        *self.flush_task.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Wakes the flush task, once, for what is marked.
    pub(super) fn schedule_flush(&self) {
        if !self.flush_due.replace(true)
            && let Some(task) = self.flush_task.borrow_mut().take()
        {
            task.wake();
        }
    }
}

impl State {
    /// Whether a publication may go on now, within the source's turn or without one. A turn that is not enough ends.
    pub(super) fn pass(&mut self, need: &Need, turn: &mut Option<Box<Turn>>) -> bool {
        let Some(current) = turn else {
            let is_free = !self.aside.has(need.lane) && self.rooms.is_free(need, &self.outgoing);
            if is_free {
                self.rooms.take(need);
            }
            return is_free;
        };
        let has_inboxes = current.is_fresh || self.outgoing.full_member(need.members, Share::of(need.lane)).is_none();
        if current.lane == need.lane && current.left >= need.cost && has_inboxes {
            current.left -= need.cost;
            current.is_fresh = false;
            self.rooms.take_granted(need);
            return true;
        }
        self.rooms.give_back(current.lane, std::mem::take(&mut current.left));
        *turn = None;
        self.pass(need, turn)
    }

    fn anybody_waits(&self) -> bool {
        self.rooms.anybody_waits() || !self.aside.is_empty()
    }

    /// Half of a lane's room is for what was set aside, and half for sources here, where both wait. They go first in turn,
    /// since one publication may take all of it. Nobody goes before a first that does not fit: else small ones would take
    /// the room again and again that a large one waits for.
    fn go_on_in(&mut self, lane: Lane, delivered: &mut [usize; SHARES]) {
        let (sources, aside) = (self.rooms.has_waiting(lane), self.aside.has(lane));
        if !(sources && aside) {
            if aside {
                self.deliver_aside(lane, self.room_bytes, delivered);
            } else if sources {
                self.grant(lane, self.room_bytes);
            }
            return;
        }
        let (part, aside_first) = (self.room_bytes / 2, self.aside_is_first[lane.index()]);
        let given = if aside_first { self.deliver_aside(lane, part, delivered) } else { self.grant(lane, part) };
        if given > 0 {
            self.aside_is_first[lane.index()] = !aside_first;
        } else if self.rooms.has_waiting(lane) && self.aside.has(lane) {
            return;
        }
        if aside_first {
            self.grant(lane, part);
        } else {
            self.deliver_aside(lane, part, delivered);
        }
    }

    fn grant(&mut self, lane: Lane, cost_max: usize) -> usize {
        let (granted, has_held_up) = self.rooms.grant(lane, cost_max, &self.outgoing);
        self.has_held_up |= has_held_up;
        granted
    }

    /// Delivers what was set aside in a lane, as far as there is room, and up to `cost_max` of it; returns how much.
    fn deliver_aside(&mut self, lane: Lane, cost_max: usize, delivered: &mut [usize; SHARES]) -> usize {
        let mut spent = 0;
        while let Some(part) = self.aside.first(lane) {
            let here = self.subscriptions.find(&part.channel);
            if let Some(channel) = here {
                // In the lane that it was set aside in, also where it would be another one by now.
                let (bytes, listeners) = (part.frames.len(), self.listeners_len(here));
                let need = self.rooms.need_in(lane, bytes, listeners, ShardSet::default());
                let is_within = spent == 0 || spent + need.cost <= cost_max;
                if !(is_within && self.rooms.fits(&need)) {
                    break;
                }
                self.rooms.take(&need);
                spent += need.cost;
                let part = self.aside.pop(lane).expect("it is the first");
                delivered[part.share.index()] += part.publications().bytes_len();
                self.leave_backlog(&part.publications());
                self.extend_run(channel, lane, &part.publications());
            } else {
                // Its last listener here has gone.
                let part = self.aside.pop(lane).expect("it is the first");
                delivered[part.share.index()] += part.publications().bytes_len();
                self.leave_backlog(&part.publications());
                self.have_passed(&part.publications());
            }
        }
        spent
    }

    /// Delivers everything that was set aside.
    pub(super) fn deliver_all_aside(&mut self) {
        for lane in Lane::all() {
            while let Some(part) = self.aside.pop(lane) {
                self.leave_backlog(&part.publications());
                match self.subscriptions.find(&part.channel) {
                    Some(here) => self.extend_run(here, lane, &part.publications()),
                    None => self.have_passed(&part.publications()),
                }
            }
        }
    }
}
