//! Looks of an operator at a shard: lists of its clients and channels, and all of one client.
//!
//! **Invariant:** whoever looks at many lets others have their turn, one look goes on at a time, and what it holds is as long
//! as the list that it makes.

mod channels;

use super::look_turn::LookTurn;
use super::sample::Sample;
use super::stage::Stage;
use super::top::Top;

use super::{Hub, ListenerId, Outbox, State};
use crate::admission::ClientAddress;
use crate::routing::{
    ClientId, ClientLook, ClientPlace, ClientRow, ClientSeen, ClientSort, ClientState, ClientTransport, ClientsSeen,
    Look,
};
use std::cmp::Reverse;
use std::rc::{Rc, Weak};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;

/// Clients or channels that are looked at before others have their turn.
const LOOKED_AT_ONCE: usize = 100;
/// For how long, at the most, until others have their turn: whom the system is asked about costs more than others.
const TURN: Duration = Duration::from_micros(200);
/// Subscriptions of one client whose messages are added up to its rate.
const ADDED_UP_MAX: usize = 1000;
/// Subscriptions whose messages are added up before others have their turn.
const ADDED_UP_ONCE: usize = 2000;
/// Channels on the page of a client.
const CHANNELS_SHOWN: usize = 1000;
/// How long a client's task may take to answer.
const TASK_ANSWERS_WITHIN: Duration = Duration::from_millis(500);

impl Hub {
    /// Shows what an operator wants to see.
    pub async fn look(self: Rc<Self>, look: Look) {
        // An error means that nobody waits for it any more.
        match look {
            Look::Clients(look, reply) => {
                if let Some(seen) = self.look_at_clients(&look, &reply).await {
                    reply.send(seen).ok();
                }
            }
            Look::Client(id, reply) => drop(reply.send(self.look_at_client(id).await)),
            Look::Channels(look, reply) => {
                if let Some(seen) = self.look_at_channels(&look, &reply).await {
                    reply.send(seen).ok();
                }
            }
        }
    }

    async fn look_at_clients(
        self: &Rc<Self>,
        look: &ClientLook,
        reply: &oneshot::Sender<ClientsSeen>,
    ) -> Option<ClientsSeen> {
        let sample = if look.with_rates { self.sample().await } else { None };
        let _turn = self.looks.acquire().await.ok()?;
        let mut seen =
            ClientsSeen { sampled_seconds: sample.as_ref().map(|sample| sample.seconds), ..Default::default() };
        let mut top: Top<(u64, Reverse<ListenerId>), Weak<Outbox>> = Top::new(look.limit);
        let mut next = 0;
        while let Some(at) = self.look_at_some(next, look, sample.as_deref(), &mut seen, &mut top) {
            next = at;
            yield_now().await;
            if reply.is_closed() {
                return None;
            }
        }
        let top: Vec<_> = top.into_sorted().collect();
        yield_now().await;
        let mut turn = LookTurn::begin(TURN);
        for ((key, Reverse(listener)), outbox) in top {
            // A number is given out anew when its client has gone, though somebody may still hold its outbox.
            let Some(outbox) = outbox.upgrade().filter(|outbox| self.is_still(listener, outbox)) else { continue };
            seen.rows.push((key, self.row(listener, &outbox, sample.as_deref())));
            if turn.is_over() {
                yield_now().await;
                turn = LookTurn::begin(TURN);
            }
        }
        Some(seen)
    }

    /// Looks at some of the clients, from this number on. Gives where to go on.
    fn look_at_some(
        &self,
        from: usize,
        look: &ClientLook,
        sample: Option<&Sample>,
        seen: &mut ClientsSeen,
        top: &mut Top<(u64, Reverse<ListenerId>), Weak<Outbox>>,
    ) -> Option<usize> {
        let state = self.state.borrow();
        let end = state.outboxes.capacity();
        let (turn, mut looked_at, mut added_up) = (LookTurn::begin(TURN), 0, 0);
        for at in from..end {
            if (looked_at > 0 && turn.is_over())
                || looked_at >= LOOKED_AT_ONCE
                || added_up >= ADDED_UP_ONCE
                || at - from >= 16 * LOOKED_AT_ONCE
            {
                return Some(at);
            }
            let Some(outbox) = state.outboxes.get(at) else { continue };
            let listener = number(at);
            looked_at += 1;
            seen.count += 1;
            if !fits(look, &state, listener, outbox) {
                continue;
            }
            seen.matching += 1;
            let key = match look.sort {
                ClientSort::Waiting => outbox.cost() as u64,
                ClientSort::Subscriptions => state.subscriptions.channels_of(listener).len() as u64,
                ClientSort::Age => u64::MAX - u64::from(outbox.joined()),
                ClientSort::Rate => {
                    added_up += state.subscriptions.channels_of(listener).len().min(ADDED_UP_MAX);
                    let (published, delivered, _) = rates(&state, listener, sample);
                    // Thousandths, so that little is more than nothing.
                    ((published + delivered) * 1000.0) as u64
                }
            };
            top.offer((key, Reverse(listener)), || Rc::downgrade(outbox));
        }
        None
    }

