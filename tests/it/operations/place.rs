//! Where the port is, and where it is not.

use crate::harness::{Setup, operations_request};
use std::net::TcpListener;

#[test]
fn the_log_and_the_status_say_where_it_is() {
    let daemon = Setup::on_shards(1).with_operations().start();
    let url = format!("http://{}", daemon.operations());
    assert_eq!(daemon.status()["operations"], url);
    let answer = daemon.ask_operations(&operations_request("GET", "/livez")).expect(200);
    assert_eq!((answer.body.as_str(), answer.header("Cache-Control")), ("ok\n", Some("no-store")));
}

#[test]
fn a_relay_whose_client_port_is_any_has_none_unless_it_is_asked_for() {
    let daemon = Setup::on_shards(1).start();
    assert!(daemon.status()["operations"].is_null());
}

#[test]
fn a_port_that_was_asked_for_and_is_taken_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let starting = Setup::on_shards(1).settings(&format!("operations_port: {port}")).spawn();
    let said = starting.log().wait_for("the reason", |line| line.contains("cannot listen").then(|| line.to_owned()));
    assert!(said.contains("operations_port") && said.contains(&port.to_string()), "{said}");
    assert!(!starting.wait().success());
}
