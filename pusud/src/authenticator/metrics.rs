//! Metrics of a plugin: counters, gauges and histograms that it defines and moves (`pusu.metrics/1`).
//!
//! Counters and histograms belong to the authenticator and go on through all its instances; gauges belong to an instance.
//! **Invariant:** an instance has at most `abi::METRICS_MAX` series, and each has fixed labels: no client can make more.

mod definition;
mod value;

pub use definition::{Definition, Kind};
pub use value::Value;

use super::answer::printable;
use pusu_plugin_abi as abi;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// One series: what it is called, and what it says.
#[derive(Debug)]
struct Series {
    definition: Definition,
    value: Mutex<Value>,
}

impl Series {
    fn new(definition: Definition) -> Arc<Self> {
        let value = Mutex::new(Value::none(&definition));
        Arc::new(Self { definition, value })
    }

    fn value(&self) -> MutexGuard<'_, Value> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counters and histograms of one authenticator, through all its instances.
#[derive(Default)]
pub(super) struct Totals(Mutex<HashMap<Definition, Weak<Series>>>);

impl Totals {
    /// The series that an instance before has moved, or a new one.
    fn series(&self, definition: &Definition) -> Arc<Series> {
        if definition.kind == Kind::Gauge {
            return Series::new(definition.clone());
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, series| series.strong_count() > 0);
        if let Some(series) = all.get(definition).and_then(Weak::upgrade) {
            return series;
        }
        let series = Series::new(definition.clone());
        all.insert(definition.clone(), Arc::downgrade(&series));
        series
    }
}

/// What one instance has defined. The number of a series is its place.
#[derive(Default)]
pub(super) struct InstanceMetrics {
    totals: Arc<Totals>,
    series: Mutex<Vec<Arc<Series>>>,
    /// How many of them have been handed on at least once.
    handed_on: AtomicUsize,
    /// The first definitions that were not taken, and why.
    refused: Mutex<Vec<String>>,
}

/// Refused definitions that are told of.
const REFUSED_MAX: usize = 8;

impl InstanceMetrics {
    pub(super) fn new(totals: Arc<Totals>) -> Self {
        Self { totals, ..Self::default() }
    }

    /// The number of the series, which is the same one if it was defined before, or `abi::MALFORMED` or `abi::FULL`.
    pub(super) fn define(&self, definition: &Definition) -> i32 {
        let mut all = self.lock();
        let known = all.iter().position(|series| series.definition == *definition);
        let number = match known {
            Some(number) => number,
            None if all.len() >= abi::METRICS_MAX => return abi::FULL,
            // One name is one kind with one help, so that a reader understands it.
            None if all.iter().any(|series| series.definition.contradicts(definition)) => return abi::MALFORMED,
            None => {
                all.push(self.totals.series(definition));
                all.len() - 1
            }
        };
        i32::try_from(number).unwrap_or(abi::FULL)
    }

    /// Keeps in mind that a definition was not taken. Gives words for it, unless there have been too many already.
    pub(super) fn refuse(&self, name: &str, status: i32) -> Option<String> {
        let why = match status {
            abi::UNSUPPORTED => "its kind is unknown",
            abi::FULL => "there are too many already",
            status if status < 0 => {
                "its name, help, labels or bounds break a rule of pusu_extensions.h, or another of this name differs"
            }
            _ => return None,
        };
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() >= REFUSED_MAX {
            return None;
        }
        refused.push(format!("the metric `{}` is not taken: {why}", printable(name)));
        refused.last().cloned()
    }

    /// The first definitions that were not taken, and why.
    pub(super) fn refused(&self) -> Vec<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counter, gauge: plus `by`. What does not fit is ignored, here and below.
    pub(super) fn add(&self, number: i32, by: f64) {
        self.with(number, |value| value.add(by));
    }

    /// Gauge: is now `new`.
    pub(super) fn set(&self, number: i32, new: f64) {
        self.with(number, |value| value.set(new));
    }

    /// Histogram: saw `seen`.
    pub(super) fn observe(&self, number: i32, seen: f64) {
        self.with(number, |value| value.observe(seen));
    }

    /// Adds what was counted in the plugin's own process.
    pub(super) fn merge(&self, definition: &Definition, change: &Value) {
        let number = self.define(definition);
        self.with(number, |value| value.merge(change));
    }

    /// Every series with what it says.
    pub(super) fn read(&self) -> Vec<(Definition, Value)> {
        self.lock().iter().map(|series| (series.definition.clone(), series.value().clone())).collect()
    }

    /// The most memory that the plugin takes while it decides, if it says so.
    pub(super) fn memory_bytes_max(&self) -> Option<usize> {
        let said = self.read().into_iter().find_map(|(definition, value)| match value {
            Value::Gauge(bytes) if definition.name == abi::METRIC_MEMORY && definition.labels.is_empty() => Some(bytes),
            _ => None,
        });
        // What is below 0 becomes 0 by this, and what is far too much the largest number.
        said.map(|bytes| bytes as usize)
    }

    /// What has changed since the last time, in the process of a plugin, and what is new; it counts as handed on.
    pub(super) fn take_changes(&self) -> Vec<(Definition, Value)> {
        let all = self.lock();
        let known = self.handed_on.swap(all.len(), Ordering::Relaxed);
        let changed = all.iter().enumerate().filter_map(|(number, series)| {
            let change = series.value().take_change();
            // Of a new one that it is there, so that it is shown, and goes on where an earlier instance was.
            let change = change.or_else(|| (number >= known).then(|| Value::none(&series.definition)));
            Some((series.definition.clone(), change?))
        });
        changed.collect()
    }

    fn with(&self, number: i32, change: impl FnOnce(&mut Value)) {
        let series = usize::try_from(number).ok().and_then(|number| self.lock().get(number).cloned());
        if let Some(series) = series {
            change(&mut series.value());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Series>>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
