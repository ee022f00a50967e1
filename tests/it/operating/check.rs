//! `pusud check` and `pusud plugins list`: what an operator asks before anything serves.

use crate::harness::{PluginsDir, example_c_plugin, library_name, patched_copy, pusud, run, scripted_plugin};
use std::fs;
use std::path::PathBuf;

fn settings_in(plugins: &PluginsDir, more: &str) -> PathBuf {
    let file = plugins.path().join("settings.yaml");
    let settings = format!("client_port: 4711\nplugins_dir: {:?}\n{more}", plugins.path());
    fs::write(&file, settings).unwrap();
    file
}

#[test]
fn a_good_setup_is_shown() {
    let plugins = PluginsDir::with([scripted_plugin()]);
    let settings = settings_in(&plugins, "authenticator: ScriptedAuthenticator\n");
    let shown = run(pusud(&["check", "--config"]).arg(&settings)).succeeds();
    let library = plugins.path().join(library_name("scripted_plugin"));
    for part in ["ScriptedAuthenticator", "1.0.0", "4711", library.to_str().unwrap(), settings.to_str().unwrap()] {
        assert!(shown.contains(part), "{part} is not shown:\n{shown}");
    }
}

#[test]
fn an_address_that_this_machine_has_not_is_no_good_setup() {
    let plugins = PluginsDir::with([scripted_plugin()]);
    // For documentation, and nobody's (RFC 5737).
    let settings = settings_in(&plugins, "authenticator: ScriptedAuthenticator\nclient_address: 192.0.2.77\n");
    run(pusud(&["check", "--config"]).arg(&settings)).fails_saying(&["192.0.2.77", "client_address"]);
}

#[test]
fn a_deleted_library_is_answered_with_what_is_in_the_folder() {
    let plugins = PluginsDir::with([scripted_plugin(), example_c_plugin()]);
    let settings = settings_in(&plugins, "authenticator: ScriptedAuthenticator\n");
    run(pusud(&["check", "--config"]).arg(&settings)).succeeds();
    fs::remove_file(plugins.path().join(library_name("scripted_plugin"))).unwrap();
    run(pusud(&["check", "--config"]).arg(&settings)).fails_saying(&[
        "ScriptedAuthenticator",
        plugins.path().to_str().unwrap(),
        &library_name("example_c_authenticator"),
        "ExampleCAuthenticator",
    ]);
}

/// The plugin itself is asked whether it can live with its options.
#[test]
fn create_is_called() {
    let plugins = PluginsDir::with([example_c_plugin()]);
    let secret = "never-to-be-shown";
    let options = format!("authenticator_options:\n  secrets: {{{secret}: {secret}}}\n");
    let settings = settings_in(&plugins, &format!("authenticator: ExampleCAuthenticator\n{options}"));
    let message = run(pusud(&["check", "--config"]).arg(settings)).fails_saying(&["ExampleCAuthenticator", "secrets"]);
    assert!(!message.contains(secret), "a secret is shown:\n{message}");
}

#[test]
fn the_plugins_directory_can_be_given() {
    let (plugins, elsewhere) = (PluginsDir::with([scripted_plugin()]), PluginsDir::empty());
    let settings = settings_in(&elsewhere, "authenticator: ScriptedAuthenticator\n");
    run(pusud(&["check", "--config"]).arg(&settings)).fails_saying(&[elsewhere.path().to_str().unwrap()]);
    run(pusud(&["check", "--plugins-dir"]).arg(plugins.path()).arg("--config").arg(&settings)).succeeds();
}

#[test]
fn plugins_are_listed_with_what_is_wrong_with_them() {
    let plugins = PluginsDir::with([scripted_plugin(), example_c_plugin()]);
    let broken = library_name("broken");
    fs::write(plugins.path().join(&broken), "no library").unwrap();
    let newer = library_name("newer");
    patched_copy(&scripted_plugin(), &plugins.path().join(&newer), |bytes, manifest| bytes[manifest + 12] = 2);
    let table = run(pusud(&["plugins", "list"]).arg(plugins.path())).succeeds();
    for part in ["ScriptedAuthenticator", "ExampleCAuthenticator", "1.0.0", &broken, &newer] {
        assert!(table.contains(part), "{part} is not listed:\n{table}");
    }
}

#[test]
fn listing_a_folder_that_is_not_there_fails() {
    run(&mut pusud(&["plugins", "list", "/nowhere/to/be/found"])).fails_saying(&["/nowhere/to/be/found"]);
}
