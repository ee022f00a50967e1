//! Clients that are not ours, over HTTP: curl, Python, Node.js, PHP, Java, and pages in Chromium.

use super::guests::{
    CHANNEL, Guest, START_TIME_MAX, client, expect_end, expect_message, expect_subscribed, has, hears, publishes,
    python, relay, run_by,
};
use crate::harness::{Daemon, PluginsDir, ReservedPort, Setup, http_plugin, not_run, run, script};
use serde_json::json;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// A guest publishes.
fn guest_publishes(mut command: Command) {
    let relay = relay(&ReservedPort::new(), "", "");
    publishes(&relay, &mut command, &format!("http://{}", relay.address()));
    // Neither what was refused nor what has ended is left.
    relay.wait_for_connections(0);
}

/// A guest listens, is told that the relay stops, and comes back to the next one.
fn guest_listens(mut command: Command) {
    let port = ReservedPort::new();
    let mut relay = relay(&port, "", "");
    let url = format!("http://{}", relay.address());
    let mut guest = hears(&relay, &mut command, &url);
    relay.terminate();
    relay.wait();
    expect_end(&mut guest, 3);
    relay.restart();
    expect_subscribed(&mut guest, 4);
    client(&relay).publish(CHANNEL, json!("stop"));
    expect_message(&mut guest, 5, CHANNEL, json!("stop"));
    guest.finish().succeeds();
}

#[test]
fn curl_publishes() {
    if has("curl over HTTP", "curl") {
        guest_publishes(run_by("bash", "http_curl.sh"));
    }
}

/// `curl -N` shows events as they come, and ends well when the stream does.
#[test]
fn curl_listens() {
    if !has("events with curl", "curl") {
        return;
    }
    let relay = relay(&ReservedPort::new(), "", "");
    let mut curl = Command::new("curl");
    curl.args(["-N", "--silent", "--show-error", "--fail", "--get", "-H", "Authorization: Bearer known"]);
    curl.arg("--data-urlencode").arg(format!("channel={CHANNEL}"));
    let mut guest = Guest::start(curl.arg(format!("http://{}/events", relay.address())));
    let channels = json!({"relay": "test-relay", "channels": [CHANNEL]});
    assert_eq!(guest.line(0), "event: subscribed");
    assert_eq!(guest.line(1), format!("data: {channels}"));
    client(&relay).publish(CHANNEL, json!("ä€😀"));
    let message = format!(r#"data: {{"channel":"{CHANNEL}","content":"ä€😀"}}"#);
    assert_eq!([guest.line(2), guest.line(3), guest.line(4)], ["", &message, ""]);
    relay.terminate();
    let said = guest.finish().succeeds();
    let end = "\nevent: end\ndata: {\"code\":1001,\"reason\":\"the relay is stopping\"}\n";
    assert!(said.ends_with(end) && said.contains("\nretry: "), "{said}");
}

#[test]
fn requests_publishes() {
    guest_publishes(python("http_python.py", "requests"));
}

#[test]
fn httpx_publishes() {
    guest_publishes(python("http_python.py", "httpx"));
}

#[test]
fn httpx_sse_listens() {
    guest_listens(python("http_events.py", "httpx-sse"));
}

#[test]
fn sseclient_listens() {
    guest_listens(python("http_events.py", "sseclient"));
}

/// `requests` hands lines on by the 512 bytes, or by the chunk.
#[test]
fn requests_listens() {
    guest_listens(python("http_events.py", "requests"));
}

/// A script of a language that may not be here, told what to do; `None`: it is not.
fn other_language(program: &str, name: &str, what: &str, probe: &[&str]) -> Option<Command> {
    let row = format!("{program} over HTTP");
    if !has(&row, program) {
        return None;
    }
    if !run(Command::new(program).args(probe)).status.success() {
        not_run(&row, format_args!("{program} cannot do {}", probe.join(" ")));
        return None;
    }
    let mut command = run_by(program, name);
    command.arg(what);
    Some(command)
}

fn node(what: &str) -> Option<Command> {
    other_language("node", "http_node.mjs", what, &["--eval", "process.exit(typeof fetch === 'function' ? 0 : 1)"])
}

fn php(what: &str) -> Option<Command> {
    other_language("php", "http_php.php", what, &["-r", "exit(function_exists('curl_init') ? 0 : 1);"])
}

/// It compiles its one file itself, if it is more than a runtime.
fn java(what: &str) -> Option<Command> {
    other_language("java", "HttpClients.java", what, &["--describe-module", "jdk.compiler"])
}

#[test]
fn node_publishes() {
    node("publish").into_iter().for_each(guest_publishes);
}

#[test]
fn node_listens() {
    node("listen").into_iter().for_each(guest_listens);
}

#[test]
fn php_publishes() {
    php("publish").into_iter().for_each(guest_publishes);
}

#[test]
fn php_listens() {
    php("listen").into_iter().for_each(guest_listens);
}

#[test]
fn java_publishes() {
    java("publish").into_iter().for_each(guest_publishes);
}

#[test]
fn java_listens() {
    java("listen").into_iter().for_each(guest_listens);
}

/// A page publishes and listens, is told that the relay stops, and its EventSource comes back by itself: to the next relay,
/// and after a crash. `page` is what it publishes, `origins` the relay's setting, for the port of the page.
fn chromium(kind: &str, page: &[serde_json::Value], origins: impl Fn(&str) -> String) {
    if !has("Chromium over HTTP", "chromium") {
        return;
    }
    let mut guest = Guest::start(script("http_browser.py").arg(kind).stdin(Stdio::piped()));
    let first = guest.line(0);
    let port = first.strip_prefix("port ").unwrap();
    let place = ReservedPort::new();
    let options = format!("authenticator_options:\n  http_url: http://127.0.0.1:{port}/authorize");
    let mut relay = Setup::on_shards(1)
        .authenticator("HttpAuthenticator", PluginsDir::with([http_plugin()]))
        .port(place.port())
        .settings(&format!("{options}\n{}", origins(port)))
        .start();
    let mut other = client(&relay);
    other.subscribe("page");
    writeln!(guest.running().take_stdin(), "http://{}", relay.address()).unwrap();
    for content in page {
        let message = json!({"type": "publish", "channel": "page", "content": content});
        assert_eq!(other.next_json_within(START_TIME_MAX), Some(message));
    }
    let mut contents = ["first", "second", "third"].into_iter();
    for (line, step) in ["publish", "restart", "publish", "crash", "publish"].into_iter().enumerate() {
        assert_eq!(guest.line(1 + line), step);
        if step == "publish" {
            client(&relay).publish("to-page", json!(contents.next()));
            continue;
        }
        stop(&mut relay, step == "crash");
        relay.restart();
    }
    assert!(guest.finish().succeeds().ends_with("the conversation took place"));
}

fn stop(relay: &mut Daemon, at_once: bool) {
    if at_once {
        relay.kill();
    } else {
        relay.terminate();
        relay.wait();
    }
}

#[test]
fn pages_of_any_origin() {
    chromium("others", &[json!("text"), json!([1])], |_| String::new());
}

#[test]
fn pages_of_a_known_origin_with_their_cookies() {
    let origins = |port: &str| format!("limits: {{allowed_origins: ['http://127.0.0.1:{port}']}}");
    chromium("known", &[json!("text"), json!([1]), json!("by cookie")], origins);
}
