//! docs/operating/cluster.md: three relays on this machine, and a key that is rotated while they serve.

use super::page::{block, blocks_below, section};
use super::stage::Stage;
use crate::harness::Running;
use std::fs;

const PAGE: &str = "docs/operating/cluster.md";
const RELAYS: [u16; 3] = [55000, 55010, 55020];

/// A shell condition: the relay with this client port is linked with so many others.
fn linked(port: u16, others: usize) -> String {
    let status = format!("pusud status --json --socket run/pusud-{port}.sock");
    format!("[ \"$({status} | grep --only-matching '\"state\":\"linked\"' | wc -l)\" = {others} ]")
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

/// Makes the folder of a relay with the settings of `make run-network`, and a key.
fn furnish(stage: &Stage, folder: &str, settings: &str) {
    let plugins = stage.folder().join("plugins");
    let settings = settings.replace("../../target/plugins", plugins.to_str().unwrap());
    let quick = "limits: {drain_grace: 0, drain_spread: 0}\nnetwork_key_file: network.key\n";
    stage.write(&format!("{folder}/settings.yaml"), &format!("{settings}\n{quick}"));
}

fn start(stage: &Stage, folder: &str) -> Running {
    // The control socket lies where the shell began.
    stage.serve(&format!("cd {folder} && exec pusud --config settings.yaml"), 1)
}

/// The status of a relay that has the old key alone, when it is linked with the three or knows why it is not.
fn with_the_old_key(stage: &Stage) -> String {
    let _outsider = start(stage, "relay-4");
    let status = "pusud status --json --socket run/pusud-55030.sock";
    let refused = format!("[ \"$({status} | grep --only-matching '\"last_error\":\"' | wc -l)\" = 3 ]");
    wait_for(stage, &format!("{} || {refused}", linked(55030, 3)));
    stage.shell(status).succeeds()
}

#[test]
fn a_key_is_rotated_in_three_rounds_while_the_relays_serve() {
    let Some(stage) = Stage::new("cluster.md, rotating the key") else { return };
    let folders = ["relay-1", "relay-2", "relay-3", "relay-4"];
    for folder in &folders[..3] {
        furnish(
            &stage,
            folder,
            &fs::read_to_string(stage.folder().join(format!("config/network/{folder}.yaml"))).unwrap(),
        );
    }
    let third = fs::read_to_string(stage.folder().join("config/network/relay-3.yaml")).unwrap();
    let outsider = third.replace("relay-3", "relay-4").replace("55020", "55030").replace("port: 55021", "port: 55031");
    furnish(&stage, folders[3], &outsider);
    let keys = blocks_below(PAGE, "Rotate the key", "sh");
    assert_eq!(keys.len(), 4, "the new key, and three rounds");
    let key = block(PAGE, "Set it up", "sh");
    stage.shell(&format!("cd relay-1\n{key}{}cp network.key old.key new.key ../relay-2\ncp network.key old.key new.key ../relay-3\ncp network.key ../relay-4", keys[0])).succeeds();

    let mut relays: Vec<Running> = folders[..3].iter().map(|folder| start(&stage, folder)).collect();
    RELAYS.iter().for_each(|&port| wait_for(&stage, &linked(port, 2)));
    for (round, keys) in keys[1..].iter().enumerate() {
        let status = with_the_old_key(&stage);
        // Before the third round the three prove the new key, and still take the old one: it is the other relay that refuses.
        let expected = if round < 2 { "\"state\":\"linked\"" } else { "\"last_error\":\"refused: `relay-4` and" };
        assert_eq!(status.matches(expected).count(), 3, "before round {}: {status}", round + 1);
        for (at, folder) in folders[..3].iter().enumerate() {
            stage.shell(&format!("cd {folder}\n{keys}")).succeeds();
            // Ends the old one first: it has the port.
            drop(relays.remove(at));
            relays.insert(at, start(&stage, folder));
            RELAYS.iter().for_each(|&port| wait_for(&stage, &linked(port, 2)));
        }
    }
    let status = with_the_old_key(&stage);
    assert_eq!(status.matches("\"last_error\":\"the peer refused: ").count(), 3, "after the last round: {status}");
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
