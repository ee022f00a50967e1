//! The settings of history from outside: `pusud check` shows them and what they take, wrong ones stop the start, and a relay
//! that runs says that a change needs a restart.

use crate::harness::{Finished, Setup, operations_request, pusud, run};
use std::fs;

fn asked(command: &str, more: &str) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.yaml");
    fs::write(&file, format!("authenticator: None\nclient_address: 127.0.0.1\nclient_port: 0\n{more}\n")).unwrap();
    run(pusud(&[command, "--config"]).arg(file))
}

#[test]
fn check_shows_what_is_kept_and_counts_its_memory() {
    let sum = |shown: &str| -> usize {
        let line = shown.lines().find_map(|line| line.strip_prefix("memory at most ")).expect("there is the sum");
        line.trim().trim_end_matches(" MiB").parse().unwrap()
    };
    let without = asked("check", "").succeeds();
    assert!(without.lines().any(|line| line.split_whitespace().eq(["history", "none"])), "{without}");
    let history = "history: [{channels: [auction.*, news], size: 100, ttl: 10min, for: auctions}, {channels: ['*'], size: 1, ttl: 1day}]";
    let shown = asked("check", &format!("{history}\nhistory_bytes: 300 MiB")).succeeds();
    for expected in [
        "history                           2 entries, at most 300 MiB\n",
        "  auctions                        at most 100 of a channel, for 10m: auction.*, news\n",
        "  history[1]                      at most 1 of a channel, for 1day: *\n",
        "  history                         300 MiB    (history_bytes)\n",
    ] {
        assert!(shown.contains(expected), "{expected} is not in\n{shown}");
    }
    // Each part is rounded up.
    assert!(sum(&shown).abs_diff(sum(&without) + 300) <= 1, "{shown}");
}

#[test]
fn what_is_wrong_stops_the_start() {
    for (more, parts) in [
        ("history: [{channels: [a], ttl: 1}]", ["settings.yaml", "`history[0].size` is missing"]),
        ("history: [{channels: [], size: 1, ttl: 1}]", ["`history[0].channels`", "remove the entry"]),
        (
            "history: [{channels: ['*'], size: 1, ttl: 1}, {channels: [a], size: 2, ttl: 1}]",
            ["`history[1].channels`: \"a\" has no effect", "put this entry before that one"],
        ),
        ("history_bytes: 1 MiB", ["`history_bytes` has no effect without `history`", "or remove"]),
    ] {
        for command in ["run", "check"] {
            asked(command, more).fails_saying(&parts);
        }
    }
}

#[test]
fn a_relay_that_runs_says_that_a_change_needs_a_restart() {
    let daemon =
        Setup::on_shards(1).settings("history: [{channels: [a], size: 1, ttl: 1min}]").with_operations().start();
    daemon.edit_settings(|text| format!("{}\nhistory_bytes: 1 MiB\n", text.replace("ttl: 1min", "ttl: 2min")));
    let shown = daemon.ask_operations(&operations_request("GET", "/api/v1/settings").bearer(&daemon.token("read")));
    let shown = shown.expect(200).body;
    for part in [
        r#""key":"history[0]","now":"{channels: [a], size: 1, ttl: 1m}","then":"{channels: [a], size: 1, ttl: 2m}","needs_restart":true"#,
        r#"{"key":"history_bytes","now":"64 MiB","then":"1 MiB","needs_restart":true}"#,
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    daemon.reload();
    let said = |line: &&String| line.contains("needs a restart: history, history_bytes");
    daemon.log().wait("the reload to say so", |lines| lines.iter().find(said).map(drop));
}
