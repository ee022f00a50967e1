//! The file of the tokens: made, refused, and changed while the relay serves.

use crate::harness::{DEADLINE, OperationsEvents, Setup, operations_request, write_secret};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Instant;

const READ: &str = "read-token-of-the-test";
const OPERATE: &str = "operate-token-of-the-test";

#[test]
fn it_is_made_for_this_user_alone_and_the_log_says_where_and_not_what() {
    let daemon = Setup::on_shards(1).with_operations().start();
    let file = daemon.dir().join("operations.token");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let log = daemon.log().text();
    assert!(log.contains(file.to_str().unwrap()), "{log}");
    assert!(!log.contains(&daemon.token("read")) && !log.contains(&daemon.token("operate")));
}

#[test]
fn where_the_settings_name_none_it_lies_in_the_state_directory() {
    let state = tempfile::tempdir().unwrap();
    let setup = Setup::on_shards(1).settings("operations_port: any").env("STATE_DIRECTORY", state.path());
    let daemon = setup.start();
    let made = state.path().join("pusud-operations-any.token");
    assert_eq!(made.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(daemon.log().text().contains(made.to_str().unwrap()));
}

#[test]
fn one_that_others_may_read_or_that_is_no_such_file_stops_the_start_and_is_not_shown() {
    for (text, mode, expected) in [
        (format!("read: {READ}\noperate: {OPERATE}\n"), 0o644, "is open to everybody"),
        (format!("read: {READ}\n"), 0o600, "`operate: TOKEN` is missing"),
        (format!("{READ}\n"), 0o600, "line 1: expected `read: TOKEN`"),
        (format!("read: \"{READ}\"\noperate: {OPERATE}\n"), 0o600, "line 1: the token stands in quotes"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t");
        write_secret(&file, &text);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let settings = format!("operations_port: any\noperations_token_file: {}", file.display());
        let starting = Setup::on_shards(1).settings(&settings).spawn();
        let said = starting
            .log()
            .wait_for("the reason", |line| line.contains("operations_token_file").then(|| line.to_owned()));
        assert!(said.contains(expected) && said.contains(file.to_str().unwrap()), "{said}");
        let log = starting.log().text();
        assert!(!log.contains(READ) && !log.contains(OPERATE), "{log}");
        assert!(!starting.wait().success());
    }
}

#[test]
fn other_tokens_take_the_place_of_those_that_hold_without_a_restart() {
    let daemon = Setup::on_shards(1).with_operations().start();
    let file = daemon.dir().join("operations.token");
    let before = daemon.token("read");
    let status = |token: &str| {
        let request = operations_request("GET", "/api/v1/session").bearer(token);
        daemon.ask_operations(&request).status
    };
    assert_eq!(status(&before), 200);
    let mut stream = daemon.operations_events("/api/v1/live");
    stream.next();
    write_secret(&file, &format!("read: {READ}\noperate: {OPERATE}\n"));
    let began = Instant::now();
    while status(&before) == 200 {
        assert!(began.elapsed() < DEADLINE, "the old token still holds");
    }
    assert_eq!((status(READ), status(OPERATE)), (200, 200));
    stream.expect_end();
    // What cannot be used changes nothing.
    write_secret(&file, "nothing");
    let is_said = |line: &str| line.contains("operators' tokens stay as they were").then_some(());
    let began = Instant::now();
    while !daemon.log().lines().iter().any(|line| is_said(line).is_some()) {
        assert_eq!(status(READ), 200);
        assert!(began.elapsed() < DEADLINE, "{}", daemon.log().text());
    }
    assert!(!daemon.log().text().contains(READ));
}

/// Nobody ever writes into it.
#[test]
fn a_pipe_in_its_place_is_refused_and_hangs_nothing() {
    let pipe = |path: &std::path::Path| {
        let _ = std::fs::remove_file(path);
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    let is_refused = |text: &str| text.contains("expected a file, found a folder, a pipe or a device");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t");
    pipe(&path);
    let settings = format!("operations_port: any\noperations_token_file: {}", path.display());
    let starting = Setup::on_shards(1).settings(&settings).spawn();
    starting.log().wait_for("the reason", |line| is_refused(line).then_some(()));
    assert!(!starting.wait().success());
    // It comes while the relay serves: those that were there hold.
    let daemon = Setup::on_shards(1).with_operations().start();
    let token = daemon.token("read");
    let status = || {
        let request = operations_request("GET", "/api/v1/session").bearer(&token);
        daemon.ask_operations(&request).status
    };
    pipe(&daemon.dir().join("operations.token"));
    let began = Instant::now();
    while !is_refused(&daemon.log().text()) {
        assert_eq!(status(), 200);
        assert!(began.elapsed() < DEADLINE, "{}", daemon.log().text());
    }
    assert_eq!(status(), 200);
    // The settings.
    let settings = daemon.dir().join("settings.yaml");
    pipe(&settings);
    let request = operations_request("GET", "/api/v1/settings").bearer(&token);
    let shown = daemon.ask_operations(&request).expect(200).json();
    assert!(shown["reload"]["error"].as_str().unwrap().contains("found a pipe"), "{shown}");
}

/// Counted in live figures of somebody else, which come once a second.
#[test]
fn who_tails_with_a_token_that_is_changed_hears_no_more() {
    let daemon = Setup::on_shards(1).with_operations().start();
    let mut tail = daemon.operations_events("/api/v1/tail?channel=news");
    let operate = daemon.token("operate");
    let mut live = daemon.operations_http();
    live.send(&operations_request("GET", "/api/v1/live").bearer(&operate).version("HTTP/1.0"));
    let mut live = OperationsEvents::of(live);
    live.next();
    write_secret(&daemon.dir().join("operations.token"), &format!("read: {READ}\noperate: {operate}\n"));
    let ended = std::thread::spawn(move || tail.next());
    let mut seconds = 0;
    while !ended.is_finished() {
        live.next();
        seconds += 1;
        assert!(seconds < 8, "the channel is still listened to");
    }
    assert_eq!(ended.join().unwrap(), ("end".to_owned(), json!({"reason": "signed out"})));
}
