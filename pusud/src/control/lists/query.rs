//! Queries: what may be asked of lists, and what is wrong with it.

use crate::admission::Networks;
use crate::protocol;
use crate::routing::{ChannelSort, ClientPlace, ClientSort, ROWS_MAX};
use serde::{Deserialize, Serialize};

/// Rows of a list for which nobody has said how many.
const ROWS: usize = 50;

/// Which clients are to be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientQuery {
    /// The order.
    pub sort: ClientSort,
    /// At most so many, from 1 to 1000; `None`: 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// From this address (`203.0.113.7`) or network (`203.0.113.0/24`), or the one at this address and port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// With an authorization of this subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// That listen to this channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

/// Which channels are to be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChannelQuery {
    /// The order.
    pub sort: ChannelSort,
    /// At most so many, from 1 to 1000; `None`: 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// With this in their name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
}

/// How many rows.
pub(super) fn rows(limit: Option<usize>) -> Result<usize, String> {
    match limit {
        None => Ok(ROWS),
        Some(limit @ 1..=ROWS_MAX) => Ok(limit),
        Some(limit) => Err(format!("expected a limit from 1 to {ROWS_MAX}, found {limit}")),
    }
}

/// The name of a channel, checked. A `*` in it is a letter.
pub(super) fn channel(name: &str) -> Result<&str, String> {
    protocol::check_channel(name).map_err(|error| format!("this is no channel's name: {error}"))?;
    Ok(name)
}

/// Where clients are.
pub(super) fn place(text: &str) -> Result<ClientPlace, String> {
    if text.is_empty() {
        return Err("expected an address or a network, found nothing".to_owned());
    }
    match text.parse() {
        Ok(address) => Ok(ClientPlace::Connection(address)),
        Err(_) => Networks::parse([text]).map(ClientPlace::Networks).map_err(|error| format!("{error:#}")),
    }
}
