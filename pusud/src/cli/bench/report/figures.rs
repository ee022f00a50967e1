//! The figures of a run, as JSON for scripts, and what a reader of them should know.

use super::super::checking::{Fault, Faults};
use super::super::plan::{Pace, Plan};
use super::amounts::{count, time};
use super::tally::Times;
use serde_json::{Value, json};

/// The percentiles that are shown, with their names in the table and in JSON.
pub(super) const PERCENTILES: [(f64, &str, &str); 4] =
    [(50.0, "p50", "p50"), (90.0, "p90", "p90"), (99.0, "p99", "p99"), (99.9, "p99.9", "p99_9")];
/// A rate whose messages left this late, in nanoseconds, was not kept.
const LATENESS_MAX: u64 = 10_000_000;

/// The outcome of one run.
pub(crate) struct Figures {
    pub(crate) plan: Plan,
    /// What was agreed on, where it was TLS.
    pub(crate) tls: Option<String>,
    /// From the first connection to the last `subscribe_ok`.
    pub(crate) connect_seconds: f64,
    /// What was measured took so long.
    pub(crate) seconds: f64,
    /// Messages that were sent after the warm-up.
    pub(crate) messages: u64,
    /// Deliveries of those.
    pub(crate) deliveries: u64,
    pub(crate) connect: Times,
    pub(crate) latency: Times,
    /// How late messages with a rate left the sources.
    pub(crate) lateness: Option<Times>,
    /// Where there were quiet pairs.
    pub(crate) beside: Option<Beside>,
    pub(crate) foreign: u64,
    pub(crate) faults: Faults,
}

/// What the quiet pairs have measured. What went wrong with their messages is among the faults of the run.
pub(crate) struct Beside {
    /// Messages that were sent after the warm-up.
    pub(crate) messages: u64,
    pub(crate) latency: Times,
    /// How late messages left.
    pub(crate) lateness: Times,
}

impl Figures {
    pub(crate) fn deliveries_per_second(&self) -> f64 {
        self.deliveries as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }

    pub(super) fn messages_per_second(&self) -> f64 {
        self.messages as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }

    pub(super) fn connects_per_second(&self) -> f64 {
        f64::from(self.plan.listeners) / self.connect_seconds.max(f64::MIN_POSITIVE)
    }

    /// For scripts.
    pub(crate) fn json(&self) -> Value {
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
            "tls": self.tls,
            "http": self.plan.over_http.name(),
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

    /// What the reader of the table should know beside it.
    pub(crate) fn notes(&self) -> Vec<String> {
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

fn times_json(times: &Times) -> Value {
    let microseconds = |nanoseconds: u64| nanoseconds as f64 / 1000.0;
    let mut object = serde_json::Map::new();
    for (percent, _, name) in PERCENTILES {
        object.insert(name.to_owned(), microseconds(times.percentile(percent)).into());
    }
    object.insert("max".to_owned(), microseconds(times.max()).into());
    object.into()
}

#[cfg(test)]
pub(crate) fn sample(listeners: u32) -> Figures {
    let mut latency = Times::default();
    (1..=1000).for_each(|at| latency.record(at * 1000));
    Figures {
        plan: Plan { listeners, ..crate::cli::bench::plan::sample() },
        tls: None,
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
    fn json_says_it_in_numbers() {
        let mut figures = sample(10);
        figures.faults.add(Fault::Reordered, 2, || "message 1".into());
        let json = figures.json();
        assert_eq!((&json["listeners"], &json["lost"], &json["reordered"]), (&10.into(), &0.into(), &2.into()));
        assert_eq!((&json["rate"], &json["window"], &json["http"]), (&Value::Null, &4.into(), &Value::Null));
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
