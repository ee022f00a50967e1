//! The relay's certificates: kept where new ones cannot be used, told about, and chosen by name.

use crate::harness::{Authority, DAY, Daemon, HOST, Issued, Setup, Stream, encrypt_at, pusud, run};
use rustls::ClientConfig;
use serde_json::json;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

/// What the certificate is for that a client under `host` is shown.
fn shown_to(daemon: &Daemon, config: &Arc<ClientConfig>, host: &str) -> Vec<u8> {
    let socket = TcpStream::connect(daemon.address()).unwrap();
    let mut stream = Stream::to(socket, config.clone(), host);
    stream.shake_hands().unwrap();
    stream.shown().0
}

/// A client's configuration that begins every session anew, so that it is shown the certificate.
pub(super) fn without_resumption(authority: &Authority) -> Arc<ClientConfig> {
    let mut config = authority.trusted_in(rustls::ALL_VERSIONS, None);
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

/// A daemon with this certificate, in files that are there as long as the folder.
fn showing(folder: &Path, authority: &Authority, issued: &Issued, more: &str) -> Daemon {
    let (certificate, key) = issued.files(folder);
    let settings = format!("client_tls: {{certificate: {certificate:?}, key: {key:?}}}\n{more}");
    let daemon = Setup::on_shards(1).settings(&settings).start();
    encrypt_at(daemon.address(), Some(authority.trusted_by(None)));
    daemon
}

fn in_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn sha256(certificate: &[u8]) -> String {
    use rustls::crypto::hash::HashAlgorithm;
    let provider = pusud::tls::provider();
    let suite = provider.cipher_suites.iter().find_map(|suite| suite.tls13()).unwrap();
    assert_eq!(suite.common.hash_provider.algorithm(), HashAlgorithm::SHA256);
    in_hex(suite.common.hash_provider.hash(certificate).as_ref())
}

/// Makes files that cannot be used.
type Spoil<'a> = &'a dyn Fn();

#[test]
fn whatever_cannot_be_used_leaves_the_old_one_and_is_told() {
    let authority = Authority::new("of the test");
    let good = authority.issue(&[HOST]);
    let folder = tempfile::tempdir().unwrap();
    let daemon = showing(folder.path(), &authority, &good, "");
    let config = without_resumption(&authority);
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    let settings = daemon.dir().join("settings.yaml");
    let reload = || run(pusud(&["reload", "--config"]).arg(&settings)).succeeds();
    let other = authority.issue(&[HOST]);
    let expired = authority.issue_expired(&[HOST]);
    let cases: [(&str, Spoil<'_>, &[&str]); 5] = [
        (
            "mismatched",
            &|| fs::write(&key, &other.key_pem).unwrap(),
            &["cert.pem with key ", "they do not belong together"],
        ),
        ("garbage", &|| fs::write(&certificate, "garbage").unwrap(), &["certificate", "found"]),
        (
            "expired",
            &|| {
                fs::write(&certificate, &expired.certificate_pem).unwrap();
                fs::write(&key, &expired.key_pem).unwrap();
            },
            &["is good only from", "and what is served is not"],
        ),
        ("missing", &|| fs::remove_file(&certificate).unwrap(), &["cannot be read"]),
        ("cut", &|| fs::write(&certificate, &good.certificate_pem[..200]).unwrap(), &["certificate"]),
    ];
    for (name, spoil, words) in cases {
        spoil();
        let said = reload();
        let warning = said.lines().find(|line| line.starts_with("warning: TLS of the listener \"clients\": "));
        let warning = warning.unwrap_or_else(|| panic!("{name}: {said}"));
        assert!(warning.contains("the certificates stay those that are served"), "{name}: {warning}");
        for word in words {
            assert!(warning.contains(word), "{name}: {word}: {warning}");
        }
        println!("{name}: {warning}");
        let seen = warning.rsplit_once("served: ").unwrap().1.to_owned();
        let in_log =
            |line: &str| (line.contains("\"ERROR\"") && line.contains(&seen.replace('"', "\\\""))).then_some(());
        daemon.log().wait_for("the same in the log", in_log);
        assert_eq!(shown_to(&daemon, &config, HOST), good.certificate.to_vec(), "{name}");
        fs::write(&certificate, &good.certificate_pem).unwrap();
        fs::write(&key, &good.key_pem).unwrap();
        assert!(!reload().contains("TLS of the listener"), "{name}: it is good again");
    }
    fs::write(&certificate, &other.certificate_pem).unwrap();
    fs::write(&key, &other.key_pem).unwrap();
    let said = reload();
    assert!(said.contains("TLS of the listener \"clients\": new certificates are served, good until "), "{said}");
    assert_eq!(shown_to(&daemon, &config, HOST), other.certificate.to_vec());
    // Certificates do not wait for settings that are wrong.
    fs::write(&certificate, &good.certificate_pem).unwrap();
    fs::write(&key, &good.key_pem).unwrap();
    daemon.edit_settings(|text| format!("{text}\nnonsense: 1\n"));
    let said = run(pusud(&["reload", "--socket"]).arg(daemon.dir().join("control.sock")));
    said.fails_saying(&[
        "is unknown (not shown",
        "the authenticator stays",
        "all the same, TLS of the listener \"clients\": new cert",
    ]);
    assert_eq!(shown_to(&daemon, &config, HOST), good.certificate.to_vec());
}

#[test]
fn the_days_that_are_left_are_told() {
    let authority = Authority::new("of the test");
    let folder = tempfile::tempdir().unwrap();
    let issued = authority.issue_for(&[HOST], 7, 5 * DAY + DAY / 2);
    let daemon = showing(folder.path(), &authority, &issued, "");
    let tls = daemon.status()["listeners"][0]["tls"].clone();
    assert_eq!((&tls["days_left"], &tls["certificates"][0]["names"]), (&json!(5), &json!([HOST])), "{tls}");
    assert_eq!(tls["certificates"][0]["sha256"], sha256(&issued.certificate));
    let status = run(pusud(&["status", "--config"]).arg(daemon.dir().join("settings.yaml"))).succeeds();
    assert!(status.contains("TLS for relay.test, 5 days left"), "{status}");
    let notice = |line: &str| (line.contains("\"WARN\"") && line.contains("expires in 5 days, on ")).then_some(());
    daemon.log().wait_for("a notice", notice);
    // One that has expired is served where there was no other: clients say so, and the operator is told.
    let expired = authority.issue_expired(&[HOST]);
    let daemon = showing(folder.path(), &authority, &expired, "");
    assert!(daemon.status()["listeners"][0]["tls"]["days_left"].as_i64().unwrap() < -365);
    daemon.log().wait_for("a warning", |line| (line.contains("\"WARN\"") && line.contains("EXPIRED")).then_some(()));
}

#[test]
fn the_name_that_a_client_asks_for_chooses_the_certificate() {
    let authority = Authority::new("of the test");
    let folder = tempfile::tempdir().unwrap();
    let names: [&[&str]; 3] = [&[HOST, "127.0.0.1"], &["other.test"], &["*.wild.test", "exact.wild.test"]];
    let all = names.map(|names| authority.issue(names));
    let pairs: String = (0..3)
        .map(|at| {
            let (certificate, key) = all[at].files_as(folder.path(), &format!("{at}.pem"), &format!("{at}.key"));
            format!("{{certificate: {certificate:?}, key: {key:?}}}, ")
        })
        .collect();
    let daemon = Setup::on_shards(1).settings(&format!("client_tls: {{certificates: [{pairs}]}}")).start();
    let config = without_resumption(&authority);
    for (host, expected) in
        [(HOST, 0), ("127.0.0.1", 0), ("other.test", 1), ("OTHER.test", 1), ("a.wild.test", 2), ("exact.wild.test", 2)]
    {
        assert_eq!(shown_to(&daemon, &config, host), all[expected].certificate.to_vec(), "{host}");
    }
    // Whoever asks for something else is shown the first, and sees that it is for something else.
    for host in ["unknown.test", "a.b.wild.test"] {
        let mut stream = Stream::to(TcpStream::connect(daemon.address()).unwrap(), config.clone(), host);
        let error = stream.shake_hands().unwrap_err().to_string();
        assert!(error.contains("not valid for name") && error.contains(HOST), "{host}: {error}");
    }
}
