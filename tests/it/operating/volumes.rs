//! Volumes as containers have them: nobody can give a file there another mode or owner.

use crate::harness::{DEADLINE, Daemon, PluginsDir, Setup, bad_plugin, library_name, not_run, pusud, run};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// A folder with one plugin.
fn plugins() -> (PluginsDir, PathBuf) {
    let plugins = PluginsDir::empty();
    let library = bad_plugin(&plugins, &[]);
    (plugins, library)
}

/// The same once more.
fn again(library: &Path) -> PluginsDir {
    PluginsDir::with([library.to_owned()])
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A relay with the plugin in that folder.
fn setup(plugins: PluginsDir) -> Setup {
    Setup::on_shards(1).authenticator("BadPlugin", plugins)
}

/// The setting that pins a library.
fn pin(library: &Path) -> String {
    let said = run(pusud(&["plugins", "inspect", "--json"]).arg(library)).succeeds();
    let inspected: Value = serde_json::from_str(&said).unwrap();
    format!("authenticator_sha256: {}", inspected["sha256"])
}

/// Starts one that does not serve, and gives its log.
fn refused(setup: Setup) -> String {
    let starting = setup.spawn();
    let log = starting.log().clone();
    assert_eq!(starting.wait().code(), Some(1), "{}", log.text());
    log.text()
}

#[track_caller]
fn says(log: &str, parts: &[&str]) {
    for part in parts {
        assert!(log.contains(part), "{part} is not in:\n{log}");
    }
}

/// A client is let in, as soon as anybody is.
fn let_in(daemon: &Daemon) {
    let began = Instant::now();
    loop {
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": "grant"}));
        if client.next_json()["type"] == "authorization_ok" {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "nobody is let in:\n{}", daemon.log().text());
    }
}

/// A command that mounts `folder` for reading alone and becomes what is appended to it; an error: why that cannot be.
fn with_read_only(folder: &Path) -> Result<Vec<OsString>, String> {
    let probe = run(Command::new("unshare").args(["--mount", "true"]));
    if !probe.status.success() {
        return Err(format!("this user may not make mount namespaces: {}", probe.stderr));
    }
    let folder = folder.display();
    let script =
        format!("mount --bind '{folder}' '{folder}' && mount -o remount,bind,ro '{folder}' && exec \"$0\" \"$@\"");
    Ok(["unshare", "--mount", "sh", "-c", &script].map(OsString::from).into())
}

/// The bytes are proven, so nobody's right to write them matters; and what was hashed is what runs, also in a process that
/// is started when the file is another one.
#[test]
fn where_everybody_may_write_a_hash_is_enough() {
    let (original, library) = plugins();
    for strict in [false, true] {
        let folder = again(&library);
        let file = folder.path().join(library_name("bad_plugin"));
        set_mode(&file, 0o666);
        set_mode(folder.path(), 0o2777);
        let strict = format!("strict_plugin_permissions: {strict}");
        let log = refused(setup(again_with_modes(&library)).settings(&strict));
        says(&log, &["can be written by everybody", "`authenticator_sha256`"]);
        let settings = format!("{strict}\nisolation: process\n{}", pin(&library));
        let daemon = setup(folder).settings(&settings).start();
        let_in(&daemon);
        fs::write(&file, "another library").unwrap();
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": "crash"}));
        daemon.log().wait_for("a process that runs again", |line| line.contains("is running again").then_some(()));
        let_in(&daemon);
        assert!(!daemon.log().text().contains("can be written by"), "{}", daemon.log().text());
        // Who reads the settings again does not get the other one.
        assert!(daemon.reload().contains("nothing was changed"));
        let_in(&daemon);
    }
    drop(original);
}

/// A folder of mode 0777 with a library of mode 0666.
fn again_with_modes(library: &Path) -> PluginsDir {
    let folder = again(library);
    set_mode(&folder.path().join(library_name("bad_plugin")), 0o666);
    set_mode(folder.path(), 0o777);
    folder
}

/// A volume of a group, such as Kubernetes makes with `fsGroup`, is warned about, with both ways out.
#[test]
fn a_volume_of_a_group_is_warned_about_unless_there_is_a_hash() {
    let (_original, library) = plugins();
    let folder = || {
        let folder = again(&library);
        set_mode(folder.path(), 0o2775);
        folder
    };
    let daemon = setup(folder()).start();
    says(&daemon.log().text(), &["can replace it: `chmod go-w", "`authenticator_sha256`"]);
    let log = refused(setup(folder()).settings("strict_plugin_permissions: true"));
    says(&log, &["can replace it", "`strict_plugin_permissions` is on", "`authenticator_sha256`"]);
    let daemon = setup(folder()).settings("strict_plugin_permissions: true").settings(&pin(&library)).start();
    assert!(!daemon.log().text().contains("can replace it"), "{}", daemon.log().text());
}

/// A library that is loaded where it lies is read again by the system's loader, so its hash proves nothing.
#[test]
fn a_library_that_is_loaded_where_it_lies_is_not_proven_by_its_hash() {
    let original = PluginsDir::empty();
    let library = bad_plugin(&original, &["-Wl,-rpath,$ORIGIN"]);
    let log = refused(setup(again_with_modes(&library)).settings(&pin(&library)));
    says(&log, &["can be written by everybody", "`authenticator_sha256` is no way out", "$ORIGIN"]);
    let_in(&setup(original).settings(&pin(&library)).start());
}

#[test]
fn a_read_only_mount_is_as_good_as_a_mode() {
    let (_original, library) = plugins();
    let folder = again_with_modes(&library);
    let runner = match with_read_only(folder.path()) {
        Ok(runner) => runner,
        Err(reason) => return not_run("plugins on a read-only mount", reason),
    };
    let_in(&setup(folder).settings("strict_plugin_permissions: true").run_by(runner).start());
}

/// In a user namespace all users of the outside that have no number there are one.
#[test]
fn an_owner_that_a_user_namespace_does_not_know_is_explained() {
    let (_original, library) = plugins();
    let folder = again(&library);
    let file = folder.path().join(library_name("bad_plugin"));
    if let Err(error) = chown(&file, Some(12345), None) {
        return not_run("an owner that a user namespace does not know", error);
    }
    let namespace = ["unshare", "--user", "--map-root-user"];
    let probe = run(Command::new(namespace[0]).args(&namespace[1..]).arg("true"));
    if !probe.status.success() {
        return not_run("an owner that a user namespace does not know", probe.stderr);
    }
    let runner = || namespace.map(OsString::from).to_vec();
    let unknown = again(&library);
    chown(unknown.path().join(library_name("bad_plugin")), Some(12345), None).unwrap();
    let log = refused(setup(unknown).run_by(runner()));
    says(&log, &["belongs to user 65534", "in this user namespace", "`authenticator_sha256`"]);
    let_in(&setup(folder).settings(&pin(&library)).run_by(runner()).start());
}

/// Secrets of orchestrators come on such mounts.
#[test]
fn the_key_of_the_network_on_a_read_only_mount() {
    let secrets = tempfile::tempdir().unwrap();
    let key = secrets.path().join("network.key");
    fs::write(&key, "0123456789abcdef0123456789abcdef").unwrap();
    set_mode(&key, 0o644);
    let runner = match with_read_only(secrets.path()) {
        Ok(runner) => runner,
        Err(reason) => return not_run("the key of the network on a read-only mount", reason),
    };
    let setup = |more: &str| {
        let settings = format!(
            "relays: ['127.0.0.1:1']\nnetwork_address: 127.0.0.1\nnetwork_port: 0\nnetwork_key_file: {key:?}\n{more}"
        );
        Setup::on_shards(1).settings(&settings)
    };
    let log = refused(setup("").run_by(runner.clone()));
    says(&log, &["is open to everybody (mode 0644) on a read-only mount", "`strict_key_permissions: false`"]);
    assert!(!log.contains("chmod"), "nobody can:\n{log}");
    // Where it could be changed, the message says how.
    says(&refused(setup("")), &["is open to everybody (mode 0644): `chmod o= ", "`strict_key_permissions: false`"]);
    let daemon = setup("strict_key_permissions: false").run_by(runner).start();
    says(
        &daemon.log().text(),
        &["is open to everybody (mode 0644) on a read-only mount", "`strict_key_permissions` is off"],
    );
    set_mode(&key, 0o400);
    let daemon = setup("").start();
    assert!(!daemon.log().text().contains("strict_key_permissions"), "{}", daemon.log().text());
}
