//! What comes out of a run: its figures as a table for people, as JSON for scripts, and whether the relay kept its
//! promises.

use super::faults::{Fault, Faults};
use super::plan::{Pace, Plan};
use super::tally::Times;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The percentiles that are shown, with their names in the table and in JSON.
const PERCENTILES: [(f64, &str, &str); 4] =
    [(50.0, "p50", "p50"), (90.0, "p90", "p90"), (99.0, "p99", "p99"), (99.9, "p99.9", "p99_9")];
/// Those that the table shows of the quiet pairs; the highest is the maximum.
const BESIDE: [f64; 3] = [50.0, 99.0, 100.0];
/// A rate whose messages left this late, in nanoseconds, was not kept.
const LATENESS_MAX: u64 = 10_000_000;

/// The outcome of one run.
pub(super) struct Figures {
    pub(super) plan: Plan,
    /// From the first connection to the last `subscribe_ok`.
    pub(super) connect_seconds: f64,
    /// What was measured took so long.
    pub(super) seconds: f64,
    /// Messages that were sent after the warm-up.
    pub(super) messages: u64,
    /// Deliveries of those.
    pub(super) deliveries: u64,
    pub(super) connect: Times,
    pub(super) latency: Times,
    /// How late messages with a rate left the sources.
    pub(super) lateness: Option<Times>,
    /// Where there were quiet pairs.
    pub(super) beside: Option<Beside>,
    pub(super) foreign: u64,
    pub(super) faults: Faults,
}

/// What the quiet pairs have measured. What went wrong with their messages is among the faults of the run.
pub(super) struct Beside {
    /// Messages that were sent after the warm-up.
    pub(super) messages: u64,
    pub(super) latency: Times,
    /// How late messages left.
    pub(super) lateness: Times,
}

impl Figures {
    pub(super) fn deliveries_per_second(&self) -> f64 {
        self.deliveries as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }

    fn messages_per_second(&self) -> f64 {
        self.messages as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }

    fn connects_per_second(&self) -> f64 {
        f64::from(self.plan.listeners) / self.connect_seconds.max(f64::MIN_POSITIVE)
    }

    /// For scripts.
    pub(super) fn json(&self) -> Value {
        let (rate, window) = match self.plan.pace {
            Pace::Rate(rate) => (Some(rate), None),
            Pace::Every(_) => (None, None),
            Pace::Window(window) => (None, Some(window)),
        };
        json!({
            "listeners": self.plan.listeners,
            "sources": self.plan.sources,
            "channels": self.plan.channels,
            "size": self.plan.size,
            "rate": rate,
            "window": window,
            "seconds": self.seconds,
            "messages": self.messages,
            "messages_per_second": self.messages_per_second(),
            "deliveries": self.deliveries,
            "deliveries_per_second": self.deliveries_per_second(),
            "latency_us": times_json(&self.latency),
            "late_us": self.lateness.as_ref().map(times_json),
            "beside": self.beside.as_ref().map(|beside| beside.json(self.plan.beside)),
            "lost": self.faults.count(Fault::Lost),
            "duplicates": self.faults.count(Fault::Duplicate),
            "reordered": self.faults.count(Fault::Reordered),
            "misdirected": self.faults.count(Fault::Misdirected),
            "cut": self.faults.count(Fault::Cut),
            "foreign": self.foreign,
            "connects_per_second": self.connects_per_second(),
            "connect_us": times_json(&self.connect),
            "faults": self.faults.sentences(),
        })
    }

    /// The cells of this run's column of the table, in the order of [`rows`].
    fn column(&self) -> Vec<String> {
        let mut cells = vec![
            count(u64::from(self.plan.listeners)),
            count(self.deliveries_per_second().round() as u64),
            count(self.messages_per_second().round() as u64),
        ];
        cells.extend(PERCENTILES.map(|(percent, ..)| time(self.latency.percentile(percent))));
        cells.push(time(self.latency.max()));
        if let Some(Beside { latency, .. }) = &self.beside {
            cells.extend(BESIDE.map(|percent| time(latency.percentile(percent))));
        }
        cells.extend(
            [Fault::Lost, Fault::Duplicate, Fault::Reordered, Fault::Cut].map(|kind| count(self.faults.count(kind))),
        );
        cells.push(count(self.connects_per_second().round() as u64));
        cells.push(time(self.connect.percentile(99.0)));
        cells
    }

