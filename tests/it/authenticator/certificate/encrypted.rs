//! Clients that connect over TLS with certificates of an authority of the test's own.

use crate::harness::{DEADLINE, Daemon};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType, SerialNumber};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

/// An authority that signs the relay's certificate and those of clients.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// What a client's certificate says.
pub(super) struct Wanted<'a> {
    pub(super) common_name: &'a str,
    pub(super) dns: &'a [&'a str],
    pub(super) serial: u64,
    /// From now on.
    pub(super) life: Duration,
}

/// A certificate and its key.
type Identity = (CertificateDer<'static>, PrivateKeyDer<'static>);

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "Device CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Writes what the relay needs into a folder; returns the settings that name it.
    pub(super) fn settings(&self, folder: &Path) -> String {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        for (name, text) in [("ca", self.0.pem()), ("relay", certificate.pem()), ("key", key.serialize_pem())] {
            fs::write(folder.join(name), text).unwrap();
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let [ca, relay, key] = ["ca", "relay", "key"].map(|name| folder.join(name));
        format!(
            "client_tls: {{certificate: {relay:?}, key: {key:?}, client_ca: {ca:?}, client_certificates: optional}}\n"
        )
    }

    pub(super) fn sign(&self, wanted: &Wanted<'_>) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.subject_alt_names =
            wanted.dns.iter().map(|&name| SanType::DnsName(name.to_owned().try_into().unwrap())).collect();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, wanted.common_name);
        params.serial_number = Some(SerialNumber::from(wanted.serial));
        params.not_before = (SystemTime::now() - Duration::from_secs(3600)).into();
        params.not_after = (SystemTime::now() + wanted.life).into();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into())
    }

    /// Connects, takes the greeting, and authorizes.
    pub(super) fn connect(&self, daemon: &Daemon, identity: Option<Identity>) -> Encrypted {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match identity {
            Some((certificate, key)) => config.with_client_auth_cert(vec![certificate], key).unwrap(),
            None => config.with_no_client_auth(),
        };
        let tcp = TcpStream::connect_timeout(&daemon.address(), DEADLINE).unwrap();
        tcp.set_read_timeout(Some(DEADLINE)).unwrap();
        let session = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
        let (socket, _) = client("ws://localhost/", StreamOwned::new(session, tcp)).unwrap();
        let mut client = Encrypted(socket);
        assert_eq!(client.next()["type"], "hello");
        client.send(&json!({"type": "authorize", "authorization": "whatever"}));
        client
    }
}

/// A client's connection.
pub(super) struct Encrypted(WebSocket<StreamOwned<ClientConnection, TcpStream>>);

impl Encrypted {
    pub(super) fn send(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).unwrap();
    }

    /// The next message.
    pub(super) fn next(&mut self) -> Value {
        match self.0.read().expect("the relay says something in time") {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("expected a text, found {other:?}"),
        }
    }

    /// Waits for the relay's close, past whatever it says before.
    pub(super) fn expect_closed(&mut self, code: u16) {
        loop {
            match self.0.read().expect("the relay closes in time") {
                Message::Close(frame) => return assert_eq!(frame.map(|frame| u16::from(frame.code)), Some(code)),
                other => println!("{other:?}"),
            }
        }
    }
}
