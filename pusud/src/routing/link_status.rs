//! The status of the network, for the operator: plain values that can be printed or written as JSON.
//!
//! Only describes; nothing decides by what stands here.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How the network is at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// This relay's name.
    pub name: String,
    /// The network's name.
    pub network: String,
    /// This start of this relay, in hex.
    pub boot_id: String,
    /// Whether peers have to know a key.
    pub key: bool,
    /// Channels with listeners here.
    pub channels: u64,
    /// Publications of channels with history that are known to be missing here, as runs: other relays are asked for them.
    #[serde(default)]
    pub history_holes: u64,
    /// The relays: those of the settings in their order, then others that are linked.
    pub peers: Vec<PeerStatus>,
    /// The connection to NATS, where that is the backplane.
    #[serde(default)]
    pub nats: Option<NatsStatus>,
}

/// The connection to NATS, and what was counted since the relay started.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NatsStatus {
    /// The server, as it was dialled; `None`: there is no connection, and of the server nothing is known.
    pub server: Option<String>,
    /// The address that this was.
    pub address: Option<String>,
    /// Version and cipher suite of TLS; `None`: the connection is not encrypted.
    pub encryption: Option<String>,
    /// Its name.
    pub server_name: Option<String>,
    /// Its id, another one after each of its starts.
    pub server_id: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The name of its cluster; `None`: it is alone.
    pub cluster: Option<String>,
    /// The longest payload that it takes, in bytes.
    pub max_payload: Option<u64>,
    /// For how long there has been a connection.
    #[serde(with = "seconds")]
    pub connected_for: Option<Duration>,
    /// For how long there has been none; since the relay has started, if there was none yet.
    #[serde(with = "seconds")]
    pub disconnected_for: Option<Duration>,
    /// From a ping to its pong, the last time; where one is waited for that has taken longer, until now.
    #[serde(with = "seconds")]
    pub round_trip: Option<Duration>,
    /// All relays that were known have answered over this connection, and publications leave.
    pub joined: bool,
    /// What waits to be written, in bytes.
    pub queue_bytes: u64,
    /// Publications that were given to the server.
    pub published: u64,
    /// Publications that were not, since too much waited.
    pub dropped: u64,
    /// Publications that were not, since the server takes none as long.
    pub too_large: u64,
    /// Payloads at the network's subjects that no relay of it has sent.
    pub garbage: u64,
    /// Payloads, and frames that relays tell each other alone, of kinds that only later versions have; they are skipped.
    pub unknown: u64,
    /// Times that a server has refused something.
    pub refusals: u64,
    /// Of these, those over the present connection.
    pub connection_refusals: u64,
    /// Times that another relay of this relay's name was heard.
    pub namesakes: u64,
    /// Times that a relay at a server of another cluster was heard.
    pub other_clusters: u64,
    /// Connections that have ended.
    pub disconnects: u64,
    /// Barriers that all have answered.
    pub barriers_passed: u64,
    /// Barriers that somebody has not answered in time.
    pub barriers_expired: u64,
    /// How long the last one took.
    #[serde(with = "seconds")]
    pub barrier_last: Option<Duration>,
    /// The longest.
    #[serde(with = "seconds")]
    pub barrier_longest: Option<Duration>,
    /// What is wrong, or was last.
    pub last_error: Option<String>,
    /// How long ago that was so last.
    #[serde(with = "seconds")]
    pub last_error_ago: Option<Duration>,
}

/// One relay of the network.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// As the settings have it; `None` for one that only dials us.
    pub address: Option<String>,
    /// Where it is dialled: one of the addresses of the name in `address`; `None` while the name has none.
    #[serde(default)]
    pub resolved: Option<String>,
    /// The address of the row that shows the link, where this is another address of the same relay.
    #[serde(default)]
    pub same_as: Option<String>,
    /// Its name, once it has been linked.
    pub name: Option<String>,
    /// Where it is connected from or to, while it is linked.
    pub remote: Option<String>,
    /// What there is between us.
    pub state: PeerState,
    /// The sockets' traffic and what was lost; all zero for one that was never linked.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// For how long it has been linked.
    #[serde(default, with = "seconds")]
    pub linked_for: Option<Duration>,
    /// From a ping to its pong, the last time.
    #[serde(default, with = "seconds")]
    pub round_trip: Option<Duration>,
    /// What waits to be sent, in bytes.
    pub queue_bytes: u64,
    /// Channels that it has listeners for.
    pub interest: u64,
    /// It acknowledges too slowly what we announce, and subscriptions do not wait for it.
    pub lagging: bool,
    /// Whether the link is encrypted; not while there is none.
    #[serde(default)]
    pub encrypted: bool,
    /// How it decides otherwise than this relay who may read and write; `None`: it does not, or nobody knows.
    #[serde(default)]
    pub authenticator_difference: Option<String>,
    /// How it keeps other history than this relay; `None`: it does not, or nobody knows.
    #[serde(default)]
    pub history_difference: Option<String>,
    /// What it says of its own links, all of them; `None`: nothing, since it is not linked, runs an earlier version, or has 64
    /// links or more.
    #[serde(default)]
    pub sees: Option<Vec<SeenRelay>>,
    /// Why the last attempt or the last link ended.
    pub last_error: Option<String>,
    /// When it will be dialled again.
    #[serde(default, with = "seconds")]
    pub next_attempt_in: Option<Duration>,
}

/// What another relay says of one of its own links.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenRelay {
    /// The name of the relay at the other end.
    pub name: String,
    /// What there is between the two.
    pub state: PeerState,
}

/// What there is between this relay and another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerState {
    /// No link; it is dialled now and then.
    #[default]
    Down,
    /// Linked, and still learning each other's interest.
    Linking,
    /// Linked.
    Linked,
    /// It has stopped as planned, and is shown for a minute more: only over NATS.
    Stopped,
    /// The address is this relay's own.
    Itself,
}

/// What was exchanged with a peer and what was lost, since its last start or ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Publications sent to it.
    pub sent: u64,
    /// Publications received from it.
    pub received: u64,
    /// Publications not sent since its queue was full.
    pub dropped: u64,
    /// Publications not sent since they are larger than it takes.
    pub too_large: u64,
    /// Publications sent and lost when a link broke; of those that it may have got or not, all are counted.
    pub lost: u64,
    /// Publications of its own that it says were lost on the way to us.
    pub missed: u64,
    /// Publications received after they were counted as missed, and thrown away: only over NATS.
    #[serde(default)]
    pub late: u64,
    /// Publications received a second time and thrown away; stays 0.
    pub duplicates: u64,
    /// Publications that were missing without being declared; stays 0.
    pub gaps: u64,
    /// Times that its interest was told again since the two sides differed; stays 0.
    pub resyncs: u64,
}

/// Durations as seconds with a fraction.
mod seconds {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let seconds = Option::<f64>::deserialize(deserializer)?;
        Ok(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
    }
}
