//! Rust plugins that others build: in a workspace of their own, with target directory and compiler run of their own.

use crate::harness::{Daemon, PluginsDir, Setup, build_dir, library_name, pusud, root, run};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ID: &str = "StrangersAuthenticator";

#[test]
fn a_plugin_built_outside_this_workspace_is_loaded() {
    let home = tempfile::tempdir().unwrap();
    let library = build_stranger(home.path(), &root().join("pusu-plugin-api"), "[workspace]", "stranger");
    let daemon = Setup::on_shards(3)
        .authenticator(ID, PluginsDir::with([library]))
        .settings("authenticator_options:\n  word: sesame")
        .start();
    let mut client = daemon.client_with("sesame");
    client.subscribe("stranger.a");
    client.publish("stranger.a", json!("hello"));
    client.expect_publish("stranger.a", json!("hello"));
    client.publish("other", json!(1));
    client.expect_error("permission_denied");
    client.expect_closed(4502);
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "open"}));
    client.expect_text(r#"{"type":"authorization_failed","reason":"not the word"}"#);
    client.expect_closed(4501);
}

/// Sizes and offsets are the same, so the fingerprint is too; only the proof that compares the types themselves sees it.
#[test]
fn a_plugin_with_another_layout_is_refused_by_the_proof() {
    let home = tempfile::tempdir().unwrap();
    copy_sources(home.path());
    let types = home.path().join("pusu-plugin-api/abi/src/lib.rs");
    let text = fs::read_to_string(&types).unwrap();
    let changed = text.replacen("pub reserved: u32,", "pub reserved: i32,", 1);
    assert_ne!(text, changed, "the field of `Host` that this test changes is gone");
    fs::write(&types, changed).unwrap();
    let library = build_stranger(home.path(), &home.path().join("pusu-plugin-api"), "", "stranger-changed");
    let plugins = PluginsDir::with([library]);
    let settings = plugins.path().join("settings.yaml");
    let options = "authenticator_options:\n  word: sesame\n";
    fs::write(&settings, format!("authenticator: {ID}\nplugins_dir: {:?}\n{options}", plugins.path())).unwrap();
    let file = library_name("stranger");
    let message =
        run(pusud(&["check", "--config"]).arg(settings)).fails_saying(&[&file, "lays out", "`reserved: u32`", "i32"]);
    assert!(message.lines().count() <= 25, "nobody reads {} lines:\n{message}", message.lines().count());
}

/// A relay with a fixture in C++, which throws in whatever function the authorization names.
fn throwing(isolation: &str) -> Daemon {
    let library = build_dir().join(library_name("throws"));
    let fresh = tempfile::tempdir_in(build_dir()).unwrap();
    let mut compiler = Command::new("c++");
    compiler.args(["-std=c++17", "-fPIC", "-fvisibility=hidden", "-shared", "-pthread", "-I"]);
    compiler.arg(root().join("pusu-plugin-api/include")).arg(root().join("pusu-plugin-api/tests/cpp/throws.cpp"));
    run(compiler.arg("-o").arg(fresh.path().join("throws.so"))).succeeds();
    fs::rename(fresh.path().join("throws.so"), &library).unwrap();
    Setup::on_shards(1)
        .authenticator("Throws.test", PluginsDir::with([library]))
        .settings(&format!("isolation: {isolation}\nauthenticator_options:\n  then: destroy and thread"))
        .start()
}

#[test]
fn an_exception_in_a_plugin_in_cpp_costs_one_answer() {
    for isolation in ["thread", "process"] {
        let daemon = throwing(isolation);
        for word in ["authorize", "authorize config", "drop"] {
            let mut client = daemon.connect();
            client.send(json!({"type": "authorize", "authorization": word}));
            client.expect_text(r#"{"type":"authorization_failed","reason":"unavailable"}"#);
            let mut client = daemon.client_with("let me in");
            client.subscribe("a.b");
        }
    }
}

#[test]
fn a_plugin_in_cpp_ends_the_session_before_this_one() {
    for isolation in ["thread", "process"] {
        let daemon = throwing(isolation);
        let mut before = daemon.client_with("let me in");
        before.subscribe("a.b");
        let mut now = daemon.client_with("end");
        before.expect_text(r#"{"type":"authorization_failed","reason":"another session"}"#);
        before.expect_closed(4501);
        now.subscribe("a.b");
    }
}

/// Builds the stranger's plugin in `home` against the SDK at `api`, with the versions of this workspace's lock file.
/// What is built is kept from run to run in `target`.
fn build_stranger(home: &Path, api: &Path, workspace: &str, target: &str) -> PathBuf {
    let package = home.join("stranger");
    fs::create_dir_all(package.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"stranger\"\nversion = \"3.2.1\"\nedition = \"2024\"\nlicense = \"MIT\"\n\
         description = \"Lets the word in\"\n[lib]\ncrate-type = [\"cdylib\"]\n\
         [dependencies]\npusu-plugin-api = {{ path = {api:?} }}\n{workspace}\n"
    );
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root().join("tests/fixtures/stranger/lib.rs"), package.join("src/lib.rs")).unwrap();
    let lock_home = if workspace.is_empty() { home } else { &package };
    fs::copy(root().join("Cargo.lock"), lock_home.join("Cargo.lock")).unwrap();
    let target = build_dir().join(target);
    let build = |more: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--manifest-path"]).arg(package.join("Cargo.toml")).args(more);
        cargo.current_dir(home).env("CARGO_TARGET_DIR", &target).output().unwrap()
    };
    // Everything has been fetched for this workspace; where cargo sees that differently it may ask the registry.
    let mut built = build(&["--offline"]);
    if !built.status.success() {
        built = build(&[]);
    }
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    target.join("debug").join(library_name("stranger"))
}

/// Copies the SDK into `home`, with a workspace around it that has the stranger as a member.
fn copy_sources(home: &Path) {
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let start = workspace.find("members = [").unwrap();
    let end = start + workspace[start..].find(']').unwrap();
    let members = r#"members = ["stranger", "pusu-plugin-api", "pusu-plugin-api/abi""#;
    fs::write(home.join("Cargo.toml"), [&workspace[..start], members, &workspace[end..]].concat()).unwrap();
    copy_tree(&root().join("pusu-plugin-api"), &home.join("pusu-plugin-api"));
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
