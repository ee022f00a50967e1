//! The commands of docs/operating that have no module of their own: sizing, graceful shutdown and upgrades, installing.

use super::page::{block, section, text};
use super::stage::Stage;
use crate::harness::root;

/// Relays of the page's units need at least this many open files.
const CLIENTS: u64 = 50_000;

#[test]
fn sizing() {
    const PAGE: &str = "docs/operating/sizing.md";
    let Some(stage) = Stage::new("sizing.md, commands") else { return };
    let said = stage.shell(&block(PAGE, "Memory", "sh")).succeeds();
    assert!(said.contains("memory at most") && said.contains("memory usually"), "{said}");
    let _relay = stage.quickstart();
    // Not `run`: it takes as long as it says.
    let output = stage.command(&block(PAGE, "Measure it", "sh")).output().unwrap();
    assert!(output.status.success(), "{output:?}");

    let unit = block(PAGE, "Open files", "ini");
    let files: u64 = unit.trim().rsplit('=').next().unwrap().parse().unwrap();
    assert!(unit.starts_with("[Service]\nLimitNOFILE=") && files > CLIENTS + 1000, "{unit}");
    assert!(section(PAGE, "Open files").contains("For 50 000 clients"));
}

#[test]
fn throwing_out() {
    const PAGE: &str = "docs/operating/throwing-out.md";
    let Some(stage) = Stage::new("throwing-out.md, commands") else { return };
    let _relay = stage.quickstart();
    let run = |heading: &str| stage.shell(&block(PAGE, heading, "sh")).succeeds();
    assert_eq!(run("End connections").lines().count(), 3);
    assert!(run("Take authorizations back").contains("subject \"mallory\" is revoked until "));
    let listed = run("Who is revoked");
    assert!(listed.contains("subject \"mallory\"") && listed.contains("is no longer revoked"), "{listed}");
    assert!(run("Why was I refused?").contains("no such decision is remembered"));
}

#[test]
fn a_plugin_is_upgraded() {
    const PAGE: &str = "docs/operating/shutdown-and-upgrades.md";
    let Some(stage) = Stage::new("shutdown-and-upgrades.md, commands") else { return };
    let started = "pusud --config settings.yaml 2>log &\n(UNTIL=\"grep 'serving clients' log\"; sleep 1)";
    let reloaded = "(UNTIL=\"grep 'the authenticator has reloaded' log\"; sleep 1)";
    let block = block(PAGE, "Upgrade a plugin", "sh");
    let Some(stage) = stage.shell("command -v pgrep").status.success().then_some(stage) else {
        return crate::harness::not_run("shutdown-and-upgrades.md, commands", "there is no pgrep");
    };
    stage.shell(&format!("{started}\n{block}{reloaded}\ncmp new/*.so plugins/libmy_authenticator.so")).succeeds();
}

/// `make test-systemd` runs the commands in a virtual machine. It finds them by these words.
#[test]
fn installing_is_where_the_virtual_machine_looks() {
    let page = text("docs/operating/install.md");
    let checks = std::fs::read_to_string(root().join("tests/systemd/checks.sh")).unwrap();
    for heading in ["## Install as a service", "## Files and users"] {
        assert!(page.contains(&format!("\n{heading}\n")) && checks.contains(&format!("/^{heading}/")), "{heading}");
    }
    let block = block("docs/operating/install.md", "Install as a service", "sh");
    assert!(block.lines().all(|line| line.starts_with("sudo")), "{block}");
    assert!(block.contains("systemctl enable --now pusud"), "{block}");
}
