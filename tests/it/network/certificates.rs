//! Links with certificates of the operator's own: without a key or beside one, and beside relays that have none yet.

use super::status::wait_until;
use super::traffic::peer_of;
use crate::harness::{Network, Setup, pusud, run, write_secret};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::path::Path;
use tempfile::TempDir;

/// A folder with an authority, and certificates that it has given.
struct Certificates {
    dir: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Certificates {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), authority.pem()).unwrap();
        Self { dir, authority }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Gives a relay a certificate, and sets it up; `ca`: whose it takes.
    fn set_up(&self, name: &str, ca: &Self, setup: Setup) -> Setup {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([format!("{name}.example")]).unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        let [certificate_file, key_file] = ["pem", "key"].map(|end| self.path().join(format!("{name}.{end}")));
        std::fs::write(&certificate_file, certificate.pem()).unwrap();
        write_secret(&key_file, &key.serialize_pem());
        let ca = ca.path().join("ca.pem");
        setup.settings(&format!("network_tls: {{certificate: {certificate_file:?}, key: {key_file:?}, ca: {ca:?}}}"))
    }
}

fn required(setup: Setup) -> Setup {
    setup.settings("network_encryption: required")
}

#[test]
fn certificates_take_the_place_of_a_key() {
    let ours = Certificates::new();
    let set_up = |at: usize, setup: Setup| ours.set_up(&at.to_string(), &ours, required(setup.without_key()));
    let network = Network::with(3, set_up);
    for other in [1, 2] {
        wait_until(network.relay(0), |status| peer_of(status, other)["encrypted"] == true);
    }
    assert!(!network.relay(0).log().text().contains("without `network_key_file`"));
}

/// As while certificates are given to one relay after the other.
#[test]
fn beside_a_key_relays_with_and_without_certificates_link_encrypted() {
    let ours = Certificates::new();
    let set_up = |at: usize, setup: Setup| if at == 0 { setup } else { ours.set_up(&at.to_string(), &ours, setup) };
    let network = Network::with(3, set_up);
    for other in [1, 2] {
        wait_until(network.relay(0), |status| peer_of(status, other)["encrypted"] == true);
    }
}

#[test]
fn certificates_of_another_authority_are_refused_also_with_the_right_key() {
    let (ours, theirs) = (Certificates::new(), Certificates::new());
    let set_up = |at: usize, setup: Setup| {
        let from = if at == 0 { &ours } else { &theirs };
        from.set_up(&at.to_string(), &ours, setup)
    };
    let network = Network::unlinked(2, set_up);
    let is_told =
        |line: &str| (line.contains("the link cannot be encrypted") && line.contains("certificate")).then_some(());
    network.relay(0).log().wait_for("why", is_told);
    let states = network.relay(0).status()["relays"].to_string();
    assert!(!states.contains(r#""state":"linked""#), "{states}");
}

#[test]
fn who_requires_certificates_refuses_relays_without() {
    let ours = Certificates::new();
    let set_up =
        |at: usize, setup: Setup| if at == 0 { setup } else { ours.set_up(&at.to_string(), &ours, required(setup)) };
    let network = Network::unlinked(2, set_up);
    for relay in network.relays() {
        let is_told = |line: &str| line.contains("requires certificates and `relay-0` has none").then_some(());
        relay.log().wait_for("why", is_told);
    }
}

#[test]
fn files_that_are_missing_or_open_to_others_stop_the_start() {
    let ours = Certificates::new();
    // Only for its files; nothing is started.
    let _ = ours.set_up("0", &ours, Setup::on_shards(1));
    let settings = ours.path().join("settings.yaml");
    let says = |certificate: &str, key: &str, parts: &[&str]| {
        let text = format!(
            "authenticator: None\nclient_address: 127.0.0.1\nclient_port: 0\nnetwork_port: 0\nrelays: ['127.0.0.1:1']\n\
             network_tls: {{certificate: {certificate}, key: {key}, ca: ca.pem}}\n"
        );
        std::fs::write(&settings, text).unwrap();
        run(pusud(&["check", "--config"]).arg(&settings)).fails_saying(parts);
    };
    says("missing.pem", "0.key", &["`network_tls.certificate`: cannot read", "missing.pem"]);
    says("0.pem", "missing.key", &["`network_tls.key`: cannot open", "missing.key"]);
    says("0.pem", "0.pem", &["`network_tls.key`"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let key = ours.path().join("0.key");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        says("0.pem", "0.key", &["`network_tls.key`", "open to everybody"]);
    }
}
