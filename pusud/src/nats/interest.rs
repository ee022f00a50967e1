//! Interest of this relay's own clients: one subscription of the server for each channel, and how far each other relay is there.
//!
//! **Invariant:** a subscription's number is never given to another channel, so that messages on their way are not taken for
//! those of another one.

use crate::nats::barrier::Asked;
use crate::nats::roster::RelayId;
use slab::Slab;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// The numbers of subscriptions to channels begin here.
pub(super) const FIRST_SID: u64 = 16;
/// So many cannot be missing at once: whoever says so is no relay.
const MISSED_MAX: u64 = 1 << 40;
/// Places that the numbers of subscriptions have room for.
const PLACES: u64 = 1 << 24;

/// All channels that somebody here listens to.
#[derive(Default)]
pub(super) struct Interest {
    channels: Slab<Channel>,
    places: HashMap<Rc<str>, usize>,
    subscribed: u64,
    /// Counts what makes barriers necessary again, from 0.
    epoch: u64,
}

/// One channel.
pub(super) struct Channel {
    /// Its name.
    pub name: Rc<str>,
    /// No barrier of it has been passed yet: other relays' servers may not know of it.
    pub is_new: bool,
    /// In this epoch all publications that come later will come here.
    settled_in: Option<u64>,
    /// The server has not taken the subscription.
    is_refused: bool,
    sid: u64,
    /// The last number of each relay.
    lasts: Vec<(RelayId, u64)>,
}

/// What numbers say of publications that have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    /// So many before them are missing.
    pub missed: u64,
    /// So many of them are late: they were told to be missing, or have come before.
    pub late: u64,
}

impl Interest {
    /// Somebody listens now. Gives the new subscription's number; `None`: it was there.
    pub(super) fn add(&mut self, channel: &str) -> Option<u64> {
        if self.places.contains_key(channel) {
            return None;
        }
        let name: Rc<str> = channel.into();
        let entry = self.channels.vacant_entry();
        let place = entry.key();
        let sid = FIRST_SID + self.subscribed * PLACES + place as u64;
        self.subscribed += 1;
        entry.insert(Channel {
            name: name.clone(),
            is_new: true,
            settled_in: None,
            is_refused: false,
            sid,
            lasts: Vec::new(),
        });
        self.places.insert(name, place);
        Some(sid)
    }

    /// Nobody listens any more. Gives the number of the subscription that ends.
    pub(super) fn remove(&mut self, channel: &str) -> Option<u64> {
        let place = self.places.remove(channel)?;
        Some(self.channels.remove(place).sid)
    }

    /// Whether somebody listens.
    pub(super) fn contains(&self, channel: &str) -> bool {
        self.places.contains_key(channel)
    }

    /// The channel of a subscription; `None`: it has ended.
    #[inline]
    pub(super) fn by_sid(&mut self, sid: u64) -> Option<&mut Channel> {
        let place = (sid.checked_sub(FIRST_SID)? % PLACES) as usize;
        self.channels.get_mut(place).filter(|channel| channel.sid == sid)
    }

    fn place(&self, sid: u64) -> Option<usize> {
        let place = (sid.checked_sub(FIRST_SID)? % PLACES) as usize;
        self.channels.get(place).filter(|channel| channel.sid == sid).map(|_| place)
    }

    /// The channel of this name, if somebody listens.
    pub(super) fn by_name(&mut self, channel: &str) -> Option<&mut Channel> {
        self.places.get(channel).map(|&place| &mut self.channels[place])
    }

    /// All channels with the numbers of their subscriptions.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Rc<str>, u64)> {
        self.channels.iter().map(|(_, channel)| (&channel.name, channel.sid))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// A relay has published nothing behind `floor` to all channels of which it has said nothing. Of new channels their
    /// barriers say how far it is: what it publishes before those are passed need not come here, and is not missing.
    pub(super) fn begins(&mut self, relay: RelayId, floor: u64) {
        for (_, channel) in self.channels.iter_mut().filter(|(_, channel)| !channel.is_new && !channel.knows(relay)) {
            channel.lasts.push((relay, floor));
        }
    }

    /// Whether it is known of all channels that are not new how far a relay is.
    pub(super) fn knows(&self, relay: RelayId) -> bool {
        self.channels.iter().all(|(_, channel)| channel.is_new || channel.knows(relay))
    }

