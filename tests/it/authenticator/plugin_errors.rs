//! Libraries that cannot serve: each stops the start with exit code 1 and one message that names the file and the way
//! out. No code of theirs runs.

use crate::harness::{Finished, PluginsDir, library_name, patched_copy, pusud, run, scripted_plugin};
use std::fs;
use std::path::Path;

const ID: &str = "ScriptedAuthenticator";

/// Starts a daemon that wants `id` from `plugins`, for one that will not come up.
fn start_with(id: &str, plugins: &Path, more: &str) -> Finished {
    let dir = tempfile::tempdir().unwrap();
    let settings = dir.path().join("settings.yaml");
    let text =
        format!("authenticator: {id}\nclient_address: 127.0.0.1\nclient_port: 0\nplugins_dir: {plugins:?}\n{more}");
    fs::write(&settings, text).unwrap();
    run(pusud(&["run", "--config"]).arg(settings))
}

/// A directory with one damaged copy of the scripted fixture, under the name `damaged`.
fn with_damaged(damage: impl FnOnce(&mut Vec<u8>, usize)) -> PluginsDir {
    let plugins = PluginsDir::empty();
    patched_copy(&scripted_plugin(), &plugins.path().join(library_name("damaged")), damage);
    plugins
}

/// The messages name the file as far as it helps to find it.
fn fails_naming(plugins: &PluginsDir, parts: &[&str]) {
    let file = library_name("damaged");
    let message = start_with(ID, plugins.path(), "").fails_saying(&[&file]);
    for part in parts {
        assert!(message.to_lowercase().contains(&part.to_lowercase()), "the message does not say {part:?}:\n{message}");
    }
}

#[test]
fn a_missing_library_is_answered_with_what_is_there() {
    let plugins = PluginsDir::with([scripted_plugin()]);
    fs::write(plugins.path().join("readme.txt"), "no library").unwrap();
    fs::write(plugins.path().join(library_name("text")), "no library either").unwrap();
    let folder = plugins.path().to_str().unwrap();
    let message = start_with("ScriptdAuthenticator", plugins.path(), "").fails_saying(&[
        "ScriptdAuthenticator",
        folder,
        ID,
        &library_name("scripted_plugin"),
        &library_name("text"),
    ]);
    assert!(!message.contains("readme.txt"), "{message}");
}

#[test]
fn an_empty_folder_and_a_missing_folder_are_told_apart() {
    let plugins = PluginsDir::empty();
    start_with(ID, plugins.path(), "").fails_saying(&[ID, plugins.path().to_str().unwrap()]);
    let missing = plugins.path().join("not-there");
    start_with(ID, &missing, "").fails_saying(&[missing.to_str().unwrap(), "plugins_dir"]);
}

#[test]
fn another_abi_version() {
    let plugins = with_damaged(|bytes, manifest| bytes[manifest + 12..][..4].copy_from_slice(&2_u32.to_ne_bytes()));
    fails_naming(&plugins, &["ABI", "2", "1"]);
}

#[test]
fn another_layout_of_the_structs() {
    let plugins = with_damaged(|bytes, manifest| bytes[manifest + 32] ^= 1);
    fails_naming(&plugins, &["fingerprint"]);
}

#[test]
fn another_kind_of_plugin() {
    let plugins = with_damaged(|bytes, manifest| bytes[manifest + 20..][..4].copy_from_slice(&7_u32.to_ne_bytes()));
    fails_naming(&plugins, &["kind"]);
}

#[test]
fn no_manifest() {
    let plugins = with_damaged(|bytes, manifest| bytes[manifest] = b'X');
    fails_naming(&plugins, &["manifest"]);
}

#[test]
fn a_truncated_file() {
    for part in [2, 4, 100] {
        let plugins = with_damaged(|bytes, _| bytes.truncate(bytes.len() / part));
        fails_naming(&plugins, &[]);
    }
    // Cut where only the tables at the end are missing: the dynamic loader would fault on the rest, not refuse it.
    let plugins = with_damaged(|bytes, manifest| bytes.truncate(manifest + 1024));
    fails_naming(&plugins, &[]);
    let plugins = with_damaged(|bytes, _| bytes.clear());
    fails_naming(&plugins, &[]);
}

#[test]
fn a_library_for_another_machine() {
    // ELF's e_machine: 0xf3 is RISC-V.
    let plugins = with_damaged(|bytes, _| bytes[18] = 0xf3);
    if cfg!(target_os = "linux") && !cfg!(target_arch = "riscv64") {
        fails_naming(&plugins, &["riscv"]);
    }
}

#[test]
fn two_libraries_with_one_id() {
    let plugins = PluginsDir::with([scripted_plugin()]);
    let other = library_name("same_again");
    plugins.add(&scripted_plugin(), &other);
    start_with(ID, plugins.path(), "").fails_saying(&[ID, &library_name("scripted_plugin"), &other]);
}

#[test]
fn an_option_that_the_plugin_does_not_take() {
    let plugins = PluginsDir::with([scripted_plugin()]);
    start_with(ID, plugins.path(), "authenticator_options:\n  secrts: [a]\n").fails_saying(&["option 1 below", ID]);
}

#[test]
fn another_hash_than_the_pinned_one() {
    let plugins = PluginsDir::with([scripted_plugin()]);
    let pin = "0123456789abcdef".repeat(4);
    start_with(ID, plugins.path(), &format!("authenticator_sha256: '{pin}'\n")).fails_saying(&[
        "authenticator_sha256",
        &pin,
        &library_name("scripted_plugin"),
    ]);
}

#[test]
#[cfg(unix)]
fn a_library_or_folder_that_everybody_may_write() {
    use std::os::unix::fs::PermissionsExt;
    let may_write = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let plugins = with_damaged(|_, _| {});
    let library = plugins.path().join(library_name("damaged"));
    may_write(&library, 0o666);
    fails_naming(&plugins, &["chmod"]);
    may_write(&library, 0o644);
    may_write(plugins.path(), 0o777);
    start_with(ID, plugins.path(), "").fails_saying(&[plugins.path().to_str().unwrap(), "chmod"]);
    // A sticky folder is fine, as /tmp is.
    may_write(plugins.path(), 0o1777);
    let settings = plugins.path().join("settings.yaml");
    fs::write(&settings, format!("authenticator: {ID}\nplugins_dir: {:?}\n", plugins.path())).unwrap();
    run(pusud(&["check", "--config"]).arg(settings)).succeeds();
}
