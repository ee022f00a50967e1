//! Limits at the door: who is let in, until when a client has to be authorized, and what it may send before.

#[cfg(target_os = "linux")]
use crate::harness::not_run;
use crate::harness::{DEADLINE, Daemon, Raw, Setup, pusud, run, text_message, upgrade_request};
use serde_json::json;
#[cfg(target_os = "linux")]
use std::net::IpAddr;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;

/// A connection that is not let in has a second to say what it wants. Here is less.
const WAITS_FOR_REQUEST: Duration = Duration::from_millis(700);

fn with_limits(limits: &str) -> Daemon {
    Setup::on_shards(1).settings(&format!("limits: {{{limits}}}")).start()
}

/// Connects as soon as there is room.
fn connect_when_there_is_room(daemon: &Daemon) -> Raw {
    let started = Instant::now();
    loop {
        let mut raw = daemon.raw();
        raw.send(upgrade_request(""));
        let head = raw.read_head();
        if head.starts_with("HTTP/1.1 101 ") {
            raw.expect_hello();
            return raw;
        }
        assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
        assert!(started.elapsed() < DEADLINE, "no room after {DEADLINE:?}");
    }
}

#[test]
fn connections_past_the_limit_are_answered_with_503() {
    let daemon = with_limits("max_connections: 2");
    let (client, mut other) = (daemon.client(), daemon.client());
    for _ in 0..3 {
        let answer = daemon.raw().expect_http_error(503);
        assert!(answer.contains("Retry-After: ") && answer.contains("Connection: close\r\n"), "{answer}");
    }
    drop(client);
    let client = connect_when_there_is_room(&daemon);
    other.subscribe("still here");
    drop((client, other));
    assert!(daemon.refused().starts_with("max_connections "));
}

#[test]
fn unauthorized_connections_past_the_limit_are_answered_with_503() {
    let daemon = with_limits("max_unauthorized: 2");
    let mut clients: Vec<_> = (0..5).map(|_| daemon.client()).collect();
    let (silent, mut greeted) = (daemon.raw(), daemon.connect());
    daemon.raw().expect_http_error(503);
    greeted.authorize("both=*");
    clients.push(greeted);
    clients.push(daemon.connect());
    daemon.raw().expect_http_error(503);
    for client in &mut clients[..6] {
        client.subscribe("still here");
    }
    drop(silent);
    assert_eq!(daemon.refused(), "max_unauthorized 2");
}

#[test]
fn refusals_are_logged_with_a_count_and_not_one_by_one() {
    let daemon = with_limits("max_connections: 1");
    let _client = daemon.client();
    let started = Instant::now();
    for _ in 0..50 {
        daemon.raw().expect_http_error(503);
    }
    let count = |lines: &[String]| lines.iter().filter(|line| line.contains("connections refused")).count();
    daemon.log().wait("two lines about it", |lines| (count(lines) >= 2).then_some(()));
    assert!(count(&daemon.log().lines()) as u64 <= 2 + started.elapsed().as_secs(), "{}", daemon.log().text());
    assert_eq!(daemon.refused(), "max_connections 50");
}

/// A connection that is closed at once would be reset by the client's request, and the answer lost. This one says so.
#[test]
fn the_answer_arrives_however_late_the_request() {
    let daemon = with_limits("max_connections: 1");
    let _client = daemon.client();
    loop {
        let mut late = daemon.raw();
        let connected = Instant::now();
        daemon.log().wait_for("the refusal", |line| line.contains("connections refused").then_some(()));
        if connected.elapsed() < WAITS_FOR_REQUEST {
            late.expect_http_error(503);
            break;
        }
        println!("the machine stood still for longer than the relay waits for a request; once more");
    }
    // Who says nothing is not answered, and not kept.
    daemon.raw().expect_end();
}