    /// One client as it is now.
    fn row(&self, listener: ListenerId, outbox: &Rc<Outbox>, sample: Option<&Sample>) -> ClientRow {
        let state = self.state.borrow();
        let is_operator = outbox.is_operators();
        let rates = sample.map(|sample| rates(&state, listener, Some(sample)));
        let is_blocked = outbox.is_blocked();
        ClientRow {
            id: self.id_of(listener).to_string(),
            address: if is_operator { "operator".to_owned() } else { outbox.transport().describe_client() },
            subject: self.subject_of(outbox),
            transport: transport(outbox, is_operator),
            state: match () {
                () if outbox.is_closing() => ClientState::Closing,
                () if is_blocked => ClientState::Blocked,
                () => ClientState::Open,
            },
            authorized: outbox.is_authorized(),
            connected_for: Some(outbox.connected_for().as_secs_f64()),
            subscriptions: state.subscriptions.channels_of(listener).len(),
            waiting_bytes: outbox.cost() as u64,
            blocked_for: is_blocked.then(|| state.stalls.stalled(outbox).as_secs_f64()),
            published_per_second: rates.map(|(published, ..)| published),
            delivered_per_second: rates.map(|(_, delivered, _)| delivered),
            delivered_bytes_per_second: rates.map(|(.., bytes)| bytes),
        }
    }

    async fn look_at_client(self: &Rc<Self>, id: ClientId) -> Option<ClientSeen> {
        let (outbox, listener) = (self.by_id(id)?, id.number);
        let answers = matches!(outbox.stage(), Stage::WebSocket | Stage::EventStream(_)) && !outbox.is_closing();
        let authorized_by = match answers {
            true => timeout(TASK_ANSWERS_WITHIN, self.ask_task(listener, &outbox)).await.ok().and_then(Result::ok),
            false => None,
        };
        let sample = self.sample().await;
        // It may have gone meanwhile.
        self.by_id(id)?;
        let state = self.state.borrow();
        let mut first: Top<Reverse<Rc<str>>, ()> = Top::new(CHANNELS_SHOWN);
        let channels = state.subscriptions.channels_of(listener);
        let channels_len = channels.len();
        channels.for_each(|channel| first.offer(Reverse(channel.clone()), || ()));
        drop(state);
        let channels: Vec<String> = first.into_sorted().map(|(Reverse(channel), ())| channel.to_string()).collect();
        Some(ClientSeen {
            row: self.row(listener, &outbox, sample.as_deref()),
            proxy: outbox.transport().proxy().map(|proxy| proxy.to_string()),
            channels_left_out: channels_len - channels.len(),
            channels,
            authorized_by,
        })
    }
}

fn number(at: usize) -> ListenerId {
    ListenerId::try_from(at).expect("connections are bounded far below 2^32")
}

fn fits(look: &ClientLook, state: &State, listener: ListenerId, outbox: &Outbox) -> bool {
    let ClientLook { address, subject, channel, .. } = look;
    subject.is_none_or(|subject| outbox.is_authorized_by(subject))
        && channel.as_deref().is_none_or(|channel| state.subscriptions.is_subscribed(listener, channel))
        && address.as_ref().is_none_or(|place| {
            let client = outbox.transport().client();
            match place {
                ClientPlace::Connection(address) => client == Some(ClientAddress::from(*address)),
                ClientPlace::Networks(networks) => {
                    client.and_then(|client| client.ip()).is_some_and(|ip| networks.contains(ip))
                }
            }
        })
}

fn transport(outbox: &Outbox, is_operator: bool) -> ClientTransport {
    match (outbox.stage(), outbox.transport().is_encrypted()) {
        _ if is_operator => ClientTransport::Operator,
        (Stage::WebSocket, false) => ClientTransport::Ws,
        (Stage::WebSocket, true) => ClientTransport::Wss,
        (Stage::EventStream(_), false) => ClientTransport::Sse,
        (Stage::EventStream(_), true) => ClientTransport::Sses,
        (Stage::Request | Stage::Answer | Stage::Idle, false) => ClientTransport::Http,
        (Stage::Request | Stage::Answer | Stage::Idle, true) => ClientTransport::Https,
    }
}

/// What a client publishes a second, what it is delivered, and how many bytes that are.
fn rates(state: &State, listener: ListenerId, sample: Option<&Sample>) -> (f64, f64, f64) {
    let Some(sample) = sample else { return (0.0, 0.0, 0.0) };
    let (mut messages, mut bytes) = (0, 0);
    for channel in state.subscriptions.channels_of(listener).take(ADDED_UP_MAX) {
        let delivered = sample.of_channel(channel).delivered;
        messages += delivered.messages;
        bytes += delivered.bytes;
    }
    let published = sample.of_publisher(listener).messages;
    (sample.a_second(published), sample.a_second(messages), sample.a_second(bytes))
}
