//! The client commands with TLS: through a front that ends it before the daemon, as a proxy would.

use crate::harness::{ALL, Authority, Client, DEADLINE, Daemon, Running, TlsFront, pusud, run};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

crate::on_1_and_3_shards!(
    listening_and_publishing,
    the_relay_can_ask_for_a_certificate,
    bench_measures_over_tls,
    health_asks_as_a_client,
);

/// A daemon behind a front whose certificate is good.
struct Behind {
    front: TlsFront,
    ca: PathBuf,
}

impl Behind {
    fn of(daemon: &Daemon) -> Self {
        let authority = Authority::new("of the test");
        let front = TlsFront::before(daemon.address(), &authority.issue(&["localhost", "127.0.0.1"]));
        Self { front, ca: authority.file(daemon.dir()) }
    }

    fn command(&self, name: &str, host: &str, args: &[&str]) -> Command {
        command(name, &self.front.url(host), &self.ca, args)
    }
}

fn command(name: &str, url: &str, ca: &Path, args: &[&str]) -> Command {
    let mut command = pusud(&[name, "--url", url, "--ca"]);
    command.arg(ca).args(args).stdin(Stdio::null()).env("PUSU_AUTHORIZATION", ALL);
    command
}

/// Publishes until the listener has printed something.
fn publish_until_heard(source: &mut Client, listener: &Running, content: &Value) {
    let began = Instant::now();
    while !listener.stdout.grows_past(0, Duration::from_millis(50)) {
        source.publish("a", content.clone());
        assert!(began.elapsed() < DEADLINE, "never heard; it says:\n{}", listener.stderr.text());
    }
}

fn listening_and_publishing(daemon: Daemon) {
    let behind = Behind::of(&daemon);
    let mut listener = daemon.client();
    listener.subscribe("b");
    for host in ["localhost", "127.0.0.1"] {
        run(&mut behind.command("publish", host, &["b", host])).succeeds();
        listener.expect_publish("b", json!(host));
    }
    // What the system trusts.
    let url = behind.front.url("localhost");
    let publish = |trusted: &Path| {
        let mut command = pusud(&["publish", "--url", &url, "b", "trusted"]);
        run(command.env("PUSU_AUTHORIZATION", ALL).env("SSL_CERT_FILE", trusted).env_remove("SSL_CERT_DIR"))
    };
    publish(&behind.ca).succeeds();
    listener.expect_publish("b", json!("trusted"));
    let nothing = daemon.dir().join("nothing.pem");
    std::fs::write(&nothing, "").unwrap();
    publish(&nothing).fails_saying(&["wss:// needs certificates to trust, and this system has none", "--ca FILE"]);
    // More than a record of TLS holds, and than a socket's buffer.
    let long = "x".repeat(60_000);
    let listening = Running::start(&mut behind.command("listen", "localhost", &["--count", "1", "a"]));
    publish_until_heard(&mut daemon.client(), &listening, &json!(long));
    let heard: Value = serde_json::from_str(listening.finish().succeeds().lines().next().unwrap()).unwrap();
    assert_eq!(heard, json!({"channel": "a", "content": long}));
}

fn the_relay_can_ask_for_a_certificate(daemon: Daemon) {
    let (authority, clients) = (Authority::new("of the relay"), Authority::new("of clients"));
    let front = TlsFront::asking(daemon.address(), &authority.issue(&["localhost"]), &clients);
    let (url, ca) = (front.url("localhost"), authority.file(daemon.dir()));
    let publish = |args: &[&str]| run(command("publish", &url, &ca, args).args(["a", "1"]));
    publish(&[]).fails_saying(&["asks for a client certificate", "--cert FILE and --key FILE"]);

    let (cert, key) = clients.issue(&[]).files(daemon.dir());
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let mut listener = daemon.client();
    listener.subscribe("a");
    let said = publish(&["--cert", cert, "--key", key]);
    assert_eq!(said.stderr, "");
    said.succeeds();
    listener.expect_publish("a", json!("1"));

    let stranger = tempfile::tempdir().unwrap();
    let (cert, key) = authority.issue(&[]).files(stranger.path());
    let said = publish(&["--cert", cert.to_str().unwrap(), "--key", key.to_str().unwrap()]);
    said.fails_saying(&[
        "the relay does not accept the certificate of --cert",
        "its issuer is none that the relay trusts",
    ]);
}

fn bench_measures_over_tls(daemon: Daemon) {
    let behind = Behind::of(&daemon);
    let args = ["--listeners", "12", "--sources", "3", "--channels", "4", "--messages", "600", "--warm-up", "0s"];
    for size in ["44", "70000"] {
        let mut bench = behind.command("bench", "localhost", &args);
        let printed = run(bench.args(["--beside", "1", "--threads", "2", "--json", "--size", size])).succeeds();
        let figures: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!((&figures["deliveries"], &figures["faults"]), (&json!(1800), &json!([])), "{figures}");
        assert!(figures["tls"].as_str().unwrap().starts_with("TLS 1.3, "), "{figures}");
        assert!(figures["connects_per_second"].as_f64().unwrap() > 0.0, "{figures}");
        assert!(figures["latency_us"]["p50"].as_f64().unwrap() > 0.0, "{figures}");
    }
    daemon.expect_nobody_disconnected();
}

