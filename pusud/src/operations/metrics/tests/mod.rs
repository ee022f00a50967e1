//! Metrics of made-up relays: each stands in the table of names, and the page, the dashboard and the alerts know no other.

mod files;

use super::names::{ALL, Kind};
use super::{Format, write};
use crate::authenticator::{Condition, Definition, TrialCounts, Value};
use crate::control::{
    Authenticator, AuthenticatorEntry, Certificate, Disconnects, Histogram, History, HistoryRule, Listener,
    PluginMetric, Status, Tls,
};
use crate::routing::{NatsStatus, PeerState, PeerStatus};
use crate::system::ProcessFigures;
use std::collections::{BTreeMap, BTreeSet};

/// Marks, quotes and line ends, as names may have them.
const ODD: &str = "<b>\"a\\\n{}=1";

/// A relay that has everything that there is something to say about.
fn sample() -> Status {
    let histogram = || Histogram { bounds: vec![0.001, 1.0], counts: vec![1, 2, 3], sum: 4.5 };
    let certificate = |name: &str| Certificate { names: vec![name.to_owned()], not_after: 7, ..Certificate::default() };
    let tls = Tls { certificates: vec![certificate("a.example"), certificate("a.example")], ..Tls::default() };
    let listener = Listener { name: ODD.into(), tls: Some(tls), connections: 2, ..Listener::default() };
    let entry = |name: &str, trial| AuthenticatorEntry {
        name: name.into(),
        id: "A".into(),
        shadow: Option::is_some(&trial),
        condition: Condition::Bad(ODD.into()),
        durations: histogram(),
        trial,
        ..AuthenticatorEntry::default()
    };
    let relay = |name: Option<&str>, state| PeerStatus {
        name: name.map(str::to_owned),
        address: Some("10.0.0.2:55001".into()),
        state,
        round_trip: Some(std::time::Duration::from_millis(2)),
        ..PeerStatus::default()
    };
    let mut status = Status {
        name: ODD.into(),
        version: "0.1.0".into(),
        shards: 2,
        hanging_shards: vec![1],
        listeners: vec![listener],
        disconnects: vec![Disconnects { code: 4001, reason: "slow consumer".into(), count: 6 }],
        refusals: [("outbox_bytes".to_owned(), 6)].into(),
        authenticator: Authenticator {
            entries: vec![entry("first", None), entry(ODD, Some(TrialCounts::default()))],
            ..Authenticator::default()
        },
        history: Some(History {
            rules: vec![HistoryRule { name: ODD.into(), entries: 3, ..HistoryRule::default() }],
            ..History::default()
        }),
        relays: vec![
            relay(Some("r2"), PeerState::Down),
            relay(Some("r2"), PeerState::Linked),
            relay(None, PeerState::Down),
            relay(Some("r1"), PeerState::Itself),
        ],
        ..Status::default()
    };
    let times = &mut status.times;
    for time in [&mut times.fan_out, &mut times.accepted_to_flushed, &mut times.authorize, &mut times.settle] {
        *time = histogram();
    }
    (status.open_files.used, status.open_files.max) = (Some(9), Some(1024));
    status
}

/// The same over NATS, where relays have no links of their own.
fn sample_over_nats() -> Status {
    let time = Some(std::time::Duration::from_millis(2));
    let server = Some("nats://a:4222".to_owned());
    let nats = NatsStatus { server, round_trip: time, barrier_last: time, garbage: 3, ..NatsStatus::default() };
    Status { nats: Some(nats), ..sample() }
}

fn figures() -> ProcessFigures {
    ProcessFigures {
        cpu_seconds: Some(1.5),
        resident_bytes: Some(1),
        virtual_bytes: Some(2),
        start_time: Some(3.0),
        threads: Some(4),
    }
}

/// The series of a text, by name, with the names of their labels; each line has to be one.
fn series(text: &str) -> BTreeMap<String, BTreeSet<Vec<String>>> {
    let mut all = BTreeMap::<_, BTreeSet<_>>::new();
    let mut seen = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert!(seen.insert(series), "{series} is there twice");
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        // Quotes in values are escaped, so that these are the ends of names alone.
        let labels = labels.replace("\\\\", "").replace("\\\"", "");
        let parts: Vec<&str> = labels.split("=\"").collect();
        let names = parts[..parts.len() - 1].iter().map(|part| {
            let behind_value = part.rsplit_once('"').map_or(*part, |(_, behind)| behind);
            behind_value.trim_start_matches(',').to_owned()
        });
        all.entry(name.to_owned()).or_default().insert(names.collect());
    }
    all
}

/// The names of the series of a metric.
fn written_as(name: &str, kind: Kind) -> Vec<String> {
    match kind {
        Kind::Counter => vec![format!("{name}_total")],
        Kind::Info => vec![format!("{name}_info")],
        Kind::Gauge => vec![name.to_owned()],
        Kind::Histogram => ["_bucket", "_count", "_sum"].map(|suffix| format!("{name}{suffix}")).to_vec(),
    }
}

#[test]
fn the_table_and_what_is_written_are_the_same() {
    let mut expected = BTreeMap::<String, BTreeSet<Vec<String>>>::new();
    for metric in ALL {
        for name in written_as(metric.name, metric.kind) {
            let mut labels: Vec<String> = metric.labels.iter().map(ToString::to_string).collect();
            labels.extend(name.ends_with("_bucket").then(|| "le".to_owned()));
            expected.entry(name).or_default().insert(labels);
        }
    }
    for format in [Format::Prometheus, Format::OpenMetrics] {
        let texts = [sample(), sample_over_nats()].map(|status| write(&status, false, &figures(), format));
        let mut written = series(&texts[0]);
        written.extend(series(&texts[1]));
        assert_eq!(written, expected, "{format:?}");
        let heads = |text: &str| text.lines().filter(|line| line.starts_with("# TYPE ")).map(str::to_owned).collect();
        let heads: [Vec<String>; 2] = texts.each_ref().map(|text| heads(text));
        let different = |heads: &[String]| heads.iter().collect::<BTreeSet<_>>().len();
        assert!(heads.iter().all(|heads| heads.len() == different(heads)), "each family begins once");
        assert_eq!(different(&heads.concat()), ALL.len());
    }
}

