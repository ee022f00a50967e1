//! Lists of clients and channels, made when an operator looks: each shard gives its first rows, and here they become the first
//! ones of all.
//!
//! **Invariant:** whoever asks is answered within a few seconds, with what has answered; no list has more rows than
//! [`ROWS_MAX`], whatever is asked.

mod kept;
mod merging;
mod query;
mod sessions;

pub use query::{ChannelQuery, ClientQuery};

use crate::admission::Admission;
use crate::history::Logs;
use crate::revocation::Revocations;
use crate::routing::{
    AuthorizedBy, ChannelLook, ChannelPage, ChannelRow, ChannelSort, Channels, ChannelsSeen, ClientId, ClientLook,
    ClientPage, ClientSeen, ClientSort, Clients, ClientsSeen, Event, InboxSender, Item, KICK_BYTES_MAX, Look, Seen,
};
use merging::{added_up, first_clients, order};
use query::{channel, place, rows};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// How long shards and the network may take to answer; while messages are counted a second more.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Clients on the page of a channel.
const LISTENERS_SHOWN: usize = 100;
/// Channels that the network is asked about at once: it has other things to do in between.
const CHANNELS_ASKED_ONCE: usize = 64;
/// Channels that each shard gives beyond those that are wanted, since it knows its own listeners alone.
const CANDIDATES_MORE: usize = 200;

/// The names of the authenticators by their numbers, where the settings have a list.
pub type EntryNames = Box<dyn Fn() -> HashMap<u32, String> + Send + Sync>;

/// Makes the lists of a relay that serves, and tails its channels.
pub struct Lists {
    inboxes: Vec<InboxSender>,
    network: Option<InboxSender<Event>>,
    revocations: Arc<Revocations>,
    entry_names: EntryNames,
    /// The shard that has the next session of the operator's.
    next: AtomicUsize,
    admission: Arc<Admission>,
    message_bytes_max: usize,
    /// The logs of channels with history; `None`: no channel has any.
    logs: Option<Arc<Logs>>,
}

/// What has become of the question which linked relays have listeners.
#[derive(PartialEq, Eq)]
enum Relays {
    Named,
    /// NATS alone knows.
    Unknown,
    /// The network does not answer, and some are missing.
    Silent,
}

impl Lists {
    /// Of the relay with these shards and this network, whose messages have at most so many bytes. `admission` has the places
    /// for sessions.
    pub fn new(
        inboxes: Vec<InboxSender>,
        network: Option<InboxSender<Event>>,
        revocations: Arc<Revocations>,
        entry_names: EntryNames,
        admission: Arc<Admission>,
        message_bytes_max: usize,
    ) -> Self {
        let next = AtomicUsize::new(0);
        Self { inboxes, network, revocations, entry_names, next, admission, message_bytes_max, logs: None }
    }

    /// The same of a relay with channels that have history.
    pub fn with_logs(self, logs: Option<Arc<Logs>>) -> Self {
        Self { logs, ..self }
    }

    /// The first clients of those that fit.
    ///
    /// # Errors
    /// There can be no such clients, or not so many rows: what is wrong.
    pub async fn clients(&self, query: &ClientQuery) -> Result<Clients, String> {
        let mut clients = Clients::default();
        let limit = rows(query.limit)?;
        let look = ClientLook {
            sort: query.sort,
            limit,
            address: query.address.as_deref().map(place).transpose()?,
            subject: query.subject.as_deref().map(|subject| self.subject(subject)).transpose()?,
            channel: query.channel.as_deref().map(channel).transpose()?.map(str::to_owned),
            with_rates: query.sort == ClientSort::Rate,
        };
        let (mut all, hanging) = self.look_at_clients(look).await;
        clients.hanging_shards = hanging;
        clients.clients = first_clients(&mut all, limit);
        (clients.count, clients.matching, clients.sampled_seconds) = (all.count, all.matching, all.sampled_seconds);
        Ok(clients)
    }

