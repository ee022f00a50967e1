//! Figures in the status of a relay: how long things took, and what there is of what has a bound.
//!
//! **Invariant:** no secret is in it. Fields are only ever added.

use crate::routing::{self, HISTOGRAM_BOUNDS};
use crate::system;
use serde::{Deserialize, Serialize};

/// How many times there were up to each bound and beyond the last, each counted once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// The upper bounds, in seconds.
    pub bounds: Vec<f64>,
    /// One more than bounds.
    pub counts: Vec<u64>,
    /// All of them together, in seconds.
    pub sum: f64,
}

impl From<routing::Histogram> for Histogram {
    fn from(counted: routing::Histogram) -> Self {
        Self { bounds: HISTOGRAM_BOUNDS.to_vec(), counts: counted.counts().to_vec(), sum: counted.sum() }
    }
}

/// How long things took in all shards.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Times {
    /// From the beginning of a flush until all that it is about was offered to the kernel; of every second one.
    pub fan_out: Histogram,
    /// From the first publication of a batch that was accepted until the same; of every second batch.
    pub accepted_to_flushed: Histogram,
    /// From an authorization that came until it was decided.
    pub authorize: Histogram,
    /// From the first subscription to a channel in a shard until the linked relays knew of it.
    pub settle: Histogram,
}

impl From<routing::Times> for Times {
    fn from(counted: routing::Times) -> Self {
        Self {
            fan_out: counted.fan_out.into(),
            accepted_to_flushed: counted.accepted_to_flushed.into(),
            authorize: counted.authorize.into(),
            settle: counted.settle.into(),
        }
    }
}

/// Memory against its bounds, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// What all shards hold for clients to take, or to finish; what waits for several counts once.
    pub queued_bytes: usize,
    /// Most of that: `limits.max_queued_bytes`.
    pub queued_bytes_max: usize,
    /// What waits in all outboxes; what waits for several counts for each.
    pub outbox_bytes: usize,
    /// The most that the relay takes in all, as `pusud check` computes it.
    pub ceiling_bytes: usize,
}

/// The process's open files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenFiles {
    /// Those that are open; `None`: the system does not say.
    pub used: Option<u64>,
    /// How many may be open; `None`: there is no limit, or the system does not say.
    pub max: Option<u64>,
}

impl OpenFiles {
    /// Of this process, now.
    pub(super) fn now() -> Self {
        let (used, max) = system::open_files();
        Self { used, max }
    }
}
