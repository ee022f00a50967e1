//! The settings of a listener: one place where clients connect.

use super::CLIENT_PORT;
use super::raw::RawConfig;
use crate::admission::{Forwarding, ListenerLimits};
use crate::tls::{Files, Pair};
use anyhow::bail;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// The name of the only listener, or of the first one, unless it has another.
pub(super) const FIRST_NAME: &str = "clients";

/// One place where clients connect.
#[derive(Debug, Clone, PartialEq)]
pub struct ListenerConfig {
    /// Its name: in the log and the status, and for a socket that the service manager hands over.
    pub name: String,
    /// Where it is.
    pub endpoint: Endpoint,
    /// The files for TLS; `None`: it does not encrypt.
    pub tls: Option<Files>,
    /// Whether connections begin with a PROXY header.
    pub proxy_protocol: bool,
    /// The proxies whose word on clients' addresses is taken.
    pub forwarding: Forwarding,
    /// What its clients may take of the relay, where that is not as `limits` say.
    pub limits: ListenerLimits,
}

/// The address of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A TCP port; 0 lets the system choose.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(UnixSocket),
}

/// A Unix socket that the relay makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixSocket {
    /// Where it lies.
    pub path: PathBuf,
    /// Its permissions.
    pub mode: u32,
    /// Its owner, by name or number; `None`: the user of the relay.
    pub owner: Option<String>,
    /// Its group, by name or number; `None`: the group of the relay.
    pub group: Option<String>,
}

impl ListenerConfig {
    /// The listener of `client_address` and `client_port`, without TLS.
    pub(super) fn simple(address: SocketAddr) -> Self {
        Self {
            name: FIRST_NAME.to_owned(),
            endpoint: Endpoint::Tcp(address),
            tls: None,
            proxy_protocol: false,
            forwarding: Forwarding::default(),
            limits: ListenerLimits::default(),
        }
    }

    /// The same, with paths that start at `directory`.
    pub(super) fn within(self, directory: &Path) -> Self {
        let endpoint = match self.endpoint {
            Endpoint::Unix(socket) => Endpoint::Unix(UnixSocket { path: directory.join(socket.path), ..socket }),
            tcp @ Endpoint::Tcp(_) => tcp,
        };
        Self { endpoint, tls: self.tls.map(|files| within(directory, files)), ..self }
    }

    /// Its port, where it has one.
    pub(super) fn port(&self) -> Option<u16> {
        match &self.endpoint {
            Endpoint::Tcp(address) => Some(address.port()),
            Endpoint::Unix(_) => None,
        }
    }

    /// What is allowed but probably not meant.
    pub(super) fn warnings(&self) -> Vec<String> {
        let (name, forwarding) = (&self.name, &self.forwarding);
        let mut warnings = Vec::new();
        if forwarding.trusts_ip(Ipv4Addr::new(192, 0, 2, 1).into())
            && forwarding.trusts_ip(Ipv4Addr::new(203, 0, 113, 1).into())
        {
            warnings.push(format!(
                "`trusted_proxies` of the listener {name:?} stands for the whole internet: whoever connects may claim any \
                 address; name the proxies alone"
            ));
        }
        if matches!(self.endpoint, Endpoint::Unix(_))
            && !self.proxy_protocol
            && !forwarding.is_empty()
            && !forwarding.unix
        {
            warnings.push(format!(
                "`trusted_proxies` of the listener {name:?} has no effect: whoever connects to a Unix socket has no address; \
                 write `unix` for them"
            ));
        }
        warnings
    }

    /// Whether programs of other machines, or of other users, may reach it.
    pub(super) fn is_open_to_others(&self) -> bool {
        match &self.endpoint {
            Endpoint::Tcp(address) => !address.ip().to_canonical().is_loopback(),
            Endpoint::Unix(socket) => socket.mode & 0o007 != 0,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(socket) => write!(f, "unix:{}", socket.path.display()),
        }
    }
}

/// The same files, with paths that start at `directory`.
pub(super) fn within(directory: &Path, files: Files) -> Files {
    let pair = |pair: Pair| Pair { certificate: directory.join(pair.certificate), key: directory.join(pair.key) };
    Files {
        pairs: files.pairs.into_iter().map(pair).collect(),
        client_ca: files.client_ca.map(|file| directory.join(file)),
        crl: files.crl.map(|file| directory.join(file)),
        ..files
    }
}

/// Checks that there is one way only in which the settings say where clients connect.
///
/// # Errors
/// Names the keys that exclude each other.
pub(super) fn check(raw: &RawConfig) -> anyhow::Result<()> {
    if raw.listeners.is_empty() {
        return Ok(());
    }
    for (key, is_there) in [
        ("client_address", raw.client_address.is_some()),
        ("client_port", raw.client_port.is_some()),
        ("client_tls", raw.client_tls.is_some()),
    ] {
        if is_there {
            bail!(
                "`{key}` and `listeners` exclude each other: write the port as one of the `listeners` (without {key} there is \
                 no port {CLIENT_PORT} beside them)"
            );
        }
    }
    Ok(())
}
