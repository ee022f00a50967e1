//! The client commands over HTTP, run as processes against the daemon: what they do over WebSocket, they do here.

use crate::harness::{ALL, Daemon, Finished, Running, Setup, TlsFront, pusud, run, run_with_input, unix_front};
use crate::harness::{Authority, DEADLINE};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

crate::on_1_and_3_shards!(
    publishing_text_json_and_lines,
    listening_prints_what_it_prints_over_websocket,
    a_refusal_has_the_same_words,
    a_listener_comes_back_when_the_relay_does,
    a_relay_that_takes_nothing_ends_publish,
    a_listener_notices_that_the_relay_has_gone,
    bench_checks_and_measures,
    bench_is_refused_in_the_relays_words,
    they_speak_through_tls_and_unix_sockets,
);

fn command(daemon: &Daemon, name: &str, args: &[&str]) -> Command {
    with_url(&daemon.url().replace("ws://", "http://"), name, args)
}

fn with_url(url: &str, name: &str, args: &[&str]) -> Command {
    let mut command = pusud(&[name, "--url", url]);
    command.args(args).stdin(Stdio::null()).env("PUSU_AUTHORIZATION", ALL);
    command
}

/// A listener that has said that it listens.
fn listening(command: &mut Command) -> Running {
    let listening = Running::start(command);
    listening.stderr.wait_for("it to listen", |line| line.contains("listening to ").then_some(()));
    listening
}

fn publishing_text_json_and_lines(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a/b c?ä%20");
    run(&mut command(&daemon, "publish", &["a/b c?ä%20", "[1, 2] is \"text\""])).succeeds();
    listener.expect_publish("a/b c?ä%20", json!("[1, 2] is \"text\""));
    run(&mut command(&daemon, "publish", &["--json", "a/b c?ä%20", "{\"n\": [1, 2]}"])).succeeds();
    listener.expect_publish("a/b c?ä%20", json!({"n": [1, 2]}));
    listener.subscribe("a");
    let numbers: String = (0..1000).map(|number| format!("{number}\n")).collect();
    run_with_input(&mut command(&daemon, "publish", &["--json", "a"]), &numbers).succeeds();
    for number in 0..1000 {
        listener.expect_publish("a", json!(number));
    }
    listener.expect_no_answer();
}

fn listening_prints_what_it_prints_over_websocket(daemon: Daemon) {
    let mut source = daemon.client();
    let outputs = ["http://", "ws://"].map(|scheme| {
        let url = daemon.url().replace("ws://", scheme);
        let listener = listening(&mut with_url(&url, "listen", &["--count", "4", "a", "b/ä c"]));
        source.publish("a", json!("text\nof two lines"));
        source.publish("b/ä c", json!({"deep": [1, null, "ä"]}));
        source.send_text("{\"type\":\"publish\",\"channel\":\"a\",\"content\":{\r\n  \"n\":\r1.10\n}}");
        source.publish("a", json!(null));
        source.publish("a", json!("one too many"));
        listener.finish().succeeds()
    });
    assert_eq!(outputs[0], outputs[1]);
    assert_eq!(outputs[0].lines().count(), 4);
}

fn a_refusal_has_the_same_words(daemon: Daemon) {
    for (name, authorization, channel, parts) in [
        ("publish", "refuse=expired", "a", &["the relay refused: authorization_failed: ", "expired"][..]),
        ("listen", "refuse=expired", "a", &["the relay refused: authorization_failed: ", "expired"]),
        ("publish", "read=*", "a", &["the relay refused: permission_denied for channel \"a\": ", "no permission"]),
        (
            "listen",
            "write=*",
            "news",
            &["the relay refused: permission_denied for channel \"news\": ", "no permission"],
        ),
        ("publish", "unavailable", "a", &["the relay refused: "]),
    ] {
        let said = |url: &str| {
            let args = if name == "publish" { &[channel, "1"][..] } else { &[channel] };
            run(with_url(url, name, args).args(["--authorization", authorization])).fails_saying(parts)
        };
        println!("{}{}", said(&daemon.url()), said(&daemon.url().replace("ws://", "http://")));
    }
    let cut = run(command(&daemon, "publish", &["a", "1"]).args(["--authorization", "two\nlines"]));
    cut.fails_saying(&["the authorization cannot be sent over HTTP", "a line end at byte 3"]);
    run(&mut with_url("http://127.0.0.1:1", "publish", &["a", "1"])).fails_saying(&["http://127.0.0.1:1", "refused"]);
}

fn a_listener_comes_back_when_the_relay_does(mut daemon: Daemon) {
    let listener = listening(&mut command(&daemon, "listen", &["--count", "1", "a"]));
    let port = daemon.address().port();
    daemon.kill();
    let again = Setup::on_shards(1).port(port).start();
    let mut source = again.client();
    let began = Instant::now();
    while !listener.stdout.grows_past(0, Duration::from_millis(50)) {
        source.publish("a", json!(1));
        assert!(began.elapsed() < DEADLINE, "never heard; it says:\n{}", listener.stderr.text());
    }
    listener.finish().succeeds();
}

fn a_relay_that_takes_nothing_ends_publish(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a");
    let mut publishing = command(&daemon, "publish", &["--patience", "2s", "a"]);
    let mut publisher = Running::start(publishing.stdin(Stdio::piped()));
    let mut lines = publisher.take_stdin();
    for number in ["one", "two"] {
        writeln!(lines, "{number}").unwrap();
        listener.expect_publish("a", json!(number));
    }
    daemon.freeze();
    let line = format!("{}\n", "x".repeat(64 * 1024));
    std::thread::scope(|scope| {
        scope.spawn(move || while lines.write_all(line.as_bytes()).is_ok() {});
        let said = publisher.finish();
        daemon.thaw();
        said.fails_saying(&["stopped after line ", "from line 3 on, none is known to have arrived", "the relay has "]);
    });
}

