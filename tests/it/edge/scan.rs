//! What scanners see of a port that speaks TLS: two versions, suites with authenticated encryption and forward secrecy alone,
//! and nothing of what has been attacked.

use crate::harness::{Authority, Daemon, HOST, Setup, Stream, not_run, run_with_input};
use pusud::tls::provider;
use rustls::{ClientConfig, NamedGroup, crypto::aws_lc_rs::kx_group};
use std::collections::BTreeSet;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// The suites of TLS 1.2, as OpenSSL names them.
const SUITES_OF_1_2: [&str; 6] = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305",
];
/// Those of TLS 1.3.
const SUITES_OF_1_3: [&str; 3] = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
/// Everything that OpenSSL can do, however bad.
const ALL: &str = "ALL:COMPLEMENTOFALL:@SECLEVEL=0";

/// A tool of Debian's, if it is installed.
fn has(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// A relay with a certificate of each kind of key, and the authority of the first.
fn scanned(folder: &Path) -> (Daemon, Authority) {
    let authority = Authority::new("of the test");
    authority.issue(&[HOST]).files_as(folder, "ecdsa.pem", "ecdsa.key");
    let (certificate, key) = (folder.join("rsa.pem"), folder.join("rsa.key"));
    let mut make = Command::new("openssl");
    make.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "90", "-subj", "/CN=relay.test"]);
    make.args(["-addext", "subjectAltName=DNS:relay.test", "-keyout"]).arg(key).arg("-out").arg(certificate);
    run_with_input(&mut make, "").succeeds();
    let shown = folder.display();
    let pairs =
        ["ecdsa", "rsa"].map(|name| format!("{{certificate: {shown}/{name}.pem, key: {shown}/{name}.key}}")).join(", ");
    let limits = "limits: {max_unauthorized_per_address: 0, max_connections_per_address: 0}";
    (Setup::on_shards(1).settings(&format!("client_tls: {{certificates: [{pairs}]}}\n{limits}")).start(), authority)
}

/// What `openssl s_client` says, and whether it has shaken hands; `input` is what it sends.
fn s_client(daemon: &Daemon, args: &[&str], input: &str) -> (String, bool) {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &daemon.address().to_string(), "-servername", HOST]).args(args);
    let said = run_with_input(&mut command, input);
    let text = format!("{}\n{}", said.stdout, said.stderr);
    let has_shaken = !text.contains("Cipher is (NONE)") && text.contains("Cipher is ");
    (text, has_shaken)
}

fn openssl_is_missing() -> bool {
    let is_missing = Command::new("openssl").arg("version").output().is_err();
    if is_missing {
        not_run("what openssl s_client sees", "there is no openssl (make test-tools)");
    }
    is_missing
}