#[test]
fn counters_and_units_are_named_by_the_conventions() {
    for metric in ALL {
        let name = metric.name;
        assert!(!name.ends_with("_total") && !name.ends_with("_info"), "{name}: the writer adds that");
        assert!(name.starts_with("pusud") || name.starts_with("process_"), "{name}");
        assert!(metric.kind != Kind::Histogram || name.ends_with("_seconds"), "{name}");
        let other_units = ["milliseconds", "microseconds", "kilobytes", "mebibytes", "minutes", "percent"];
        assert!(!other_units.iter().any(|unit| name.contains(unit)), "{name}: seconds and bytes alone");
        assert!(metric.help.ends_with('.'), "{name}: a sentence");
    }
}

#[test]
fn a_hanging_shard_is_down_and_the_rest_is_written() {
    let text = write(&sample(), false, &figures(), Format::Prometheus);
    for line in [
        "pusud_shard_up{shard=\"0\"} 1",
        "pusud_shard_up{shard=\"1\"} 0",
        "pusud_ready 0",
        "pusud_link_up{relay=\"r2\"} 1",
        "pusud_link_up{relay=\"10.0.0.2:55001\"} 0",
        "pusud_disconnects_total{code=\"4001\",reason=\"slow consumer\"} 6",
        "process_open_fds 9",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
    }
}

#[test]
fn over_nats_there_is_nothing_of_links_and_otherwise_nothing_of_nats() {
    let [mesh, mut nats] = [sample(), sample_over_nats()];
    let text = write(&mesh, false, &figures(), Format::Prometheus);
    assert!(!text.contains("pusud_nats_") && !text.contains("pusud_link_late_"), "{text}");
    let text = write(&nats, false, &figures(), Format::Prometheus);
    assert!(text.contains("\npusud_nats_up 1\n") && text.contains("\npusud_nats_garbage_messages_total 3\n"), "{text}");
    for gone in ["pusud_link_encrypted", "pusud_link_queued_bytes", "pusud_link_sent_messages"] {
        assert!(!text.contains(gone), "{gone}");
    }
    nats.relays = vec![PeerStatus { name: Some("r2".into()), state: PeerState::Stopped, ..PeerStatus::default() }];
    let text = write(&nats, false, &figures(), Format::Prometheus);
    assert!(!text.contains("pusud_link_up{") && text.contains("pusud_link_lagging{relay=\"r2\"} 0"), "{text}");
    nats.nats = Some(NatsStatus::default());
    let text = write(&nats, false, &figures(), Format::Prometheus);
    assert!(text.contains("\npusud_nats_up 0\n") && !text.contains("\npusud_nats_round_trip_seconds "), "{text}");
}

#[test]
fn an_authenticator_without_a_list_is_one_entry() {
    let mut status = sample();
    status.authenticator = Authenticator { id: "A".into(), timed_out: 3, ready: true, ..Authenticator::default() };
    let text = write(&status, true, &figures(), Format::Prometheus);
    assert!(text.contains("pusud_authenticator_failures_total{entry=\"A\",kind=\"timed_out\"} 3\n"), "{text}");
    assert!(text.contains("pusud_authenticator_ready{entry=\"A\"} 1\n"), "{text}");
}

fn of_plugin(kind: crate::authenticator::Kind, name: &str, labels: &[(&str, &str)], value: Value) -> PluginMetric {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let definition = Definition { kind, name: name.into(), help: ODD.into(), labels, bounds: Vec::new() };
    PluginMetric { definition, value }
}

/// What several plugins define contradicts each other at will.
#[test]
fn metrics_of_plugins_are_whole_or_left_out() {
    use crate::authenticator::Kind::{Counter, Gauge, Histogram};
    let took = Value::Histogram { bounds: vec![0.5], counts: vec![1, 1], sum: 2.0 };
    let mut status = sample();
    status.authenticator.metrics = vec![
        of_plugin(Counter, "asked_total", &[("by", ODD), ("entry", "a")], Value::Counter(3.0)),
        of_plugin(Counter, "asked_total", &[("entry", "b"), ("by", "x")], Value::Counter(4.0)),
        of_plugin(Counter, "asked_total", &[("by", "x"), ("entry", "b")], Value::Counter(5.0)),
        of_plugin(Gauge, "asked", &[("entry", "c")], Value::Gauge(1.0)),
        of_plugin(Histogram, "took_seconds", &[], took.clone()),
        of_plugin(Histogram, "took_seconds", &[("le", "1")], took),
        of_plugin(Gauge, "took_seconds_count", &[], Value::Gauge(1.0)),
        of_plugin(Gauge, "odd_total", &[], Value::Gauge(1.0)),
    ];
    for format in [Format::Prometheus, Format::OpenMetrics] {
        let text = write(&status, true, &figures(), format);
        let own: Vec<String> = series(&text).into_keys().filter(|name| name.starts_with("pusud_plugin_")).collect();
        let took = ["bucket", "count", "sum"].map(|suffix| format!("pusud_plugin_took_seconds_{suffix}"));
        assert_eq!(own, [vec!["pusud_plugin_asked_total".to_owned()], took.to_vec()].concat());
        assert!(text.contains("pusud_plugin_asked_total{by=\"x\",entry=\"b\"} 4\n"), "{text}");
    }
}
