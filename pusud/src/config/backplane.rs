//! The backplane: what carries messages between relays, and the keys that go with one way of it and not with the other.
//!
//! Says what is wanted; how relays reach each other stands elsewhere.

use super::nats::NatsSettings;
use super::raw::RawConfig;
use super::{Config, nats};
use anyhow::bail;
use serde_json::Value;
use std::fmt;
use std::path::Path;

/// What can be said of it, for messages.
pub(super) const BACKPLANE: &str = "mesh (relays connect to each other) or nats (relays connect to NATS servers)";

/// What carries messages between relays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Backplane {
    /// Links from each relay to each: `relays` are the others; there is no network where there are none.
    #[default]
    Mesh,
    /// NATS servers.
    Nats(NatsSettings),
}

/// `backplane`, as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Mesh,
    Nats,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mesh => "mesh",
            Self::Nats => "nats",
        })
    }
}

impl Backplane {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Mesh => Kind::Mesh,
            Self::Nats(_) => Kind::Nats,
        }
    }

    /// The settings of NATS, where that is it.
    pub fn nats(&self) -> Option<&NatsSettings> {
        match self {
            Self::Mesh => None,
            Self::Nats(nats) => Some(nats),
        }
    }
}

/// Its word in the settings.
impl fmt::Display for Backplane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind().fmt(f)
    }
}

impl Config {
    /// Whether this relay is one of a network: it has others in its list, or NATS servers.
    pub fn has_network(&self) -> bool {
        match &self.backplane {
            Backplane::Mesh => !self.relays.is_empty(),
            Backplane::Nats(_) => true,
        }
    }
}

pub(super) fn kind(value: &Value) -> Option<Kind> {
    [Kind::Mesh, Kind::Nats].into_iter().find(|kind| value.as_str() == Some(&kind.to_string()))
}

/// What is meant. Relative paths start at `directory`. [`check`] has seen that both keys are there, or none.
pub(super) fn resolve(nats: Option<NatsSettings>, directory: &Path) -> Backplane {
    nats.map_or(Backplane::Mesh, |nats| Backplane::Nats(nats.in_directory(directory)))
}

/// Checks that nothing stands there that would have no effect.
///
/// # Errors
/// Names the keys that exclude each other, or the one that is missing, and the way out.
pub(super) fn check(raw: &RawConfig) -> anyhow::Result<()> {
    match (raw.backplane.unwrap_or(Kind::Mesh), &raw.nats) {
        (Kind::Mesh, None) => return Ok(()),
        (Kind::Mesh, Some(_)) => {
            bail!("`nats` has no effect without `backplane: nats`: write that as well, or remove `nats`")
        }
        (Kind::Nats, None) => bail!(
            "`backplane: nats` needs `nats` with the servers, such as `nats: {{servers: [\"{}\"]}}`",
            nats::EXAMPLE
        ),
        (Kind::Nats, Some(_)) => {}
    }
    let no_port = "relays connect to the servers of `nats.servers`, and no port is open for other relays";
    let no_link = "`tls://` in `nats.servers` and `nats.tls` say how the connection to NATS is encrypted";
    for (key, is_there, why) in [
        ("relays", !raw.relays.is_empty(), "relays find each other through the NATS servers, and are listed nowhere"),
        ("network_address", raw.network_address.is_some(), no_port),
        ("network_port", raw.network_port.is_some(), no_port),
        ("network_encryption", raw.network_encryption.is_some(), no_link),
        ("network_tls", raw.network_tls.is_some(), no_link),
    ] {
        if is_there {
            bail!(
                "`{key}` and `backplane: nats` exclude each other: {why}; remove `{key}`, or `backplane` and `nats` for \
                 relays that connect to each other"
            );
        }
    }
    Ok(())
}
