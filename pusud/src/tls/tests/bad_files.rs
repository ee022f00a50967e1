//! Files that cannot be used: each error names the file, what was found, and the way out.

use super::support::{Authority, DAY, Folder, Signed, files, params, set_mode};
use crate::tls::{ClientCertificates, Credentials, Files, Pair};
use rcgen::KeyPair;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use std::fs;
use std::time::SystemTime;

const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";

/// What is said of files whose names are in it.
fn error(files: &Files) -> String {
    match Credentials::load(files, None, true) {
        Ok(_) => panic!("they can be used"),
        Err(error) => format!("{error:#}"),
    }
}

fn says(error: &str, words: &[&str]) {
    for words in words {
        assert!(error.contains(words), "expected {words:?} in:\n{error}");
    }
}

/// A folder with a good pair.
fn good() -> (Folder, Signed, Pair) {
    let (folder, signed) = (Folder::new(), Authority::new("root").sign(&["relay.test"]));
    let pair = folder.pair("a", &signed);
    (folder, signed, pair)
}

#[test]
fn certificates() {
    let (_folder, signed, pair) = good();
    let pem = signed.certificate.pem();
    let cut_off = pem[..pem.len() / 2].to_owned();
    let not_base64 = pem.replacen("MII", "!!!", 1);
    let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let cases: [(Vec<u8>, &[&str]); 9] = [
        (vec![], &["is empty"]),
        ("hello".into(), &["found no PEM at all"]),
        (cut_off.into(), &["line 1", "the file is cut off"]),
        (not_base64.into(), &["line 1", "not base64"]),
        (no_certificate.into(), &["is no certificate that can be read"]),
        (signed.certificate.der().to_vec(), &["found DER", "openssl x509 -inform der"]),
        (signed.key.serialize_pem().into(), &["found `BEGIN PRIVATE KEY`"]),
        (ENCRYPTED.into(), &["found `BEGIN ENCRYPTED PRIVATE KEY`"]),
        (vec![b' '; 1024 * 1024 + 1], &["has more than 1048576 bytes"]),
    ];
    for (content, words) in cases {
        fs::write(&pair.certificate, content).unwrap();
        let error = error(&files(vec![pair.clone()]));
        says(&error, words);
        says(&error, &["certificate ", &pair.certificate.display().to_string()]);
    }
    fs::remove_file(&pair.certificate).unwrap();
    says(&error(&files(vec![pair.clone()])), &["a.pem", "cannot be read: No such file"]);
    fs::create_dir(&pair.certificate).unwrap();
    says(&error(&files(vec![pair])), &["a.pem", "is no file"]);
    says(&error(&files(vec![])), &["expected a certificate and its key, found none"]);
}

#[test]
fn keys() {
    let (_folder, signed, pair) = good();
    let pem = signed.key.serialize_pem();
    let two = [pem.as_str(), &pem].concat();
    let broken = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let cases: [(Vec<u8>, &[&str]); 8] = [
        (vec![], &["is empty"]),
        ("hello".into(), &["found no PEM at all"]),
        (signed.key.serialize_der(), &["found DER", "`pkey`"]),
        (signed.certificate.pem().into(), &["expected a private key", "found `BEGIN CERTIFICATE`"]),
        (ENCRYPTED.into(), &["is encrypted", "`openssl pkey -in"]),
        (two.into(), &["expected one private key, found 2"]),
        (broken.into(), &["the key cannot be used", "RSA from 2048 bits"]),
        (KeyPair::generate().unwrap().serialize_pem().into(), &["do not belong together", "a.pem"]),
    ];
    for (content, words) in cases {
        fs::write(&pair.key, content).unwrap();
        let error = error(&files(vec![pair.clone()]));
        says(&error, words);
        says(&error, &["key ", &pair.key.display().to_string()]);
    }
}

#[test]
fn nothing_of_a_key_is_shown() {
    let (_folder, signed, pair) = good();
    let pem = signed.key.serialize_pem();
    let line = pem.lines().nth(1).unwrap();
    for content in [pem.replace('\n', ""), pem.replace(line, &format!("{line}!")), format!(" {pem}"), line.to_owned()] {
        fs::write(&pair.key, content).unwrap();
        let error = error(&files(vec![pair.clone()]));
        assert!(!error.contains(&line[..12]), "{error}");
    }
}

#[test]
fn both_in_one_file_are_good_and_swapped_names_are_not() {
    let (folder, signed, pair) = good();
    let both = folder.write("both.pem", [signed.certificate.pem(), signed.key.serialize_pem()].concat());
    Credentials::load(&files(vec![Pair { certificate: both.clone(), key: both }]), None, true).unwrap();
    let swapped = Pair { certificate: pair.key, key: pair.certificate };
    says(&error(&files(vec![swapped])), &["a.key", "expected a certificate", "found `BEGIN PRIVATE KEY`"]);
}

