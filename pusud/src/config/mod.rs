//! Settings: from the file that the operator wrote to what the daemon uses without asking again.
//!
//! Reads one file and asks the system for the host name and the number of cores. It never starts, binds or looks into
//! the plugins directory. `raw` is what was written, [`Config`] is what it means.
//! **Invariant:** values of an authenticator's options are secrets: neither an error nor `Debug` shows one.

mod authenticator;
mod authenticator_list;
mod encryption;
mod file_text;
mod host_name;
mod http;
mod key_table;
mod keys;
mod kinds;
mod limit_table;
mod limits;
mod listener;
mod listener_keys;
mod nearest;
mod peer_address;
mod raw;
mod restart;
mod section;
#[cfg(test)]
mod tests;
mod units;
mod values;
mod volume;
mod warnings;
mod yaml;

pub use http::HttpConfig;
pub use limit_table::{LIMITS, limit_rows};
pub use listener::{Endpoint, ListenerConfig, UnixSocket};
pub use nearest::did_you_mean;
pub use peer_address::PeerAddress;
pub use units::{format_bytes, format_duration};
pub(crate) use volume::is_read_only;
#[cfg(unix)]
pub(crate) use volume::{is_folder_read_only, is_owner_unknown, owner_in_words};

use crate::protocol::{Limits, SHARDS_MAX};
use crate::tls::Files;
use anyhow::{Context as _, bail};
pub use authenticator::{AuthenticatorConfig, AuthenticatorEntry, AuthenticatorList, Isolation, OnSwap};
use authenticator_list::RawAuthenticator;
pub use encryption::{Encryption, NetworkTls};
use raw::RawConfig;
use serde_json::{Map, Value};
use std::fs::{self, File};
use std::io::{self, Read as _};
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
/// What the network of relays is called unless the settings say otherwise.
pub const NETWORK_NAME: &str = "pusu";
/// The authenticator that is built in and grants everything.
pub const NO_AUTHENTICATOR: &str = "None";
/// The address space of a plugin's process unless the settings say otherwise, in bytes: more than most plugins need
/// (allocators and threads reserve much that they never use), less than would bring the machine to its knees.
pub const ISOLATION_MEMORY: u64 = 4 << 30;

/// How long a plugin may take to make an instance unless the settings say otherwise.
pub const CREATE_TIMEOUT: Duration = Duration::from_secs(30);

