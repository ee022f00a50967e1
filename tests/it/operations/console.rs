//! The console's files.

use crate::harness::{Setup, operations_request};

#[test]
fn the_files_are_served_and_may_load_nothing_from_elsewhere() {
    let daemon = Setup::on_shards(1).with_operations().start();
    let first = daemon.get_operations("/").expect(200);
    assert_eq!(first.header("Content-Type"), Some("text/html; charset=utf-8"));
    for (name, expected) in [
        ("Cache-Control", "no-cache"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ] {
        assert_eq!(first.header(name), Some(expected), "{name}");
    }
    let policy = first.header("Content-Security-Policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let tag = first.header("Etag").unwrap();
    let again = operations_request("GET", "/index.html").also(&format!("If-None-Match: {tag}"));
    assert_eq!(daemon.operations_http().ask_for_head(&again).expect(304).header("Etag"), Some(tag));
    let head = daemon.ask_operations(&operations_request("HEAD", "/")).expect(200);
    assert_eq!(head.header("Content-Length"), first.header("Content-Length"));
}

#[test]
fn what_is_not_there_and_what_cannot_be_done_is_said() {
    let daemon = Setup::on_shards(1).with_operations().start();
    daemon.get_operations("/nothing").expect_problem(404);
    daemon.get_operations("/../etc/passwd").expect_problem(404);
    for method in ["POST", "DELETE", "OPTIONS", "TRACE"] {
        let answer = daemon.ask_operations(&operations_request(method, "/"));
        assert_eq!(answer.header("Allow"), Some("GET, HEAD"), "{method}");
        answer.expect_problem(405);
    }
}