fn health_asks_as_a_client(mut daemon: Daemon) {
    let behind = Behind::of(&daemon);
    let said = run(&mut behind.command("health", "localhost", &[])).succeeds();
    let expected = format!("test-relay is healthy: it greets clients on {}; TLS 1.3, ", behind.front.url("localhost"));
    assert!(said.starts_with(&expected) && said.contains("; its certificate is valid until "), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    let said = run(&mut pusud(&["health", "--url", &daemon.url()])).succeeds();
    assert_eq!(said.trim(), format!("test-relay is healthy: it greets clients on {}", daemon.url()));
    daemon.kill();
    run(&mut behind.command("health", "localhost", &[])).fails_saying(&["cannot connect to wss://localhost:"]);
    run(&mut pusud(&["health", "--url", &daemon.url()]))
        .fails_saying(&["cannot connect to ws://127.0.0.1:", "refused"]);
}

#[test]
fn a_wrong_certificate_says_which_and_why() {
    let daemon = Daemon::on_shards(1);
    let (authority, other) = (Authority::new("of the test"), Authority::new("of another"));
    let ca = authority.file(daemon.dir());
    let expired = authority.issue_expired(&["localhost"]);
    let wrong_name = authority.issue(&["relay.example.com", "192.0.2.1"]);
    let unknown = other.issue(&["localhost"]);
    for (shown, parts) in [
        (&expired, &["(CN=made in a test) has expired", "until 2020-02-29T00:00:00Z", "days ago"][..]),
        (&wrong_name, &["is for relay.example.com, 192.0.2.1, and localhost was asked for"]),
        (&unknown, &["issued by CN=of another, which is not in --ca "]),
    ] {
        let front = TlsFront::before(daemon.address(), shown);
        let url = front.url("localhost");
        // `listen` does not come back: the next try would meet the same certificate.
        for args in [&["listen", "a"][..], &["publish", "a", "1"], &["health"], &["bench", "--listeners", "1"]] {
            let said = run(&mut command(args[0], &url, &ca, &args[1..])).fails_saying(parts);
            assert!(said.contains(&format!("cannot connect to {url}: ")), "{args:?}: {said}");
        }
    }
    let front = TlsFront::before(daemon.address(), &unknown);
    let said = run(&mut pusud(&["health", "--url", &front.url("localhost")]));
    said.fails_saying(&["issued by CN=of another, which this system does not trust", "--ca FILE"]);
}

#[test]
fn tls_and_its_absence_are_told_apart() {
    let daemon = Daemon::on_shards(1);
    let behind = Behind::of(&daemon);
    let wss = daemon.url().replace("ws://", "wss://");
    let said = run(&mut command("publish", &wss, &behind.ca, &["a", "1"]));
    said.fails_saying(&["cannot connect to wss://127.0.0.1:", "ws://"]);
    let ws = behind.front.url("localhost").replace("wss://", "ws://");
    run(&mut pusud(&["publish", "--url", &ws, "a", "1"]))
        .fails_saying(&["cannot connect to ws://localhost:", "wss://"]);
}

#[test]
fn arguments_that_do_not_fit_are_errors() {
    let ca = Authority::new("a").file(tempfile::tempdir().unwrap().keep().as_path());
    let ca = ca.to_str().unwrap();
    for (args, code, parts) in [
        (&["publish", "--ca", ca, "a", "1"][..], 1, &["--ca is about TLS", "ws://127.0.0.1:55000", "wss://"][..]),
        (&["health", "--ca", ca], 1, &["--ca is about TLS", "--url wss://HOST:PORT"]),
        (&["publish", "--url", "wss://a", "--cert", ca, "a", "1"], 2, &["--key <FILE>"]),
        (&["publish", "--url", "wss://a", "--key", ca, "a", "1"], 2, &["--cert <FILE>"]),
        (&["health", "--url", "wss://a", "--config", ca], 2, &["cannot be used with"]),
        (&["listen", "--url", "wss://a", "--ca", "/nowhere/found", "a"], 1, &["--ca /nowhere/found: cannot be read"]),
        (&["bench", "--url", "ftp://a"], 1, &["expected ws://HOST:PORT", "wss://HOST:PORT", "unix:PATH"]),
    ] {
        let said = run(&mut pusud(args));
        assert_eq!(said.status.code(), Some(code), "{args:?}: {said:?}");
        assert!(parts.iter().all(|part| said.stderr.contains(part)), "{args:?}: {said:?}");
    }
}

/// A private key that others may read is warned about, and used.
#[cfg(unix)]
#[test]
fn a_key_that_others_may_read_is_warned_about() {
    use std::os::unix::fs::PermissionsExt as _;
    let daemon = Daemon::on_shards(1);
    let authority = Authority::new("of the test");
    let front = TlsFront::asking(daemon.address(), &authority.issue(&["localhost"]), &authority);
    let (cert, key) = authority.issue(&[]).files(daemon.dir());
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let url = front.url("localhost");
    let said = run(command("publish", &url, &authority.file(daemon.dir()), &["a", "1", "--cert"])
        .arg(cert)
        .arg("--key")
        .arg(&key));
    let expected =
        format!("pusud: warning: --key {0}: other users may read this private key; `chmod 600 {0}`", key.display());
    assert!(said.stderr.starts_with(&expected), "{said:?}");
    said.succeeds();
}
