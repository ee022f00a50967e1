//! Pages of strangers in the browser of an operator: they get nothing, and change nothing.

use crate::harness::{Setup, operations_order, operations_request};
use serde_json::json;

#[test]
fn a_name_that_is_not_the_relays_own_is_refused() {
    let daemon = Setup::on_shards(1).with_operations().settings("operations_hosts: [relay.example]").start();
    let ask = |host: &str, target: &str| {
        daemon.ask_operations(&operations_request("GET", target).header(&format!("Host: {host}")))
    };
    for host in ["localhost:1", "127.0.0.1:55002", "[::1]", "relay.example", "test-relay"] {
        ask(host, "/").expect(200);
    }
    for target in ["/", "/api/v1/session", "/metrics"] {
        let problem = ask("evil.example", target).expect_problem(421);
        assert!(problem["detail"].as_str().unwrap().contains("`operations_hosts`"), "{problem}");
    }
    // Probes know addresses and names of their own, and are told nothing but how the relay is.
    ask("evil.example", "/livez").expect(200);
    // Prometheus asks by what stands in `targets`: often an address.
    for host in ["relay.example:55002", "192.0.2.7:55002"] {
        ask(host, "/metrics").expect(200);
    }
}

#[test]
fn what_a_page_of_somebody_else_sends_is_refused() {
    let daemon = Setup::on_shards(1).with_operations().start();
    let client = daemon.client();
    let order = operations_order("/api/v1/kick", &json!({"whom": {"address": "127.0.0.1"}}));
    let order = order.bearer(&daemon.token("operate"));
    for line in
        ["Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"]
    {
        daemon.ask_operations(&order.clone().also(line)).expect_problem(403);
    }
    assert_eq!(daemon.status()["connections"]["total"], 1);
    let own = order.also("Origin: http://localhost").also("Sec-Fetch-Site: same-origin");
    assert_eq!(daemon.ask_operations(&own).expect(200).json()["connections"], 1);
    drop(client);
}