    /// What the reader of the table should know beside it.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(lateness) = &self.lateness {
            let (half, most) = (time(lateness.percentile(50.0)), time(lateness.max()));
            notes.push(format!("messages left {half} late (p50), {most} at most; their latency counts that in"));
            if lateness.percentile(50.0) > LATENESS_MAX {
                notes.push("the rate was not kept: the relay or this machine cannot take so many messages".into());
            }
        }
        if let Some(Beside { messages, lateness, .. }) = &self.beside {
            let (half, most) = (time(lateness.percentile(50.0)), time(lateness.max()));
            notes.push(format!(
                "beside: {} messages, which left {half} late (p50), {most} at most; their latency counts that in",
                count(*messages)
            ));
        }
        if self.foreign > 0 {
            notes.push(format!("{} messages on these channels were not of this measurement", self.foreign));
        }
        notes
    }
}

impl Beside {
    fn json(&self, pairs: u32) -> Value {
        let (latency, late) = (times_json(&self.latency), times_json(&self.lateness));
        json!({"pairs": pairs, "messages": self.messages, "latency_us": latency, "late_us": late})
    }
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
pub(super) fn table(runs: &[Figures]) -> String {
    let columns: Vec<Vec<String>> = runs.iter().map(Figures::column).collect();
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
pub(super) fn headline(plan: &Plan, target: &str) -> String {
    let pace = match plan.pace {
        Pace::Rate(rate) => format!("{rate} messages/s"),
        Pace::Every(nanoseconds) => format!("a message every {}", time(nanoseconds)),
        Pace::Window(window) => format!("{window} messages in flight per source"),
    };
    let number = |count: u32, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let (sources, channels) = (number(plan.sources, "source"), number(plan.channels, "channel"));
    let beside =
        if plan.beside == 0 { String::new() } else { format!(", {} beside", number(plan.beside, "quiet pair")) };
    format!("{target}: {sources}, {channels}, {} bytes, {pace}{beside}", plan.size)
}

fn times_json(times: &Times) -> Value {
    let microseconds = |nanoseconds: u64| nanoseconds as f64 / 1000.0;
    let mut object = serde_json::Map::new();
    for (percent, _, name) in PERCENTILES {
        object.insert(name.to_owned(), microseconds(times.percentile(percent)).into());
    }
    object.insert("max".to_owned(), microseconds(times.max()).into());
    object.into()
}

/// A time with three digits, in the unit that suits it. Nothing takes less than a nanosecond: 0 is no time at all.
fn time(nanoseconds: u64) -> String {
    let (value, unit) = match nanoseconds {
        0 => return "-".to_owned(),
        1..1_000_000 => (nanoseconds as f64 / 1e3, "us"),
        1_000_000..1_000_000_000 => (nanoseconds as f64 / 1e6, "ms"),
        _ => (nanoseconds as f64 / 1e9, "s"),
    };
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$} {unit}")
}

/// A number with a space between thousands.
fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
pub(super) fn sample(listeners: u32) -> Figures {
    let mut latency = Times::default();
    (1..=1000).for_each(|at| latency.record(at * 1000));
    Figures {
        plan: Plan { listeners, ..super::plan::sample() },
        connect_seconds: 0.5,
        seconds: 2.0,
        messages: 300,
        deliveries: 300 * u64::from(listeners),
        connect: latency.clone(),
        lateness: Some(latency.clone()),
        beside: None,
        latency,
        foreign: 0,
        faults: Faults::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1 000"), (1_234_567, "1 234 567")] {
            assert_eq!(count(number), expected);
        }
        for (nanoseconds, expected) in
            [(0, "-"), (12_345, "12.3 us"), (999_000, "999 us"), (1_500_000, "1.50 ms"), (2_000_000_000, "2.00 s")]
        {
            assert_eq!(time(nanoseconds), expected);
        }
    }

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

    #[test]
    fn json_says_it_in_numbers() {
        let mut figures = sample(10);
        figures.faults.add(Fault::Reordered, 2, || "message 1".into());
        let json = figures.json();
        assert_eq!((&json["listeners"], &json["lost"], &json["reordered"]), (&10.into(), &0.into(), &2.into()));
        assert_eq!((&json["rate"], &json["window"]), (&Value::Null, &4.into()));
        assert_eq!(json["deliveries_per_second"], 1500.0);
        let p99 = json["latency_us"]["p99"].as_f64().unwrap();
        assert!((p99 - 990.0).abs() < 2.0, "{p99}");
        assert_eq!(json["faults"][0], "2 out of order, first: message 1");
    }

    #[test]
    fn a_rate_that_was_not_kept_is_said() {
        let mut figures = sample(1);
        assert_eq!(figures.notes().len(), 1);
        let mut late = Times::default();
        late.record(LATENESS_MAX * 2);
        figures.lateness = Some(late);
        assert!(figures.notes()[1].contains("was not kept"));
    }
}
