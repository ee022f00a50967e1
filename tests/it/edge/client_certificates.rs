//! Clients' certificates: asked for or not, good or bad, and in the words that an authenticator is told.

use crate::harness::{Authority, Client, DAY, Daemon, HOST, Issued, Raw, Setup, Stream, upgrade_request};
use rustls::ClientConfig;
use serde_json::json;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A relay that asks for certificates in this way; its own authority is the clients', too.
fn asking(folder: &Path, authority: &Authority, mode: &str, crl: Option<&str>) -> Daemon {
    let (certificate, key) = authority.issue(&[HOST]).files(folder);
    let mut settings = format!("client_tls: {{certificate: {certificate:?}, key: {key:?}");
    if mode != "off" {
        settings += &format!(", client_ca: {:?}, client_certificates: {mode}", authority.file(folder));
    }
    if let Some(list) = crl {
        fs::write(folder.join("list.crl"), list).unwrap();
        settings += &format!(", crl: {:?}", folder.join("list.crl"));
    }
    Setup::on_shards(1).settings(&format!("{settings}}}\n")).start()
}

fn connect(daemon: &Daemon, config: &Arc<ClientConfig>) -> Stream {
    Stream::with(TcpStream::connect(daemon.address()).unwrap(), Some(config.clone()))
}

/// What the authenticator is told in names that begin so.
fn attributes(client: &mut Client, prefix: &str) -> Vec<String> {
    client.send(json!({"type": "authorize", "authorization": format!("attributes={prefix}")}));
    let reason = client.expect_error("authorization_failed")["reason"].as_str().unwrap().to_owned();
    reason.split(' ').map(str::to_owned).collect()
}

/// The alert, or what else a client meets that is not let in: it may have sent its request by then.
fn refusal(daemon: &Daemon, config: &Arc<ClientConfig>) -> String {
    let mut stream = connect(daemon, config);
    let mut ask = || -> io::Result<String> {
        stream.shake_hands()?;
        stream.write_all(upgrade_request("").as_bytes())?;
        let mut answer = [0; 4096];
        let len = stream.read(&mut answer)?;
        Ok(format!("let in: {}", String::from_utf8_lossy(&answer[..len])))
    };
    ask().unwrap_or_else(|error| error.to_string())
}

#[test]
fn an_authenticator_is_told_of_the_encryption_and_of_the_certificate() {
    let (authority, folder) = (Authority::new("of the test"), tempfile::tempdir().unwrap());
    let issued = authority.issue_for(&["device-1.test", "192.0.2.7"], 0x1234, 30 * DAY);
    let plain = Setup::on_shards(1).settings("listeners: [{address: 127.0.0.1, port: 0}]").start();
    assert_eq!(attributes(&mut plain.connect(), "tls."), ["plain"]);
    for mode in ["off", "optional", "required"] {
        let daemon = asking(folder.path(), &authority, mode, None);
        let config = authority.trusted_by(Some(&issued));
        let mut client = Client::over(connect(&daemon, &config));
        let mut expected = vec!["tls", "tls.sni=relay.test", "tls.version=1.3"];
        if mode != "off" {
            expected.extend([
                "tls.client.common_name=made in a test",
                "tls.client.san.dns=device-1.test",
                "tls.client.san.ip=192.0.2.7",
                "tls.client.serial=1234",
                "tls.client.subject=CN=made in a test",
            ]);
        }
        let told = attributes(&mut client, "tls.");
        let told = told.join(" ");
        for attribute in expected {
            assert!(told.contains(attribute), "{mode}: {attribute}: {told}");
        }
        assert_eq!(mode != "off", told.contains("tls.client."), "{told}");
        let older = Arc::new(authority.trusted_in(&[&rustls::version::TLS12], Some(&issued)));
        let told = attributes(&mut Client::over(connect(&daemon, &older)), "tls.version");
        assert_eq!(told, ["tls", "tls.version=1.2"]);
    }
}

#[test]
fn who_has_to_have_one_who_may_and_who_is_refused() {
    let (authority, folder) = (Authority::new("of the test"), tempfile::tempdir().unwrap());
    let of_another = Authority::new("of another").issue(&["client.test"]);
    let good = authority.issue_for(&["client.test"], 7, DAY);
    let revoked = authority.issue_for(&["client.test"], 8, DAY);
    let expired = authority.issue_expired(&["client.test"]);
    let list = authority.revoke(&[8]);
    let with = |identity: Option<&Issued>| authority.trusted_by(identity);
    for (mode, nobody) in [("optional", None), ("required", Some("CertificateRequired"))] {
        let daemon = asking(folder.path(), &authority, mode, Some(&list));
        for (identity, alert) in [
            (None, nobody),
            (Some(&good), None),
            (Some(&revoked), Some("CertificateRevoked")),
            (Some(&expired), Some("CertificateExpired")),
            (Some(&of_another), Some("UnknownCA")),
        ] {
            // More than once: whether the alert arrives may not depend on who is faster.
            for _ in 0..10 {
                match alert {
                    None => drop(Client::over(connect(&daemon, &with(identity)))),
                    Some(alert) => {
                        let said = refusal(&daemon, &with(identity));
                        assert!(said.contains(alert), "{mode}, {alert}: {said}");
                    }
                }
            }
        }
        let status = daemon.status();
        assert_eq!(status["listeners"][0]["tls"]["client_certificates"], mode);
        assert_eq!(status["refusals"]["tls"], if nobody.is_some() { 40 } else { 30 }, "{status}");
    }
}

/// rustls does not look at the certificate of a session that goes on; the relay does.
#[test]
fn a_certificate_that_has_expired_is_no_good_for_a_session_that_goes_on() {
    for mode in ["optional", "required"] {
        let (authority, folder) = (Authority::new("of the test"), tempfile::tempdir().unwrap());
        let daemon = asking(folder.path(), &authority, mode, None);
        let end = SystemTime::now() + Duration::from_secs(5);
        let brief = authority.issue_for(&["client.test"], 7, Duration::from_secs(5));
        let configs = [&rustls::version::TLS13, &rustls::version::TLS12]
            .map(|version| Arc::new(authority.trusted_in(&[version], Some(&brief))));
        for config in &configs {
            for resumes in [false, true] {
                let mut raw = Raw::over(connect(&daemon, config));
                raw.upgrade();
                assert_eq!(raw.stream().shown().1, resumes, "{mode}");
                raw.authorize();
            }
        }
        // Certificates know whole seconds.
        while SystemTime::now() <= end + Duration::from_secs(1) {
            std::thread::park_timeout(Duration::from_millis(50));
        }
        for config in &configs {
            let said = refusal(&daemon, config);
            assert!(!said.starts_with("let in: HTTP/1.1 101"), "{mode}: {said}");
            println!("{mode}: {said}");
        }
    }
}
