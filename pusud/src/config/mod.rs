//! Settings: from the file that the operator wrote to what the daemon uses without asking again.
//!
//! Reads one file, and those that its tags name, and asks the system for the host name and the number of cores. It never
//! starts, binds or looks into the plugins directory. `raw` is what was written, [`Config`] is what it means.
//! **Invariant:** values of an authenticator's options are secrets: neither an error nor `Debug` shows one.

mod authenticator;
mod authenticator_list;
mod backplane;
mod encryption;
mod file_text;
mod held;
mod history;
mod host_name;
mod http;
mod key_table;
mod keys;
mod kinds;
mod limit_table;
mod limits;
mod listener;
mod listener_keys;
mod loading;
mod nats;
mod nats_address;
mod nats_files;
mod nearest;
mod operations;
mod outside;
mod peer_address;
mod place;
mod raw;
mod restart;
mod secret;
mod section;
mod shown;
mod shown_nats;
#[cfg(test)]
mod tests;
mod units;
mod values;
mod volume;
mod warnings;
mod wiped_option;
mod yaml;
mod yaml_key;
mod yaml_mapping;
mod yaml_tags;

pub use backplane::Backplane;
pub use held::HeldSettings;
pub use http::HttpConfig;
pub(crate) use keys::NOT_SHOWN;
pub use limit_table::{LIMITS, limit_rows};
pub use listener::{Endpoint, ListenerConfig, UnixSocket};
pub use loading::load_options;
pub use nats::{NatsCredentials, NatsSettings, NatsTls};
pub use nats_address::NatsAddress;
pub use nearest::did_you_mean;
pub use operations::OperationsPort;
pub use outside::{Changed, FileReport, Look, Notice, Outside, TextFile, WatchedFiles};
pub use peer_address::PeerAddress;
pub use secret::Secret;
pub use shown::SettingRow;
pub use units::{format_bytes, format_duration};
pub(crate) use volume::is_read_only;
#[cfg(unix)]
pub(crate) use volume::{is_folder_read_only, is_owner_unknown, owner_in_words};

use crate::history::Settings as HistorySettings;
use crate::http::HeaderNames;
use crate::protocol::{Limits, SHARDS_MAX};
use crate::tls::Files;
pub(crate) use authenticator::wipe;
pub use authenticator::{AuthenticatorConfig, AuthenticatorEntry, AuthenticatorList, Isolation, OnSwap};
use authenticator_list::RawAuthenticator;
pub use encryption::{Encryption, NetworkTls};
use raw::RawConfig;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

/// The settings file that is read where none is named: in the working directory.
pub const DEFAULT_FILE: &str = "settings.yaml";
/// Where clients connect unless the settings say otherwise.
pub const CLIENT_PORT: u16 = 55000;
/// Where relays connect unless the settings say otherwise.
pub const NETWORK_PORT: u16 = 55001;
/// Where operators and their programs connect unless the settings say otherwise.
pub const OPERATIONS_PORT: u16 = 55002;
/// What the network of relays is called unless the settings say otherwise.
pub const NETWORK_NAME: &str = "pusu";
/// The authenticator that is built in and grants everything.
pub const NO_AUTHENTICATOR: &str = "None";
/// The address space of a plugin's process unless the settings say otherwise, in bytes: more than most plugins need
/// (allocators and threads reserve much that they never use), less than would bring the machine to its knees.
pub const ISOLATION_MEMORY: u64 = 4 << 30;

/// How long a plugin may take to make an instance unless the settings say otherwise.
pub const CREATE_TIMEOUT: Duration = Duration::from_secs(30);

/// How many decisions are remembered unless the settings say otherwise.
pub const REMEMBERED_DECISIONS: usize = 1000;

/// What the daemon uses without asking again.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which file the settings came from; `None`: there is none.
    pub file: Option<PathBuf>,
    /// The authenticator.
    pub authenticator: AuthenticatorConfig,
    /// Where clients connect, if `listeners` are not written out.
    pub client_address: IpAddr,
    /// Where clients connect, if `listeners` are not written out; 0 lets the system choose. Else the first port among them.
    pub client_port: u16,
    /// The files for TLS on `client_port`.
    pub client_tls: Option<Files>,
    /// The places where clients connect; at least one.
    pub listeners: Vec<ListenerConfig>,
    /// The file with the secret that TLS sessions are resumed with; `None`: `network_key_file` serves, if there is one.
    pub tls_ticket_key_file: Option<PathBuf>,
    /// What is served over HTTP beside WebSocket.
    pub http: HttpConfig,
    /// The headers of requests that authenticators see.
    pub authenticator_sees: HeaderNames,
    /// What carries messages between relays.
    pub backplane: Backplane,
    /// Where relays connect.
    pub network_address: IpAddr,
    /// Where relays connect; 0 lets the system choose.
    pub network_port: u16,
    /// The relays of the mesh, each once, maybe this one among them; empty: no mesh. [`Self::has_network`] says whether there
    /// is a network.
    pub relays: Vec<PeerAddress>,
    /// What the network is called; relays of another name are refused.
    pub network_name: String,
    /// The file with the key that all relays of the network share; `None`: they prove nothing to each other. With NATS it is
    /// no proof, and serves for hashes and tickets alone.
    pub network_key_file: Option<PathBuf>,
    /// A key file that others may read is refused, rather than warned about.
    pub strict_key_permissions: bool,
    /// Whether links to other relays are encrypted.
    pub network_encryption: Encryption,
    /// Certificates of the operator's own for links.
    pub network_tls: Option<NetworkTls>,
    /// Which channels have history, and what it may take.
    pub history: HistorySettings,
    /// This relay's name, told to clients in `hello`.
    pub name: String,
    /// How many shards (threads that serve clients); at least 1.
    pub shards: usize,
    /// Where `pusud status` asks.
    pub control_socket: ControlSocket,
    /// Where operators and their programs connect.
    pub operations_address: IpAddr,
    /// Where operators and their programs connect, if they do.
    pub operations_port: OperationsPort,
    /// The files for TLS on `operations_port`.
    pub operations_tls: Option<Files>,
    /// Where the operators' tokens are; `None`: where the relay finds a place for them.
    pub operations_token_file: Option<PathBuf>,
    /// Further names by which programs may ask for it, in lower case.
    pub operations_hosts: Vec<String>,
    /// Whether tokens are taken without TLS from other machines: something else encrypts.
    pub operations_plaintext: bool,
    /// How many links this relay must have to be ready for clients.
    pub ready_needs_relays: usize,
    /// Where revocations are kept over a restart; `None`: nowhere.
    pub revocations_file: Option<PathBuf>,
    /// How many decisions of the authenticator are remembered; 0: none.
    pub remembered_decisions: usize,
    /// Bounds on what clients may do.
    pub limits: Limits,
    /// What was taken from outside of the file.
    pub outside: Outside,
}

