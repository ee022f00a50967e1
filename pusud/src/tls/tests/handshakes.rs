//! Handshakes with what the files give: names, versions, protocols.

use super::support::{Authority, Folder, Refused, client, client_of, credentials, files, handshake, params};
use crate::tls::{Credentials, provider};
use rcgen::{KeyPair, PKCS_RSA_SHA256};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, CipherSuite, ClientConfig, Error, ProtocolVersion, RootCertStore, SignatureScheme};
use std::sync::Arc;

#[test]
fn one_pair_serves_clients_of_both_versions() {
    let (folder, authority) = (Folder::new(), Authority::new("root"));
    let credentials = credentials(&files(vec![folder.pair("a", &authority.sign(&["relay.test", "127.0.0.1"]))]));
    for (version, expected) in [(&TLS13, ProtocolVersion::TLSv1_3), (&TLS12, ProtocolVersion::TLSv1_2)] {
        let client = Arc::new(client_of(&authority, None, &[version]));
        let session = handshake(&credentials.server_config(), &client, "relay.test").unwrap();
        assert_eq!(session.server.protocol_version(), Some(expected));
        assert_eq!(credentials.client_certificate(&session.server).unwrap(), None);
        handshake(&credentials.server_config(), &client, "127.0.0.1").unwrap();
    }
    let facts = &credentials.facts()[0];
    assert_eq!((&*facts.subject, &*facts.issuer), ("CN=relay.test", "CN=root"));
    assert_eq!(facts.names.dns, ["relay.test"]);
    assert_eq!(facts.names.ip, ["127.0.0.1"]);
    assert_eq!(facts.key.to_string(), "ECDSA P-256");
    assert_eq!(credentials.advice(), [""; 0]);
}

#[test]
fn http_is_the_only_protocol_inside() {
    let (folder, authority) = (Folder::new(), Authority::new("root"));
    let credentials = credentials(&files(vec![folder.pair("a", &authority.sign(&["relay.test"]))]));
    let offering = |protocols: &[&[u8]]| {
        let mut client = client(&authority, None);
        client.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        handshake(&credentials.server_config(), &Arc::new(client), "relay.test")
    };
    assert_eq!(offering(&[]).unwrap().server.alpn_protocol(), None);
    assert_eq!(offering(&[b"h2", b"http/1.1"]).unwrap().server.alpn_protocol(), Some(&b"http/1.1"[..]));
    let refused = Refused::ByServer(Error::NoApplicationProtocol, Some(AlertDescription::NoApplicationProtocol));
    assert_eq!(offering(&[b"h2"]).unwrap_err(), refused);
}

#[test]
fn the_relay_chooses_the_cheapest_suite() {
    let (folder, authority) = (Folder::new(), Authority::new("root"));
    let credentials = credentials(&files(vec![folder.pair("a", &authority.sign(&["relay.test"]))]));
    let mut backwards = CryptoProvider::clone(&provider());
    backwards.cipher_suites.reverse();
    let mut roots = RootCertStore::empty();
    roots.add(authority.issuer.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(backwards))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let session = handshake(&credentials.server_config(), &Arc::new(client), "relay.test").unwrap();
    let suite = session.server.negotiated_cipher_suite().unwrap().suite();
    assert_eq!(suite, CipherSuite::TLS13_AES_128_GCM_SHA256);
}

#[test]
fn each_name_has_its_certificate_and_all_others_the_first() {
    let (folder, authority) = (Folder::new(), Authority::new("root"));
    let signed = [&["first.test"][..], &["Second.test"], &["*.wild.test"], &["named.wild.test"]]
        .map(|names| authority.sign(names));
    let pairs = signed.iter().enumerate().map(|(at, signed)| folder.pair(&at.to_string(), signed)).collect();
    let credentials = credentials(&files(pairs));
    let client = Arc::new(client(&authority, None));
    for (name, expected) in
        [("first.test", 0), ("second.test", 1), ("SECOND.test", 1), ("any.wild.test", 2), ("named.wild.test", 3)]
    {
        let session = handshake(&credentials.server_config(), &client, name).unwrap();
        assert_eq!(session.served(), signed[expected].certificate.der(), "{name}");
    }
    // A wildcard is for one label, and not for none. The client refuses the first certificate, as the name is not its own.
    for name in ["a.b.wild.test", "wild.test", "unknown.test", "192.0.2.1"] {
        let refused = handshake(&credentials.server_config(), &client, name).unwrap_err();
        assert!(
            matches!(&refused, Refused::ByClient(error) if error.to_string().contains("first.test")),
            "{refused:?}"
        );
    }
}

/// A client that checks RSA signatures alone.
fn old_client(authority: &Authority) -> ClientConfig {
    let all = provider().signature_verification_algorithms;
    let is_rsa = |scheme: &SignatureScheme| format!("{scheme:?}").starts_with("RSA");
    let mapping: Vec<_> = all.mapping.iter().filter(|(scheme, _)| is_rsa(scheme)).copied().collect();
    let algorithms = WebPkiSupportedAlgorithms { all: all.all, mapping: Box::leak(mapping.into_boxed_slice()) };
    let mut provider = CryptoProvider::clone(&provider());
    provider.signature_verification_algorithms = algorithms;
    let mut roots = RootCertStore::empty();
    roots.add(authority.issuer.der().clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions();
    builder.unwrap().with_root_certificates(roots).with_no_client_auth()
}

#[test]
fn an_rsa_certificate_behind_one_with_ecdsa_is_for_clients_that_know_no_better() {
    let (folder, authority) = (Folder::new(), Authority::new("root"));
    let ecdsa = authority.sign(&["relay.test"]);
    let rsa = authority.sign_key(params(&["relay.test"]), KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap());
    let files = files(vec![folder.pair("ecdsa", &ecdsa), folder.pair("rsa", &rsa)]);
    let (credentials, warnings) = Credentials::load(&files, None, true).unwrap();
    assert_eq!(warnings, [""; 0]);
    let served = |client: ClientConfig| {
        let session = handshake(&credentials.server_config(), &Arc::new(client), "relay.test").unwrap();
        session.served().clone()
    };
    assert_eq!(&served(client(&authority, None)), ecdsa.certificate.der());
    assert_eq!(&served(old_client(&authority)), rsa.certificate.der());
    let advice = credentials.advice();
    assert!(
        advice.len() == 1 && advice[0].contains("RSA 2048") && advice[0].contains("386 us against 99 us"),
        "{advice:?}"
    );
}
