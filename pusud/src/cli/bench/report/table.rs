//! The table of runs for people, a column each, and the line above it.

use super::super::checking::Fault;
use super::super::plan::{Pace, Plan};
use super::amounts::{count, time};
use super::figures::{Beside, Figures, PERCENTILES};
use std::fmt::Write as _;

/// Those that the table shows of the quiet pairs; the highest is the maximum.
const BESIDE: [f64; 3] = [50.0, 99.0, 100.0];

/// The cells of a run's column of the table, in the order of [`rows`].
fn column(run: &Figures) -> Vec<String> {
    let mut cells = vec![
        count(u64::from(run.plan.listeners)),
        count(run.deliveries_per_second().round() as u64),
        count(run.messages_per_second().round() as u64),
    ];
    cells.extend(PERCENTILES.map(|(percent, ..)| time(run.latency.percentile(percent))));
    cells.push(time(run.latency.max()));
    if let Some(Beside { latency, .. }) = &run.beside {
        cells.extend(BESIDE.map(|percent| time(latency.percentile(percent))));
    }
    cells.extend(
        [Fault::Lost, Fault::Duplicate, Fault::Reordered, Fault::Cut].map(|kind| count(run.faults.count(kind))),
    );
    cells.push(count(run.connects_per_second().round() as u64));
    cells.push(time(run.connect.percentile(99.0)));
    cells
}

/// The names of the rows.
fn rows(beside: bool) -> Vec<String> {
    let mut rows: Vec<String> = ["listeners", "deliveries/s", "messages/s"].map(Into::into).into();
    rows.extend(PERCENTILES.map(|(_, name, _)| format!("latency {name}")));
    rows.push("latency max".into());
    if beside {
        rows.extend(["beside: latency p50", "beside: latency p99", "beside: latency max"].map(str::to_owned));
    }
    rows.extend(["lost", "duplicates", "reordered", "cut", "connects/s", "connect p99"].map(str::to_owned));
    rows
}

/// The table: a column a run.
pub(crate) fn table(runs: &[Figures]) -> String {
    let columns: Vec<Vec<String>> = runs.iter().map(column).collect();
    let names = rows(runs.iter().any(|run| run.beside.is_some()));
    let name_width = names.iter().map(String::len).max().unwrap_or(0);
    let mut table = String::new();
    for (row, name) in names.iter().enumerate() {
        let _ = write!(table, "{name:name_width$}");
        for column in &columns {
            let width = column.iter().map(|cell| cell.len()).max().unwrap_or(0) + 3;
            let _ = write!(table, "{:>width$}", column[row]);
        }
        table.push('\n');
    }
    table
}

/// One line that says what was done.
pub(crate) fn headline(plan: &Plan, target: &str) -> String {
    let pace = match plan.pace {
        Pace::Rate(rate) => format!("{rate} messages/s"),
        Pace::Every(nanoseconds) => format!("a message every {}", time(nanoseconds)),
        Pace::Window(window) => format!("{window} messages in flight per source"),
    };
    let number = |count: u32, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let (sources, channels) = (number(plan.sources, "source"), number(plan.channels, "channel"));
    let beside =
        if plan.beside == 0 { String::new() } else { format!(", {} beside", number(plan.beside, "quiet pair")) };
    let over = match (plan.over_http.publish, plan.over_http.events) {
        (true, true) => ", over HTTP",
        (true, false) => ", publishing over HTTP",
        (false, true) => ", listening over HTTP",
        (false, false) => "",
    };
    format!("{target}: {sources}, {channels}, {} bytes, {pace}{beside}{over}", plan.size)
}

#[cfg(test)]
mod tests {
    use super::super::figures::sample;
    use super::super::tally::Times;
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_table_has_a_column_a_run() {
        let table = table(&[sample(10), sample(2000)]);
        let lines: Vec<&str> = table.lines().collect();
        let cells =
            |line: &str| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("|");
        assert_eq!(cells(lines[0]), "listeners|10|2 000");
        assert_eq!(cells(lines[1]), "deliveries/s|1 500|300 000");
        assert_eq!(cells(lines[2]), "messages/s|150|150");
        assert_eq!(cells(lines[3]), "latency p50|500 us|500 us");
        assert_eq!(cells(lines[12]), "connects/s|20|4 000");
        assert_eq!(lines.iter().map(|line| line.len()).collect::<std::collections::BTreeSet<_>>().len(), 1, "{table}");
    }

    #[test]
    fn quiet_pairs_are_told_apart_from_the_load() {
        let mut figures = sample(10);
        assert_eq!((&figures.json()["beside"], table(&[sample(10)]).contains("beside")), (&Value::Null, false));
        let mut latency = Times::default();
        [2_000_000, 3_000_000, 9_000_000].into_iter().for_each(|time| latency.record(time));
        figures.plan.beside = 1;
        figures.beside = Some(Beside { messages: 3, lateness: latency.clone(), latency });
        let beside = &figures.json()["beside"];
        assert_eq!((&beside["pairs"], &beside["messages"]), (&1.into(), &3.into()));
        assert!((beside["latency_us"]["max"].as_f64().unwrap() - 9000.0).abs() < 10.0, "{beside}");
        let table = table(&[figures]);
        let row = |name: &str| table.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        assert_eq!([row("beside: latency p50"), row("beside: latency max")], ["3.00 ms", "9.00 ms"], "{table}");
        assert_eq!(row("latency p50"), "500 us");
    }
}
