//! The command line itself: help that a stranger can use, and mistakes that are pointed out.

use crate::harness::{pusud, run};

/// What the help of a command has to explain, apart from what every help has.
const EXPLAINED: &[(&str, &[&str])] = &[
    ("", &["run", "check", "plugins", "listen", "publish", "--config", "Examples:"]),
    ("run", &["--config", "--plugins-dir", "--log-format", "--log-level"]),
    ("check", &["--config", "Exit code 0"]),
    ("status", &["--config", "--socket", "--json", "--check", "Exit code 0", "Examples:"]),
    ("health", &["--config", "--socket", "--url", "wss://", "--ca", "--cert", "--key", "Exit code 0", "Examples:"]),
    ("reload", &["--config", "--socket", "--new", "Exit code 0", "Examples:"]),
    (
        "kick",
        &["--client", "--subject", "--address", "--channel", "--network", "--json", "4504", "Exit code 0", "Examples:"],
    ),
    ("revoke", &["--subject", "--authorization-hash", "--for", "--json", "4504", "Exit code 0", "Examples:"]),
    ("revocations", &["--lift", "--subject", "--authorization-hash", "--json", "Exit code 0", "Examples:"]),
    (
        "decisions",
        &[
            "--address",
            "--subject",
            "--refused",
            "--last",
            "--json",
            "remembered_decisions",
            "Exit code 0",
            "Examples:",
        ],
    ),
    ("top", &["--config", "--socket", "--interval", "--once", "--json", "Exit code 0", "Examples:"]),
    (
        "clients",
        &[
            "--sort",
            "waiting",
            "--limit",
            "--address",
            "--subject",
            "--channel",
            "--id",
            "--json",
            "Exit code 0",
            "Examples:",
        ],
    ),
    ("channels", &["--sort", "listeners", "--limit", "--search", "--channel", "--json", "Exit code 0", "Examples:"]),
    ("tail", &["CHANNEL", "--count", "--json", "Exit code 0", "Examples:"]),
    ("authorize", &["--config", "PUSU_AUTHORIZATION", "Exit code 0", "Examples:"]),
    ("hash-password", &["argon2", "twice", "standard input", "Exit code 0", "Examples:"]),
    ("plugins", &["list", "inspect", "test"]),
    ("plugins list", &["nothing is loaded"]),
    ("plugins inspect", &["Nothing is loaded", "Exit code 0"]),
    ("plugins test", &["Exit code 0", "Examples:"]),
    (
        "listen",
        &[
            "--url",
            "wss://HOST:PORT",
            "unix:PATH",
            "--ca",
            "--cert",
            "--key",
            "--authorization",
            "--authorization-file",
            "PUSU_AUTHORIZATION",
            "--http",
            "http://",
            "https://HOST:PORT",
            "--count",
            "--since",
            "--last",
            "CHANNEL",
            "Examples:",
        ],
    ),
    (
        "publish",
        &[
            "--url",
            "wss://HOST:PORT",
            "https://HOST:PORT",
            "--http",
            "--ca",
            "--authorization",
            "--json",
            "CONTENT",
            "CHANNEL",
            "Examples:",
        ],
    ),
    (
        "bench",
        &["--url", "wss://HOST:PORT", "--http", "--ca", "--listeners", "--rate", "--sources", "--beside", "Examples:"],
    ),
];

/// The help of the command that these words name.
fn help(command: &str) -> String {
    let mut words: Vec<&str> = command.split_whitespace().collect();
    words.push("--help");
    run(&mut pusud(&words)).succeeds()
}

/// The commands that a help lists, without `help` itself.
fn listed(help: &str) -> Vec<&str> {
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = commands.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect()
}

/// A command and all that it lists, down to the last.
fn all_commands(command: &str) -> Vec<String> {
    let mut all = vec![command.to_owned()];
    for name in listed(&help(command)) {
        all.extend(all_commands(format!("{command} {name}").trim_start()));
    }
    all
}

#[test]
fn every_command_has_help() {
    let commands = all_commands("");
    let explained: Vec<&str> = EXPLAINED.iter().map(|(command, _)| *command).collect();
    let mut sorted = (commands.clone(), explained.clone());
    sorted.0.sort();
    sorted.1.sort();
    assert_eq!(sorted.0, sorted.1, "every command stands in EXPLAINED");
    for (command, parts) in EXPLAINED {
        let help = help(command);
        let about = help.lines().next().unwrap();
        assert!(
            about.len() > 15 && !about.starts_with("Usage"),
            "`pusud {command}` does not say what it does:\n{help}"
        );
        for part in ["Usage: pusud", "--help"].iter().chain(*parts) {
            assert!(help.contains(part), "`pusud {command}` does not explain {part}:\n{help}");
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
