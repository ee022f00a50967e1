//! The backlog of links: publications that came over them and were set aside, by channel; when little of a channel is
//! left, peers may go on sending it.
//!
//! The network asks with a mark behind what it has handed over ([`LinkMarks`](crate::routing)), and is answered once for
//! each. It counts and tells; what was set aside is in [`Aside`](super::aside). **Invariant:** a channel is in here
//! exactly while some of it that came over links is set aside.

use super::{Hub, State};
use crate::routing::{Publications, Share};
use std::collections::HashMap;

/// Where less than so much is left of a channel, in bytes, peers are told to go on with it.
const GO_BYTES: usize = 32 * 1024;

/// What is set aside of what came over links.
#[derive(Default)]
pub(super) struct LinkBacklog {
    channels: HashMap<Box<str>, Left>,
}

/// What is left of one channel.
#[derive(Default)]
struct Left {
    bytes: usize,
    /// Marks that wait for little to be left.
    marks: usize,
}

impl LinkBacklog {
    /// Publications are set aside.
    pub(super) fn add(&mut self, publications: &Publications<'_>) {
        if publications.share != Share::LINKS {
            return;
        }
        let bytes = publications.bytes_len();
        match self.channels.get_mut(publications.channel) {
            Some(left) => left.bytes += bytes,
            None => drop(self.channels.insert(publications.channel.into(), Left { bytes, marks: 0 })),
        }
    }

    /// They are delivered. Gives how many marks that answers.
    fn remove(&mut self, publications: &Publications<'_>) -> usize {
        let is_from_links = publications.share == Share::LINKS;
        let Some(left) = self.channels.get_mut(publications.channel).filter(|_| is_from_links) else { return 0 };
        left.bytes -= publications.bytes_len();
        let answered = if left.bytes < GO_BYTES { std::mem::take(&mut left.marks) } else { 0 };
        if left.bytes == 0 {
            self.channels.remove(publications.channel);
        }
        answered
    }

    /// The shard has come to a mark. False: it is answered when little is left of the channel.
    fn mark(&mut self, channel: &str) -> bool {
        let much = self.channels.get_mut(channel).filter(|left| left.bytes >= GO_BYTES);
        much.map(|left| left.marks += 1).is_none()
    }
}

impl Hub {
    /// The shard has come to a mark of the network: says so when little is left of what has come of the channel over links.
    pub fn mark(&self, channel: &str) {
        let state = &mut *self.state.borrow_mut();
        if state.link_backlog.mark(channel) {
            state.outgoing.go_on(channel, 1);
        }
    }
}

impl State {
    /// Publications that were set aside are delivered now: answers marks that have waited for that.
    pub(super) fn leave_backlog(&mut self, publications: &Publications<'_>) {
        let answered = self.link_backlog.remove(publications);
        if answered > 0 {
            self.outgoing.go_on(publications.channel, answered);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::Lane;

    #[test]
    fn marks_are_answered_when_little_is_left_of_what_came_over_links() {
        let mut backlog = LinkBacklog::default();
        let frames = vec![0; GO_BYTES - 1];
        let of = |channel, share| Publications { channel, frames: &frames, messages: 1, share, history: None };
        assert!(backlog.mark("a"), "there is nothing");
        let [mine, local] = [of("a", Share::LINKS), of("b", Share::of(Lane::FIRST))];
        backlog.add(&mine);
        (0..9).for_each(|_| backlog.add(&local));
        assert!(!backlog.mark("a") && backlog.mark("b"), "a source here waits by itself");
        backlog.add(&mine);
        assert!(!backlog.mark("a"));
        assert_eq!([&local, &mine, &mine].map(|part| backlog.remove(part)), [0, 0, 2]);
        assert!(backlog.mark("a") && backlog.channels.is_empty());
    }
}