    /// All of the client with this id; `None`: it is gone.
    ///
    /// # Errors
    /// There can be no such client, or its shard does not answer.
    pub async fn client(&self, id: &str) -> Result<Option<ClientPage>, String> {
        let id: ClientId = id.parse().map_err(|error: anyhow::Error| error.to_string())?;
        let shard = id.shard;
        let Some(inbox) = self.inboxes.get(shard) else { return Ok(None) };
        let (reply, answer) = oneshot::channel();
        inbox.send(Item::Look(Look::Client(id, reply)));
        let within = ANSWER_WITHIN + Duration::from_secs(1);
        let seen = timeout_at(Instant::now() + within, answer).await;
        let seen = seen.ok().and_then(Result::ok).ok_or_else(|| format!("shard {shard} does not answer"))?;
        Ok(seen.map(|seen| self.page(seen)))
    }

    fn page(&self, seen: ClientSeen) -> ClientPage {
        let ClientSeen { row, proxy, channels, channels_left_out, authorized_by } = seen;
        let authorizations_known = authorized_by.is_some();
        let AuthorizedBy { authorizations, permissions_left_out } = authorized_by.unwrap_or_default();
        let names = (self.entry_names)();
        let named = authorizations.into_iter().map(|mut authorization| {
            // By its number so far.
            let number = authorization.entry.take().and_then(|number| number.parse().ok());
            authorization.entry = number.and_then(|number: u32| names.get(&number).cloned());
            authorization
        });
        ClientPage {
            client: row,
            proxy,
            authorizations: named.collect(),
            authorizations_known,
            permissions_left_out,
            channels,
            channels_left_out,
        }
    }

    /// The first channels of those that fit.
    ///
    /// # Errors
    /// Not so many rows can be shown.
    pub async fn channels(&self, query: &ChannelQuery) -> Result<Channels, String> {
        let limit = rows(query.limit)?;
        let with_rates = query.sort == ChannelSort::Rate;
        let search = query.search.clone().filter(|search| !search.is_empty());
        let look =
            ChannelLook { sort: query.sort, limit: limit + CANDIDATES_MORE, search, with_rates, ..Default::default() };
        let (mut seen, mut hanging) = self.look_at_channels(look, &[]).await;
        if self.inboxes.len() > 1 {
            // Each shard has given the first ones of its own: the others say what they have of those.
            let mut named: Vec<Box<str>> = seen.rows.iter().map(|one| one.row.channel.as_str().into()).collect();
            named.sort_unstable();
            named.dedup();
            let has_sample = seen.sampled_seconds.is_some();
            let named = Some(named.into());
            let look = ChannelLook { named, sort: query.sort, with_rates, has_sample, ..ChannelLook::default() };
            // Nobody waits for those again that have not answered.
            let (again, hanging_now) = self.look_at_channels(look, &hanging).await;
            seen.rows = again.rows;
            hanging = hanging_now;
        }
        let mut channels = added_up(seen.rows);
        channels.sort_by(|one, other| order(one, query.sort).cmp(&order(other, query.sort)));
        // Shards count those alone that have listeners.
        let unheard = channels.iter().filter(|row| row.listeners == 0).count();
        channels.truncate(limit);
        for row in &mut channels {
            row.history = self.history(&row.channel).map(|history| history.entries);
        }
        let relays = self.name_relays(&mut channels).await;
        let (count, matching) = (seen.count + unheard, seen.matching + unheard);
        let sampled_seconds = seen.sampled_seconds;
        Ok(Channels {
            channels,
            count,
            matching,
            sampled_seconds,
            hanging_shards: hanging,
            network_hangs: relays == Relays::Silent,
            relays_known: relays == Relays::Named,
        })
    }

