//! README.md: the first five minutes, as they are printed, and the shape of the page.

use super::page::{block, text};
use super::stage::Stage;
use crate::harness::{build_dir, root, run};
use std::fs;
use std::process::Command;

const PAGE: &str = "README.md";

/// True when somebody listens to the relay of `make run`.
pub(super) const LISTENED_TO: &str = "pusud status --socket run/pusud-55000.sock | grep ', 1 subscriptions'";

#[test]
fn it_is_short_and_in_order() {
    let page = text(PAGE);
    assert!(page.lines().count() <= 160, "{} lines", page.lines().count());
    for part in ["**at most once**", "`make test`", "\nmake run\n", "docs/images/overview.svg"] {
        assert!(page.contains(part), "{part}");
    }
    let headings: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let order = [
        "For whom",
        "Run it",
        "Your first message",
        "Over HTTP",
        "Who may do what",
        "Your own authenticator",
        "Several relays",
        "Run it for real",
        "Beside others",
        "Figures",
        "Platforms and compatibility",
        "Where to read on",
    ];
    assert_eq!(headings, order);
}

#[test]
fn the_first_message_from_the_shell() {
    let Some(stage) = Stage::new("README, the first message from the shell") else { return };
    let _relay = stage.serve(&block(PAGE, "Run it", "sh"), 1);
    let said = stage.shell_until(LISTENED_TO, &block(PAGE, "Your first message", "sh")).succeeds();
    assert!(text(PAGE).contains(&format!("prints `{}`", said.trim())), "{said}");
}

#[test]
fn a_message_by_one_request() {
    let Some(stage) = Stage::with("README, a message by one request", &["curl"]) else { return };
    let _relay = stage.quickstart();
    let listener = stage.start("pusud listen --authorization demo-password --count 1 news.today");
    let commands = block(PAGE, "Over HTTP", "sh");
    let said = stage.shell_until(LISTENED_TO, &format!("sleep 1\n{commands}")).succeeds();
    assert!(text(PAGE).contains(&format!("prints `{}`", said.trim())), "{said}");
    let heard = listener.finish().succeeds();
    assert_eq!(heard.trim(), r#"{"channel":"news.today","content":"Hello from curl"}"#);
}

#[test]
fn the_settings_are_good() {
    let Some(stage) = Stage::new("README, settings") else { return };
    stage.write("readme.yaml", &block(PAGE, "Who may do what", "yaml"));
    let said = stage.shell("pusud check --config readme.yaml").succeeds();
    assert!(said.contains("PasswordAuthenticator") && said.ends_with("everything is in order"), "{said}");
}

#[test]
fn the_authenticator_of_ten_lines_is_a_plugin() {
    let package = tempfile::tempdir().unwrap();
    let manifest = format!(
        "[package]\nname = \"of-the-readme\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [\"cdylib\"]\n\n\
         [dependencies]\npusu-plugin-api = {{ path = {:?} }}\n\n[workspace]\n",
        root().join("pusu-plugin-api")
    );
    fs::write(package.path().join("Cargo.toml"), manifest).unwrap();
    fs::copy(root().join("Cargo.lock"), package.path().join("Cargo.lock")).unwrap();
    fs::create_dir(package.path().join("src")).unwrap();
    fs::write(package.path().join("src/lib.rs"), block(PAGE, "Your own authenticator", "rust")).unwrap();
    let target = build_dir().join("guide");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(&package).args(["build", "--quiet", "--offline", "--target-dir"]).arg(&target);
    // Not `run`: the first time, everything that a plugin needs is built.
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let library = target.join("debug/libof_the_readme.so");
    let said = run(crate::harness::pusud(&["plugins", "inspect"]).arg(library)).succeeds();
    assert!(said.contains("GuestAuthenticator"), "{said}");
}
