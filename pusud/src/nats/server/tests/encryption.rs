//! TLS with real servers: certificates of both sides, and each way to have none that is good.

use super::super::dial_error::DialError;
use super::super::{Credentials, TlsFiles, dial};
use super::real_server::{Server, settings};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType,
};

type Authority = CertifiedIssuer<'static, KeyPair>;

const TLS: &str = "tls: {cert_file: \"FOLDER/cert\", key_file: \"FOLDER/key\"";

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key for 127.0.0.1.
fn issued(by: &Authority, usage: ExtendedKeyUsagePurpose) -> (String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "one");
    params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
    params.extended_key_usages = vec![usage];
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, by).unwrap().pem(), key.serialize_pem())
}

/// A server with certificates, and those of a client of the same authority and of another.
fn server(more: &str) -> Option<Server> {
    let (ours, others) = (authority("ours"), authority("others"));
    let (cert, key) = issued(&ours, ExtendedKeyUsagePurpose::ServerAuth);
    let (client_cert, client_key) = issued(&ours, ExtendedKeyUsagePurpose::ClientAuth);
    let (other_cert, other_key) = issued(&others, ExtendedKeyUsagePurpose::ClientAuth);
    let files = [
        ("ca", ours.pem()),
        ("other-ca", others.pem()),
        ("cert", cert),
        ("key", key),
        ("client-cert", client_cert),
        ("client-key", client_key),
        ("other-cert", other_cert),
        ("other-key", other_key),
    ];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    Server::start(&format!("{TLS}{more}}}"), &files)
}

async fn dialled(server: &Server, scheme: &str, ca: Option<&str>, identity: Option<&str>) -> Result<String, DialError> {
    let identity = identity.map(|name| (server.path(&format!("{name}-cert")), server.path(&format!("{name}-key"))));
    let files = TlsFiles { ca: ca.map(|name| server.path(name)), identity };
    let mut connection = dial(&server.address(scheme), &settings(Credentials::None, files)).await?;
    connection.write(super::command::ping).await;
    assert_eq!(connection.said().await, [""; 0]);
    Ok(connection.stream.encryption().unwrap_or_default())
}

async fn error(server: &Server, scheme: &str, ca: Option<&str>, identity: Option<&str>) -> String {
    dialled(server, scheme, ca, identity).await.expect_err("it is refused").to_string()
}

#[tokio::test]
async fn a_certificate_of_a_named_authority() {
    let Some(server) = server("") else { return };
    for scheme in ["tls", "nats"] {
        let session = dialled(&server, scheme, Some("ca"), None).await.map_err(|error| error.to_string()).unwrap();
        assert!(session.starts_with("TLS 1.3"), "{scheme}: {session:?}");
    }
    let refused = error(&server, "tls", Some("other-ca"), None).await;
    assert!(refused.contains("the NATS server's certificate") && refused.contains("`nats.tls.ca`"), "{refused}");
    let refused = error(&server, "tls", None, None).await;
    assert!(refused.contains("does not trust") || refused.contains("`nats.tls.ca`"), "{refused}");
    let refused = error(&server, "tls", Some("nowhere"), None).await;
    assert!(refused.starts_with("`nats.tls.ca` ") && refused.contains("cannot be read"), "{refused}");
}

#[tokio::test]
async fn a_certificate_for_another_name() {
    let Some(server) = server("") else { return };
    let address = super::super::ServerAddress::parse(&format!("tls://localhost:{}", server.port)).unwrap();
    let files = TlsFiles { ca: Some(server.path("ca")), identity: None };
    let error = dial(&address, &settings(Credentials::None, files)).await.err().unwrap().to_string();
    assert!(
        error.contains("is for 127.0.0.1, and localhost was asked for") && error.contains("nats.servers"),
        "{error}"
    );
}

#[tokio::test]
async fn certificates_of_both_sides() {
    let Some(server) = server(", ca_file: \"FOLDER/ca\", verify: true") else { return };
    let session =
        dialled(&server, "nats", Some("ca"), Some("client")).await.map_err(|error| error.to_string()).unwrap();
    assert!(session.starts_with("TLS 1.3"), "{session}");
    let refused = error(&server, "nats", Some("ca"), None).await;
    assert!(refused.contains("`nats.tls.certificate` FILE and `nats.tls.key` FILE"), "{refused}");
    let refused = error(&server, "nats", Some("ca"), Some("other")).await;
    assert!(refused.contains("does not accept the certificate of `nats.tls.certificate`"), "{refused}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_that_everybody_may_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(server) = server("") else { return };
    std::fs::set_permissions(server.path("client-key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = error(&server, "tls", Some("ca"), Some("client")).await;
    assert!(refused.starts_with("`nats.tls.key` ") && refused.contains("is open to everybody"), "{refused}");
}

#[tokio::test]
async fn tls_is_wanted_and_the_server_has_none() {
    let Some(server) = Server::start("", &[]) else { return };
    let error = dial(&server.address("tls"), &settings(Credentials::None, TlsFiles::default())).await.err().unwrap();
    assert!(matches!(error, DialError::NoTls), "{error}");
}

#[tokio::test]
async fn tls_is_used_where_it_is_offered_and_wanted() {
    let Some(server) = server("}\nallow_non_tls: true\n#") else { return };
    let shown = |session: Result<String, DialError>| session.map_err(|error| error.to_string()).unwrap();
    assert!(shown(dialled(&server, "tls", Some("ca"), None).await).starts_with("TLS"));
    assert_eq!(shown(dialled(&server, "nats", Some("ca"), None).await), "", "nobody wanted it");
}
