//! How relays are let in by the servers: each way of authentication, TLS, permissions and limits; and that an operator reads
//! what is wrong, in the log and from `pusud check`, without reading a secret.

use super::seen::wait_disconnected;
use crate::harness::{Client, NatsCluster, NatsSettings, Network, Setup, USER};
use serde_json::json;

/// Two relays at two servers are one network, also after one of them had to connect anew.
fn links(settings: NatsSettings) {
    let Some(cluster) = NatsCluster::with(2, settings) else { return };
    let mut network = Network::over(cluster, 2, |_, setup| setup);
    network.nats_mut().kill(1);
    network.nats_mut().restart(1);
    network.wait_linked();
    let check = network.relay(0).operate(&["check"]);
    assert!(check.status.success(), "{}\n{}", check.stdout, check.stderr);
    for said in [check.stdout, check.stderr, network.relay(0).log().text()] {
        for secret in [USER[1], "the token of the relays", "SUAAJ"] {
            assert!(!said.contains(secret), "it says a secret: {said}");
        }
    }
}

#[test]
fn nothing() {
    links(NatsSettings::open());
}

#[test]
fn user_and_password() {
    links(NatsSettings::open().with_password());
}

#[test]
fn token() {
    links(NatsSettings::open().with_token());
}

#[test]
fn key_pair() {
    links(NatsSettings::open().with_nkey());
}

#[test]
fn credentials_of_an_account() {
    links(NatsSettings::open().with_credentials());
}

#[test]
fn tls() {
    links(NatsSettings::open().with_tls(false));
}

#[test]
fn tls_with_client_certificates_and_a_password() {
    links(NatsSettings::open().with_tls(true).with_password());
}

/// `pusu.>` and nothing else is what has to be granted.
#[test]
fn the_least_permissions() {
    links(NatsSettings::open().with_permissions("pusu.>", "pusu.>"));
}

/// A relay that is not let in serves its clients; log, status and `pusud check` say why, and no secret.
fn is_kept_out(settings: NatsSettings, parts: &[&str]) {
    if let Some(network) = is_told(settings, parts) {
        wait_disconnected(network.relay(0));
    }
}

/// The same of one that keeps its connection, and can do nothing with it.
fn is_told(settings: NatsSettings, parts: &[&str]) -> Option<Network> {
    let network = Network::unlinked_over(NatsCluster::with(1, settings)?, 1, |_, setup| setup);
    let relay = network.relay(0);
    relay.log().wait_for("what is wrong", |line| parts.iter().all(|part| line.contains(part)).then_some(()));
    serves_its_own(relay.client(), relay.client());
    let said = relay.operate(&["check"]).fails_saying(parts);
    for said in [said, relay.log().text()] {
        assert!(!said.contains("a wrong one"), "it says a secret: {said}");
    }
    Some(network)
}

fn serves_its_own(mut source: Client, mut listener: Client) {
    listener.subscribe("own");
    source.publish("own", json!(1));
    listener.expect_publish("own", json!(1));
}

#[test]
fn a_wrong_password_is_named() {
    let wrong = NatsSettings::open().with_password().relays_say(&["user: relay, password: a wrong one"]);
    is_kept_out(wrong, &["authorization violation"]);
}

#[test]
fn a_missing_token_is_named() {
    is_kept_out(NatsSettings::open().with_token().relays_say(&[]), &["authorization violation", "none are set"]);
}

/// Without the authority there is nobody to trust, and the system's authorities do not know the servers.
#[test]
fn an_unknown_authority_is_named() {
    is_kept_out(NatsSettings::open().with_tls(false).relays_say(&[]), &["certificate"]);
}

#[test]
fn a_missing_client_certificate_is_named() {
    let settings = NatsSettings::open().with_tls(true);
    let only_ca = format!("tls: {{ca: \"{}\"}}", settings.tls_folder().join("nats.pem").display());
    is_kept_out(settings.relays_say(&[&only_ca]), &["certificate"]);
}

/// The connection stays open, and a relay must not take itself for one that is subscribed.
#[test]
fn missing_permissions_are_named() {
    for (publish, subscribe) in [("pusu.>", "other.>"), ("other.>", "pusu.>")] {
        is_told(NatsSettings::open().with_permissions(publish, subscribe), &["does not let this relay", "pusu.pusu."]);
    }
}

#[test]
fn a_server_that_takes_less_than_a_message_is_named() {
    is_told(NatsSettings::open().server("max_payload: 65536"), &["max_payload"]);
}

/// The longest messages that clients may send, and none is longer than the server takes.
#[test]
fn a_message_at_the_limit_arrives() {
    const LIMIT: usize = 1024 * 1024;
    let Some(network) = Network::over_nats(2) else { return };
    let (mut source, mut listener) = (network.relay(0).client(), network.relay(1).client());
    listener.subscribe("a");
    let bare = json!({"type": "publish", "channel": "a", "content": ""}).to_string().len();
    for length in [LIMIT - bare, LIMIT - bare - 1, 65_536, 0] {
        source.publish("a", json!("x".repeat(length)));
        listener.expect_publish("a", json!("x".repeat(length)));
    }
}

/// What is to be done on the server's side: less room after its settings have been read again is said as well.
#[test]
fn a_limit_that_shrinks_is_said() {
    let Some(cluster) = NatsCluster::of(1) else { return };
    let mut network = Network::unlinked_over(cluster, 1, |_, setup| setup);
    super::seen::wait_connected(network.relay(0));
    network.nats_mut().reload(NatsSettings::open().server("max_payload: 65536"));
    // The server says so to nobody, and ends the connection of whoever goes past it. The next one begins with the new limit.
    network.relay(0).client().publish("a", json!("x".repeat(100_000)));
    network.relay(0).log().wait_for("the smaller limit", |line| line.contains("max_payload").then_some(()));
}

/// Both backplanes at once make no sense: which of the settings is meant is asked.
#[test]
fn relays_beside_nats_are_an_error() {
    let starting = Setup::on_shards(1)
        .settings("backplane: nats\nnats: {servers: ['nats://127.0.0.1:4222']}\nrelays: ['127.0.0.1:55001']")
        .spawn();
    let log = starting.log().clone();
    assert_eq!(starting.wait().code(), Some(1));
    assert!(["relays", "backplane"].iter().all(|word| log.text().contains(word)), "{}", log.text());
}
