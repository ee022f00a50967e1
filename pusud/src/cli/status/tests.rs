//! Tests of what `pusud status` prints.

use super::*;
use pusud::authenticator::{DecisionCounts, Definition, Kind, Value};
use pusud::control::{
    Authenticator, Certificate, Connections, Disconnects, Histogram, Listener, Memory, Messages, OpenFiles,
    PluginMetric, Times, Tls,
};
use pusud::routing::{EndedClient, NatsStatus, States, Traffic, Transports};

fn metric(name: &str, labels: &[(&str, &str)], value: Value) -> PluginMetric {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let (kind, help, bounds) = (Kind::Counter, String::new(), Vec::new());
    PluginMetric { definition: Definition { kind, name: name.to_owned(), help, labels, bounds }, value }
}

fn listener() -> Listener {
    let names = vec!["relay.example.com".to_owned()];
    let certificate = Certificate { names, key: "ECDSA P-256".into(), sha256: "cd".into(), not_after: 9 };
    Listener {
        name: "clients".into(),
        address: "192.0.2.1:443".into(),
        connections: 5,
        tls: Some(Tls { certificates: vec![certificate], client_certificates: "optional".into(), days_left: 12 }),
        proxy_protocol: true,
        trusted_proxies: Some("10.0.0.0/8".into()),
    }
}

fn took() -> Histogram {
    Histogram { bounds: vec![0.001, 0.01], counts: vec![9, 1, 0], sum: 0.01 }
}

fn sample() -> Status {
    Status {
        name: "r1".into(),
        version: "0.1.0".into(),
        pid: 7,
        uptime_seconds: 61,
        shards: 2,
        hanging_shards: vec![1],
        connections: Connections {
            total: 5,
            unauthorized: 2,
            handshakes: 1,
            accepted: 70,
            by_transport: Transports { ws: 4, sse: 1, ..Transports::default() },
            by_state: States { open: 4, blocked: 1, closing: 0 },
        },
        operations: Some("https://127.0.0.1:55002".into()),
        operations_tls: Some(Tls { days_left: 1, ..Tls::default() }),
        memory: Memory { queued_bytes: 2048, queued_bytes_max: 1 << 28, ceiling_bytes: 1 << 30, ..Memory::default() },
        open_files: OpenFiles { used: Some(52), max: Some(1024) },
        times: Times { fan_out: took(), ..Times::default() },
        revocations: 4,
        left_out_log_lines: 5,
        ended: vec![EndedClient { code: 4001, address: "192.0.2.9:7".into(), ..EndedClient::default() }],
        listeners: vec![listener()],
        channels: 3,
        subscriptions: 4,
        messages: Messages {
            published: 10,
            published_bytes: 100,
            delivered: 20,
            delivered_bytes: 220,
            dropped: 1,
            dropped_bytes: 30,
        },
        lost_log_lines: 3,
        disconnects: vec![Disconnects { code: 4001, reason: "slow consumer".into(), count: 6 }],
        refusals: [("outbox_bytes".to_owned(), 6), ("max_fragments".to_owned(), 0)].into(),
        authenticator: Authenticator {
            id: "A".into(),
            version: "1.0".into(),
            sha256: "ab".into(),
            generation: 3,
            queued: 8,
            decisions: DecisionCounts { granted: 7, refused: 1, ..DecisionCounts::default() },
            durations: took(),
            timed_out: 9,
            stuck_threads: 1,
            restarts: 2,
            condition: Condition::Degraded("one backend of two".into()),
            metrics: vec![
                metric("asked_total", &[("by", "cache")], Value::Counter(3.0)),
                metric("took_seconds", &[], Value::Histogram { bounds: vec![1.0], counts: vec![4, 1], sum: 2.5 }),
            ],
            ..Authenticator::default()
        },
        option_files: vec![Default::default()],
        relays: vec![PeerStatus {
            address: Some("10.0.0.2:55001".into()),
            name: Some("r2".into()),
            state: PeerState::Linked,
            linked_for: Some(Duration::from_secs(60)),
            round_trip: Some(Duration::from_micros(250)),
            encrypted: true,
            queue_bytes: 11,
            traffic: Traffic { sent: 12, received: 13, dropped: 14, lost: 2, ..Traffic::default() },
            interest: 15,
            last_error: Some("it was reset".into()),
            ..PeerStatus::default()
        }],
        ..Status::default()
    }
}

#[test]
fn people_see_what_there_is_and_nothing_that_is_not() {
    let text = describe(&sample());
    for part in [
        "r1 (pusud 0.1.0, process 7)",
        "\nuptime:                 1m 1s, since 1970-01-01T00:00:00Z\n",
        "HANG and are not counted: [1]",
        "clients on 192.0.2.1:443, 5 connections, TLS for relay.example.com, 12 days left, client certificates \
         optional, PROXY header required, trusted proxies 10.0.0.0/8\n",
        "\noperations:             https://127.0.0.1:55002, 1 day left\n",
        "5 (2 unauthorized, 1 in TLS handshakes), 70 accepted\n  by transport:         4 ws, 1 sse\n  by state:             4 \
         open, 1 blocked\n",
        "\nmessages:               10 published (100 bytes), 20 delivered (220 bytes)\n",
        "\nmemory:                 2.0 KiB wait, at most 256.0 MiB; the relay takes at most 1.0 GiB\n",
        "\nopen files:             52 of 1024\n",
        "\ntimes:                  fan-out half within 1 ms, 99 % within 10 ms\n",
        "\nrevocations:            4\n",
        "5 lines left out",
        "\nauthenticator decided:  7 granted, 1 refused, 0 abstained, 0 unavailable\n",
        "6 slow consumer (4001)\n  the last:             192.0.2.9:7 (4001)\n",
        "\nslow consumers:         6 disconnected, 1 messages and 30 bytes dropped\n",
        "6 for outbox_bytes",
        "generation 3, NOT READY\n",
        "\nauthenticator queue:    8\nauthenticator failures: 9 timed out, 1 hanging threads, 2 restarts\n",
        "\nauthenticator health:   degraded: one backend of two\n",
        "\nauthenticator metrics:  asked_total{by=\"cache\"} 3, took_seconds 5 with the sum 2.5\n",
        "r2 at 10.0.0.2:55001: linked, for 1m, round trip 0.2 ms, encrypted, 11 bytes queued, 12 sent, 13 received, 16 dropped",
        "last error: it was reset",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("max_fragments") && !text.contains("turned away"), "{text}");
}

#[test]
fn the_page_explains_every_label() {
    let page = include_str!("../../../../docs/operating/monitoring.md");
    let (_, section) = page.split_once("\n## Status for people\n").expect("the page has the section");
    let (section, _) = section.split_once("\n## ").expect("another one follows");
    let explained: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let nats = NatsStatus {
        server: Some("nats://a:4222".into()),
        garbage: 1,
        last_error: Some("x".into()),
        ..NatsStatus::default()
    };
    let text = describe(&Status { nats: Some(nats), ..sample() });
    let shown: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once(':')?.0.trim_start())).collect();
    assert_eq!(explained, shown);
}

#[test]
fn programs_read_back_what_was_written() {
    let json = serde_json::to_string(&sample()).unwrap();
    assert_eq!(serde_json::from_str::<Status>(&json).unwrap(), sample());
    let more = json.replacen('{', r#"{"a_later_field":1,"#, 1);
    assert_eq!(serde_json::from_str::<Status>(&more).unwrap(), sample(), "later fields are ignored");
}
