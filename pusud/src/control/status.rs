//! The status of a relay, in the shape in which it goes through the control socket to `pusud status`.
//!
//! **Invariant:** no secret is in it. Fields are only ever added; a reader ignores those that it does not know.

use crate::authenticator::{Condition, DecisionCounts, Definition, Value};
use crate::control::figures::{Histogram, Memory, OpenFiles, Times};
use crate::control::{AuthenticatorEntry, History};
use crate::routing::{EndedClient, NatsStatus, PeerStatus, States, Transports};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One relay at one moment. Counters run since it was started.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The relay's name in the settings.
    pub name: String,
    /// The daemon's version.
    pub version: String,
    /// The daemon's process.
    pub pid: u32,
    /// Whether it serves or stops.
    pub state: State,
    /// Where clients connect: the first of the listeners.
    pub address: String,
    /// All places where clients connect.
    #[serde(default)]
    pub listeners: Vec<Listener>,
    /// Where operators connect, such as `http://127.0.0.1:55002`; `None`: nowhere.
    #[serde(default)]
    pub operations: Option<String>,
    /// The certificates there; `None`: it does not encrypt.
    #[serde(default)]
    pub operations_tls: Option<Tls>,
    /// When it began to serve: seconds since 1970.
    pub since: u64,
    /// How long it has been serving, in seconds.
    pub uptime_seconds: u64,
    /// How many threads serve clients.
    pub shards: usize,
    /// The numbers of those that did not answer within a second; below, counters are those of
    /// their last answer, and whatever there is of them now is missing.
    pub hanging_shards: Vec<usize>,
    /// Whether the network's thread did not answer within a second; what it knows is missing below.
    #[serde(default)]
    pub network_hangs: bool,
    /// The connections.
    pub connections: Connections,
    /// Channels that have a listener.
    pub channels: usize,
    /// Pairs of a listener and a channel.
    pub subscriptions: usize,
    /// Messages that went through.
    pub messages: Messages,
    /// How long things took.
    #[serde(default)]
    pub times: Times,
    /// Memory against its bounds.
    #[serde(default)]
    pub memory: Memory,
    /// The process's open files against their bound.
    #[serde(default)]
    pub open_files: OpenFiles,
    /// Connections that the relay ended.
    pub disconnects: Vec<Disconnects>,
    /// The clients whom the relay has disconnected last, the newest first: some of each reason.
    #[serde(default)]
    pub ended: Vec<EndedClient>,
    /// What was refused for exceeding a limit, by the limit's key in the settings.
    pub refusals: BTreeMap<String, u64>,
    /// Log lines that were lost because standard error was not read or could not be written.
    #[serde(default)]
    pub lost_log_lines: u64,
    /// Log lines that were left out because too many of their kind came.
    #[serde(default)]
    pub left_out_log_lines: u64,
    /// Revocations that hold.
    #[serde(default)]
    pub revocations: usize,
    /// Channels with history; `None`: the settings give none to any.
    #[serde(default)]
    pub history: Option<History>,
    /// The authenticator.
    pub authenticator: Authenticator,
    /// The files whose texts stand in the options of the authenticator (`!file`); empty where there are none.
    #[serde(default)]
    pub option_files: Vec<OptionFile>,
    /// The other relays of the network; empty where there is none.
    pub relays: Vec<PeerStatus>,
    /// The connection to NATS; `None`: that is not the backplane, or the network hangs.
    #[serde(default)]
    pub nats: Option<NatsStatus>,
}

/// The state of the relay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It accepts clients.
    #[default]
    Serving,
    /// It was asked to stop, and drains its clients.
    Stopping,
}

/// The connections of clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    /// All connections.
    pub total: usize,
    /// Those among them that have not been authorized yet.
    pub unauthorized: usize,
    /// Those that have not finished their TLS handshake. They are not among the former.
    #[serde(default)]
    pub handshakes: usize,
    /// Those that were let in since the start.
    #[serde(default)]
    pub accepted: u64,
    /// All, by what they speak.
    #[serde(default)]
    pub by_transport: Transports,
    /// All, by whether their client takes what is sent to it.
    #[serde(default)]
    pub by_state: States,
}

