//! The value of one series, and what has been added to it.

use super::{Definition, Kind};
use serde::{Deserialize, Serialize};

/// What a series says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// How much it has risen.
    Counter(f64),
    /// How much it is.
    Gauge(f64),
    /// How many values there were up to each bound and beyond the last, each counted once, and their sum.
    Histogram {
        /// The upper bounds.
        bounds: Vec<f64>,
        /// One more than bounds.
        counts: Vec<u64>,
        /// Of all values.
        sum: f64,
    },
}

impl Value {
    /// Before anything has been counted.
    pub(super) fn none(definition: &Definition) -> Self {
        match definition.kind {
            Kind::Counter => Self::Counter(0.0),
            Kind::Gauge => Self::Gauge(0.0),
            Kind::Histogram => Self::Histogram {
                bounds: definition.bounds.clone(),
                counts: vec![0; definition.bounds.len() + 1],
                sum: 0.0,
            },
        }
    }

    pub(super) fn add(&mut self, by: f64) {
        match self {
            Self::Counter(value) if by >= 0.0 && (*value + by).is_finite() => *value += by,
            Self::Gauge(value) if (*value + by).is_finite() => *value += by,
            _ => {}
        }
    }

    pub(super) fn set(&mut self, new: f64) {
        if let Self::Gauge(value) = self
            && new.is_finite()
        {
            *value = new;
        }
    }

    pub(super) fn observe(&mut self, seen: f64) {
        if let Self::Histogram { bounds, counts, sum } = self
            && (*sum + seen).is_finite()
        {
            let place = bounds.partition_point(|bound| *bound < seen);
            counts[place] = counts[place].saturating_add(1);
            *sum += seen;
        }
    }

    /// Adds what was counted elsewhere. A gauge is what it is there.
    pub(super) fn merge(&mut self, change: &Self) {
        match (self, change) {
            (value @ Self::Counter(_), Self::Counter(by)) => value.add(*by),
            (value @ Self::Gauge(_), Self::Gauge(new)) => value.set(*new),
            (Self::Histogram { counts, sum, .. }, Self::Histogram { counts: more, sum: by, .. })
                if counts.len() == more.len() && (*sum + by).is_finite() =>
            {
                counts.iter_mut().zip(more).for_each(|(count, more)| *count = count.saturating_add(*more));
                *sum += by;
            }
            _ => {}
        }
    }

    /// What is here and has not been handed on, for [`Self::merge`]; `None`: nothing. A gauge stays what it is.
    pub(super) fn take_change(&mut self) -> Option<Self> {
        match self {
            Self::Counter(value) => (*value > 0.0).then(|| Self::Counter(std::mem::take(value))),
            Self::Gauge(value) => Some(Self::Gauge(*value)),
            Self::Histogram { bounds, counts, sum } => counts.iter().any(|count| *count > 0).then(|| {
                let nothing = vec![0; counts.len()];
                let counts = std::mem::replace(counts, nothing);
                Self::Histogram { bounds: bounds.clone(), counts, sum: std::mem::take(sum) }
            }),
        }
    }
}