/// A larger file is no settings file: a device, or the wrong name.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

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
    /// Where relays connect.
    pub network_address: IpAddr,
    /// Where relays connect; 0 lets the system choose.
    pub network_port: u16,
    /// The relays of the network, each once, maybe this one among them; empty: no network.
    pub relays: Vec<PeerAddress>,
    /// What the network is called; relays of another name are refused.
    pub network_name: String,
    /// The file with the key that all relays of the network share; `None`: they prove nothing to each other.
    pub network_key_file: Option<PathBuf>,
    /// A key file that others may read is refused, rather than warned about.
    pub strict_key_permissions: bool,
    /// Whether links to other relays are encrypted.
    pub network_encryption: Encryption,
    /// Certificates of the operator's own for links.
    pub network_tls: Option<NetworkTls>,
    /// This relay's name, told to clients in `hello`.
    pub name: String,
    /// How many shards (threads that serve clients); at least 1.
    pub shards: usize,
    /// Where `pusud status` asks.
    pub control_socket: ControlSocket,
    /// Bounds on what clients may do.
    pub limits: Limits,
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
    /// Reads the settings: `file` if given, else [`DEFAULT_FILE`] in the working directory, else none at all, which is a
    /// relay for this machine alone. The second half are warnings to be shown at every start.
    ///
    /// # Errors
    /// One message that names the file and the key or line, what was expected, what was found, and the way out.
    pub fn load(file: Option<&Path>, overrides: &Overrides) -> anyhow::Result<(Self, Vec<String>)> {
        let default = Path::new(DEFAULT_FILE);
        // A link that leads nowhere is a file that cannot be read, not the wish to run without settings.
        let is_there =
            |path: &Path| !matches!(fs::symlink_metadata(path), Err(e) if e.kind() == io::ErrorKind::NotFound);
        let (mut config, mut warnings) = match file {
            Some(file) => Self::from_file(file)?,
            None if is_there(default) => Self::from_file(default)?,
            None => Self::without_file(),
        };
        if let Some(plugins_dir) = &overrides.plugins_dir {
            let plugins_dir = lasting(plugins_dir)?;
            for entry in &mut config.authenticator.list.entries {
                entry.plugins_dir.clone_from(&plugins_dir);
            }
            config.authenticator.plugins_dir = plugins_dir;
        }
        warnings.extend(config.warnings());
        Ok((config, warnings))
    }

    fn from_file(file: &Path) -> anyhow::Result<(Self, Vec<String>)> {
        let config = Self::from_text(&read(file)?, &lasting(file)?).with_context(|| file.display().to_string())?;
        Ok((config, Vec::new()))
    }

    /// What `text` says, which is what stands in `file`.
    pub(crate) fn from_text(text: &str, file: &Path) -> anyhow::Result<Self> {
        let mut raw = RawConfig::parse(text)?;
        let Some(authenticator) = raw.authenticator.take() else {
            let empty = if text.trim().is_empty() { " (the file is empty)" } else { "" };
            bail!(
                "`authenticator` is missing{empty}: write the id of an authenticator, such as `authenticator: \
                 PasswordAuthenticator`, or `authenticator: None` to let everybody read and write everything"
            );
        };
        listener::check(&raw)?;
        let directory = file.parent().unwrap_or(Path::new(""));
        let config = Self::resolve(raw, authenticator, directory, Some(file));
        limits::check(&config.limits)?;
        encryption::check(
            config.network_encryption,
            config.network_key_file.is_some() || config.network_tls.is_some(),
        )?;
        Ok(config)
    }

    fn without_file() -> (Self, Vec<String>) {
        let raw = RawConfig { client_address: Some(Ipv4Addr::LOCALHOST.into()), ..RawConfig::default() };
        let config = Self::resolve(raw, RawAuthenticator::Alone(NO_AUTHENTICATOR.to_owned()), Path::new(""), None);
        let warning = format!(
            "there is no {DEFAULT_FILE} in the working directory: serving this machine alone ({}), where everybody may \
             read and write everything; write one, or give --config FILE",
            config.client_address
        );
        (config, vec![warning])
    }

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
        Self {
            file: file.map(Path::to_owned),
            authenticator,
            client_address,
            client_port: listeners.iter().find_map(ListenerConfig::port).unwrap_or(CLIENT_PORT),
            client_tls,
            listeners,
            tls_ticket_key_file: raw.tls_ticket_key_file.map(|file| directory.join(file)),
            http: raw.http.unwrap_or_default(),
            network_address: raw.network_address.unwrap_or(everywhere),
            network_port: raw.network_port.unwrap_or(NETWORK_PORT),
            relays: raw.relays,
            network_name: raw.network_name.unwrap_or_else(|| NETWORK_NAME.to_owned()),
            network_encryption: encryption::resolve(
                raw.network_encryption,
                raw.network_key_file.is_some() || raw.network_tls.is_some(),
            ),
            network_tls: raw.network_tls.map(|files| files.in_directory(directory)),
            network_key_file: raw.network_key_file.map(|file| directory.join(file)),
            strict_key_permissions: raw.strict_key_permissions.unwrap_or(true),
            name,
            shards: match raw.shards {
                None | Some(0) => available_parallelism().map_or(1, usize::from).min(SHARDS_MAX),
                Some(shards) => shards,
            },
            control_socket: match raw.control_socket {
                Some(ControlSocket::At(path)) => ControlSocket::At(directory.join(path)),
                other => other.unwrap_or_default(),
            },
            limits,
        }
    }
}

/// Reads a file with the options of an authenticator alone, as they stand below `authenticator_options` in the settings.
///
/// # Errors
/// One message that names the file and the line, and no value.
pub fn load_options(file: &Path) -> anyhow::Result<Map<String, Value>> {
    yaml::parse(&read(file)?).with_context(|| file.display().to_string())
}

/// The same path, which leads to the same file also after a plugin has changed the working directory.
fn lasting(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("cannot find the working directory, for {}", path.display()))
}

fn read(file: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|open| open.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read the settings {}", file.display()))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        bail!("{}: expected settings, found more than 16 MiB: is this the right file?", file.display());
    }
    file_text::file_text(bytes).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))
}
