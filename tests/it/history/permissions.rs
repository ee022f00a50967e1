//! Permissions and history: reading it needs the permission at that time, and a replay ends with it.

use crate::harness::{Daemon, Raw, Setup, grants_setup, text_message};
use serde_json::{Value, json};

crate::on_1_and_3_shards!(with_history: without_permission_nothing_is_told);

fn without_permission_nothing_is_told(daemon: Daemon) {
    daemon.client().publish_all("h.a", 0..3);
    let position = daemon.position_of("h.a");
    for fields in [json!({"since": position}), json!({"since": "x"}), json!({"last": 1})] {
        for authorization in [None, Some("read=h.b"), Some("write=h.a")] {
            let mut client = daemon.connect();
            authorization.into_iter().for_each(|authorization| client.authorize(authorization));
            let mut message = json!({"type": "subscribe", "channel": "h.a"});
            message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            client.send(message);
            assert_eq!(client.expect_error("permission_denied")["channel"], "h.a");
            client.expect_closed(4502);
        }
    }
}

const CONTENT_BYTES: usize = 64 * 1024;
/// Far more than sockets hold.
const MISSED: usize = 256;
/// Clients that do not read are not cut for that here.
const PATIENT: &str = "limits: {ping_interval: 0, write_deadline: 1day, outbox_bytes: 4 MiB, outbox_soft_time: 1day}";

/// Two replays on their way to a client that does not read yet, which may read one channel by each of these authorizations.
struct Replaying {
    daemon: Daemon,
    raw: Raw,
}

impl Replaying {
    fn of(setup: Setup, ends: &str, stays: &str, source: &str) -> Self {
        let daemon = setup.history(1000, "10min").settings("history_bytes: 1024 MiB").settings(PATIENT).start();
        let mut source = daemon.client_with(source);
        let positions = ["h.ends", "h.stays"].map(|channel| source.subscribe_at(channel));
        ["h.ends", "h.stays"].iter().for_each(|channel| source.unsubscribe(channel));
        let content = "x".repeat(CONTENT_BYTES);
        for number in 0..MISSED {
            source.publish("h.ends", json!([number, content]));
            source.publish("h.stays", json!([number, content]));
        }
        source.expect_no_answer();
        let mut raw = Raw::connect_with_small_buffer(daemon.address());
        raw.upgrade();
        for authorization in [stays, ends] {
            raw.send(text_message(&json!({"type": "authorize", "authorization": authorization}).to_string()));
            assert_eq!(raw.read_text(), r#"{"type":"authorization_ok"}"#);
        }
        for (channel, since) in ["h.ends", "h.stays"].iter().zip(positions) {
            raw.send(text_message(&json!({"type": "subscribe", "channel": channel, "since": since}).to_string()));
        }
        // The first one has begun. The answer of the other one stands behind its replay.
        assert!(raw.read_text().starts_with(r#"{"type":"subscribe_ok","channel":"h.ends","recovered":true"#));
        Self { daemon, raw }
    }

    /// Reads both: what was missed of one channel up to its end, and all of the other one.
    fn expect_cut(mut self, reason: &str, source: &str) {
        let mut source = self.daemon.client_with(source);
        source.publish_all("h.ends", [json!(["never", 0])]);
        source.publish_all("h.stays", [json!([MISSED, "behind it"])]);
        let (mut next, mut has_ended) = ([0, 0], false);
        while next[1] <= MISSED || !has_ended {
            let message: Value = serde_json::from_str(&self.raw.read_text()).unwrap();
            match message["type"].as_str().unwrap() {
                "subscribe_ok" => assert!(message["missed"].as_u64() >= Some(MISSED as u64), "{message}"),
                "authorization_expiring" => {}
                "publish" => {
                    let at = usize::from(message["channel"] == "h.stays");
                    assert!(at == 1 || !has_ended, "of the channel comes after its end: {}", message["content"][0]);
                    assert_eq!(message["content"][0], next[at], "of {}", message["channel"]);
                    next[at] += 1;
                }
                _ => {
                    let expected = json!({"type": "subscription_ended", "channel": "h.ends", "reason": reason});
                    assert_eq!(message, expected);
                    has_ended = true;
                }
            }
        }
        println!("{} of {MISSED} had left", next[0]);
        assert!(next[0] < MISSED, "nothing waited");
    }
}

#[test]
fn a_revocation_ends_a_replay_and_no_other() {
    for shards in [1, 3] {
        let source = "subject=source write=* read=*";
        let (ends, stays) = ("subject=ends read=h.ends", "subject=stays read=h.stays");
        let replaying = Replaying::of(grants_setup("thread", shards), ends, stays, source);
        replaying.daemon.order(&["revoke:ends:gone"]);
        replaying.daemon.wait_for_end(replaying.daemon.ticket_of("ends"), "revoked");
        replaying.expect_cut("gone", source);
    }
}

#[test]
fn an_expiry_ends_a_replay_and_no_other() {
    for shards in [1, 3] {
        let ends = "read=h.ends expires=4000";
        let replaying = Replaying::of(Setup::on_shards(shards), ends, "read=h.stays", "both=*");
        // Its notice comes half a life before, and the end of another one behind the end of this one.
        let mut other = replaying.daemon.client_with("read=h.ends expires=4000");
        assert_eq!(other.next_json()["type"], "authorization_expiring");
        other.expect_text(r#"{"type":"authorization_failed","reason":"expired"}"#);
        replaying.expect_cut("expired", "both=*");
    }
}
