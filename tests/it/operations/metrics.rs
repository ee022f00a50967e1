//! Metrics of a real relay, and what Prometheus' own tool says of them, of the alerts and of the queries.

use crate::harness::{
    DEADLINE, Daemon, NO_PROMETHEUS, Network, PluginsDir, Setup, has_prometheus, not_run, operations_request, root,
    run, run_with_input, scripted_plugin,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Instant;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";

/// What a relay answers to a scrape, with the media type.
fn scrape(daemon: &Daemon, accept: &str) -> (String, String) {
    let request = operations_request("GET", "/metrics").also(&format!("Accept: {accept}"));
    let answer = daemon.ask_operations(&request).expect(200);
    let content_type = answer.head.lines().find_map(|line| line.strip_prefix("Content-Type: ")).unwrap();
    (content_type.to_owned(), answer.body)
}

/// The same, once it has this line: what was asked for a moment ago is given again.
fn scrape_with(daemon: &Daemon, accept: &str, line: &str) -> (String, String) {
    let began = Instant::now();
    loop {
        let (content_type, text) = scrape(daemon, accept);
        if text.lines().any(|other| other == line) {
            return (content_type, text);
        }
        assert!(began.elapsed() < DEADLINE, "{line} is not in\n{text}");
    }
}

/// The value of a series.
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series} is not in\n{text}")).parse().unwrap()
}

/// Two relays that are linked, with a list of authenticators each.
fn busy() -> Network {
    let list = "[{id: ScriptedAuthenticator, name: first}, {id: ScriptedAuthenticator, name: tried, shadow: true}]";
    let plugins = || PluginsDir::with([scripted_plugin()]);
    Network::with(2, |_, setup| setup.with_operations().authenticator(list, plugins()))
}

#[test]
fn a_scrape_has_what_happened() {
    let daemon = Setup::on_shards(2).with_operations().start();
    let mut clients = [daemon.client(), daemon.client()];
    clients.iter_mut().for_each(|client| client.subscribe("a"));
    clients[0].publish("a", json!("four"));
    clients.iter_mut().for_each(|client| client.expect_publish("a", json!("four")));
    let mut refused = daemon.connect();
    refused.send(json!({"type": "authorize", "authorization": "deny"}));
    refused.expect_error("authorization_failed");
    refused.expect_closed(4501);
    daemon.wait_for_connections(2);
    let (content_type, text) = scrape_with(&daemon, "*/*", "pusud_authorize_seconds_count 3");
    assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
    for (series, expected) in [
        ("pusud_published_messages_total", 1.0),
        ("pusud_published_bytes_total", 6.0),
        ("pusud_delivered_messages_total", 2.0),
        ("pusud_accepted_connections_total", 3.0),
        ("pusud_disconnects_total{code=\"4501\",reason=\"authorization failed\"}", 1.0),
        ("pusud_disconnects_total{code=\"4001\",reason=\"slow consumer\"}", 0.0),
        ("pusud_authenticator_decisions_total{entry=\"ScriptedAuthenticator\",decision=\"granted\"}", 2.0),
        ("pusud_authenticator_decision_seconds_count{entry=\"ScriptedAuthenticator\"}", 3.0),
        ("pusud_authorize_seconds_count", 3.0),
        ("pusud_shard_up{shard=\"1\"}", 1.0),
        ("pusud_ready", 1.0),
    ] {
        assert_eq!(value(&text, series), expected, "{series} in\n{text}");
    }
    assert!(value(&text, "process_resident_memory_bytes") > 1e6 && value(&text, "process_open_fds") > 5.0);
    let (content_type, open) = scrape(&daemon, OPEN_METRICS);
    assert_eq!(content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(open.ends_with("# EOF\n") && open.contains("# TYPE pusud_published_messages counter\n"), "{open}");
}

/// Nothing of what clients choose is in a label.
#[test]
fn a_scrape_names_no_client_and_no_channel() {
    let daemon = Setup::on_shards(1).with_operations().start();
    let mut client = daemon.client_with("both=* subject=subject-canary");
    client.subscribe("channel-canary");
    client.publish("channel-canary", json!("content-canary"));
    client.expect_publish("channel-canary", json!("content-canary"));
    let (_, text) = scrape_with(&daemon, "*/*", "pusud_subscriptions 1");
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn prometheus_own_tool_finds_nothing_to_complain_about() {
    if !has_prometheus() {
        return not_run("metrics by promtool", NO_PROMETHEUS);
    }
    let network = busy();
    for (other, daemon) in ["relay-1", "relay-0"].into_iter().zip(network.relays()) {
        let (_, text) = scrape_with(daemon, "*/*", &format!("pusud_link_up{{relay=\"{other}\"}} 1"));
        assert!(text.contains("pusud_shadow_results_total{entry=\"tried\""), "{text}");
        // It reads the older format alone; OpenMetrics is what Prometheus itself asks for (`alerts`).
        run_with_input(Command::new("promtool").args(["check", "metrics"]), &text).succeeds();
    }
}

#[test]
fn the_alerts_and_the_example_are_in_order_and_do_what_their_tests_say() {
    if !has_prometheus() {
        return not_run("alerts by promtool", NO_PROMETHEUS);
    }
    let folder = root().join("config/prometheus");
    let promtool = |arguments: &[&str]| run(Command::new("promtool").args(arguments).current_dir(&folder)).succeeds();
    promtool(&["check", "rules", "alerts.yaml"]);
    promtool(&["check", "config", "prometheus.yaml"]);
    promtool(&["test", "rules", "alerts.test.yaml"]);
}

/// The dashboard's queries, as rules.
#[test]
fn the_queries_of_the_dashboard_can_be_asked() {
    if !has_prometheus() {
        return not_run("queries of the dashboard by promtool", NO_PROMETHEUS);
    }
    let text = std::fs::read_to_string(root().join("config/grafana/pusud.json")).unwrap();
    // "All" is the relays that the variable has found, and no other program that Prometheus scrapes.
    assert!(!text.contains("\"allValue\""), "a value of its own for all relays");
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let queries: BTreeSet<String> = targets.filter_map(|target| target["expr"].as_str().map(str::to_owned)).collect();
    let rules = queries.iter().enumerate().map(|(number, query)| {
        let query = query.replace("$__rate_interval", "5m").replace("$relay", ".*");
        json!({"record": format!("query_{number}"), "expr": query})
    });
    let rules = json!({"groups": [{"name": "dashboard", "rules": rules.collect::<Vec<_>>()}]});
    let folder = tempfile::tempdir().unwrap();
    // JSON is YAML.
    std::fs::write(folder.path().join("rules.yaml"), rules.to_string()).unwrap();
    let checked = run(Command::new("promtool").args(["check", "rules"]).arg(folder.path().join("rules.yaml")));
    assert!(checked.succeeds().contains(&format!("{} rules found", queries.len())));
}
