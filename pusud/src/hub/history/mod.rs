//! Channels with history, in a shard: their runs take numbers, and listeners join their logs.
//!
//! All of it exists only where the operator has switched history on.
//!
//! **Invariant:** a listener of such a channel gets nothing of it before it has joined, and from then on everything that the
//! log has behind its position.

mod apart;
mod closing;
mod joining;
mod reading;
mod replays;
mod stream_ids;

pub(super) use apart::WhoIsApart;

use super::subscriptions::ListenerId;
use super::{Hub, State};
use crate::history::{Log, Logs, LogsView, Position};
use crate::protocol::Limits;
use replays::Replays;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use stream_ids::StreamIds;

/// A shard's part in the logs of its relay.
pub(super) struct History {
    view: LogsView,
    /// By channel: its listeners that do not simply get what all others get.
    apart: HashMap<Box<str>, HashMap<ListenerId, Apart>>,
    replays: Replays,
    stream_ids: StreamIds,
    /// The frames of the run that was closed last.
    frames: Vec<u8>,
}

/// How a listener differs from the others of its channel.
#[derive(Clone)]
enum Apart {
    /// It has not joined: it gets nothing.
    Waiting,
    /// It has seen this, elsewhere or in its replay, and does not get it again.
    Ahead(Rc<Position>),
}

impl History {
    pub(super) fn new(logs: Arc<Logs>, limits: &Limits) -> Self {
        Self {
            view: LogsView::new(logs),
            apart: HashMap::new(),
            replays: Replays::default(),
            stream_ids: StreamIds::new(limits.max_header_bytes),
            frames: Vec::new(),
        }
    }

    /// The log of a channel; `None`: it has no history.
    pub(super) fn log(&mut self, channel: &str) -> Option<Arc<Log>> {
        self.view.log(channel)
    }

    fn set_apart(&mut self, channel: &str, listener: ListenerId, apart: Apart) {
        if let Some(listeners) = self.apart.get_mut(channel) {
            listeners.insert(listener, apart);
        } else {
            self.apart.insert(channel.into(), HashMap::from([(listener, apart)]));
        }
    }

    fn apart(&self, channel: &str, listener: ListenerId) -> Option<&Apart> {
        self.apart.get(channel)?.get(&listener)
    }

    /// The listener is as all others of the channel, or none of them any more.
    fn rejoin(&mut self, channel: &str, listener: ListenerId) {
        if let Some(listeners) = self.apart.get_mut(channel) {
            listeners.remove(&listener);
            if listeners.is_empty() {
                self.apart.remove(channel);
            }
        }
    }
}

impl Hub {
    /// Forgets what is remembered of replays: who came at about the same time has been served.
    pub(super) fn forget_replays(&self) {
        if let Some(history) = &mut self.state.borrow_mut().history {
            history.replays.clear();
        }
    }
}

impl State {
    /// The log of a channel: that of the open run, if it is the channel's.
    pub(super) fn log_of(&mut self, channel: &str) -> Option<Arc<Log>> {
        if self.run.is_of(channel) {
            return self.run.log().cloned();
        }
        self.history.as_mut()?.log(channel)
    }

    /// The listener has a new subscription to a channel.
    pub(super) fn subscribed(&mut self, listener: ListenerId, channel: &str) {
        if let Some(history) = &mut self.history
            && history.log(channel).is_some()
        {
            history.set_apart(channel, listener, Apart::Waiting);
        }
    }

    /// The listener's subscription to a channel has ended.
    pub(super) fn unsubscribed(&mut self, listener: ListenerId, channel: &str) {
        if let Some(history) = &mut self.history {
            history.rejoin(channel, listener);
        }
    }

    /// All subscriptions of the listener have ended.
    pub(super) fn unsubscribed_all(&mut self, listener: ListenerId) {
        let Some(history) = self.history.as_mut().filter(|history| !history.apart.is_empty()) else { return };
        for channel in self.subscriptions.channels_of(listener) {
            history.rejoin(channel, listener);
        }
    }

    /// The channel has lost its last listener in this shard.
    pub(super) fn leave_log(&mut self, channel: &str) {
        let Some(history) = &mut self.history else { return };
        let logs = history.view.logs();
        logs.leave(channel, self.outgoing.member(), logs.now());
    }
}
