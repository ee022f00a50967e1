//! The command line itself: help that a stranger can use, and mistakes that are pointed out.

use crate::harness::{pusud, run};

#[test]
fn every_command_has_help() {
    for (command, parts) in [
        (&["--help"][..], &["run", "check", "plugins", "listen", "publish", "--config"][..]),
        (&["run", "--help"], &["--config", "--plugins-dir", "--log-format", "--log-level"]),
        (&["check", "--help"], &["--config"]),
        (&["plugins", "--help"], &["list"]),
        (&["listen", "--help"], &["--url", "--authorization", "--authorization-file", "PUSU_AUTHORIZATION", "--count"]),
        (&["publish", "--help"], &["--url", "--authorization", "--json", "CONTENT"]),
    ] {
        let help = run(&mut pusud(command)).succeeds();
        for part in parts {
            assert!(help.contains(part), "{command:?} does not explain {part}:\n{help}");
        }
    }
}

#[test]
fn the_version_is_told() {
    let version = run(&mut pusud(&["--version"])).succeeds();
    assert_eq!(version.trim(), format!("pusud {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_mistake_is_pointed_out() {
    for (command, part) in [
        (&["frobnicate"][..], "frobnicate"),
        (&["run", "--log-format", "xml"], "xml"),
        (&["listen"], "CHANNEL"),
        (&["publish"], "CHANNEL"),
        (&["listen", "--count", "many", "a"], "many"),
    ] {
        let said = run(&mut pusud(command));
        assert_eq!(said.status.code(), Some(2), "{said:?}");
        assert!(said.stderr.contains(part), "{said:?}");
    }
}