/// Where the control socket lies, through which `pusud status` asks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ControlSocket {
    /// In the system's folder for such sockets, by the clients' port; none where that port is chosen by the system.
    #[default]
    ByPort,
    /// There is none.
    None,
    /// At this path.
    At(PathBuf),
}

/// What the command line says over the settings.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Stands for `plugins_dir`; relative to the working directory.
    pub plugins_dir: Option<PathBuf>,
}

impl Config {
    /// Fills in the defaults. Relative paths of the settings start at `directory`.
    fn resolve(mut raw: RawConfig, authenticator: RawAuthenticator, directory: &Path, file: Option<&Path>) -> Self {
        let name = raw.name.take().unwrap_or_else(host_name::host_name);
        let limits = limits::resolve(std::mem::take(&mut raw.limits));
        let authenticator =
            authenticator_list::config(&mut raw, authenticator, (directory, file, &name), limits.authorize_timeout);
        let everywhere = IpAddr::from(Ipv4Addr::UNSPECIFIED);
        let client_address = raw.client_address.unwrap_or(everywhere);
        let client_tls = raw.client_tls.map(|files| listener::within(directory, files));
        let listeners = match raw.listeners.is_empty() {
            true => {
                let address = SocketAddr::new(client_address, raw.client_port.unwrap_or(CLIENT_PORT));
                vec![ListenerConfig { tls: client_tls.clone(), ..ListenerConfig::simple(address) }]
            }
            false => raw.listeners.into_iter().map(|listener| listener.within(directory)).collect(),
        };
        let client_port = listeners.iter().find_map(ListenerConfig::port).unwrap_or(CLIENT_PORT);
        Self {
            file: file.map(Path::to_owned),
            authenticator,
            client_address,
            client_port,
            client_tls,
            listeners,
            tls_ticket_key_file: raw.tls_ticket_key_file.map(|file| directory.join(file)),
            http: raw.http.unwrap_or_default(),
            authenticator_sees: raw.authenticator_sees.unwrap_or_default(),
            network_address: raw.network_address.unwrap_or(everywhere),
            network_port: raw.network_port.unwrap_or(NETWORK_PORT),
            relays: raw.relays,
            network_name: raw.network_name.unwrap_or_else(|| NETWORK_NAME.to_owned()),
            network_encryption: encryption::resolve(
                raw.network_encryption,
                // With NATS there are no links.
                raw.nats.is_none() && (raw.network_key_file.is_some() || raw.network_tls.is_some()),
            ),
            backplane: backplane::resolve(raw.nats, directory),
            network_tls: raw.network_tls.map(|files| files.in_directory(directory)),
            network_key_file: raw.network_key_file.map(|file| directory.join(file)),
            strict_key_permissions: raw.strict_key_permissions.unwrap_or(true),
            history: history::resolve(raw.history, raw.history_bytes),
            name,
            shards: match raw.shards {
                None | Some(0) => available_parallelism().map_or(1, usize::from).min(SHARDS_MAX),
                Some(shards) => shards,
            },
            control_socket: match raw.control_socket {
                Some(ControlSocket::At(path)) => ControlSocket::At(directory.join(path)),
                other => other.unwrap_or_default(),
            },
            operations_address: raw.operations_address.unwrap_or(Ipv4Addr::LOCALHOST.into()),
            operations_port: operations::resolve(raw.operations_port, client_port),
            operations_tls: raw.operations_tls.map(|files| listener::within(directory, files)),
            operations_token_file: raw.operations_token_file.map(|file| directory.join(file)),
            operations_hosts: raw.operations_hosts,
            operations_plaintext: raw.operations_plaintext.unwrap_or(false),
            ready_needs_relays: raw.ready_needs_relays.unwrap_or(0),
            revocations_file: raw.revocations_file.map(|file| directory.join(file)),
            remembered_decisions: raw.remembered_decisions.unwrap_or(REMEMBERED_DECISIONS),
            limits,
            outside: Outside::default(),
        }
    }
}
