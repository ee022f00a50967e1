//! Plugins that were built once and are kept as binaries: every later relay of ABI 1 loads those of 1.0, and refuses those
//! from before by name. They are for Linux on x86-64.

use crate::harness::{Daemon, PluginsDir, Setup, pusud, root, run, run_kit};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The file, its id, and whether it has the table `pusu.reload/1`.
const KEPT: &[(&str, &str, bool)] = &[
    ("libc_gcc.so", "FixtureGcc", true),
    ("libc_clang.so", "FixtureClang", true),
    ("libcpp.so", "FixtureCpp", false),
    ("libgo.so", "FixtureGo", false),
    ("librust.so", "FixtureRust", true),
];
/// The file, and the id that it calls itself.
const BEFORE: &[(&str, &str)] = &[("libc_before.so", "BeforeCAuthenticator"), ("librust_before.so", "MyAuthenticator")];
const WHY: &str = "is built with the header or SDK from before ABI 1.0";

crate::in_both_isolations!(
    each_is_loaded_asked_and_reloaded,
    an_end_reaches_the_plugin_in_c,
    each_passes_the_conformance_kit,
);

fn kept(release: &str) -> PathBuf {
    root().join("tests/fixtures/plugins").join(release)
}

/// A plugins directory with a copy of the file. A checkout has whatever mode its umask says, and one that others may write
/// is refused.
fn copied(file: &Path) -> PluginsDir {
    let plugins = PluginsDir::with([file.to_owned()]);
    let copy = plugins.path().join(file.file_name().unwrap());
    fs::set_permissions(copy, fs::Permissions::from_mode(0o644)).unwrap();
    plugins
}

fn started(file: &str, id: &str, isolation: &str) -> Daemon {
    let settings = format!("isolation: {isolation}");
    Setup::on_shards(1)
        .authenticator(id, copied(&kept("1.0").join(file)))
        .settings(&settings)
        .log_level("debug")
        .start()
}

fn expect_refusal(daemon: &Daemon, authorization: &str, reason: &str) {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": authorization}));
    assert_eq!(client.next_json(), json!({"type": "authorization_failed", "reason": reason}));
}

fn each_is_loaded_asked_and_reloaded(isolation: &str) {
    for (file, id, reloads) in KEPT {
        let daemon = started(file, id, isolation);
        let mut client = daemon.client_with("guest");
        client.subscribe("news.today");
        expect_refusal(&daemon, "somebody else", "not the word");
        expect_refusal(&daemon, "unavailable", "unavailable");
        let said = run(pusud(&["reload", "--socket"]).arg(daemon.dir().join("control.sock"))).succeeds();
        if *reloads {
            assert!(said.contains("the authenticator has reloaded"), "{file}: {said}");
            expect_refusal(&daemon, "reloads", "1 reloads");
        }
        expect_refusal(&daemon, "somebody else", "not the word");
        daemon.client_with("guest").subscribe("news.tomorrow");
        client.subscribe("news.yesterday");
        client.publish("news.today", json!(1));
        client.expect_error("permission_denied");
    }
}

fn an_end_reaches_the_plugin_in_c(isolation: &str) {
    for (file, id, _) in &KEPT[..2] {
        let daemon = started(file, id, isolation);
        let mut before = daemon.client_with("session");
        before.subscribe("news.today");
        let mut now = daemon.client_with("session");
        before.expect_text(r#"{"type":"authorization_failed","reason":"another session"}"#);
        before.expect_closed(4501);
        now.subscribe("news.today");
        // 2: PUSU_ENDED_REVOKED.
        let heard = |line: &str| (line.contains("a grant has ended") && line.contains("why=2")).then_some(());
        daemon.log().wait_for("the end of the first session", heard);
    }
}

fn each_passes_the_conformance_kit(isolation: &str) {
    for (file, ..) in KEPT {
        let plugins = copied(&kept("1.0").join(file));
        let kit = ["plugins", "test", "--isolation", isolation];
        let text = run_kit(pusud(&kit).arg(plugins.path().join(file))).succeeds();
        assert!(text.contains("all checks are passed"), "{text}");
    }
}

/// Git has not touched them, and nobody has built one again.
#[test]
fn each_is_the_file_of_its_readme() {
    for release in ["1.0", "before-1.0"] {
        let readme = fs::read_to_string(kept(release).join("README.md")).unwrap();
        let entries = fs::read_dir(kept(release)).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|name| name == "so")).collect();
        assert_eq!(files.len(), if release == "1.0" { KEPT.len() } else { BEFORE.len() });
        for file in files {
            let name = format!("`{}`", file.file_name().unwrap().display());
            let hash = run(std::process::Command::new("sha256sum").arg(&file)).succeeds();
            let hash = hash.split_whitespace().next().unwrap();
            let row = readme.lines().find(|line| line.contains(&name) && line.contains(hash));
            assert!(row.is_some(), "{name} has the hash {hash}, which is not that of {release}/README.md");
        }
    }
}

#[test]
fn those_from_before_the_freeze_are_refused_by_name() {
    for (file, id) in BEFORE {
        let plugins = copied(&kept("before-1.0").join(file));
        let settings = plugins.path().join("settings.yaml");
        let text = format!("authenticator: {id}\nplugins_dir: {:?}\nclient_port: 0\n", plugins.path());
        fs::write(&settings, text).unwrap();
        let called = format!("(it calls itself \"{id}\")");
        let parts = [*file, WHY, &called, "build it again"];
        for command in ["run", "check"] {
            run(pusud(&[command, "--config"]).arg(&settings)).fails_saying(&parts);
        }
        let listed = run(pusud(&["plugins", "list", "--config"]).arg(&settings)).succeeds();
        let inspected = run(pusud(&["plugins", "inspect"]).arg(plugins.path().join(file)));
        let tested = run_kit(pusud(&["plugins", "test"]).arg(plugins.path().join(file)));
        for said in [&listed, &inspected.stdout, &tested.stdout] {
            assert!(parts.iter().all(|part| said.contains(part)), "{said}");
        }
        inspected.fails_saying(&parts);
        tested.fails_saying(&[file, "has failed 1 of"]);
    }
}
