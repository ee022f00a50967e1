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
    assert_eq!((&line["who"], &line["whom"]), (&json!("operate (token)"), &json!("subject \"al\\nice\" for 1h")));
    assert!(line["from"].as_str().unwrap().starts_with("127.0.0.1:"), "{line}");
    daemon.change("/api/v1/kick", &json!({"whom": {"subject": ""}})).expect_problem(400);
    assert!(audited(&daemon, "operator: kick")["result"].as_str().unwrap().starts_with("refused: "));
    let order = operations_order("/api/v1/reload", &json!({})).bearer(&daemon.token("read"));
    daemon.ask_operations(&order).expect_problem(403);
    let line = audited(&daemon, "operator: reload");
    assert_eq!(line["who"], "read (token)");
    assert!(line["result"].as_str().unwrap().starts_with("refused: this takes the token of the role"), "{line}");
    daemon.ask_operations(&operations_order("/api/v1/session", &json!({"token": "x"}))).expect_problem(401);
    assert_eq!(audited(&daemon, "operator: show a token")["who"], "nobody");
    let token = daemon.token("read");
    daemon.ask_operations(&operations_order("/api/v1/session", &json!({"token": token}))).expect(200);
    let who = audited(&daemon, "operator: sign in")["who"].as_str().unwrap().to_owned();
    assert!(who.starts_with("read (session "), "{who}");
}

/// Whatever is wrong with a change that somebody asks for who is known, it is written down.
#[test]
fn every_change_that_was_refused_is_written_down_whatever_the_reason() {
    let daemon = Setup::on_shards(1).with_operations().start();
    let body = json!({"whom": {"subject": "alice"}});
    let order = |target: &str| operations_order(target, &body).bearer(&daemon.token("operate"));
    let long = json!({"whom": {"subject": "x".repeat(65 * 1024)}});
    let long = operations_order("/api/v1/lift", &long).bearer(&daemon.token("operate"));
    for (what, order, status) in [
        ("lift a revocation", long, 413),
        ("kick", order("/api/v1/kick?network=false&dry=1"), 400),
        ("revoke", order("/api/v1/revoke?a=%zz"), 400),
        ("reload", order("/api/v1/reload").also("Origin: http://evil.example"), 403),
        ("publish", order("/api/v1/publish").header("Host: evil.example"), 421),
    ] {
        let problem = daemon.ask_operations(&order).expect_problem(status);
        let line = audited(&daemon, &format!("operator: {what}"));
        let result = format!("refused: {}", problem["detail"].as_str().unwrap());
        assert_eq!((&line["who"], &line["result"]), (&json!("operate (token)"), &json!(result)), "{line}");
    }
    // Nobody is known who sends this, and so anybody could fill the log with it.
    let anonymous = operations_order("/api/v1/authorize", &json!({})).also("Origin: http://evil.example");
    daemon.ask_operations(&anonymous.clone().bearer("hunter2-hunter2-hunter2")).expect_problem(403);
    daemon.ask_operations(&anonymous).expect_problem(403);
    assert!(!daemon.log().text().contains("operator: try an authorization"));
}