fn a_listener_notices_that_the_relay_has_gone(daemon: Daemon) {
    let listener = listening(&mut command(&daemon, "listen", &["--patience", "2s", "--no-reconnect", "a"]));
    daemon.freeze();
    let said = listener.finish();
    daemon.thaw();
    said.fails_saying(&["the relay has been silent for 2."]);
}

fn bench_checks_and_measures(daemon: Daemon) {
    let args =
        ["--listeners", "12", "--sources", "3", "--channels", "4", "--messages", "600", "--warm-up", "0s", "--json"];
    for (part, size) in [("both", "44"), ("both", "70000"), ("publish", "200"), ("events", "200")] {
        let mut bench = with_url(&daemon.url(), "bench", &args);
        let printed = run(bench.args([&format!("--http={part}"), "--size", size, "--threads", "2"])).succeeds();
        let figures: Value = serde_json::from_str(&printed).unwrap();
        let seen = [&figures["http"], &figures["messages"], &figures["deliveries"], &figures["faults"]];
        assert_eq!(seen, [&json!(part), &json!(600), &json!(1800), &json!([])], "{figures}");
        assert_eq!(figures["foreign"], 0, "{figures}");
        assert!(figures["latency_us"]["p50"].as_f64().unwrap() > 0.0, "{figures}");
        assert!(figures["connects_per_second"].as_f64().unwrap() > 0.0, "{figures}");
    }
    let args =
        ["--listeners", "4", "--sources", "2", "--rate", "200", "--messages", "60", "--beside", "2", "--warm-up", "0s"];
    let table = run(&mut command(&daemon, "bench", &args)).succeeds();
    assert!(table.contains("2 quiet pairs beside, over HTTP") && table.contains("deliveries/s"), "{table}");
    daemon.expect_nobody_disconnected();
}

fn bench_is_refused_in_the_relays_words(daemon: Daemon) {
    let with = |authorization: &str| run(command(&daemon, "bench", &["--authorization", authorization]).arg("--json"));
    with("refuse=expired").fails_saying(&["authorization_failed", "expired"]);
    with("read=*").fails_saying(&["source 0", "permission_denied", "bench.0", "no permission to write"]);
    with("write=*").fails_saying(&["listener", "permission_denied", "bench.0", "no permission to read"]);
    with("a\nb").fails_saying(&["the authorization cannot be sent over HTTP"]);
}

fn they_speak_through_tls_and_unix_sockets(daemon: Daemon) {
    let authority = Authority::new("of the test");
    let front = TlsFront::before(daemon.address(), &authority.issue(&["localhost"]));
    let ca = authority.file(daemon.dir());
    let path = daemon.dir().join("clients.sock");
    unix_front(&path, daemon.address());
    let secure = front.url("localhost").replace("wss://", "https://");
    let ways: [(String, Vec<&str>); 2] =
        [(secure, vec!["--ca", ca.to_str().unwrap()]), (format!("unix:{}", path.display()), vec!["--http"])];
    for (url, args) in ways {
        let command = |name: &str, more: &[&str]| with_url(&url, name, &[&args[..], more].concat());
        let listener = listening(&mut command("listen", &["--count", "2", "a"]));
        let lines = run_with_input(&mut command("publish", &["--json", "a"]), "1\n2\n");
        lines.succeeds();
        assert_eq!(listener.finish().succeeds().lines().count(), 2);
        let measured = ["--listeners", "3", "--messages", "60", "--warm-up", "0s", "--json"];
        let figures = run(&mut command("bench", &measured)).succeeds();
        let figures: Value = serde_json::from_str(&figures).unwrap();
        assert_eq!((&figures["deliveries"], &figures["http"]), (&json!(180), &json!("both")), "{figures}");
    }
    daemon.expect_nobody_disconnected();
}

/// A connection of events cannot renew; `listen` makes another one, which the authenticator takes once more.
#[test]
fn a_listener_outlives_its_authorization() {
    let daemon = Daemon::on_shards(1);
    let args = ["--authorization", "both=* expires=1500", "a"];
    let listener = listening(&mut command(&daemon, "listen", &args));
    listener.stderr.wait("it to listen again", |lines| {
        (lines.iter().filter(|line| line.contains("listening to ")).count() == 2).then_some(())
    });
    let said: Finished = run(command(&daemon, "listen", &["--no-reconnect", "a"]).args(args));
    said.fails_saying(&["expired"]);
}

/// Each client that a stopping relay sends away is told when to come back.
#[test]
fn a_drained_listener_comes_back_when_it_is_told_to() {
    let daemon = Setup::on_shards(1).settings("limits: {drain_grace: 0, drain_spread: 0}").start();
    let listener = listening(&mut command(&daemon, "listen", &["a"]));
    daemon.terminate();
    let line = listener
        .stderr
        .wait_for("it to be sent away", |line| line.contains("connecting again in ").then(|| line.to_owned()));
    assert!(line.contains("close code 1001"), "{line}");
    let wait: f64 = line.rsplit("again in ").next().unwrap().trim_end_matches(" s").parse().unwrap();
    assert!(wait >= 1.0, "{line}");
}
