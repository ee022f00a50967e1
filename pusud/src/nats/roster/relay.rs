//! One start of another relay: what it says of itself, and what was counted of it.

use crate::nats::wire::{About, Header};
use crate::peers::BootId;
use crate::routing::Traffic;
use tokio::time::Instant;

/// One start of a relay.
#[derive(Debug)]
pub(in crate::nats) struct Relay {
    /// Which one.
    pub boot: BootId,
    /// Its connection to NATS.
    pub connection: u32,
    /// What it says of itself; `None`: nothing yet, though it has published.
    pub about: Option<About>,
    /// What it has said over an earlier connection, since it is down.
    pub earlier: Option<Earlier>,
    /// When something was heard of it.
    pub heard: Instant,
    /// Since when it is linked; `None`: it is down.
    pub linked: Option<Instant>,
    /// Nothing is taken of it until it says something else of itself.
    pub is_refused: bool,
    /// Subscriptions do not wait for it: it has not answered in time.
    pub is_lagging: bool,
    /// It is to say how far its channels are.
    pub resume: Option<Resume>,
    /// Messages.
    pub traffic: Traffic,
    /// Which of those that were lost the log has.
    pub losses: Losses,
    /// The last conversation with it.
    pub talked: Talked,
    /// When it was asked to say what it is, since it has published without that.
    pub asked: Option<Instant>,
}

/// A heartbeat over an earlier connection than the last one that was heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::nats) struct Earlier {
    /// Which one.
    pub connection: u32,
    /// The heartbeat's number.
    pub heartbeat: u64,
    /// When it came.
    pub at: Instant,
}

/// The last conversation of a pair of connections; none yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::nats) struct Talked {
    /// This relay's connection.
    pub own: u32,
    /// The other one's.
    pub theirs: u32,
    /// The number of the conversation.
    pub number: u32,
}

/// What the log has said of messages that were lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::nats) struct Losses {
    /// So many.
    pub told: u64,
    /// When it has said so last.
    pub at: Option<Instant>,
}

/// A question that a relay has to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::nats) struct Resume {
    /// About what it has published to since this heartbeat; 0: about everything.
    pub since: u64,
    /// The question's number, once it was asked.
    pub question: u64,
    /// When it was asked, or has said something last.
    pub asked: Option<Instant>,
    /// Pieces of the answer that have come.
    pub pieces: u32,
}

impl Resume {
    /// To be asked.
    pub(in crate::nats) fn since(since: u64) -> Self {
        Self { since, question: 0, asked: None, pieces: 0 }
    }
}

/// What a relay's presence has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::nats) enum Heard {
    /// Nothing.
    Same,
    /// Some heartbeats before it did not come.
    Gap,
    /// It is linked now, and was not.
    Linked,
    /// It has another connection, or another server.
    Moved,
    /// It is an earlier start of a relay that is there: it is ignored.
    Replaced,
    /// There is no room for it.
    Full,
}

impl Relay {
    /// Its name, if it has said it.
    pub(in crate::nats) fn name(&self) -> Option<&str> {
        self.about.as_ref().map(|about| &*about.name)
    }

    /// How it is called in the log.
    pub(in crate::nats) fn shown(&self) -> String {
        self.name().map_or_else(|| self.boot.to_string(), str::to_owned)
    }

    /// It has to say how far the channels are that it has published to since this heartbeat, or since an earlier one that it
    /// has to be asked about already.
    pub(in crate::nats) fn resume_since(&mut self, heartbeat: u64) {
        let since = self.resume.map_or(heartbeat, |resume| resume.since.min(heartbeat));
        self.resume = Some(Resume::since(since));
    }

    /// What was counted of an earlier start of it, and what the log has of that.
    pub(super) fn inherit(&mut self, Traffic { received, missed, late, too_large, .. }: Traffic, losses: Losses) {
        self.losses.told = self.losses.told.saturating_add(losses.told);
        self.losses.at = self.losses.at.max(losses.at);
        let Traffic { received: r, missed: m, late: l, too_large: t, .. } = self.traffic;
        self.traffic.received = r.saturating_add(received);
        self.traffic.missed = m.saturating_add(missed);
        self.traffic.late = l.saturating_add(late);
        self.traffic.too_large = t.saturating_add(too_large);
    }

    pub(super) fn is_heard(&mut self, header: Header, about: About, is_heartbeat: bool, now: Instant) -> Heard {
        (self.heard, self.is_refused) = (now, false);
        let before = self.about.replace(about);
        let about = self.about.as_mut().expect("it was put in");
        if !is_heartbeat && let Some(before) = &before {
            // It may have overtaken publications, which heartbeats never do.
            about.heartbeat = before.heartbeat;
        }
        let is_same_way = before.as_ref().is_some_and(|before| before.server == about.server);
        let moved = std::mem::replace(&mut self.connection, header.connection) != header.connection;
        let was_linked = self.linked.is_some();
        if !was_linked && !about.is_stopping {
            self.linked = Some(now);
        }
        let last = before.as_ref().map_or(about.heartbeat, |before| before.heartbeat);
        let missed = about.heartbeat.saturating_sub(last + 1);
        let has_moved = moved || (before.is_some() && !is_same_way);
        if before.is_some() && (missed > 0 || has_moved || !was_linked) {
            self.resume_since(last);
        }
        match () {
            () if !was_linked => Heard::Linked,
            () if has_moved => Heard::Moved,
            () if missed > 0 => Heard::Gap,
            () => Heard::Same,
        }
    }
}
