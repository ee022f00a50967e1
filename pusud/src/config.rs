//! Settings. TODO by helper.

use crate::limits::Limits;
use std::net::IpAddr;
use std::path::PathBuf;

/// What the daemon uses without asking again.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which file the settings came from; `None`: there is none.
    pub file: Option<PathBuf>,
    /// Who decides.
    pub authenticator: AuthenticatorConfig,
    /// Where clients connect.
    pub client_address: IpAddr,
    /// Where clients connect; 0 lets the system choose.
    pub client_port: u16,
    /// Where relays connect.
    pub network_address: IpAddr,
    /// Where relays connect.
    pub network_port: u16,
    /// The relays of the network, as `host` or `host:port`; empty: no network.
    pub relays: Vec<String>,
    /// This relay's name, told to clients in `hello`.
    pub name: String,
    /// How many shards (threads that serve clients); at least 1.
    pub shards: usize,
    /// Bounds on what clients may do.
    pub limits: Limits,
}

/// Which authenticator decides, and with what options.
#[derive(Debug, Clone)]
pub struct AuthenticatorConfig {
    /// The id: `None`, or an id in a plugin's manifest.
    pub id: String,
    /// Where plugins are looked for.
    pub plugins_dir: PathBuf,
    /// `authenticator_options`: every name must be among the manifest's.
    pub options: serde_json::Map<String, serde_json::Value>,
    /// The original's top-level keys (`passwords`, …): handed over if the manifest names them, else ignored.
    pub original_options: serde_json::Map<String, serde_json::Value>,
    /// `authenticator_sha256`: the library must have this hash, lower-case hex.
    pub sha256: Option<String>,
    /// `strict_plugin_permissions`: a group-writable library or folder is refused rather than warned about.
    pub strict_permissions: bool,
}