    /// All of the channel of this name, whether anybody listens to it or not.
    ///
    /// # Errors
    /// This is no channel's name.
    pub async fn channel(&self, name: &str) -> Result<ChannelPage, String> {
        channel(name)?;
        let of_channel = ChannelLook { named: Some([Box::from(name)].into()), with_rates: true, ..Default::default() };
        let of_clients = ClientLook { limit: LISTENERS_SHOWN, channel: Some(name.to_owned()), ..Default::default() };
        let (channels, clients) =
            tokio::join!(self.look_at_channels(of_channel, &[]), self.look_at_clients(of_clients));
        let ((channels, mut hanging_shards), (mut clients, hanging)) = (channels, clients);
        hanging_shards.extend(hanging);
        hanging_shards.sort_unstable();
        hanging_shards.dedup();
        let mut rows = added_up(channels.rows);
        let relays = self.name_relays(&mut rows).await;
        let row = rows.pop().unwrap_or_default();
        Ok(ChannelPage {
            channel: name.to_owned(),
            listeners: row.listeners,
            relays: row.relays,
            messages_per_second: row.messages_per_second,
            bytes_per_second: row.bytes_per_second,
            history: self.history(name),
            clients: first_clients(&mut clients, LISTENERS_SHOWN),
            hanging_shards,
            network_hangs: relays == Relays::Silent,
            relays_known: relays == Relays::Named,
        })
    }

    fn subject(&self, subject: &str) -> Result<u64, String> {
        match subject.len() {
            0 => Err("expected a subject, found nothing".to_owned()),
            1..=KICK_BYTES_MAX => Ok(self.revocations.subject_key(subject)),
            bytes => Err(format!("expected a subject of at most {KICK_BYTES_MAX} bytes, found {bytes}")),
        }
    }

    async fn look_at_clients(&self, look: ClientLook) -> (ClientsSeen, Vec<usize>) {
        self.look(look.with_rates, &[], |reply| Look::Clients(Box::new(look.clone()), reply)).await
    }

    /// `without`: the shards that are not asked.
    async fn look_at_channels(&self, look: ChannelLook, without: &[usize]) -> (ChannelsSeen, Vec<usize>) {
        self.look(look.with_rates, without, |reply| Look::Channels(Box::new(look.clone()), reply)).await
    }

    /// Asks all shards at once, but for those `without` whom it goes. Gives the answers together, and the numbers of all others.
    async fn look<Row>(
        &self,
        with_rates: bool,
        without: &[usize],
        question: impl Fn(oneshot::Sender<Seen<Row>>) -> Look,
    ) -> (Seen<Row>, Vec<usize>) {
        let deadline = Instant::now() + ANSWER_WITHIN + Duration::from_secs(u64::from(with_rates));
        let ask = |(shard, inbox): (usize, &InboxSender)| {
            let (reply, answer) = oneshot::channel();
            inbox.send(Item::Look(question(reply)));
            (shard, answer)
        };
        let asked = self.inboxes.iter().enumerate().filter(|(shard, _)| !without.contains(shard));
        let asked: Vec<_> = asked.map(ask).collect();
        let (mut all, mut hanging) = (Seen::default(), without.to_vec());
        for (shard, answer) in asked {
            match timeout_at(deadline, answer).await {
                Ok(Ok(answer)) => all = all.and(answer),
                Ok(Err(_)) | Err(_) => hanging.push(shard),
            }
        }
        hanging.sort_unstable();
        (all, hanging)
    }

    /// Fills in the linked relays where somebody listens, and says what has become of that.
    async fn name_relays(&self, channels: &mut [ChannelRow]) -> Relays {
        let Some(network) = &self.network else { return Relays::Named };
        let deadline = Instant::now() + ANSWER_WITHIN;
        for some in channels.chunks_mut(CHANNELS_ASKED_ONCE) {
            let (reply, answer) = oneshot::channel();
            let names = some.iter().map(|row| row.channel.as_str().into()).collect();
            network.send(Event::WhoListens(names, reply));
            let Ok(Ok(relays)) = timeout_at(deadline, answer).await else { return Relays::Silent };
            let Some(relays) = relays else { return Relays::Unknown };
            some.iter_mut().zip(relays).for_each(|(row, relays)| row.relays = relays);
        }
        Relays::Named
    }
}
