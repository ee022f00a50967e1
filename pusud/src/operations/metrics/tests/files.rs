//! The page about metrics, the dashboard and the alerts, compared with the table of names.

use super::super::names::{ALL, Kind};
use super::written_as;
use serde_json::Value;
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../../../docs/operating/metrics.md");

/// The rows of the page: a metric's name, kind, labels and meaning.
fn rows() -> Vec<[String; 4]> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| `pusud") || line.starts_with("| `process_"));
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
    cells.map(|cells| cells.try_into().expect("four cells")).collect()
}

fn shown_name(name: &str, kind: Kind) -> String {
    match kind {
        Kind::Histogram => name.to_owned(),
        _ => written_as(name, kind).concat(),
    }
}

#[test]
fn the_page_has_every_metric_and_no_other() {
    let word = |kind| match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
        Kind::Info => "info",
    };
    let expected: Vec<[String; 4]> = ALL
        .iter()
        .map(|metric| {
            let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
            let help = metric.help.trim_end_matches('.').to_owned();
            [format!("`{}`", shown_name(metric.name, metric.kind)), word(metric.kind).into(), labels.join(", "), help]
        })
        .collect();
    let rows = rows();
    for row in &expected {
        assert!(rows.contains(row), "docs/operating/metrics.md has no such row:\n| {} |", row.join(" | "));
    }
    for row in &rows {
        assert!(expected.contains(row), "docs/operating/metrics.md has a row that is not so: {row:?}");
    }
}

const DASHBOARD: &str = include_str!("../../../../../config/grafana/pusud.json");
const ALERTS: &str = include_str!("../../../../../config/prometheus/alerts.yaml");
const ALERT_TESTS: &str = include_str!("../../../../../config/prometheus/alerts.test.yaml");
/// The plugin whose metrics the dashboard and the alerts know.
const JWT_PLUGIN: &str = include_str!("../../../../../plugins/jwt/src/remote/mod.rs");

/// Metrics that no panel shows: what is mapped says little beside what is in use.
const WITHOUT_PANEL: [&str; 1] = ["process_virtual_memory_bytes"];
/// The words of queries that are no metric: functions, operators, labels that Prometheus adds, and variables of the dashboard.
const WORDS: [&str; 21] = [
    "sum",
    "rate",
    "increase",
    "histogram_quantile",
    "absent",
    "unless",
    "ignoring",
    "time",
    "by",
    "without",
    "and",
    "or",
    "le",
    "instance",
    "job",
    "up",
    "relay",
    "__rate_interval",
    "label_values",
    "entry",
    "state",
];

/// The words of a query, without what stands in quotes.
fn words(query: &str) -> BTreeSet<&str> {
    let outside_of_quotes = query.split('"').step_by(2);
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = outside_of_quotes.flat_map(|part| part.split(move |letter| !is_part(letter)));
    words.filter(|word| word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')).collect()
}

/// Every metric that a query names, or what is none.
fn find_metrics(query: &str) -> Result<BTreeSet<String>, String> {
    let known: BTreeSet<String> = ALL.iter().flat_map(|metric| written_as(metric.name, metric.kind)).collect();
    let labels: BTreeSet<&str> = ALL.iter().flat_map(|metric| metric.labels).copied().collect();
    let mut named = BTreeSet::new();
    for word in words(query) {
        let of_plugin = word.strip_prefix("pusud_plugin_");
        if known.contains(word) {
            named.insert(word.to_owned());
        } else if let Some(name) = of_plugin {
            if !JWT_PLUGIN.contains(&format!("\"{name}\"")) {
                return Err(format!("JwtAuthenticator has no {name}"));
            }
        } else if !WORDS.contains(&word) && !labels.contains(word) {
            return Err(format!("there is no metric {word}"));
        }
    }
    Ok(named)
}

fn metrics_in(query: &str) -> BTreeSet<String> {
    find_metrics(query).unwrap_or_else(|fault| panic!("{query}: {fault}"))
}

/// The values of this key, wherever it stands.
fn values<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get(key).and_then(Value::as_str));
            fields.values().for_each(|inner| values(inner, key, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| values(inner, key, found)),
        _ => {}
    }
}

#[test]
fn a_query_of_a_metric_that_does_not_exist_is_found() {
    assert_eq!(metrics_in("sum by (le) (rate(pusud_fan_out_seconds_bucket{instance=~\"$relay\"}[5m]))").len(), 1);
    for query in ["pusud_connection", "rate(pusud_fan_out_seconds[5m])", "sum by (channel) (pusud_connections)"] {
        assert!(find_metrics(query).is_err(), "{query}");
    }
}

#[test]
fn every_metric_has_a_panel_and_every_panel_metrics() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut queries = Vec::new();
    for key in ["expr", "query"] {
        values(&dashboard["panels"], key, &mut queries);
        values(&dashboard["templating"], key, &mut queries);
    }
    assert!(queries.len() > 60, "{queries:?}");
    let queries = queries.into_iter().filter(|query| *query != "prometheus");
    let shown: BTreeSet<String> = queries.flat_map(metrics_in).collect();
    for metric in ALL.iter().filter(|metric| !WITHOUT_PANEL.contains(&metric.name)) {
        let is_shown = written_as(metric.name, metric.kind).iter().any(|name| shown.contains(name));
        assert!(is_shown, "{} has no panel", metric.name);
    }
    let ids: Vec<i64> =
        dashboard["panels"].as_array().unwrap().iter().filter_map(|panel| panel["id"].as_i64()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "each panel has a number of its own");
}

#[test]
fn alerts_name_metrics_that_there_are_and_each_is_tried_out() {
    let rules: Value = serde_yaml::from_str(ALERTS).unwrap();
    let rules = rules["groups"][0]["rules"].as_array().unwrap();
    let names: Vec<&str> = rules.iter().filter_map(|rule| rule["alert"].as_str()).collect();
    assert_eq!(names.len(), rules.len());
    let table: Vec<&str> = PAGE.lines().filter_map(|row| row.strip_prefix("| `Pusud")?.split('`').next()).collect();
    assert_eq!(
        names.iter().filter_map(|name| name.strip_prefix("Pusud")).collect::<Vec<_>>(),
        table,
        "docs/operating/metrics.md"
    );
    for rule in rules {
        let (name, annotations) = (rule["alert"].as_str().unwrap(), &rule["annotations"]);
        metrics_in(rule["expr"].as_str().unwrap());
        assert!(["critical", "warning"].contains(&rule["labels"]["severity"].as_str().unwrap()), "{name}");
        assert!(["summary", "description"].iter().all(|key| annotations[key].is_string()), "{name}");
        for outcome in ["fires", "silent"] {
            assert!(ALERT_TESTS.contains(&format!("name: {name}, {outcome}\n")), "{name} is not tried out: {outcome}");
        }
    }
}
