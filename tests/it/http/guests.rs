//! Guests: scripts of `tests/clients` that publish or listen over HTTP in the way of one library, and the relay that they
//! are told of.
//!
//! All that publish say the same in the same order ([`publishes`]). All that listen print each event as one line of JSON, its
//! name and its data, and come back when a stream ends, until they hear `stop`.

use crate::harness::{
    Client, Daemon, Finished, PluginsDir, ReservedPort, Running, Setup, not_run, password_plugin, root, run, script,
};
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;

/// The channel of all that is published to one.
pub(super) const CHANNEL: &str = "clients/say hello ä€";

/// How long a client may take until it speaks: browsers, and Java, which compiles first, take longest.
pub(super) const START_TIME_MAX: Duration = Duration::from_secs(180);

/// Where programs are: proxies are among those of the system.
pub(super) fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// Whether this program is here; says so where it is not.
pub(super) fn has(row: &str, program: &str) -> bool {
    let look = format!("command -v {program}");
    let found = run(Command::new("sh").args(["-c", &look]).env("PATH", path())).status.success();
    if !found {
        not_run(row, format_args!("there is no {program}"));
    }
    found
}

/// A script that another program than Python runs.
pub(super) fn run_by(program: &str, name: &str) -> Command {
    let mut command = Command::new(program);
    command.arg(root().join("tests/clients").join(name)).env("NODE_NO_WARNINGS", "1");
    command
}

/// What `name` is in Python.
pub(super) fn python(name: &str, library: &str) -> Command {
    let mut command = script(name);
    command.arg(library);
    command
}

/// A relay on a port that stays the same, with the passwords `known` for everything and `another` for little, and room for
/// long messages.
pub(super) fn relay(port: &ReservedPort, settings: &str, limits: &str) -> Daemon {
    let passwords = "passwords: {known: ['*'], another: ['another.*']}";
    let limits = format!("limits: {{max_message_bytes: 4 MiB, outbox_bytes: 16 MiB, {limits}}}");
    Setup::on_shards(1)
        .authenticator("PasswordAuthenticator", PluginsDir::with([password_plugin()]))
        .port(port.port())
        .settings(&format!("{passwords}\n{limits}\n{settings}"))
        .start()
}

/// A WebSocket client with the password that gives everything.
pub(super) fn client(relay: &Daemon) -> Client {
    relay.client_with("known")
}

/// A running guest; where a test fails meanwhile, what it said is shown.
pub(super) struct Guest(Option<Running>);

impl Guest {
    /// Starts it.
    pub(super) fn start(command: &mut Command) -> Self {
        Self(Some(Running::start(command)))
    }

    /// It, still running.
    pub(super) fn running(&mut self) -> &mut Running {
        self.0.as_mut().expect("it is taken at its end alone")
    }

    /// Waits for its end.
    pub(super) fn finish(mut self) -> Finished {
        self.0.take().expect("it is taken here alone").finish_within(3)
    }

    /// Its line with this number, for which it may take long.
    pub(super) fn line(&mut self, number: usize) -> String {
        let stdout = self.running().stdout.clone();
        while stdout.lines().len() <= number {
            assert!(stdout.grows_past(number, START_TIME_MAX), "no line {number}");
        }
        stdout.lines().swap_remove(number)
    }

    /// Its event with this number: name and data.
    pub(super) fn event(&mut self, number: usize) -> (String, Value) {
        let line = self.line(number);
        let (name, data): (String, String) = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        (name, serde_json::from_str(&data).unwrap_or_else(|_| panic!("{line}")))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if let Some(guest) = &self.0 {
            eprintln!("--- the client says:\n{}\n{}\n---", guest.stdout.text(), guest.stderr.text());
        }
    }
}

/// What a guest has to publish, in this order, and nothing else.
fn publications() -> Vec<(&'static str, Value)> {
    let mut all = vec![(CHANNEL, json!({"text": "ä€😀"})), (CHANNEL, json!("ä€😀\n2"))];
    all.extend((0..100).map(|number| (CHANNEL, json!(number))));
    all.extend([("list", json!(1)), ("list", json!(["ä", 2])), (CHANNEL, json!(["a", "ä", 3]))]);
    all.extend([json!("x".repeat(2_000_000)), json!("once"), json!("last")].map(|content| (CHANNEL, content)));
    all
}

/// A guest that is told this URL publishes; the relay is at its other end.
pub(super) fn publishes(relay: &Daemon, command: &mut Command, url: &str) {
    let mut other = client(relay);
    other.subscribe(CHANNEL);
    other.subscribe("list");
    let guest = Guest::start(command.arg(url));
    for (turn, (channel, content)) in publications().into_iter().enumerate() {
        if turn == 0 {
            let first = json!({"type": "publish", "channel": channel, "content": content});
            assert_eq!(other.next_json_within(START_TIME_MAX), Some(first));
        } else {
            other.expect_publish(channel, content);
        }
    }
    assert_eq!(guest.finish().succeeds().trim(), "the conversation took place");
    other.expect_no_answer();
}

/// A guest that is told this URL listens, and hears at once what is published.
pub(super) fn hears(relay: &Daemon, command: &mut Command, url: &str) -> Guest {
    let mut guest = Guest::start(command.args([url, CHANNEL, "a&b+c"]));
    expect_subscribed(&mut guest, 0);
    let mut other = client(relay);
    other.publish("a&b+c", json!({"text": "ä€😀"}));
    other.publish("nobody listens", json!(0));
    // Line ends of JSON are not those of events.
    let lines = "[1,\n\r\n{\"a\":\r2}\n]";
    other.send_text(&format!(r#"{{"type":"publish","channel":"{CHANNEL}","content":{lines}}}"#));
    expect_message(&mut guest, 1, "a&b+c", json!({"text": "ä€😀"}));
    expect_message(&mut guest, 2, CHANNEL, json!([1, {"a": 2}]));
    guest
}

/// A guest begins to listen with its event of this number.
pub(super) fn expect_subscribed(guest: &mut Guest, number: usize) {
    let subscribed = json!({"relay": "test-relay", "channels": [CHANNEL, "a&b+c"]});
    assert_eq!(guest.event(number), ("subscribed".into(), subscribed));
}

/// A guest hears a message as its event of this number.
pub(super) fn expect_message(guest: &mut Guest, number: usize, channel: &str, content: Value) {
    assert_eq!(guest.event(number), ("message".into(), json!({"channel": channel, "content": content})));
}

/// A guest hears that the relay stops.
pub(super) fn expect_end(guest: &mut Guest, number: usize) {
    assert_eq!(guest.event(number), ("end".into(), json!({"code": 1001, "reason": "the relay is stopping"})));
}
