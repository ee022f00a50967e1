//! `pusud decisions`: what the relay remembers of its authenticator's decisions, and how an operator finds it.

use crate::harness::{Daemon, Request, Setup};
use serde_json::json;

crate::on_1_and_3_shards!(why_somebody_was_refused,);

fn why_somebody_was_refused(daemon: Daemon) {
    let mut granted = daemon.client_with("subject=alice read=a.* write=b sleep=20");
    granted.authorize("subject=alice read=c");
    for (authorization, kind) in [("refuse=expired", 4501), ("unavailable", 1013)] {
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": authorization}));
        client.expect_error("authorization_failed");
        client.expect_closed(kind);
    }
    daemon.http().ask(&Request::post("/publish/b", "1").bearer("refuse=nobody")).expect_problem(401);
    let alice = daemon.operate_json(&["decisions", "--subject", "alice"]);
    assert_eq!(alice.len(), 2, "{alice:?}");
    let first = &alice[0];
    assert_eq!(first["permissions"], json!(["read a.*", "write b"]), "{first}");
    assert_eq!((&first["verdict"], &first["occasion"]), (&json!("granted"), &json!("first")), "{first}");
    assert_eq!((&first["entry"], &alice[1]["occasion"]), (&json!("ScriptedAuthenticator"), &json!("again")));
    assert!(first["took_us"].as_u64().is_some_and(|took| took >= 20_000), "{first}");
    assert_ne!(first["authorization"], alice[1]["authorization"]);
    assert_eq!(first["address"], alice[1]["address"]);
    let address = first["address"].as_str().unwrap();
    assert_eq!(daemon.operate_json(&["decisions", "--address", address]).len(), 2);
    assert_eq!(daemon.operate_json(&["decisions", "--address", "127.0.0.1"]).len(), 5);
    assert_eq!(daemon.operate_json(&["decisions", "--address", "127.0.0.2"]).len(), 0);
    assert_eq!(daemon.operate_json(&["decisions", "--address", "127.0.0.0/8"]).len(), 5);
    daemon.operate(&["decisions", "--address", "127.0.0.0/33"]).fails_saying(&["127.0.0.0/33"]);
    let refused = daemon.operate_json(&["decisions", "--refused"]);
    let reasons: Vec<_> = refused.iter().map(|decision| (&decision["verdict"], &decision["reason"])).collect();
    let (no, unavailable) = (json!("refused"), json!("unavailable"));
    assert_eq!(reasons[0], (&no, &json!("expired")));
    assert_eq!((reasons[1].0, reasons[2]), (&unavailable, (&no, &json!("nobody"))));
    let text = daemon.operate(&["decisions", "--refused", "--last", "1"]).succeeds();
    assert!(text.contains("refused by ScriptedAuthenticator in ") && text.contains(": nobody\n"), "{text}");
    assert!(text.ends_with("the last 1 of 3; --last N shows more"), "{text}");
    let none = daemon.operate(&["decisions", "--subject", "bob"]).succeeds();
    assert_eq!(none, "no such decision is remembered");
}

#[test]
fn as_many_as_the_settings_say_and_none_with_0() {
    let daemon = Setup::on_shards(1).settings("remembered_decisions: 3").start();
    for number in 0..5 {
        daemon.client_with(&format!("subject=s{number} read=a"));
    }
    let subjects: Vec<_> =
        daemon.operate_json(&["decisions"]).into_iter().map(|decision| decision["subject"].clone()).collect();
    assert_eq!(subjects, ["s2", "s3", "s4"]);
    let off = Setup::on_shards(1).settings("remembered_decisions: 0").start();
    off.client();
    off.operate(&["decisions"]).fails_saying(&["remembers no decisions", "`remembered_decisions: 0`"]);
}
