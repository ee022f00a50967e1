//! Whom `https://` trusts: a file that changes, and certificates that cannot be meant.

use super::{Service, answering, everything, expect_unavailable, start};
use crate::harness::{Authority, DEADLINE, Daemon, Issued, PluginsDir, http_plugin, pusud, run, self_signed};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::time::Instant;

/// A service that shows this certificate.
fn service(folder: &Path, issued: &Issued) -> Service {
    fs::write(folder.join("certificate.pem"), &issued.certificate_pem).unwrap();
    fs::write(folder.join("key.pem"), &issued.key_pem).unwrap();
    Service::start(&["--tls", folder.to_str().unwrap()])
}

fn good() -> String {
    answering(everything(json!({})))
}

fn let_in(daemon: &Daemon) -> bool {
    super::ask(daemon, &good()).next_json()["type"] == "authorization_ok"
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "waited in vain until {what}");
    }
}

/// Without a signal; broken, what was read before goes on to hold.
#[test]
fn the_file_of_authorities_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (Authority::new("the first"), Authority::new("the second"));
    let of_second = service(folder.path(), &second.issue(&["127.0.0.1"]));
    let file = folder.path().join("ca.pem");
    let write = |from: &Authority| {
        fs::copy(from.file(folder.path()), &file).unwrap();
    };
    write(&first);
    let daemon = start(&format!("https://127.0.0.1:{}/", of_second.port), &format!("  http_ca_file: {file:?}\n"));
    expect_unavailable(&daemon, &good());
    write(&second);
    wait_until("the second authority is trusted", || let_in(&daemon));
    fs::write(&file, "nothing").unwrap();
    let place = "option `http_ca_file`";
    let said = "what was read before goes on to hold";
    daemon.log().wait_for("the fault", |line| (line.contains(place) && line.contains(said)).then_some(()));
    assert!(let_in(&daemon));
    let status = run(pusud(&["status", "--config"]).arg(daemon.dir().join("settings.yaml"))).succeeds();
    assert!(status.contains("file_read_timestamp_seconds") && status.contains("http_ca_file"), "{status}");
    // Also for the connections that are kept open.
    write(&first);
    wait_until("the second authority is not trusted any more", || !let_in(&daemon));
}

fn checked(folder: &Path, host: &str, file: &Path) -> std::process::Command {
    let plugins = folder.join("plugins");
    let settings = folder.join("settings.yaml");
    let text = format!(
        "authenticator: HttpAuthenticator\nplugins_dir: {plugins:?}\nauthenticator_options:\n  http_url: https://{host}/\n  \
         http_ca_file: {file:?}\n"
    );
    fs::write(&settings, text).unwrap();
    let mut command = pusud(&["check", "--config"]);
    command.arg(settings);
    command
}

/// OpenSSL marks certificates that sign themselves as authorities unless it is told otherwise.
#[test]
fn a_service_that_signs_its_own_certificate_is_told_how() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = PluginsDir::with([http_plugin()]);
    fs::create_dir(folder.path().join("plugins")).unwrap();
    for entry in fs::read_dir(plugins.path()).unwrap().flatten() {
        fs::copy(entry.path(), folder.path().join("plugins").join(entry.file_name())).unwrap();
    }
    let own = self_signed(&["localhost", "127.0.0.1"], true);
    let file = folder.path().join("own.pem");
    fs::write(&file, &own.certificate_pem).unwrap();
    for host in ["localhost", "127.0.0.1"] {
        // It may have signed what the service shows.
        let found = run(&mut checked(folder.path(), host, &file));
        for part in [
            "option `http_ca_file`",
            "certificate 1 names the service, signs itself and is marked as an authority (CA:TRUE)",
            "basicConstraints=critical,CA:FALSE",
        ] {
            assert!(found.stderr.contains(part), "{part}: {found:?}");
        }
        found.succeeds();
    }
    let leaf = Authority::new("An Authority").issue(&["localhost"]);
    fs::write(&file, &leaf.certificate_pem).unwrap();
    run(&mut checked(folder.path(), "localhost", &file)).fails_saying(&["is no authority's", "An Authority"]);
    // As it is told, it works.
    let own = self_signed(&["localhost", "127.0.0.1"], false);
    fs::write(&file, &own.certificate_pem).unwrap();
    run(&mut checked(folder.path(), "localhost", &file)).succeeds();
    let service = service(folder.path(), &own);
    let daemon = start(&format!("https://127.0.0.1:{}/", service.port), &format!("  http_ca_file: {file:?}\n"));
    daemon.client_with(&good()).subscribe("a.b");
}

/// As private authorities are made for one host.
#[test]
fn an_authority_with_the_name_of_the_service_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::for_hosts("localhost", &["localhost", "127.0.0.1"]);
    let file = authority.file(folder.path());
    // Neither does a certificate spoil it that is trusted where it is shown, and signs nobody's.
    let other = self_signed(&["localhost", "127.0.0.1"], false);
    let bundle = folder.path().join("bundle.pem");
    fs::write(&bundle, format!("{}{}", other.certificate_pem, fs::read_to_string(&file).unwrap())).unwrap();
    let service = service(folder.path(), &authority.issue(&["localhost", "127.0.0.1"]));
    for (file, place) in [(&file, 1), (&bundle, 2)] {
        let daemon = start(&format!("https://127.0.0.1:{}/", service.port), &format!("  http_ca_file: {file:?}\n"));
        daemon.client_with(&good()).subscribe("a.b");
        let doubt = format!("certificate {place} names the service");
        daemon.log().wait_for(&doubt, |line| line.contains(&doubt).then_some(()));
    }
}

/// What the log says where the service shows another certificate than the settings promise.
#[test]
fn why_a_service_is_not_trusted_is_said_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("An Authority");
    let file = authority.file(folder.path());
    let own = self_signed(&["127.0.0.1"], true);
    let own_file = folder.path().join("own.pem");
    fs::write(&own_file, &own.certificate_pem).unwrap();
    for (issued, file, wanted) in [
        (self_signed(&["127.0.0.1"], false), &file, "signed by none of those in `http_ca_file`"),
        (authority.issue(&["192.0.2.1"]), &file, "is for another name than `http_url` has"),
        (authority.issue_expired(&["127.0.0.1"]), &file, "has expired"),
        (own, &own_file, "is marked as an authority's (CA:TRUE), which no server may show: make it anew without"),
    ] {
        let service = service(folder.path(), &issued);
        let daemon = start(&format!("https://127.0.0.1:{}/", service.port), &format!("  http_ca_file: {file:?}\n"));
        expect_unavailable(&daemon, &good());
        daemon.log().wait_for(wanted, |line| line.contains(wanted).then_some(()));
        assert!(service.requests().is_empty());
    }
}
