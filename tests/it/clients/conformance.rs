//! RFC 6455, as the Autobahn cases have it, played by kosoku against `ws_echo`: an echo made of the daemon's own acceptor,
//! upgrade, wire, outbox and settings. Each verdict is compared with the one in `tests/fixtures/conformance.txt`.

use crate::harness::{Running, root, script, ws_echo};
use std::collections::BTreeMap;
use std::process::Command;

/// Room for the cases that send 16 MiB, in up to 65 536 fragments, and read the echo only afterwards.
const SETTINGS: &str = "authenticator: None\nclient_address: 127.0.0.1\nclient_port: 0\n\
                        limits:\n  max_message_bytes: 17 MiB\n  max_fragments: 100000\n  outbox_bytes: 64 MiB\n";

/// The only cases that may be less than good: they want broken text to be noticed before its frame is whole.
const NON_STRICT: [&str; 2] = ["6.4.3", "6.4.4"];

#[test]
fn framing_control_frames_fragments_text_and_close() {
    assert_verdicts(&["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]);
}

#[test]
fn messages_of_up_to_sixteen_mebibytes() {
    assert_verdicts(&["9.*"]);
}

#[test]
fn the_expected_verdicts_are_good() {
    for (case, verdict) in expected(&["*"]) {
        let good = match verdict.as_str() {
            "NON-STRICT OK" => NON_STRICT.contains(&case.as_str()),
            verdict => ["OK OK", "INFORMATIONAL INFORMATIONAL"].contains(&verdict),
        };
        assert!(good, "{case}: {verdict}");
    }
}

/// Plays the cases of `groups` and compares the verdicts.
fn assert_verdicts(groups: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.yaml");
    std::fs::write(&settings, SETTINGS).unwrap();
    let echo = Running::start(Command::new(ws_echo()).arg(&settings));
    let address = echo.stdout.wait_for("the address", |line| Some(line.to_owned()));
    // The script has a deadline of its own, which is longer than those of other commands.
    let played = script("conformance.py").arg(format!("ws://{address}")).args(groups).output().unwrap();
    assert!(played.status.success(), "{}: {}", played.status, String::from_utf8_lossy(&played.stderr));
    let seen = verdicts(&String::from_utf8(played.stdout).unwrap());
    let expected = expected(groups);
    let surprises: Vec<String> = expected
        .keys()
        .chain(seen.keys())
        .filter(|case| expected.get(*case) != seen.get(*case))
        .map(|case| format!("{case}: expected {:?}, seen {:?}", expected.get(case), seen.get(case)))
        .collect();
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    println!("{} cases", seen.len());
}

fn expected(groups: &[&str]) -> BTreeMap<String, String> {
    let file = std::fs::read_to_string(root().join("tests/fixtures/conformance.txt")).unwrap();
    let mut verdicts = verdicts(&file);
    verdicts.retain(|case, _| groups.iter().any(|group| case.starts_with(group.trim_end_matches('*'))));
    assert!(!verdicts.is_empty(), "{groups:?}");
    verdicts
}

/// Case and verdicts of each line that is no comment.
fn verdicts(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(' ')).map(|(case, verdict)| (case.to_owned(), verdict.to_owned())).collect()
}
