//! A folder with an authority and the files that it signs, and both ends of a handshake.

use crate::tls::{ClientCertificates, Credentials, Files, Pair, provider};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use rustls::client::{ClientConnection, Resumption};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::ServerConnection;
use rustls::{AlertDescription, ClientConfig, Error, RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

pub(in crate::tls) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An authority.
pub(in crate::tls) struct Authority {
    pub(in crate::tls) issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key.
pub(in crate::tls) struct Signed {
    pub(in crate::tls) certificate: Certificate,
    pub(in crate::tls) key: KeyPair,
}

impl Authority {
    pub(in crate::tls) fn new(name: &str) -> Self {
        Self { issuer: CertifiedIssuer::self_signed(authority(name), KeyPair::generate().unwrap()).unwrap() }
    }

    /// An authority that this one has signed.
    pub(in crate::tls) fn below(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::signed_by(authority(name), key, &self.issuer).unwrap() }
    }

    pub(in crate::tls) fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub(in crate::tls) fn sign(&self, names: &[&str]) -> Signed {
        self.sign_params(params(names))
    }

    pub(in crate::tls) fn sign_params(&self, params: CertificateParams) -> Signed {
        self.sign_key(params, KeyPair::generate().unwrap())
    }

    pub(in crate::tls) fn sign_key(&self, params: CertificateParams, key: KeyPair) -> Signed {
        Signed { certificate: params.signed_by(&key, &self.issuer).unwrap(), key }
    }

    /// A list that revokes the certificates with these serial numbers and is out of date at `next_update`.
    pub(in crate::tls) fn crl(&self, revoked: &[u64], next_update: SystemTime) -> String {
        let this_update = next_update - 7 * DAY;
        let revoked = revoked.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: this_update.into(),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: this_update.into(),
            next_update: next_update.into(),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Of a certificate for `names`, good for 89 days and a half from now.
pub(in crate::tls) fn params(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, names.first().copied().unwrap_or("nobody"));
    params.not_before = (SystemTime::now() - DAY).into();
    params.not_after = (SystemTime::now() + 89 * DAY + DAY / 2).into();
    params
}

/// Files in a folder of their own.
pub(in crate::tls) struct Folder(TempDir);

impl Folder {
    pub(in crate::tls) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes a file that its owner alone may read.
    pub(in crate::tls) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        set_mode(&path, 0o600);
        path
    }

    pub(in crate::tls) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes `name.pem` and `name.key`.
    pub(in crate::tls) fn pair(&self, name: &str, signed: &Signed) -> Pair {
        Pair {
            certificate: self.write(&format!("{name}.pem"), signed.certificate.pem()),
            key: self.write(&format!("{name}.key"), signed.key.serialize_pem()),
        }
    }
}

/// Nothing where files have no modes.
pub(in crate::tls) fn set_mode(path: &std::path::Path, mode: u32) {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    #[cfg(not(unix))]
    let _ = (path, mode);
}

/// Files of a listener that asks clients for nothing.
pub(in crate::tls) fn files(pairs: Vec<Pair>) -> Files {
    Files { pairs, client_ca: None, client_certificates: ClientCertificates::Off, crl: None }
}

/// Credentials that nobody warns about.
pub(in crate::tls) fn credentials(files: &Files) -> Credentials {
    let (credentials, warnings) = Credentials::load(files, None, true).unwrap();
    assert_eq!(warnings, [""; 0]);
    credentials
}

/// A client that trusts `authority`.
pub(in crate::tls) fn client(authority: &Authority, identity: Option<&Signed>) -> ClientConfig {
    client_of(authority, identity, rustls::ALL_VERSIONS)
}

pub(in crate::tls) fn client_of(
    authority: &Authority,
    identity: Option<&Signed>,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(authority.issuer.der().clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(Signed { certificate, key }) => {
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
            builder.with_client_auth_cert(vec![certificate.der().clone()], key).unwrap()
        }
    };
    config.resumption = Resumption::in_memory_sessions(8);
    config
}

/// Both ends after a handshake.
#[derive(Debug)]
pub(in crate::tls) struct Session {
    pub(in crate::tls) client: ClientConnection,
    pub(in crate::tls) server: ServerConnection,
}

/// The end that refused, and why.
#[derive(Debug, PartialEq)]
pub(in crate::tls) enum Refused {
    ByClient(Error),
    /// With the alert that the client was sent.
    ByServer(Error, Option<AlertDescription>),
}

impl Session {
    /// The certificate that the server showed.
    pub(in crate::tls) fn served(&self) -> &CertificateDer<'static> {
        &self.client.peer_certificates().unwrap()[0]
    }

    /// Whether both ends say that an earlier session went on.
    pub(in crate::tls) fn is_resumed(&self) -> bool {
        let kinds = [self.client.handshake_kind(), self.server.handshake_kind()];
        assert_eq!(kinds[0], kinds[1]);
        kinds[0] == Some(rustls::HandshakeKind::Resumed)
    }
}

/// A handshake in memory, and what the server sends behind it.
pub(in crate::tls) fn handshake(
    server: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
    name: &'static str,
) -> Result<Session, Refused> {
    let mut client = ClientConnection::new(client.clone(), ServerName::try_from(name).unwrap()).unwrap();
    let mut server = ServerConnection::new(server.clone()).unwrap();
    while client.wants_write() || server.wants_write() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            if let Err(error) = server.process_new_packets() {
                return Err(Refused::ByServer(error, alert(&mut server, &mut client)));
            }
        }
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().map_err(Refused::ByClient)?;
        }
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok(Session { client, server })
}

/// What the server says at the end.
fn alert(server: &mut ServerConnection, client: &mut ClientConnection) -> Option<AlertDescription> {
    let mut bytes = Vec::new();
    while server.wants_write() {
        server.write_tls(&mut bytes).unwrap();
    }
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        client.read_tls(&mut rest).unwrap();
        if let Err(Error::AlertReceived(alert)) = client.process_new_packets() {
            return Some(alert);
        }
    }
    None
}