#[test]
fn who_does_not_authorize_in_time_is_told() {
    let daemon = with_limits("authorize_timeout: 6s, handshake_timeout: 6s, authorize_call_timeout: 1m");
    let mut authorized = daemon.client();
    // Asked in time: what the authenticator takes is not the client's fault.
    let mut slow = daemon.connect();
    slow.send(json!({"type": "authorize", "authorization": "sleep=8000 both=*"}));
    let mut chatty = daemon.upgraded();
    chatty.send(text_message(r#"{"type":"unsubscribe","channel":"a"}"#));
    daemon.upgraded().expect_closed(4003);
    chatty.expect_closed(4003);
    slow.expect_text(r#"{"type":"authorization_ok"}"#);
    slow.subscribe("a");
    authorized.subscribe("a");
    assert_eq!(daemon.refused(), "authorize_timeout 2");
}

#[test]
fn authorizing_again_for_nothing_ends() {
    let daemon = with_limits("max_authorize_attempts: 3");
    let mut client = daemon.client_with("both=a");
    let repeat = |client: &mut crate::harness::Client, times: usize| {
        (0..times).for_each(|_| client.authorize("both=a"));
    };
    repeat(&mut client, 3);
    client.authorize("both=b");
    repeat(&mut client, 3);
    client.send(json!({"type": "authorize", "authorization": "both=b"}));
    client.expect_error("authorization_failed");
    client.expect_closed(4501);
    // Renewals prolong, and so give something.
    let mut client = daemon.client_with("both=a expires=60000");
    for seconds in 61..70 {
        client.authorize(&format!("both=a expires={seconds}000"));
    }
    client.subscribe("a");
    assert_eq!(daemon.refused(), "max_authorize_attempts 1");
}

#[test]
fn authorizations_of_one_client_are_bounded() {
    let daemon = Daemon::on_shards(1);
    let mut client = daemon.connect();
    (0..16).for_each(|number| client.authorize(&format!("both=a.{number}")));
    // Gives all that those give, and takes their place.
    client.authorize("both=a.*");
    (0..15).for_each(|number| client.authorize(&format!("both=b.{number}")));
    client.send(json!({"type": "authorize", "authorization": "both=c"}));
    client.expect_error("authorization_failed");
    client.expect_closed(4501);
    assert_eq!(daemon.refused(), "max_authorize_attempts 1");
}

#[test]
fn strangers_send_short_messages() {
    let daemon = Daemon::on_shards(1);
    let authorize =
        |bytes: usize| json!({"type": "authorize", "authorization": "both=*", "padding": " ".repeat(bytes)});
    let mut client = daemon.connect();
    client.send(authorize(15 * 1024));
    client.expect_text(r#"{"type":"authorization_ok"}"#);
    client.send(authorize(100 * 1024));
    client.expect_text(r#"{"type":"authorization_ok"}"#);
    // A long message right behind the authorization is one of an authorized client.
    let mut eager = daemon.upgraded();
    let long = json!({"type": "subscribe", "channel": "a", "padding": " ".repeat(100 * 1024)}).to_string();
    eager.send([text_message(&authorize(0).to_string()), text_message(&long)].concat());
    assert_eq!(eager.read_text(), r#"{"type":"authorization_ok"}"#);
    assert_eq!(eager.read_text(), r#"{"type":"subscribe_ok","channel":"a"}"#);
    let mut client = daemon.connect();
    client.send_message(Message::text(authorize(17 * 1024).to_string()));
    client.expect_closed(1009);
    assert_eq!(daemon.refused(), "max_message_bytes 1");
}

#[test]
fn what_is_refused_while_shaking_hands_is_counted() {
    let daemon = with_limits("max_header_bytes: 512, handshake_timeout: 6s");
    let mut silent = daemon.raw();
    let mut long = daemon.raw();
    long.send_perhaps(upgrade_request(&format!("X: {}\r\n", "y".repeat(600))));
    assert!(long.read_head().starts_with("HTTP/1.1 431 "));
    let mut many = daemon.raw();
    many.send_perhaps(upgrade_request(&"X:\r\n".repeat(61)));
    assert!(many.read_head().starts_with("HTTP/1.1 431 "));
    silent.expect_end();
    assert_eq!(daemon.refused(), "max_header_bytes 2, handshake_timeout 1");
}

#[test]
fn limits_that_contradict_each_other_are_named_with_a_way_out() {
    for (limits, parts) in [
        ("max_unauthorized: 300, max_connections: 200", ["limits.max_unauthorized", "limits.max_connections"]),
        ("handshake_timeout: 1m", ["limits.handshake_timeout", "limits.authorize_timeout"]),
        (
            "max_unauthorized_message_bytes: 2 MiB",
            ["limits.max_unauthorized_message_bytes", "limits.max_message_bytes"],
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("settings.yaml");
        std::fs::write(&file, format!("authenticator: None\nlimits: {{{limits}}}\n")).unwrap();
        run(pusud(&["check", "--config"]).arg(&file)).fails_saying(&[parts[0], parts[1], "lower", "settings.yaml"]);
    }
}

#[cfg(unix)]
#[test]
fn too_few_open_files_are_said_at_the_start() {
    let check = |limit: u32| {
        let dir = tempfile::tempdir().unwrap();
        let script = format!("ulimit -n {limit} && exec \"$0\" check");
        run(std::process::Command::new("sh").args(["-c", &script, env!("CARGO_BIN_EXE_pusud")]).current_dir(&dir))
    };
    check(100).fails_saying(&["limits.max_connections", "open-file limit", "100", "ulimit -n"]);
    let lowered = check(1000);
    assert!(lowered.stderr.contains("`limits.max_connections` is 10000"), "{lowered:?}");
    assert!(lowered.succeeds().contains("(10000 in the settings, lowered to the open-file limit)"));
}

/// Runs a test again, in a network of its own that has these addresses, where it has to pass; it knows by the variable
/// `inside` that it is there. `Err`: why the system does not let us.
#[cfg(target_os = "linux")]
fn pass_inside(test: &str, inside: &str, addresses: &[IpAddr]) -> Result<(), String> {
    const MADE: &str = "the network is made";
    let add: String = addresses.iter().map(|address| format!("ip address add {address}/32 dev lo && ")).collect();
    let script = format!("ip link set lo up && {add}echo {MADE} && exec \"$0\" --exact {test} --nocapture");
    let itself = std::env::current_exe().unwrap();
    let mut unshare = std::process::Command::new("unshare");
    unshare.args(["--map-root-user", "--net", "sh", "-c", &script]).arg(itself).env(inside, "1");
    let done = unshare.output().map_err(|error| format!("unshare: {error}"))?;
    let [said, complaints] = [&done.stdout, &done.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    if !said.starts_with(MADE) {
        return Err(complaints.into_owned());
    }
    let has_passed = done.status.success() && said.contains("test result: ok. 1 passed;");
    assert!(has_passed, "{}\n{said}\n{complaints}", done.status);
    Ok(())
}

/// The limits by address, which do not hold for 127.0.0.1: tested in a network of the test's own, where this machine has
/// other addresses.
#[cfg(target_os = "linux")]
#[test]
fn addresses_are_bounded_one_by_one() {
    const NAME: &str = "clients::door::addresses_are_bounded_one_by_one";
    const INSIDE: &str = "PUSUD_TEST_IS_IN_A_NETWORK_OF_ITS_OWN";
    let [one, other] = [[192, 0, 2, 1], [192, 0, 2, 2]].map(IpAddr::from);
    if std::env::var_os(INSIDE).is_none() {
        if let Err(reason) = pass_inside(NAME, INSIDE, &[one, other]) {
            not_run("limits by address, in a network of its own", reason);
        }
        return;
    }
    let daemon = with_limits("max_connections_per_address: 3, max_unauthorized_per_address: 2");
    let from = |address| Raw::connect_from(address, daemon.address());
    let enter = |address| {
        let mut raw = from(address);
        raw.upgrade();
        raw
    };
    let (mut first, _second) = (enter(one), enter(one));
    from(one).expect_http_error(503);
    let _elsewhere = enter(other);
    first.send(text_message(r#"{"type":"authorize","authorization":""}"#));
    assert_eq!(first.read_text(), r#"{"type":"authorization_ok"}"#);
    let _third = enter(one);
    from(one).expect_http_error(429);
    (0..10).for_each(|_| drop(daemon.client()));
    assert_eq!(daemon.refused(), "max_unauthorized 1, max_connections_per_address 1");
}