#[test]
fn openssl_finds_two_versions_and_the_suites_that_are_meant() {
    if openssl_is_missing() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (daemon, _) = scanned(folder.path());
    for (version, is_spoken) in [("-tls1", false), ("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
        let (said, has_shaken) = s_client(&daemon, &[version, "-cipher", ALL], "");
        assert_eq!(has_shaken, is_spoken, "{version}: {said}");
        assert!(is_spoken || said.contains("SSL alert number"), "{version}: {said}");
    }
    let list = run_with_input(Command::new("openssl").args(["ciphers", "-tls1_2", ALL]), "").succeeds();
    let offered: BTreeSet<&str> = list.trim().split(':').filter(|suite| !suite.starts_with("TLS_")).collect();
    assert!(offered.len() > 50, "{offered:?}");
    let accepts = |suite: &&str| s_client(&daemon, &["-tls1_2", "-cipher", &format!("{suite}:@SECLEVEL=0")], "").1;
    let accepted: Vec<&str> = offered.iter().copied().filter(accepts).collect();
    assert_eq!(accepted, SUITES_OF_1_2, "of {}", offered.len());
    let offered = [&SUITES_OF_1_3[..], &["TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"]].concat();
    let accepts = |suite: &&str| s_client(&daemon, &["-tls1_3", "-ciphersuites", suite], "").1;
    let accepted: Vec<&str> = offered.into_iter().filter(accepts).collect();
    assert_eq!(accepted, SUITES_OF_1_3);
    assert_eq!(daemon.asked()["connections"]["handshakes"], 0);
}

#[test]
fn there_is_no_compression_no_renegotiation_and_no_early_data() {
    if openssl_is_missing() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (daemon, _) = scanned(folder.path());
    let request = "GET / HTTP/1.1\r\nHost: relay.test\r\nConnection: close\r\n\r\n";
    for version in ["-tls1_2", "-tls1_3"] {
        let (said, has_shaken) = s_client(&daemon, &[version, "-comp", "-ign_eof"], request);
        assert!(has_shaken && said.contains("Compression: NONE") && said.contains("Expansion: NONE"), "{said}");
        if version == "-tls1_3" {
            assert!(said.contains("Max Early Data: 0") && said.contains("Early data was not sent"), "{said}");
        } else {
            assert!(said.contains("Secure Renegotiation IS supported"), "{said}");
        }
    }
    // A line `R` makes s_client ask for it.
    let (said, has_shaken) = s_client(&daemon, &["-tls1_2", "-no_ign_eof"], "R\n");
    assert!(has_shaken && said.contains("RENEGOTIATING") && said.contains("no renegotiation"), "{said}");
}

#[test]
fn keys_are_exchanged_so_that_they_stay_secret_where_the_client_can() {
    let folder = tempfile::tempdir().unwrap();
    if openssl_is_missing() {
        return;
    }
    let (daemon, authority) = scanned(folder.path());
    let (hybrid, curve, p_256) = (kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1);
    for (groups, expected) in [
        (vec![hybrid, curve, p_256], NamedGroup::X25519MLKEM768),
        // Its share of this one came with its first words, and another would cost a round trip.
        (vec![curve, p_256, hybrid], NamedGroup::X25519),
        (vec![p_256, curve], NamedGroup::secp256r1),
        (vec![p_256], NamedGroup::secp256r1),
    ] {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.certificate().clone()).unwrap();
        let provider = rustls::crypto::CryptoProvider { kx_groups: groups, ..(*provider()).clone() };
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut stream = Stream::with(TcpStream::connect(daemon.address()).unwrap(), Some(Arc::new(config)));
        stream.shake_hands().unwrap();
        let session = stream.session().unwrap();
        assert_eq!(session.negotiated_key_exchange_group().unwrap().name(), expected);
        // Of the suites that all of them know the cheapest one is taken.
        let suite = session.negotiated_cipher_suite().unwrap().suite();
        assert_eq!(suite, rustls::CipherSuite::TLS13_AES_128_GCM_SHA256);
    }
}

#[test]
fn sslscan_agrees() {
    if !has("sslscan") || openssl_is_missing() {
        return not_run("what sslscan sees", "there is no sslscan (make test-tools)");
    }
    let folder = tempfile::tempdir().unwrap();
    let (daemon, _) = scanned(folder.path());
    let mut scan = Command::new("sslscan");
    scan.args(["--no-colour", &format!("--sni-name={HOST}"), &daemon.address().to_string()]);
    let said = run_with_input(&mut scan, "").succeeds();
    for line in ["SSLv2     disabled", "SSLv3     disabled", "TLSv1.0   disabled", "TLSv1.1   disabled"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    for line in ["TLSv1.2   enabled", "TLSv1.3   enabled", "renegotiation not supported"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let bad =
        |line: &&str| line.contains("Compression enabled") || line.replace("not vulnerable", "").contains("vulnerable");
    assert_eq!(said.lines().find(bad), None, "{said}");
    let accepted: BTreeSet<&str> = said
        .lines()
        .filter(|line| line.starts_with("Accepted") || line.starts_with("Preferred"))
        .filter_map(|line| line.split_whitespace().nth(4))
        .collect();
    assert_eq!(accepted, SUITES_OF_1_2.iter().chain(&SUITES_OF_1_3).copied().collect::<BTreeSet<_>>(), "{said}");
}

#[test]
fn nmap_agrees() {
    if !has("nmap") || openssl_is_missing() {
        return not_run("what nmap's ssl-enum-ciphers sees", "there is no nmap (make test-tools)");
    }
    let folder = tempfile::tempdir().unwrap();
    let (daemon, _) = scanned(folder.path());
    let port = daemon.address().port().to_string();
    let mut scan = Command::new("nmap");
    scan.args(["-Pn", "-n", "-p", &port, "--script", "+ssl-enum-ciphers", "127.0.0.1"]);
    let said = run_with_input(&mut scan, "").succeeds();
    assert!(said.contains("TLSv1.2:") && said.contains("least strength: A"), "{said}");
    for word in
        ["SSLv3:", "TLSv1.0:", "TLSv1.1:", "DEFLATE", "_CBC_", "_RC4_", "TLS_RSA_", "TLS_DHE_", " - B", " - C", " - F"]
    {
        assert!(!said.contains(word), "{word}: {said}");
    }
    let suites = said.lines().filter(|line| line.contains("TLS_")).count();
    assert!(suites >= SUITES_OF_1_2.len(), "{said}");
}
