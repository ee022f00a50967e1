//! Who may read and write what: patterns, exactness, permissions that add up, and nothing at all before the first
//! authorization.

use crate::harness::{Client, Daemon, PluginsDir, Setup};
use serde_json::json;

crate::on_1_and_3_shards!(
    patterns_decide_reading,
    patterns_decide_writing,
    a_subscription_is_an_exact_name,
    several_authorizations_add_up,
    nothing_is_allowed_before_the_first_authorization,
    no_permissions_are_no_permissions,
);

/// Pattern, channel, and whether the one covers the other.
const PATTERNS: &[(&str, &str, bool)] = &[
    ("foo", "foo", true),
    ("foo", "foobar", false),
    ("foo", "Foo", false),
    ("foo", "fo", false),
    ("foo.*", "foo.bar", true),
    ("foo.*", "foo.", true),
    ("foo.*", "foo", false),
    ("foo.*", "xfoo.bar", false),
    ("*", "anything.at/all", true),
    ("*.log", "a.b.log", true),
    ("*.log", "a.log.b", false),
    ("a*b*c", "a-b-b-c", true),
    ("a*b*c", "a-c-b", false),
    ("**", "x", true),
    ("f?o", "foo", false),
    ("fo[o]", "foo", false),
    ("f.o", "foo", false),
    // A `*` in a name is a character like any other.
    ("foo", "*", false),
    ("foo.bar", "foo.*", false),
    ("foo.*", "*", false),
    ("foo.*", "foo.*", true),
];

fn may_subscribe(client: &mut Client, channel: &str) -> bool {
    client.send(json!({"type": "subscribe", "channel": channel}));
    client.next_json()["type"] == "subscribe_ok"
}

fn patterns_decide_reading(daemon: Daemon) {
    for (pattern, channel, covered) in PATTERNS {
        let mut client = daemon.client_with(&format!("read={pattern}"));
        assert_eq!(may_subscribe(&mut client, channel), *covered, "{pattern} against {channel}");
        let mut writer = daemon.client_with(&format!("write={pattern}"));
        assert!(!may_subscribe(&mut writer, channel), "writing {pattern} is not reading {channel}");
    }
}

fn patterns_decide_writing(daemon: Daemon) {
    for (pattern, channel, covered) in PATTERNS {
        let mut client = daemon.client_with(&format!("write={pattern}"));
        client.publish(channel, json!(1));
        if *covered {
            client.expect_no_answer();
        } else {
            assert_eq!(client.expect_error("permission_denied")["channel"], *channel, "{pattern}");
            client.expect_closed(4502);
        }
        let mut reader = daemon.client_with(&format!("read={pattern}"));
        reader.publish(channel, json!(1));
        reader.expect_error("permission_denied");
        reader.expect_closed(4502);
    }
}

fn a_subscription_is_an_exact_name(daemon: Daemon) {
    let mut client = daemon.client();
    client.subscribe("foo.*");
    client.subscribe("foo");
    client.publish("foo.bar", json!("no"));
    client.publish("foo.*", json!("the name itself"));
    client.publish("foobar", json!("no"));
    client.publish("foo", json!("exact"));
    client.expect_publish("foo.*", json!("the name itself"));
    client.expect_publish("foo", json!("exact"));
    client.expect_no_answer();
}

fn several_authorizations_add_up(daemon: Daemon) {
    let mut client = daemon.client_with("read=a write=a");
    client.subscribe("a");
    client.authorize("read=b.*");
    client.authorize("write=c");
    client.subscribe("b.1");
    client.publish("a", json!(1));
    client.expect_publish("a", json!(1));
    client.publish("c", json!(1));
    client.expect_no_answer();
    client.publish("b.1", json!(1));
    assert_eq!(client.expect_error("permission_denied")["channel"], "b.1");
    client.expect_closed(4502);
}

/// What was asked and denied before must be asked anew after another authorization: a verdict that is remembered for
/// a channel may not outlive the permissions it came from. Denials close, so it shows with what was never asked.
#[test]
fn permissions_of_one_client_are_not_anothers() {
    let daemon = Daemon::on_shards(1);
    let mut may = daemon.client_with("both=news");
    may.publish("news", json!(1));
    may.expect_no_answer();
    let mut may_not = daemon.client_with("read=other");
    may_not.publish("news", json!(2));
    may_not.expect_error("permission_denied");
    may_not.expect_closed(4502);
    may.subscribe("news");
}

fn nothing_is_allowed_before_the_first_authorization(daemon: Daemon) {
    denied_until_authorized(&daemon);
}

#[test]
fn nothing_is_allowed_before_the_first_authorization_with_none() {
    for shards in [1, 3] {
        let daemon = Setup::on_shards(shards).authenticator("None", PluginsDir::empty()).start();
        denied_until_authorized(&daemon);
        let mut client = daemon.client_with("any string does");
        client.subscribe("news");
        client.publish("news", json!(1));
        client.expect_publish("news", json!(1));
    }
}

fn denied_until_authorized(daemon: &Daemon) {
    for kind in ["subscribe", "publish"] {
        let mut client = daemon.connect();
        client.send(json!({"type": kind, "channel": "news", "content": 1}));
        assert_eq!(client.expect_error("permission_denied")["channel"], "news");
        client.expect_closed(4502);
    }
}

fn no_permissions_are_no_permissions(daemon: Daemon) {
    for kind in ["subscribe", "publish"] {
        let mut client = daemon.client_with("sleep=0");
        client.send(json!({"type": kind, "channel": "news", "content": 1}));
        client.expect_error("permission_denied");
        client.expect_closed(4502);
    }
}