#[test]
fn what_openssl_writes_is_read() {
    let (folder, signed, mut pair) = good();
    // Parameters before the key, and text around the certificate.
    let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    pair.key = folder.write("parameters.key", [parameters, &signed.key.serialize_pem()].concat());
    fs::write(&pair.certificate, format!("Certificate:\n    Data:\n\n{}", signed.certificate.pem())).unwrap();
    let (_, warnings) = Credentials::load(&files(vec![pair]), None, true).unwrap();
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn the_order_of_a_chain() {
    let (folder, root) = (Folder::new(), Authority::new("root"));
    let below = root.below("below");
    let signed = below.sign(&["relay.test"]);
    let mut pair = folder.pair("a", &signed);
    let mut chain = |parts: &[&str]| {
        pair.certificate = folder.write("chain.pem", parts.concat());
        files(vec![pair.clone()])
    };
    let (own, below, root) = (signed.certificate.pem(), below.pem(), root.pem());
    for good in [&[&*own][..], &[&own, &below], &[&own, &below, &root], &[&own, &below, &below]] {
        Credentials::load(&chain(good), None, true).unwrap();
    }
    says(
        &error(&chain(&[&own, &root, &below])),
        &["the certificate 2 in it (CN=root) has issued none of those before"],
    );
    says(&error(&chain(&[&below, &own])), &["chain.pem", "the certificate 2 in it (CN=relay.test) has issued none"]);
    says(&error(&chain(&[&below, &root])), &["do not belong together"]);
    let own_twice = CertificateDer::from_pem_slice(own.as_bytes()).unwrap();
    assert_eq!(&own_twice, signed.certificate.der());
}

#[cfg(unix)]
#[test]
fn keys_that_others_may_read() {
    let (folder, signed, mut pair) = good();
    set_mode(&pair.key, 0o644);
    let words = ["key ", "a.key", "is open to everybody (mode 0644): `chmod o= ", "`strict_key_permissions: false`"];
    says(&error(&files(vec![pair.clone()])), &words);
    let (_, warnings) = Credentials::load(&files(vec![pair.clone()]), None, false).unwrap();
    assert_eq!(warnings.len(), 1);
    says(&warnings[0], &["is open to everybody", "(`strict_key_permissions` is off)"]);
    set_mode(&pair.key, 0o640);
    set_mode(&pair.certificate, 0o644);
    Credentials::load(&files(vec![pair.clone()]), None, true).unwrap();
    // A key in the file of the certificate is one too.
    pair.certificate = folder.write("both.pem", [signed.certificate.pem(), signed.key.serialize_pem()].concat());
    set_mode(&pair.certificate, 0o644);
    says(&error(&files(vec![pair])), &["both.pem", "is open to everybody"]);
}

#[test]
fn what_clients_will_not_like_is_said_and_served() {
    let (folder, authority) = (Folder::new(), Authority::new("root"));
    let warning = |change: &dyn Fn(&mut rcgen::CertificateParams)| {
        let mut params = params(&["relay.test"]);
        change(&mut params);
        let pair = folder.pair("a", &authority.sign_params(params));
        let (_, warnings) = Credentials::load(&files(vec![pair]), None, true).unwrap();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        says(&warnings[0], &["certificate ", "a.pem"]);
        warnings[0].clone()
    };
    let expired = warning(&|params| params.not_after = (SystemTime::now() - DAY / 2).into());
    says(&expired, &["EXPIRED on ", "renew it now"]);
    let early = warning(&|params| params.not_before = (SystemTime::now() + DAY).into());
    says(&early, &["is good only from", "clock of this machine"]);
    says(&warning(&|params| params.subject_alt_names.clear()), &["no alternative names"]);
    // As public authorities write it: where the certificate of the issuer is to be had.
    let access = b"\x30\x19\x30\x17\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02\x86\x0bhttp://ca/i";
    let extension = || rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access.to_vec());
    let alone = warning(&|params| params.custom_extensions.push(extension()));
    says(&alone, &["no issuer's certificate behind it", "`fullchain.pem`"]);
}

#[test]
fn authorities_and_lists_of_clients() {
    let (folder, signed, pair) = good();
    let clients = Authority::new("clients");
    let mut files = files(vec![pair]);
    files.client_certificates = ClientCertificates::Optional;
    says(&error(&files), &["client certificates: expected the certificates of their authorities, found no file"]);
    files.client_ca = Some(folder.write("clients.pem", signed.key.serialize_pem()));
    says(&error(&files), &["authorities of clients ", "clients.pem", "found `BEGIN PRIVATE KEY`"]);
    files.client_ca = Some(folder.write("clients.pem", clients.pem()));
    let list = clients.crl(&[7], SystemTime::now() + DAY);
    let broken = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
    for (content, words) in [
        (clients.pem(), "found `BEGIN CERTIFICATE`"),
        (broken.to_owned(), "the list 1 in it: cannot be read"),
        ([&*list, broken].concat(), "the list 2 in it"),
    ] {
        files.crl = Some(folder.write("clients.crl", content));
        says(&error(&files), &["revoked certificates ", "clients.crl", words]);
    }
}
