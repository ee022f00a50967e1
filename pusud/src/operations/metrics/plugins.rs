//! Metrics that plugins have defined themselves, below a prefix of their own.
//!
//! A plugin is a stranger's: what would make the text unreadable is left out, and what is left is whole.

use super::names::Kind;
use super::writer::Writer;
use crate::authenticator::{self, Value};
use crate::control::{Authenticator, PluginMetric};
use std::collections::{BTreeMap, HashSet};

/// What every name of a plugin's begins with, so that it is none of the relay's.
const PREFIX: &str = "pusud_plugin_";

pub(super) fn write(writer: &mut Writer, authenticator: &Authenticator) {
    for (name, (kind, series)) in families(&authenticator.metrics) {
        let help = &series[0].definition.help;
        let mut family = writer.described(&format!("{PREFIX}{name}"), kind, help);
        let mut written = HashSet::new();
        for PluginMetric { definition, value } in series {
            let mut labels: Vec<(&str, &str)> =
                definition.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            labels.sort_unstable();
            if !written.insert(labels.clone()) {
                continue;
            }
            match value {
                Value::Counter(value) | Value::Gauge(value) => family.series(&labels, *value),
                Value::Histogram { bounds, counts, sum } => family.histogram(&labels, bounds, counts, *sum),
            }
        }
    }
}

/// By the name of the family. Two plugins may have called different kinds the same: the first one has the name.
fn families(all: &[PluginMetric]) -> BTreeMap<&str, (Kind, Vec<&PluginMetric>)> {
    let mut families: BTreeMap<&str, (Kind, Vec<&PluginMetric>)> = BTreeMap::new();
    for metric in all {
        let definition = &metric.definition;
        let is_clear = definition.labels.iter().all(|(name, _)| name != "le" && !name.starts_with("__"));
        let (name, kind) = match definition.kind {
            authenticator::Kind::Counter => (definition.name.trim_end_matches("_total"), Kind::Counter),
            authenticator::Kind::Gauge => (definition.name.as_str(), Kind::Gauge),
            authenticator::Kind::Histogram => (definition.name.as_str(), Kind::Histogram),
        };
        let family = families.entry(name).or_insert_with(|| (kind, Vec::new()));
        if is_clear && family.0 == kind {
            family.1.push(metric);
        }
    }
    // One family's series must not be called as another family is.
    let names: HashSet<&str> = families.keys().copied().collect();
    let suffixes = ["_bucket", "_count", "_sum", "_total", "_info", "_created"];
    families.retain(|name, (_, series)| {
        let stems = suffixes.iter().filter_map(|suffix| name.strip_suffix(suffix));
        !series.is_empty() && !stems.clone().any(|stem| names.contains(stem)) && !name.ends_with("_total")
    });
    families
}
