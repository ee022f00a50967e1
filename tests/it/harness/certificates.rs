//! Certificates that are made in the test: an authority, and what it issues, as files in PEM.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa, KeyIdMethod,
    KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An authority.
pub(crate) struct Authority {
    name: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its private key.
pub(crate) struct Issued {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: PrivateKeyDer<'static>,
    pub(crate) certificate_pem: String,
    pub(crate) key_pem: String,
}

impl Authority {
    /// One of this name.
    pub(crate) fn new(name: &str) -> Self {
        Self::for_hosts(name, &[])
    }

    /// One of this name whose own certificate is also for these DNS names and addresses.
    pub(crate) fn for_hosts(name: &str, hosts: &[&str]) -> Self {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { name: name.into(), issuer }
    }

    /// Its own certificate.
    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        self.issuer.der()
    }

    /// Its own certificate as a file in a folder.
    pub(crate) fn file(&self, folder: &Path) -> PathBuf {
        write(folder, &format!("{}.pem", self.name.replace(' ', "-")), &self.issuer.pem())
    }

    /// A certificate for DNS names and addresses.
    pub(crate) fn issue(&self, names: &[&str]) -> Issued {
        self.issued(names, |_| {})
    }

    /// One that has expired.
    pub(crate) fn issue_expired(&self, names: &[&str]) -> Issued {
        self.issued(names, |params| {
            (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 2, 29));
        })
    }

    /// One with this serial number that ends so much later than now.
    pub(crate) fn issue_for(&self, names: &[&str], serial: u64, life: Duration) -> Issued {
        self.issued(names, |params| {
            params.serial_number = Some(SerialNumber::from(serial));
            params.not_before = (SystemTime::now() - 85 * DAY).into();
            params.not_after = (SystemTime::now() + life).into();
        })
    }

    /// A list that revokes these serial numbers, good for a week, in PEM.
    pub(crate) fn revoke(&self, serials: &[u64]) -> String {
        let now = SystemTime::now();
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: now.into(),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: now.into(),
            next_update: (now + 7 * DAY).into(),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }

    /// A client that trusts this authority, shows `identity` if asked, and resumes its sessions.
    pub(crate) fn trusted_by(&self, identity: Option<&Issued>) -> Arc<ClientConfig> {
        Arc::new(self.trusted_in(rustls::ALL_VERSIONS, identity))
    }

    /// The same in these versions of TLS, to be changed further.
    pub(crate) fn trusted_in(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        identity: Option<&Issued>,
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(pusud::tls::provider())
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match identity {
            Some(Issued { certificate, key, .. }) => {
                builder.with_client_auth_cert(vec![certificate.clone()], key.clone_key()).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::in_memory_sessions(16);
        config
    }

    fn issued(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "made in a test");
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Issued {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            certificate: certificate.into(),
        }
    }
}

/// A certificate of a server's own that signs itself; `is_ca`: it is marked as an authority, as `openssl req -x509` does.
pub(crate) fn self_signed(names: &[&str], is_ca: bool) -> Issued {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.is_ca = if is_ca { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Issued {
        certificate_pem: certificate.pem(),
        key_pem: key.serialize_pem(),
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        certificate: certificate.into(),
    }
}

impl Issued {
    /// Certificate and key as files in a folder; the key's is its owner's alone.
    pub(crate) fn files(&self, folder: &Path) -> (PathBuf, PathBuf) {
        self.files_as(folder, "cert.pem", "key.pem")
    }

    /// The same as files of these names.
    pub(crate) fn files_as(&self, folder: &Path, certificate: &str, key: &str) -> (PathBuf, PathBuf) {
        let files = (write(folder, certificate, &self.certificate_pem), write(folder, key, &self.key_pem));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&files.1, fs::Permissions::from_mode(0o600)).unwrap();
        }
        files
    }
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, text).unwrap();
    file
}
