//! The audit log.

use crate::harness::{Daemon, Setup, operations_order};
use serde_json::{Value, json};

fn audited(daemon: &Daemon, message: &str) -> Value {
    daemon.log().wait_for(message, |line| {
        let line: Value = serde_json::from_str(line).ok()?;
        (line["message"] == message).then_some(line)
    })
}

#[test]
fn every_change_is_written_down_also_one_that_was_refused() {
    let daemon = Setup::on_shards(1).with_operations().start();
    daemon.change("/api/v1/revoke", &json!({"whom": {"subject": "al\nice"}, "for": "1h"})).expect(200);
    let line = audited(&daemon, "operator: revoke");
    assert_eq!((&line["who"], &line["whom"]), (&json!("operate (token)"), &json!("subject \"al\\nice\"")));
    assert!(line["from"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
    daemon.change("/api/v1/kick", &json!({"whom": {"subject": ""}})).expect_problem(400);
    assert!(audited(&daemon, "operator: kick")["result"].as_str().unwrap().starts_with("refused: "));
    let order = operations_order("/api/v1/reload", &json!({})).bearer(&daemon.token("read"));
    daemon.ask_operations(&order).expect_problem(403);
    assert_eq!(audited(&daemon, "operator: reload")["who"], "read (token)");
    daemon.ask_operations(&operations_order("/api/v1/session", &json!({"token": "x"}))).expect_problem(401);
    assert_eq!(audited(&daemon, "operator: show a token")["who"], "nobody");
    let token = daemon.token("read");
    daemon.ask_operations(&operations_order("/api/v1/session", &json!({"token": token}))).expect(200);
    let who = audited(&daemon, "operator: sign in")["who"].as_str().unwrap().to_owned();
    assert!(who.starts_with("read (session "), "{who}");
}
