//! The definition of one series: kind, name, help, labels and bounds, within the limits of the ABI.

use pusu_plugin_abi as abi;
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};

/// The bounds of a histogram that names none, in seconds.
const BOUNDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The kind of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Only rises.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values by size.
    Histogram,
}

/// What a series is called. Two with equal definitions are one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// What it is.
    pub kind: Kind,
    /// `[a-z][a-z0-9_]*`, without the prefix of the relay.
    pub name: String,
    /// One line.
    pub help: String,
    /// Keys and values.
    pub labels: Vec<(String, String)>,
    /// Of a histogram: upper bounds, rising.
    pub bounds: Vec<f64>,
}

// No bound is NaN.
impl Eq for Definition {}

impl Hash for Definition {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.kind, &self.name, &self.labels).hash(hasher);
    }
}

impl Definition {
    /// Checks a definition against the rules of the ABI.
    ///
    /// # Errors
    /// `abi::UNSUPPORTED` for a kind that is not known, `abi::MALFORMED` for everything else.
    pub(in crate::authenticator) fn check(
        kind: i32,
        name: String,
        help: String,
        labels: Vec<(String, String)>,
        mut bounds: Vec<f64>,
    ) -> Result<Self, i32> {
        let kind = match kind {
            abi::METRIC_COUNTER => Kind::Counter,
            abi::METRIC_GAUGE => Kind::Gauge,
            abi::METRIC_HISTOGRAM => Kind::Histogram,
            _ => return Err(abi::UNSUPPORTED),
        };
        if bounds.is_empty() && kind == Kind::Histogram {
            bounds = BOUNDS.to_vec();
        }
        let has_good_texts = is_name(&name)
            && (kind != Kind::Counter || name.ends_with("_total"))
            && help.len() <= abi::METRIC_HELP_BYTES_MAX
            && !help.chars().any(char::is_control);
        let has_good_labels = labels.len() <= abi::METRIC_LABELS_MAX
            && labels.iter().all(|(key, value)| is_name(key) && value.len() <= abi::METRIC_NAME_BYTES_MAX)
            && labels.iter().enumerate().all(|(at, (key, _))| labels[..at].iter().all(|(other, _)| other != key));
        let has_good_bounds = bounds.len() <= abi::METRIC_BOUNDS_MAX
            && (kind == Kind::Histogram) != bounds.is_empty()
            && bounds.iter().all(|bound| bound.is_finite())
            && bounds.is_sorted_by(|one, next| one < next);
        let is_good = has_good_texts && has_good_labels && has_good_bounds;
        is_good.then_some(Self { kind, name, help, labels, bounds }).ok_or(abi::MALFORMED)
    }

    /// Whether it keeps the rules of the ABI: one that comes from a plugin's process is checked again.
    pub(in crate::authenticator) fn is_well_formed(&self) -> bool {
        let kind = match self.kind {
            Kind::Counter => abi::METRIC_COUNTER,
            Kind::Gauge => abi::METRIC_GAUGE,
            Kind::Histogram => abi::METRIC_HISTOGRAM,
        };
        let Self { name, help, labels, bounds, .. } = self.clone();
        Self::check(kind, name, help, labels, bounds).is_ok()
    }

    /// Whether both have one name, and no reader could make sense of both.
    pub(super) fn contradicts(&self, other: &Self) -> bool {
        let is_one_metric = self.kind == other.kind && self.help == other.help && self.bounds == other.bounds;
        self.name == other.name && (!is_one_metric || self.labels == other.labels)
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() <= abi::METRIC_NAME_BYTES_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(allowed)
}
