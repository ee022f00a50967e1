//! Facts of certificates made here, and the attributes of clients.

use super::*;
use rcgen::string::Ia5String;
use rcgen::{
    CertificateParams, CustomExtension, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
    PKCS_RSA_SHA256, SanType, SerialNumber, SignatureAlgorithm,
};
use std::collections::BTreeMap;

fn of(params: &CertificateParams, algorithm: &'static SignatureAlgorithm) -> CertificateFacts {
    let key = KeyPair::generate_for(algorithm).unwrap();
    CertificateFacts::from_der(params.self_signed(&key).unwrap().der()).unwrap()
}

fn facts(params: &CertificateParams) -> CertificateFacts {
    of(params, &PKCS_ECDSA_P256_SHA256)
}

fn ia5(text: &str) -> Ia5String {
    text.try_into().unwrap()
}

/// The extension with these alternative names, each with its kind, of less than 128 bytes in all.
fn alternative_names(names: &[(u8, &[u8])]) -> CustomExtension {
    let names = names.iter().map(|(kind, name)| [&[0x80 | kind, name.len() as u8], *name].concat());
    let names: Vec<u8> = names.flatten().collect();
    CustomExtension::from_oid_content(&[2, 5, 29, 17], [&[0x30, names.len() as u8], names.as_slice()].concat())
}

#[test]
fn kinds_of_keys() {
    let params = CertificateParams::new(vec![]).unwrap();
    let kind = |algorithm| of(&params, algorithm).key;
    assert_eq!(kind(&PKCS_ECDSA_P256_SHA256).to_string(), "ECDSA P-256");
    assert_eq!(kind(&PKCS_ECDSA_P384_SHA384).to_string(), "ECDSA P-384");
    assert_eq!(kind(&PKCS_ED25519).to_string(), "Ed25519");
    let rsa = kind(&PKCS_RSA_SHA256);
    assert_eq!((rsa.to_string().as_str(), rsa.is_rsa()), ("RSA 2048", true));
}

#[test]
fn serial_hashes_and_days() {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.serial_number = Some(SerialNumber::from_slice(&[0, 0x0a, 0xbc]));
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2026, 1, 31);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let facts = CertificateFacts::from_der(certificate.der()).unwrap();
    assert_eq!(facts.serial, "abc");
    assert_eq!(facts.sha256, hex(&Sha256::digest(certificate.der())));
    assert_eq!(facts.not_after - facts.not_before, 30 * SECONDS_PER_DAY);
    let days = |before_the_end| facts.days_left(facts.not_after - before_the_end);
    assert_eq!((days(SECONDS_PER_DAY), days(SECONDS_PER_DAY - 1), days(0), days(-1)), (1, 0, 0, -1));
    assert!(facts.is_valid_at(facts.not_after) && !facts.is_valid_at(facts.not_after + 1));
    assert!(!facts.is_valid_at(facts.not_before - 1));
    assert_eq!(time_in_words(facts.not_after), "2026-01-31 00:00:00 UTC");
    // The same key in another certificate is known again.
    params.serial_number = Some(SerialNumber::from(0));
    let renewed = CertificateFacts::from_der(params.self_signed(&key).unwrap().der()).unwrap();
    assert_eq!((renewed.serial.as_str(), &renewed.key_sha256), ("0", &facts.key_sha256));
    assert_ne!(renewed.sha256, facts.sha256);
}

#[test]
fn a_client_as_attributes() {
    let mut params = CertificateParams::new(vec!["a.test".into(), "b.test".into(), "192.0.2.1".into()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "client, 1");
    params.subject_alt_names.push(SanType::URI(ia5("spiffe://test/a")));
    params.subject_alt_names.push(SanType::Rfc822Name(ia5("a@test")));
    params.subject_alt_names.push(SanType::IpAddress("2001:db8::1".parse().unwrap()));
    let facts = facts(&params);
    let mut attributes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in facts.attributes() {
        let lines = value.split('\n').map(str::to_owned).collect();
        assert_eq!(attributes.insert(name, lines), None, "each is there once");
    }
    let not_after = facts.not_after.to_string();
    let expected: [(&str, &[&str]); 11] = [
        ("tls.client.common_name", &["client, 1"]),
        ("tls.client.issuer", &["CN=client\\, 1"]),
        ("tls.client.key_sha256", &[&facts.key_sha256]),
        ("tls.client.not_after", &[&not_after]),
        ("tls.client.san.dns", &["a.test", "b.test"]),
        ("tls.client.san.email", &["a@test"]),
        ("tls.client.san.ip", &["192.0.2.1", "2001:db8::1"]),
        ("tls.client.san.uri", &["spiffe://test/a"]),
        ("tls.client.serial", &[&facts.serial]),
        ("tls.client.sha256", &[&facts.sha256]),
        ("tls.client.subject", &["CN=client\\, 1"]),
    ];
    let found =
        attributes.iter().map(|(name, values)| (name.as_str(), values.iter().map(String::as_str).collect::<Vec<_>>()));
    assert_eq!(found.collect::<Vec<_>>(), expected.map(|(name, values)| (name, values.to_vec())));
}

#[test]
fn names_that_are_no_text_stay_names() {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.custom_extensions = vec![alternative_names(&[
        (2, b"good.test\0.evil.test"),
        (1, b"\xff\n"),
        (2, b"next.test"),
        (7, b"\x01\x02\x03"),
    ])];
    let names = facts(&params).names;
    assert_eq!(names.dns, ["good.test\\00.evil.test", "next.test"]);
    assert_eq!((names.email, names.ip), (vec!["\\ff\\0a".to_owned()], vec!["#010203".to_owned()]));
}

#[test]
fn two_lists_of_names_and_a_broken_one_are_errors() {
    let mut params = CertificateParams::new(vec![]).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut error = |extensions| {
        params.custom_extensions = extensions;
        CertificateFacts::from_der(params.self_signed(&key).unwrap().der()).unwrap_err().to_string()
    };
    let names = || alternative_names(&[(2, b"a.test")]);
    assert!(error(vec![names(), names()]).contains("more than one list"));
    let cut_off = CustomExtension::from_oid_content(&[2, 5, 29, 17], vec![0x30, 3, 0x82, 9, b'a']);
    assert!(error(vec![cut_off]).contains("cannot be read"));
    assert!(CertificateFacts::from_der(b"").unwrap_err().to_string().contains("no certificate"));
    let mut longer = params.self_signed(&key).unwrap().der().to_vec();
    longer.push(0);
    assert!(CertificateFacts::from_der(&longer).is_err());
}

#[test]
fn very_many_names_are_left_out_whole_and_counted() {
    let names: Vec<String> = (0..1000).map(|at| format!("{at}.test")).collect();
    let attributes = facts(&CertificateParams::new(names).unwrap()).attributes();
    let values: usize = attributes.iter().map(|(_, value)| value.split('\n').count()).sum();
    assert_eq!(values, 40);
    let (_, dns) = attributes.iter().find(|(name, _)| name == "tls.client.san.dns").unwrap();
    let dns = dns.split('\n').count();
    let left_out = ("tls.client.left_out".to_owned(), (1000 - dns).to_string());
    assert_eq!(attributes.last(), Some(&left_out));
    let long = CertificateParams::new(vec!["a".repeat(20_000), "b.test".into()]).unwrap();
    let attributes = facts(&long).attributes();
    assert!(attributes.contains(&("tls.client.san.dns".into(), "b.test".into())));
    assert_eq!(attributes.last(), Some(&("tls.client.left_out".into(), "1".into())));
}