/// One place where clients connect.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Its name.
    pub name: String,
    /// Where it is: an address with its port, or `unix:` with a path.
    pub address: String,
    /// Connections that came through it and are there now.
    pub connections: usize,
    /// `None`: it does not encrypt.
    pub tls: Option<Tls>,
    /// Whether a PROXY header is required.
    pub proxy_protocol: bool,
    /// The proxies whose word on a client's address is taken; `None`: nobody's is.
    pub trusted_proxies: Option<String>,
}

/// The certificates of a listener, as they are served now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// Each of them.
    pub certificates: Vec<Certificate>,
    /// Whether clients are asked for certificates: `off`, `optional` or `required`.
    pub client_certificates: String,
    /// Whole days until the first of them expires; negative once one has.
    pub days_left: i64,
}

/// One certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The DNS names and addresses that it is for.
    pub names: Vec<String>,
    /// The kind of its key, such as `ECDSA P-256`.
    pub key: String,
    /// The SHA-256 of the certificate.
    pub sha256: String,
    /// When it expires: seconds since 1970.
    pub not_after: i64,
}

/// Messages that went through the relay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Messages {
    /// Messages accepted from sources.
    pub published: u64,
    /// Bytes of their contents.
    #[serde(default)]
    pub published_bytes: u64,
    /// Messages handed to listeners.
    pub delivered: u64,
    /// Bytes of them, as frames of a WebSocket.
    #[serde(default)]
    pub delivered_bytes: u64,
    /// Messages that were lost with slow consumers.
    #[serde(default)]
    pub dropped: u64,
    /// Bytes that were lost with slow consumers.
    pub dropped_bytes: u64,
}

/// Connections that the relay ended for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disconnects {
    /// The close code.
    pub code: u16,
    /// The reason as clients are told it.
    pub reason: String,
    /// How many.
    pub count: u64,
}

/// The authenticator, which decides what clients may do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Authenticator {
    /// The id in its manifest, or `None`.
    pub id: String,
    /// The version in its manifest.
    pub version: String,
    /// The SHA-256 of its library.
    pub sha256: String,
    /// How many authenticators have decided since the start, this one included.
    pub generation: u32,
    /// Since when this one has decided: seconds since 1970.
    #[serde(default)]
    pub since: u64,
    /// Whether it would take another question now.
    pub ready: bool,
    /// Questions that wait for a thread.
    pub queued: usize,
    /// Calls that were not answered in time, since it took over, as all that follows.
    pub timed_out: u64,
    /// Calls that were turned away at once.
    pub turned_away: u64,
    /// Calls that it failed or forgot to answer.
    pub failed: u64,
    /// Answers that came too late or twice.
    pub late: u64,
    /// Answers that broke the rules.
    pub malformed: u64,
    /// Threads that hang in it now.
    pub stuck_threads: usize,
    /// The condition of the plugin, as it said last.
    #[serde(default)]
    pub condition: Condition,
    /// The counters, gauges and histograms of the plugin.
    #[serde(default)]
    pub metrics: Vec<PluginMetric>,
    /// Instances or processes of it that were lost and replaced.
    #[serde(default)]
    pub restarts: u64,
    /// What was decided, since it stands in the settings.
    #[serde(default)]
    pub decisions: DecisionCounts,
    /// How long each decision took.
    #[serde(default)]
    pub durations: Histogram,
    /// Each entry, where the settings have a list; what stands above is then said of all that decide.
    #[serde(default)]
    pub entries: Vec<AuthenticatorEntry>,
}

/// A file whose text stands in an option.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionFile {
    /// Where it is.
    pub path: String,
    /// When the text that the authenticator has was read: seconds since 1970.
    pub since: u64,
    /// Why what is there now is not what the authenticator has; `None`: it is.
    pub fault: Option<String>,
}

/// One series of the plugin's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PluginMetric {
    /// Kind, name, help, labels and bounds.
    pub definition: Definition,
    /// What it says.
    pub value: Value,
}
