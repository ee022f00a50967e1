//! Connections over HTTP between two requests: how long they are kept for the next one.

use crate::harness::{Daemon, Raw, Setup};
use std::io::Read as _;

const HEALTH_CHECK: &str = "GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n";
const PUBLICATION: &str =
    "POST /publish/news HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer both=*\r\nContent-Length: 1\r\n\r\n1";

fn with_limits(shards: usize, limits: &str) -> Daemon {
    Setup::on_shards(shards).settings(&format!("limits: {{{limits}}}")).start()
}

/// Asks, and takes the answer.
fn ask(raw: &mut Raw, request: &str, status: u16) {
    raw.send(request);
    let head = raw.read_head();
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")) && !head.contains("Connection: close"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).expect("a length");
    let mut body = vec![0; length.parse().unwrap()];
    raw.stream().read_exact(&mut body).unwrap();
}

#[test]
fn who_asks_no_more_is_let_go() {
    for shards in [1, 3] {
        let daemon = with_limits(shards, "keep_alive_timeout: 300ms");
        let mut raw = daemon.raw();
        ask(&mut raw, PUBLICATION, 202);
        raw.expect_end();
        assert_eq!(daemon.refused(), "nothing");
    }
}

#[test]
fn who_proves_nothing_is_let_go_sooner() {
    let daemon = with_limits(1, "keep_alive_timeout: 1h, authorize_timeout: 2s");
    let (mut stranger, mut source) = (daemon.raw(), daemon.raw());
    ask(&mut source, PUBLICATION, 202);
    ask(&mut stranger, HEALTH_CHECK, 200);
    stranger.expect_end();
    ask(&mut source, PUBLICATION, 202);
    drop(source);
    assert_eq!(daemon.refused(), "authorize_timeout 1");
}