    /// The subscription that needs a barrier; `None`: there is none, or all that comes later will come here.
    pub(super) fn needs_barrier(&self, channel: &str) -> Option<Asked> {
        let channel = &self.channels[*self.places.get(channel)?];
        let is_settled = channel.settled_in == Some(self.epoch);
        (!is_settled).then(|| Asked { channel: channel.name.clone(), sid: channel.sid })
    }

    /// Which epoch it is: a barrier says nothing of a later one than that in which it began.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// A barrier of this subscription was passed, by all relays of this epoch.
    pub(super) fn settle(&mut self, sid: u64) {
        let epoch = self.epoch;
        if let Some(channel) = self.by_sid(sid).filter(|channel| !channel.is_refused) {
            (channel.is_new, channel.settled_in) = (false, Some(epoch));
        }
    }

    /// Nothing is certain any more, since the connection has ended or another one begins: which tells of all that there is.
    pub(super) fn unsettle(&mut self) {
        self.epoch += 1;
        self.channels.iter_mut().for_each(|(_, channel)| (channel.is_new, channel.is_refused) = (false, false));
    }

    /// The server has not taken the subscription to this channel, or `None`: some of those that need a barrier.
    pub(super) fn refuse(&mut self, channel: Option<&str>) {
        let epoch = self.epoch;
        let refuse = |known: &mut Channel| (known.is_refused, known.settled_in) = (true, None);
        match channel {
            Some(channel) => self.by_name(channel).into_iter().for_each(refuse),
            None => {
                let all = self.channels.iter_mut().map(|(_, known)| known);
                all.filter(|known| known.settled_in != Some(epoch)).for_each(refuse);
            }
        }
    }

    /// Whether the server has not taken this subscription.
    pub(super) fn is_refused(&self, sid: u64) -> bool {
        self.place(sid).is_some_and(|place| self.channels[place].is_refused)
    }

    /// The subscriptions that the server has not taken: they are told to it once more, and need a barrier.
    pub(super) fn try_refused(&mut self) -> Vec<Asked> {
        let refused = self.channels.iter_mut().filter(|(_, channel)| channel.is_refused);
        let tried = refused.map(|(_, channel)| {
            channel.is_refused = false;
            Asked { channel: channel.name.clone(), sid: channel.sid }
        });
        tried.collect()
    }

    /// Each channel needs a barrier again, also if one of it is under way.
    pub(super) fn unsettle_barriers(&mut self) {
        self.epoch += 1;
    }

    /// These relays are gone for good.
    pub(super) fn forget(&mut self, relays: &BTreeSet<RelayId>) {
        if relays.is_empty() {
            return;
        }
        for (_, channel) in &mut self.channels {
            channel.lasts.retain(|(of, _)| !relays.contains(of));
        }
    }
}

impl Channel {
    /// Whether it is known how far a relay is.
    pub(super) fn knows(&self, relay: RelayId) -> bool {
        self.lasts.iter().any(|(of, _)| *of == relay)
    }

    /// Publications have come: `first` is the number of the first one, and the channel's base is this. `None`: no relay has
    /// come so far since the last ones.
    #[inline]
    pub(super) fn take(&mut self, relay: RelayId, first: u64, base: u64, count: u64) -> Option<Taken> {
        let last = (first - 1).saturating_add(count);
        let Some((_, known)) = self.lasts.iter_mut().find(|(of, _)| *of == relay) else {
            self.lasts.push((relay, last));
            return Some(Taken { missed: 0, late: 0 });
        };
        let next = (*known).max(base) + 1;
        if last < next {
            return Some(Taken { missed: 0, late: count });
        }
        let missed = first.saturating_sub(next);
        if missed > MISSED_MAX {
            return None;
        }
        *known = last;
        Some(Taken { missed, late: next.saturating_sub(first) })
    }

    /// A relay says how far it is. Gives how many are missing; `None`: no relay has come so far since the last ones.
    pub(super) fn reach(&mut self, relay: RelayId, base: u64, last: u64) -> Option<u64> {
        let Some((_, known)) = self.lasts.iter_mut().find(|(of, _)| *of == relay) else {
            self.lasts.push((relay, last));
            return Some(0);
        };
        let missed = last.saturating_sub((*known).max(base));
        if missed > MISSED_MAX {
            return None;
        }
        *known = (*known).max(last);
        Some(missed)
    }
}

#[cfg(test)]
mod tests;
