//! Rows of the lists that an operator is shown: clients and channels as they are at one moment, in the shape in which they go
//! through the control socket and the operations port.
//!
//! Only describes; nothing decides by what stands here. **Invariant:** no secret is in it. Fields are only ever added.

use serde::{Deserialize, Serialize};

/// What a client speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientTransport {
    /// WebSocket.
    #[default]
    Ws,
    /// WebSocket over TLS.
    Wss,
    /// A stream of Server-Sent Events.
    Sse,
    /// The same over TLS.
    Sses,
    /// Requests over HTTP, or none yet.
    Http,
    /// The same over TLS.
    Https,
    /// It is the operator's own: `pusud tail`, or a view of the console.
    Operator,
}

/// How it goes with a client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientState {
    /// All is well.
    #[default]
    Open,
    /// It takes less than what comes for it: the kernel takes nothing more.
    Blocked,
    /// Its connection ends.
    Closing,
}

/// One client.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClientRow {
    /// Its shard and its number there, and how many had that before, if any: it is never another client's.
    pub id: String,
    /// Where it is, as the log and `pusud kick --client` name it.
    pub address: String,
    /// Who it is, as the authenticator has said; `None`: it has not, or this is not kept.
    pub subject: Option<String>,
    /// What it speaks.
    pub transport: ClientTransport,
    /// How it goes.
    pub state: ClientState,
    /// Whether it is authorized.
    pub authorized: bool,
    /// For how long it has been connected, in seconds; `None`: nobody knows.
    pub connected_for: Option<f64>,
    /// Channels that it listens to.
    pub subscriptions: usize,
    /// What waits for it in this relay, in bytes.
    pub waiting_bytes: u64,
    /// For how long the kernel has taken nothing, in seconds; `None`: it takes what comes.
    pub blocked_for: Option<f64>,
    /// Messages that it publishes; `None`, as both that follow: nobody has asked for rates.
    pub published_per_second: Option<f64>,
    /// Messages for it.
    pub delivered_per_second: Option<f64>,
    /// The bytes of these, as frames.
    pub delivered_bytes_per_second: Option<f64>,
}

/// Clients that were looked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Clients {
    /// The first of those that fit.
    pub clients: Vec<ClientRow>,
    /// How many clients there are.
    pub count: usize,
    /// How many of them fit.
    pub matching: usize,
    /// For how long messages were counted; `None`: no rates were asked for.
    pub sampled_seconds: Option<f64>,
    /// The numbers of the shards that did not answer; their clients are missing.
    #[serde(default)]
    pub hanging_shards: Vec<usize>,
}

/// One authorization that a client has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AuthorizationRow {
    /// The name of the authenticator that has granted it, where the settings have a list; `None`: it is not known.
    pub entry: Option<String>,
    /// Whom it is for, as the authenticator has said; `None`: it has not, or this is not kept.
    #[serde(default)]
    pub subject: Option<String>,
    /// When it ends, in milliseconds since 1970; `None`: it does not.
    pub expires_ms: Option<u64>,
    /// What it gives.
    pub permissions: Vec<PermissionRow>,
}

/// One permission.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionRow {
    /// The channels.
    pub pattern: String,
    /// Whether it may listen to them.
    pub read: bool,
    /// Whether it may publish to them.
    pub write: bool,
}

/// All of one client that is shown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClientPage {
    /// Its row.
    pub client: ClientRow,
    /// The proxy that hands its connection on.
    pub proxy: Option<String>,
    /// What it is authorized by.
    pub authorizations: Vec<AuthorizationRow>,
    /// Whether that is known: not where its task has not answered in time, or it has sent no more than requests over HTTP.
    #[serde(default)]
    pub authorizations_known: bool,
    /// Permissions past the first thousand.
    pub permissions_left_out: usize,
    /// What it listens to: the first thousand by name.
    pub channels: Vec<String>,
    /// Channels past those.
    pub channels_left_out: usize,
}

/// One channel.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelRow {
    /// Its name.
    pub channel: String,
    /// Clients of this relay that listen to it.
    pub listeners: usize,
    /// Messages that come for it; `None`, as the next one: nobody has asked for rates.
    pub messages_per_second: Option<f64>,
    /// The bytes of their contents.
    pub bytes_per_second: Option<f64>,
    /// The linked relays where somebody listens to it, as far as that is known (`relays_known`).
    pub relays: Vec<String>,
    /// Publications that are kept of it; `None`: it has no history.
    #[serde(default)]
    pub history: Option<usize>,
}

/// Channels that were looked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Channels {
    /// The first of those that fit.
    pub channels: Vec<ChannelRow>,
    /// How many channels have a listener here; by rate, also those that something was published to, as far as they are counted.
    pub count: usize,
    /// How many of them fit.
    pub matching: usize,
    /// For how long messages were counted; `None`: no rates were asked for.
    pub sampled_seconds: Option<f64>,
    /// The numbers of the shards that did not answer; their listeners are missing.
    #[serde(default)]
    pub hanging_shards: Vec<usize>,
    /// The network did not answer: the linked relays that listen are missing.
    #[serde(default)]
    pub network_hangs: bool,
    /// Whether it is known which linked relays have listeners. Not while the network hangs, and never over NATS, whose servers
    /// alone know.
    #[serde(default)]
    pub relays_known: bool,
}

/// What there is of one channel with history.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChannelHistory {
    /// The entry of `history` in the settings that holds for it.
    pub rule: String,
    /// Publications that are kept at most.
    pub size: u32,
    /// For how long at most, in seconds.
    pub ttl_seconds: f64,
    /// Publications that are kept.
    pub entries: usize,
    /// What they take, in bytes.
    pub bytes: usize,
    /// For how long the oldest has been kept, in seconds; `None`: there is none.
    pub oldest_seconds: Option<f64>,
}

/// All of one channel that is shown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelPage {
    /// Its name.
    pub channel: String,
    /// Clients of this relay that listen to it.
    pub listeners: usize,
    /// The linked relays where somebody listens to it, as far as that is known (`relays_known`).
    pub relays: Vec<String>,
    /// Messages that come for it.
    pub messages_per_second: Option<f64>,
    /// The bytes of these.
    pub bytes_per_second: Option<f64>,
    /// The first hundred of those clients, those first for which most waits.
    pub clients: Vec<ClientRow>,
    /// What is kept of it; `None`: it has no history.
    #[serde(default)]
    pub history: Option<ChannelHistory>,
    /// The numbers of the shards that did not answer; their listeners are missing.
    #[serde(default)]
    pub hanging_shards: Vec<usize>,
    /// The network did not answer: the linked relays that listen are missing.
    #[serde(default)]
    pub network_hangs: bool,
    /// Whether it is known which linked relays have listeners. Not while the network hangs, and never over NATS, whose servers
    /// alone know.
    #[serde(default)]
    pub relays_known: bool,
}
