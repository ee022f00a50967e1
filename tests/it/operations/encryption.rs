//! Tokens from elsewhere: over TLS, and not without.

use crate::harness::{
    Authority, Daemon, HOST, Http, Namespace, Raw, Setup, Stream, not_run, operations_order, operations_request,
};
use rustls::ClientConfig;
use serde_json::json;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

fn encrypted(daemon: &Daemon, config: &Arc<ClientConfig>) -> Http {
    let socket = TcpStream::connect(daemon.operations()).unwrap();
    Http::over(Raw::over(Stream::to(socket, config.clone(), HOST)))
}

#[test]
fn over_tls_the_cookie_is_for_tls_alone_and_certificates_change_without_a_restart() {
    let authority = Authority::new("of the test");
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = authority.issue(&[HOST]).files(folder.path());
    let tls = format!("operations_tls: {{certificate: {certificate:?}, key: {key:?}}}\noperations_hosts: [{HOST}]");
    let daemon = Setup::on_shards(1).with_operations().settings(&tls).start();
    assert!(daemon.status()["operations"].as_str().unwrap().starts_with("https://"));
    let mut config = authority.trusted_in(rustls::ALL_VERSIONS, None);
    config.resumption = rustls::client::Resumption::disabled();
    let config = Arc::new(config);
    let order = operations_order("/api/v1/session", &json!({"token": daemon.token("read")}));
    let signed_in = encrypted(&daemon, &config).ask(&order.header(&format!("Host: {HOST}"))).expect(200);
    let cookie = signed_in.header("Set-Cookie").unwrap();
    assert!(cookie.starts_with("__Host-pusud-") && cookie.ends_with("; Secure"), "{cookie}");
    let other = authority.issue(&[HOST]);
    let shown = || {
        let socket = TcpStream::connect(daemon.operations()).unwrap();
        let mut stream = Stream::to(socket, config.clone(), HOST);
        stream.shake_hands().unwrap();
        stream.shown().0
    };
    let before = shown();
    fs::write(&certificate, &other.certificate_pem).unwrap();
    fs::write(&key, &other.key_pem).unwrap();
    daemon.reload();
    assert_ne!(shown(), before);
    // Plaintext gets nothing.
    let mut plain = daemon.operations_http();
    plain.raw().send_perhaps(operations_request("GET", "/").bytes());
    let said = plain.into_raw().read_to_end();
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
}

/// From an address that is not the port's, as from another machine, and from the port's own.
#[cfg(target_os = "linux")]
#[test]
fn from_another_machine_tokens_are_not_taken_without_tls_unless_something_else_encrypts() {
    let made = Namespace::new().and_then(|namespace| {
        // Whoever connects to the first address comes from the second.
        let add = "ip link set lo up && ip address add 192.0.2.1/32 dev lo && ip address add 192.0.2.2/32 dev lo && \
                   ip route replace local 192.0.2.1 dev lo table local src 192.0.2.2";
        namespace.run(&["sh", "-c", add], "").map(|_| namespace)
    });
    let namespace = match made {
        Ok(namespace) => namespace,
        Err(reason) => return not_run("operators from another machine", reason),
    };
    for (more, status) in [("operations_plaintext: false", 403), ("operations_plaintext: true", 200)] {
        let settings = format!("operations_address: 0.0.0.0\n{more}");
        let daemon = Setup::on_shards(1).with_operations().settings(&settings).in_namespace(&namespace).start();
        let port = daemon.operations().port();
        let ask = |address: &str, request| {
            let address = SocketAddr::new(address.parse().unwrap(), port);
            namespace.inside(|| Http::connect(address).ask(&request))
        };
        let signing_in = || operations_order("/api/v1/session", &json!({"token": daemon.token("read")}));
        let answer = ask("192.0.2.1", signing_in()).expect(status);
        if status == 403 {
            let tunnel = format!("SSH tunnel (`ssh -L {port}:localhost:{port} HOST`)");
            assert!(answer.body.contains("`operations_tls`") && answer.body.contains(&tunnel), "{answer:?}");
            let bearer = operations_request("GET", "/api/v1/status").bearer(&daemon.token("read"));
            ask("192.0.2.1", bearer).expect_problem(403);
        }
        ask("192.0.2.1", operations_request("GET", "/readyz")).expect(200);
        ask("127.0.0.1", signing_in()).expect(200);
        // From this machine to an address of its own.
        ask("192.0.2.2", signing_in()).expect(200);
    }
}
