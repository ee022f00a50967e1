//! Lists of a shard's channels, with their listeners and rates.

use super::super::sample::{Count, OfChannel, Sample};
use super::super::top::Top;
use super::super::{Hub, State};
use super::LOOKED_AT_ONCE;
use crate::routing::{ChannelLook, ChannelRow, ChannelSeen, ChannelSort, ChannelsSeen};
use std::cmp::Reverse;
use std::rc::Rc;
use tokio::sync::oneshot;
use tokio::task::yield_now;

impl Hub {
    pub(super) async fn look_at_channels(
        self: &Rc<Self>,
        look: &ChannelLook,
        reply: &oneshot::Sender<ChannelsSeen>,
    ) -> Option<ChannelsSeen> {
        let sample = match (look.with_rates, look.has_sample) {
            (false, _) => None,
            (true, true) if self.last_sample().is_some() => self.last_sample(),
            (true, _) => self.sample().await,
        };
        let _turn = self.looks.acquire().await.ok()?;
        let sample = sample.as_deref();
        let mut seen = ChannelsSeen { sampled_seconds: sample.map(|sample| sample.seconds), ..ChannelsSeen::default() };
        let names: Vec<Rc<str>> = match &look.named {
            Some(named) => named.iter().map(|name| Rc::from(&**name)).collect(),
            None => {
                let mut top: Top<(u64, Reverse<Rc<str>>), ()> = Top::new(look.limit);
                let mut next = 0;
                while let Some(at) = self.look_at_some_channels(next, look, sample, &mut seen, &mut top) {
                    next = at;
                    yield_now().await;
                    if reply.is_closed() {
                        return None;
                    }
                }
                if look.sort == ChannelSort::Rate {
                    self.offer_without_listeners(look, sample, &mut top).await;
                }
                top.into_sorted().map(|((_, Reverse(name)), ())| name).collect()
            }
        };
        for some in names.chunks(LOOKED_AT_ONCE) {
            self.see_channels(some, sample, &mut seen);
            yield_now().await;
        }
        Some(seen)
    }

    fn see_channels(&self, names: &[Rc<str>], sample: Option<&Sample>, seen: &mut ChannelsSeen) {
        let state = self.state.borrow();
        seen.rows.extend(names.iter().map(|name| channel_seen(&state, name, sample)));
    }

    fn look_at_some_channels(
        &self,
        from: usize,
        look: &ChannelLook,
        sample: Option<&Sample>,
        seen: &mut ChannelsSeen,
        top: &mut Top<(u64, Reverse<Rc<str>>), ()>,
    ) -> Option<usize> {
        let state = self.state.borrow();
        let end = state.subscriptions.places_len().min(from + LOOKED_AT_ONCE);
        let some = state.subscriptions.channels_at(from..end);
        let fits = |name: &str| look.search.as_deref().is_none_or(|search| name.contains(search));
        let (fitting, others): (Vec<_>, Vec<_>) = some.partition(|(name, _)| fits(name));
        let index = state.index.index();
        let first_here = index.count_first(self.shard, fitting.iter().map(|(name, _)| &***name));
        seen.matching += first_here;
        seen.count += first_here + index.count_first(self.shard, others.iter().map(|(name, _)| &***name));
        for (name, listeners) in fitting {
            top.offer((channel_key(look.sort, name, listeners, sample), Reverse(name.clone())), || ());
        }
        (end < state.subscriptions.places_len()).then_some(end)
    }

    /// Channels that somebody publishes to here, and nobody listens to in this shard.
    async fn offer_without_listeners(
        &self,
        look: &ChannelLook,
        sample: Option<&Sample>,
        top: &mut Top<(u64, Reverse<Rc<str>>), ()>,
    ) {
        let Some(sample) = sample else { return };
        for (count, name) in sample.channels().enumerate() {
            if count % LOOKED_AT_ONCE == LOOKED_AT_ONCE - 1 {
                yield_now().await;
            }
            let fits = look.search.as_deref().is_none_or(|search| name.contains(search));
            if fits && self.state.borrow().subscriptions.find(name).is_none() {
                top.offer((channel_key(look.sort, name, 0, Some(sample)), Reverse(name.into())), || ());
            }
        }
    }
}

fn channel_key(sort: ChannelSort, name: &str, listeners: usize, sample: Option<&Sample>) -> u64 {
    match sort {
        ChannelSort::Listeners => listeners as u64,
        ChannelSort::Name => 0,
        ChannelSort::Rate => sample.map_or(0, |sample| {
            let counted = sample.of_channel(name);
            counted.published.messages + counted.from_links.messages
        }),
    }
}

fn channel_seen(state: &State, name: &Rc<str>, sample: Option<&Sample>) -> ChannelSeen {
    let counted = sample.map(|sample| (sample, sample.of_channel(name)));
    let a_second = |of: fn(&OfChannel) -> Count| {
        counted.map(|(sample, counted)| {
            let count = of(&counted);
            (sample.a_second(count.messages), sample.a_second(count.bytes))
        })
    };
    let published = a_second(|counted| counted.published);
    ChannelSeen {
        row: ChannelRow {
            channel: name.to_string(),
            listeners: state.listeners_len(state.subscriptions.find(name)),
            messages_per_second: published.map(|(messages, _)| messages),
            bytes_per_second: published.map(|(_, bytes)| bytes),
            relays: Vec::new(),
            history: None,
        },
        from_links: a_second(|counted| counted.from_links),
    }
}
