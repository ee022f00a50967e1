//! docs/operating/cluster.md: three relays on this machine, and a key that is rotated while they serve.

use super::page::{block, blocks_below, section};
use super::stage::Stage;
use crate::harness::Running;
use std::fs;

const PAGE: &str = "docs/operating/cluster.md";
const RELAYS: [u16; 3] = [55000, 55010, 55020];

/// A shell condition: the relay with this client port is linked with so many others.
fn linked(port: u16, others: usize) -> String {
    let status = format!("pusud status --socket run/pusud-{port}.sock");
    format!("[ \"$({status} | grep --count ': linked, ')\" = {others} ]")
}

fn wait_for(stage: &Stage, condition: &str) {
    stage.shell_until(condition, "sleep 1").succeeds();
}

#[test]
fn three_relays_on_this_machine() {
    let Some(stage) = Stage::new("cluster.md, three relays") else { return };
    let mut commands = blocks_below(PAGE, "Try it", "sh").into_iter();
    let _relays = stage.serve(&commands.next().unwrap(), 3);
    RELAYS.iter().for_each(|&port| wait_for(&stage, &linked(port, 2)));
    // When the first relay knows that the third one has a listener.
    let interest = "pusud status --json --socket run/pusud-55000.sock | grep '\"interest\":1'";
    let said = stage.shell_until(interest, &commands.next().unwrap()).succeeds();
    assert_eq!(said, "{\"channel\":\"news.today\",\"content\":\"Hello, network\"}");
}

#[test]
fn three_relays_over_nats_on_this_machine() {
    let Some(stage) = Stage::with("cluster.md, over NATS", &["nats-server"]) else { return };
    let _all = stage.serve(&block(PAGE, "Over NATS", "sh"), 3);
    // Those that the others see are in the status, too, and end with their state.
    let count = "grep --only-matching '\"state\":\"linked\",' | wc -l";
    let is_linked = |port: u16| format!("[ \"$(pusud status --json --socket run/pusud-{port}.sock | {count})\" = 2 ]");
    RELAYS.iter().for_each(|&port| wait_for(&stage, &is_linked(port)));
    let listen = blocks_below(PAGE, "Try it", "sh").pop().unwrap();
    let listens = "pusud status --json --socket run/pusud-55020.sock | grep '\"subscriptions\":1'";
    let said = stage.shell_until(listens, &listen).succeeds();
    assert_eq!(said, "{\"channel\":\"news.today\",\"content\":\"Hello, network\"}");
}

/// Makes the folder of a relay with its settings for `make run-network`, but for `left_out`, and with a key.
fn furnish(stage: &Stage, relay: &str, left_out: &str) {
    let settings = fs::read_to_string(stage.folder().join(format!("config/network/{relay}.yaml"))).unwrap();
    let plugins = stage.folder().join("plugins");
    let settings = settings.replace("../../target/plugins", plugins.to_str().unwrap()).replace(left_out, "");
    stage.write(&format!("{relay}/settings.yaml"), &format!("{settings}\nnetwork_key_file: network.key\n"));
}

fn start(stage: &Stage, relay: &str) -> Running {
    stage.serve(&format!("cd {relay} && exec pusud --config settings.yaml"), 1)
}

/// The status of a third relay, which has the old key alone, when it is linked with both or knows why it is not.
fn with_the_old_key(stage: &Stage) -> String {
    let _third = start(stage, "relay-3");
    let status = "pusud status --json --socket run/pusud-55020.sock";
    let refused = format!("[ \"$({status} | grep --only-matching '\"last_error\":\"' | wc -l)\" = 2 ]");
    wait_for(stage, &format!("{} || {refused}", linked(RELAYS[2], 2)));
    stage.shell(status).succeeds()
}

#[test]
fn a_key_is_rotated_in_three_rounds_while_the_relays_serve() {
    let Some(stage) = Stage::new("cluster.md, rotating the key") else { return };
    let relays = ["relay-1", "relay-2"];
    relays.iter().for_each(|relay| furnish(&stage, relay, "  - 127.0.0.1:55021\n"));
    furnish(&stage, "relay-3", "");
    let keys = blocks_below(PAGE, "Rotate the key", "sh");
    assert_eq!(keys.len(), 4, "the new key, and three rounds");
    let (key, new_key) = (block(PAGE, "Set it up", "sh"), &keys[0]);
    stage.shell(&format!("cd relay-1\n{key}{new_key}cp *.key ../relay-2\ncp network.key ../relay-3")).succeeds();

    let mut running = relays.map(|relay| Some(start(&stage, relay)));
    RELAYS[..2].iter().for_each(|&port| wait_for(&stage, &linked(port, 1)));
    for (round, keys) in keys[1..].iter().enumerate() {
        let status = with_the_old_key(&stage);
        // Before the last round they prove the new key, and still take the old one: it is the third relay that refuses.
        let expected =
            if round < 2 { "\"state\":\"linked\",\"sent\"" } else { "\"last_error\":\"refused: `relay-3` and" };
        assert_eq!(status.matches(expected).count(), 2, "before round {}: {status}", round + 1);
        for (relay, running) in relays.iter().zip(&mut running) {
            stage.shell(&format!("cd {relay}\n{keys}")).succeeds();
            // The old one has the port.
            drop(running.take());
            *running = Some(start(&stage, relay));
            RELAYS[..2].iter().for_each(|&port| wait_for(&stage, &linked(port, 1)));
        }
    }
    let status = with_the_old_key(&stage);
    assert_eq!(status.matches("\"last_error\":\"the peer refused: ").count(), 2, "after the last round: {status}");
}

#[test]
fn the_settings_are_good() {
    let Some(stage) = Stage::new("cluster.md, settings") else { return };
    stage.shell(&block(PAGE, "Set it up", "sh")).succeeds();
    let settings = block(PAGE, "Set it up", "yaml");
    stage.write("cluster.yaml", &format!("authenticator: None\n{settings}"));
    let said = stage.shell("pusud check --config cluster.yaml").succeeds();
    assert!(said.contains("  network_key_file") && said.contains("relay-3.example.com"), "{said}");
    assert!(section(PAGE, "Rotate the key").contains("**Three rounds**"));
}

#[test]
fn certificates_of_ones_own_are_taken() {
    let Some(stage) = Stage::new("cluster.md, certificates") else { return };
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().signed_by(&key, &authority).unwrap();
    stage.write("cluster-ca.pem", &authority.pem());
    stage.write("relay.pem", &certificate.pem());
    stage.write("relay.key", &key.serialize_pem());
    stage.shell("chmod 600 relay.key").succeeds();
    let settings = block(PAGE, "Encryption", "yaml");
    let rest = "authenticator: None\nrelays: [relay-1.example.com]\nnetwork_encryption: required";
    stage.write("certificates.yaml", &format!("{rest}\n{settings}"));
    let said = stage.shell("pusud check --config certificates.yaml").succeeds();
    assert!(said.contains("required: ") && said.contains("relay.pem, by "), "{said}");
}
