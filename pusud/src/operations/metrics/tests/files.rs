//! The page about metrics, the dashboard and the alerts, compared with the table of names.

use super::super::names::{ALL, Kind};
use super::written_as;

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
