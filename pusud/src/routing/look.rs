//! Looks into a shard: lists of its clients and channels that an operator wants to see, each made when somebody looks.

use crate::admission::Networks;
use crate::routing::client_id::ClientId;
use crate::routing::rows::{AuthorizationRow, ChannelRow, ClientRow};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::oneshot;

/// The most rows of a list.
pub const ROWS_MAX: usize = 1000;

/// The order of a list of clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientSort {
    /// For whom most waits, first.
    #[default]
    Waiting,
    /// Who publishes and is delivered most, first: messages are counted for a second.
    Rate,
    /// Who listens to most channels, first.
    Subscriptions,
    /// Who came first, first.
    Age,
}

/// The order of a list of channels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelSort {
    /// What most clients listen to, first.
    #[default]
    Listeners,
    /// What most messages come for, first: messages are counted for a second.
    Rate,
    /// By name.
    Name,
}

/// Where clients come from that are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientPlace {
    /// One connection.
    Connection(SocketAddr),
    /// An address or a network.
    Networks(Networks),
}

/// Which clients a shard is to show.
#[derive(Debug, Clone, Default)]
pub struct ClientLook {
    /// The order.
    pub sort: ClientSort,
    /// How many.
    pub limit: usize,
    /// From there; `None`: from anywhere.
    pub address: Option<ClientPlace>,
    /// With an authorization of the subject of this number; `None`: with any, or none.
    pub subject: Option<u64>,
    /// That listen to this channel; `None`: to anything, or nothing.
    pub channel: Option<String>,
    /// With the rates of each.
    pub with_rates: bool,
}

/// What a shard shows, or all of them together.
#[derive(Debug, Clone)]
pub struct Seen<Row> {
    /// The rows.
    pub rows: Vec<Row>,
    /// How many there are. Of channels those that have no listener in a shard of a lower number.
    pub count: usize,
    /// How many of those fit.
    pub matching: usize,
    /// For how long messages were counted.
    pub sampled_seconds: Option<f64>,
}

/// Clients, each with what it is sorted by.
pub type ClientsSeen = Seen<(u64, ClientRow)>;

/// Channels.
pub type ChannelsSeen = Seen<ChannelSeen>;

impl<Row> Default for Seen<Row> {
    fn default() -> Self {
        Self { rows: Vec::new(), count: 0, matching: 0, sampled_seconds: None }
    }
}

impl<Row> Seen<Row> {
    /// This, and what another shard shows.
    pub fn and(mut self, other: Self) -> Self {
        self.rows.extend(other.rows);
        self.count += other.count;
        self.matching += other.matching;
        self.sampled_seconds = self.sampled_seconds.or(other.sampled_seconds);
        self
    }
}

/// Which channels a shard is to show.
#[derive(Debug, Clone, Default)]
pub struct ChannelLook {
    /// The order.
    pub sort: ChannelSort,
    /// How many.
    pub limit: usize,
    /// Those with this in their name.
    pub search: Option<String>,
    /// These and no others, whoever listens to them.
    pub named: Option<Arc<[Box<str>]>>,
    /// With the rates of each.
    pub with_rates: bool,
    /// As they were counted last, a moment ago: nothing is counted anew.
    pub has_sample: bool,
}

/// What is seen of one channel in one shard.
#[derive(Debug, Clone, Default)]
pub struct ChannelSeen {
    /// The row: its listeners in this shard, and no relays. Rates are of what was published here.
    pub row: ChannelRow,
    /// What came over links: messages and bytes a second, which every shard with listeners is given.
    pub from_links: Option<(f64, f64)>,
}

/// One client, as far as its shard and its task know it.
#[derive(Debug, Clone, Default)]
pub struct ClientSeen {
    /// Its row.
    pub row: ClientRow,
    /// The proxy in front of it.
    pub proxy: Option<String>,
    /// What it listens to, by name.
    pub channels: Vec<String>,
    /// Channels past those.
    pub channels_left_out: usize,
    /// What its task says; `None`: it has not said it in time, or has nothing to say before the first message.
    pub authorized_by: Option<AuthorizedBy>,
}

/// What a client's task says of its authorizations.
#[derive(Debug, Clone, Default)]
pub struct AuthorizedBy {
    /// Each.
    pub authorizations: Vec<AuthorizationRow>,
    /// Permissions past the bound.
    pub permissions_left_out: usize,
}

/// What an operator wants to see of a shard, and where it is to be shown.
pub enum Look {
    /// Some of the clients.
    Clients(Box<ClientLook>, oneshot::Sender<ClientsSeen>),
    /// The client of this id.
    Client(ClientId, oneshot::Sender<Option<ClientSeen>>),
    /// Some of the channels.
    Channels(Box<ChannelLook>, oneshot::Sender<ChannelsSeen>),
}
