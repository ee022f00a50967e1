//! docs/operations-api.md: every row of its table is answered as it says, and its examples work.

use crate::harness::{Daemon, Setup, not_run, operations_order, operations_request, root, run};
use serde_json::{Value, json};
use std::process::Command;

fn page() -> String {
    std::fs::read_to_string(root().join("docs/operations-api.md")).unwrap()
}

/// The rows of the table of requests: method, path, role and answer.
fn rows() -> Vec<[String; 4]> {
    let page = page();
    let table = page.split("| request | token | answer |").nth(1).expect("there is the table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let (method, path) = cells[1].trim_matches('`').split_once(' ').unwrap();
        [method, path, cells[2].trim_matches('`'), cells[3]].map(str::to_owned)
    };
    rows.map(row).collect()
}

/// What is sent, and how it is answered.
fn example(method: &str, path: &str) -> (&'static str, Value, u16) {
    match (method, path) {
        ("POST", "/api/v1/publish") => ("", json!({"channel": "a", "content": 1}), 200),
        ("POST", "/api/v1/kick") => ("", json!({"whom": {"subject": "nobody"}, "network": true}), 200),
        ("POST", "/api/v1/revoke") => ("", json!({"whom": {"subject": "alice"}, "for": "1h"}), 200),
        ("POST", "/api/v1/lift") => ("", json!({"whom": {"subject": "alice"}}), 200),
        ("POST", "/api/v1/authorize") => ("", json!({"authorization": "x", "channels": ["a"]}), 200),
        ("POST", "/api/v1/reload") => ("", json!({"new_instance": false}), 200),
        ("DELETE", _) => ("", Value::Null, 204),
        (_, "/api/v1/client") => ("?id=0-999999", Value::Null, 404),
        (_, "/api/v1/channel") => ("?name=a", Value::Null, 200),
        (_, "/api/v1/history") => ("?channel=a", Value::Null, 200),
        (_, "/api/v1/tail") => ("?channel=a", Value::Null, 200),
        _ => ("", Value::Null, 200),
    }
}

fn ask(daemon: &Daemon, method: &str, path: &str, token: Option<&str>) -> u16 {
    let (query, mut body, _) = example(method, path);
    if path == "/api/v1/session" {
        body = json!({"token": daemon.token("read")});
    }
    let target = format!("{path}{query}");
    let request = match method {
        "POST" => operations_order(&target, &body),
        _ => operations_request(method, &target).also("Pusu-Operation: 1"),
    };
    let request = token.iter().fold(request, |request, token| request.bearer(token));
    let mut http = daemon.operations_http();
    // Streams have no end.
    http.ask_for_head(&request).status
}

#[test]
fn every_row_is_answered_as_it_says() {
    let daemon = Setup::on_shards(1).with_operations().start();
    let rows = rows();
    assert!(rows.len() > 20, "{rows:?}");
    for [method, path, role, _] in &rows {
        let (_, _, expected) = example(method, path);
        if role.is_empty() {
            assert_eq!(ask(&daemon, method, path, None), expected, "{method} {path}");
            continue;
        }
        let token = daemon.token(role);
        assert_eq!(ask(&daemon, method, path, None), 401, "{method} {path} without a token");
        assert_eq!(ask(&daemon, method, path, Some(&token)), expected, "{method} {path}");
        if role == "operate" {
            assert_eq!(ask(&daemon, method, path, Some(&daemon.token("read"))), 403, "{method} {path} as `read`");
        }
    }
}

/// The commands of the page, which end by themselves where they are not streams.
#[test]
fn its_examples_work() {
    if !run(Command::new("sh").args(["-c", "curl --help all | grep -q -- --json"])).status.success() {
        return not_run("the examples of the operations interface", "there is no curl with --json");
    }
    let daemon = Setup::on_shards(1).with_operations().start();
    let page = page();
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    for block in blocks {
        let script = block
            .replace("127.0.0.1:55002", &daemon.operations().to_string())
            .replace("curl ", "curl -sS --fail-with-body --max-time 20 ")
            .replace("curl -sS --fail-with-body --max-time 20 -N", "timeout 2 curl -sS --fail-with-body -N");
        let script = script.replace("api/v1/live", "api/v1/live || test $? = 124");
        let script = script.replace("tail?channel=news'", "tail?channel=news' || test $? = 124");
        let command = format!("set -e\n{script}");
        let said = run(Command::new("sh").args(["-c", &command]).env("TOKEN", daemon.token("operate"))).succeeds();
        assert!(said.contains('{') || said.starts_with(':'), "{block}: {said}");
    }
}
