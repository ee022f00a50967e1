//! Clients that come through a Unix socket: whom its mode lets in, how it is made, and what stands in its way.

use crate::harness::{ALL, DEADLINE, Daemon, Setup, pusud, run, text_message, upgrade_request};
use serde_json::json;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Instant;

/// A relay with a TCP port, and a Unix socket as its second listener.
fn with_socket(path: &Path, more: &str) -> Setup {
    Setup::on_shards(1)
        .settings(&format!("listeners:\n- {{address: 127.0.0.1, port: 0}}\n- {{name: local, unix: {path:?}{more}}}\n"))
}

/// Starts one that cannot; what it says has each of `parts`.
fn fails(setup: Setup, parts: &[&str]) {
    let starting = setup.spawn();
    let log = starting.log().clone();
    assert_eq!(starting.wait().code(), Some(1));
    let text = log.text();
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
    println!("{text}");
}

/// A client through the socket: it has been greeted and authorized.
fn connect(path: &Path) -> UnixStream {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let authorize = json!({"type": "authorize", "authorization": ALL}).to_string();
    stream.write_all(&[upgrade_request("").into_bytes(), text_message(&authorize)].concat()).unwrap();
    read_until(&mut stream, "authorization_ok");
    stream
}

fn read_until(stream: &mut UnixStream, words: &str) {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&all).contains(words) {
        let len = stream.read(&mut buffer).unwrap();
        assert!(len > 0, "the end instead of {words:?}: {}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&buffer[..len]);
    }
}

#[test]
fn clients_come_through_it_and_limits_by_address_do_not_count_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clients.sock");
    let limits = "limits: {max_connections_per_address: 3, max_unauthorized_per_address: 3}";
    let daemon = with_socket(&path, "").settings(limits).start();
    let mut listeners: Vec<UnixStream> = (0..20).map(|_| connect(&path)).collect();
    for listener in &mut listeners {
        listener.write_all(&text_message(r#"{"type":"subscribe","channel":"a"}"#)).unwrap();
        read_until(listener, "subscribe_ok");
    }
    daemon.client().publish("a", json!("to all of them"));
    listeners.iter_mut().for_each(|listener| read_until(listener, "to all of them"));
    let status = daemon.status();
    let local = &status["listeners"][1];
    assert_eq!(local["address"], format!("unix:{}", path.display()));
    assert_eq!((&local["connections"], &local["tls"]), (&json!(20), &json!(null)));
    drop(listeners);
    let began = Instant::now();
    while daemon.asked()["connections"]["total"] != 0 {
        assert!(began.elapsed() < DEADLINE, "{}", daemon.asked());
    }
    let url = format!("unix:{}", path.display());
    let said = run(&mut pusud(&["health", "--url", &url])).succeeds();
    assert!(said.contains("is healthy"), "{said}");
    let mut listener = daemon.client();
    listener.subscribe("a");
    run(pusud(&["publish", "--url", &url, "a", "1"]).env("PUSU_AUTHORIZATION", ALL)).succeeds();
    listener.expect_publish("a", json!("1"));
}

#[test]
fn its_mode_and_group_are_those_of_the_settings() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clients.sock");
    let _daemon = with_socket(&path, "").start();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600, "unless the settings say otherwise");
    let path = dir.path().join("group.sock");
    let own = fs::metadata(dir.path()).unwrap();
    let group = if own.uid() == 0 { 1 } else { own.gid() };
    let _other = with_socket(&path, &format!(", mode: \"0660\", group: {group}")).start();
    let made = fs::metadata(&path).unwrap();
    assert_eq!((made.permissions().mode() & 0o7777, made.gid()), (0o660, group));
    // Nothing else is left beside the sockets.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    let path = dir.path().join("nobody.sock");
    fails(with_socket(&path, ", group: no-such-group"), &["there is no group", "no-such-group"]);
    assert!(!path.exists());
}

#[test]
fn one_that_a_killed_relay_has_left_behind_gives_way() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clients.sock");
    let mut daemon = with_socket(&path, "").start();
    connect(&path);
    daemon.kill();
    assert!(path.exists());
    assert_eq!(UnixStream::connect(&path).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    daemon.restart();
    connect(&path);
    // Another relay does not take it away from this one.
    fails(with_socket(&path, ""), &["unix:", "clients.sock", "another program (or another pusud) listens there"]);
    connect(&path);
}

#[test]
fn whatever_stands_in_its_way_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clients.sock");
    let listener = UnixListener::bind(&path).unwrap();
    fails(with_socket(&path, ""), &["clients.sock", "another program", "stop it, or name another path"]);
    drop(listener);
    let file = dir.path().join("file");
    fs::write(&file, "precious").unwrap();
    fails(with_socket(&file, ""), &["there is something else at this path", "remove it, or name another path"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    let long = dir.path().join("x".repeat(150)).with_extension("sock");
    fails(with_socket(&long, ""), &["the path has ", " bytes, and a socket's has at most ", "name a shorter one"]);
    let nowhere = dir.path().join("missing/clients.sock");
    fails(with_socket(&nowhere, ""), &["the folder is not there", "RuntimeDirectory="]);
    // `pusud check` says the same before anything is started.
    let settings = dir.path().join("settings.yaml");
    for (path, part) in [(&long, "name a shorter one"), (&nowhere, "the folder is not there")] {
        fs::write(&settings, format!("authenticator: None\nlisteners: [{{unix: {path:?}}}]\n")).unwrap();
        run(pusud(&["check", "--config"]).arg(&settings)).fails_saying(&[part]);
    }
}

#[test]
fn a_path_is_as_long_as_it_may_be() {
    let dir = tempfile::tempdir().unwrap();
    let name = "x".repeat(99 - 1 - dir.path().as_os_str().len());
    let path = dir.path().join(name);
    let _daemon: Daemon = with_socket(&path, "").start();
    connect(&path);
    fails(with_socket(&path.with_extension("y"), ""), &["name a shorter one"]);
}
