//! docs/operating/monitoring.md: every field of the status, and log lines that the relay can write.

use super::page::{code, rows, section};
use crate::harness::{Network, PluginsDir, Setup, root, scripted_plugin};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: &str = "docs/operating/monitoring.md";

/// The fields that a section has a row for.
fn told(heading: &str) -> BTreeSet<String> {
    let section = section(PAGE, heading);
    rows(&section).iter().flat_map(|row| code(row[0])).map(str::to_owned).collect()
}

#[test]
fn every_field_of_the_status_is_there() {
    let network = Network::of(2);
    let Value::Object(mut status) = network.relay(0).status() else { panic!("the status is an object") };
    let relays = status.remove("relays").unwrap();
    let of_relays: BTreeSet<String> = relays[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(told("Relays"), of_relays);

    let listeners = status.remove("listeners").unwrap();
    let of_listeners: BTreeSet<String> = listeners[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(told("Listeners"), of_listeners);

    let mut shown: BTreeSet<String> = ["relays[]", "listeners[]", "disconnects[]", "ended[]"].map(str::to_owned).into();
    status.remove("disconnects");
    status.remove("ended");
    for (key, value) in status {
        match value {
            // Its keys are the limits, which have a table of their own.
            Value::Object(fields) if key != "refusals" => {
                shown.extend(fields.keys().map(|field| format!("{key}.{field}")));
            }
            _ => drop(shown.insert(key)),
        }
    }
    assert_eq!(told("Status"), shown);
}

#[test]
fn every_field_of_an_entry_is_there() {
    let list = "[{id: ScriptedAuthenticator}, {id: ScriptedAuthenticator, name: tried, shadow: true}]";
    let plugins = PluginsDir::with([scripted_plugin()]);
    let status = Setup::on_shards(1).authenticator(list, plugins).start().status();
    let entry = status["authenticator"]["entries"][1].as_object().unwrap();
    assert_eq!(told("Entries of a list"), entry.keys().cloned().collect());
    assert_eq!(told("Shadows"), entry["trial"].as_object().unwrap().keys().cloned().collect());
}

/// The sources of the daemon, each text in them on one line.
pub(super) fn sources(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all += &sources(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            let pieces = source.split("\\\n").enumerate();
            all.extend(pieces.map(|(n, piece)| if n == 0 { piece } else { piece.trim_start() }));
        }
    }
    all
}

#[test]
fn the_relay_can_write_the_log_lines() {
    let sources = sources(&root().join("pusud/src"));
    let section = section(PAGE, "Log");
    let rows = rows(&section);
    assert!(rows.len() > 35, "the page has lost its lines: {}", rows.len());
    for row in rows {
        for piece in code(row[1]).iter().flat_map(|message| message.split('…')) {
            let piece = piece.trim().trim_matches(['(', ')', ',', ':', ';']);
            assert!(sources.contains(piece), "the relay never writes {piece:?}");
        }
        for field in code(row[2]).into_iter().filter(|field| !field.contains(' ')) {
            let writes = [format!("{field} = "), format!("%{field}"), format!("?{field}"), format!("{field},")];
            assert!(writes.iter().any(|words| sources.contains(words.as_str())), "no line has the field {field}");
        }
    }
}
