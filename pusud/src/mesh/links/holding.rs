//! Channels that peers are to send no more of for now (flow control by channel): what the relay says, and what each link
//! is told of it.
//!
//! **Invariant:** what is left to be told to a link is the difference between what is held and what it has been told, so it
//! does not grow while the peer reads nothing.

use super::Mesh;
use crate::mesh::links::queue::HELD_MAX;
use crate::mesh::wire::{self, kind};
use crate::routing::Door;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// What is held, and how often: each time is ended once.
#[derive(Default)]
pub(crate) struct Held(HashMap<Rc<str>, usize>);

impl Held {
    /// A channel is held once more. Gives it if that changes anything for peers.
    pub(crate) fn hold(&mut self, channel: &str) -> Option<Rc<str>> {
        if let Some(times) = self.0.get_mut(channel) {
            *times += 1;
            return None;
        }
        let channel: Rc<str> = channel.into();
        self.0.insert(channel.clone(), 1);
        Some(channel)
    }

    /// A channel is held so many times less. Gives it if that changes anything for peers.
    pub(crate) fn go_on(&mut self, channel: &str, times: usize) -> Option<Rc<str>> {
        let left = self.0.get_mut(channel)?;
        *left = left.saturating_sub(times);
        if *left > 0 {
            return None;
        }
        self.0.remove_entry(channel).map(|(channel, _)| channel)
    }

    /// Whether a channel is held.
    pub(crate) fn has(&self, channel: &str) -> bool {
        self.0.contains_key(channel)
    }

    /// What a new link has to be told.
    pub(crate) fn to_be_told(&self) -> Holding {
        Holding { hold: self.0.keys().cloned().collect(), ..Holding::default() }
    }
}

/// What one link has been told, and what it still has to be.
#[derive(Default)]
pub(crate) struct Holding {
    told: BTreeSet<Rc<str>>,
    hold: BTreeSet<Rc<str>>,
    /// All of them have been told.
    go: BTreeSet<Rc<str>>,
}

impl Holding {
    /// A channel is held, or is not any more.
    pub(crate) fn change(&mut self, channel: &Rc<str>, is_held: bool) {
        let (wanted, other) = if is_held { (&mut self.hold, &mut self.go) } else { (&mut self.go, &mut self.hold) };
        // What has not been told and is not so any more need not be told.
        if !other.remove(channel) {
            wanted.insert(channel.clone());
        }
    }

    /// Appends some of what is left to tell.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>) {
        if !self.go.is_empty() {
            let told = write(out, kind::GO, &mut self.go, usize::MAX);
            self.told.retain(|channel| !told.contains(channel));
        }
        let left = HELD_MAX - self.told.len();
        if !self.hold.is_empty() && left > 0 {
            let told = write(out, kind::HOLD, &mut self.hold, left);
            self.told.extend(told);
        }
    }
}

/// Appends a frame with as many of the channels as fit, and takes them out.
fn write(out: &mut Vec<u8>, kind: u8, channels: &mut BTreeSet<Rc<str>>, most: usize) -> BTreeSet<Rc<str>> {
    let mut written = 0;
    let names = channels.iter().take(most).map(|channel| &**channel);
    wire::channels(out, kind, &mut names.inspect(|_| written += 1));
    let behind = match channels.iter().nth(written).cloned() {
        Some(first_left) => channels.split_off(&first_left),
        None => BTreeSet::new(),
    };
    std::mem::replace(channels, behind)
}

impl<D: Door> Mesh<D> {
    /// The end of a batch of deliveries. Peers are told of channels that they are to send no more of.
    pub(crate) fn flush(&mut self) {
        self.door.flush();
        while let Some(channel) = self.door.next_to_hold() {
            if let Some(channel) = self.held.hold(&channel) {
                self.tell(&channel, true);
            }
        }
    }

    /// A shard has little left of what came of a channel over links.
    pub(crate) fn go_on(&mut self, channel: &str, marks: usize) {
        if let Some(channel) = self.held.go_on(channel, marks) {
            self.tell(&channel, false);
        }
    }

    /// Tells all peers that know of such things. Others are not read for a moment where that is not enough.
    fn tell(&mut self, channel: &Rc<str>, is_held: bool) {
        for link in self.links.values_mut() {
            if let Some(holding) = &mut link.holding {
                holding.change(channel, is_held);
                link.signals.send.notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::wire::{FRAME_BYTES_OVER_CONTENT, Frame};
    use crate::peers::Decoder;
    use proptest::prelude::*;

    /// What a peer holds after it has been told this.
    fn tell(holding: &mut Holding, peer: &mut BTreeSet<String>) {
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        holding.write(&mut out);
        decoder.feed(&out);
        while let Some((kind, payload)) = decoder.next(FRAME_BYTES_OVER_CONTENT).unwrap() {
            match wire::parse(kind, payload).unwrap() {
                Frame::Hold { channels } => {
                    channels.for_each(|channel| assert!(peer.insert(channel.unwrap().into()), "held twice"));
                }
                Frame::Go { channels } => {
                    channels.for_each(|channel| assert!(peer.remove(channel.unwrap()), "let go of twice"));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn peers_hold_what_any_shard_holds(steps in proptest::collection::vec((0usize..3, 0usize..4, any::<bool>(), any::<bool>()), 0..60)) {
            let names = ["a", "b", "c", "d"];
            let (mut held, mut shards) = (Held::default(), [[0; 4]; 3]);
            let (mut holding, mut peer) = (Holding::default(), BTreeSet::new());
            for (shard, channel, is_held, is_told) in steps {
                let times = &mut shards[shard][channel];
                let (before, name) = (*times, names[channel]);
                *times = if is_held { before + 1 } else { 0 };
                let changed = if is_held { held.hold(name) } else { held.go_on(name, before) };
                if let Some(name) = changed {
                    holding.change(&name, is_held);
                }
                if is_told {
                    tell(&mut holding, &mut peer);
                }
            }
            tell(&mut holding, &mut peer);
            let expected: BTreeSet<String> = (0..4)
                .filter(|channel| shards.iter().any(|shard| shard[*channel] > 0))
                .map(|channel| names[channel].to_owned())
                .collect();
            prop_assert_eq!(&peer, &expected);
            // A link that comes later is told the same.
            let mut late = BTreeSet::new();
            tell(&mut held.to_be_told(), &mut late);
            prop_assert_eq!(late, expected);
        }
    }

    #[test]
    fn more_than_fits_into_a_frame_is_told_in_several() {
        let mut holding = Holding::default();
        let names: Vec<Rc<str>> = (0..2 * HELD_MAX).map(|number| format!("{number:0>200}").into()).collect();
        names.iter().for_each(|name| holding.change(name, true));
        let mut peer = BTreeSet::new();
        for _ in 0..HELD_MAX {
            tell(&mut holding, &mut peer);
        }
        assert_eq!(peer.len(), HELD_MAX, "no peer takes more");
        names.iter().for_each(|name| holding.change(name, false));
        for _ in 0..HELD_MAX {
            tell(&mut holding, &mut peer);
        }
        assert!(peer.is_empty());
    }
}
