//! The files of a client: certificates to trust, its own certificate, and its private key, all in PEM.
//!
//! **Invariant:** nothing of a key's file is in an error.

use super::Terms;
use anyhow::{Context as _, anyhow, bail, ensure};
use rustls::RootCertStore;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use zeroize::Zeroizing;

/// The largest file, in bytes: all that browsers trust take less.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Certificates to trust.
pub(super) struct Roots {
    pub(super) store: RootCertStore,
    /// Those of a file; those of the system are too many to be looked through.
    pub(super) named: Vec<CertificateDer<'static>>,
}

/// Trusts the certificates in a file, and nothing else.
pub(super) fn roots(file: &Path, terms: &Terms) -> anyhow::Result<Roots> {
    let shown = format!("{} {}", terms.ca, file.display());
    let named = certificates(file).with_context(|| shown.clone())?;
    let mut store = RootCertStore::empty();
    for (at, certificate) in named.iter().enumerate() {
        let added = store.add(certificate.clone());
        added.map_err(|error| anyhow!("{shown}: certificate {} cannot be used: {error}", at + 1))?;
    }
    Ok(Roots { store, named })
}

/// Trusts what the system trusts.
pub(super) fn system_roots(terms: &Terms) -> anyhow::Result<Roots> {
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    // Systems carry certificates that are too old to be understood, and trust in them is not needed.
    let (added, _) = store.add_parsable_certificates(found.certs);
    if added == 0 {
        let why = found.errors.first().map_or_else(String::new, |error| format!(" ({error})"));
        bail!(
            "{} needs certificates to trust, and this system has none{why}: install its package of CA certificates \
             (ca-certificates), or name a file of your own with {} FILE",
            terms.encrypted,
            terms.ca
        );
    }
    Ok(Roots { store, named: Vec::new() })
}

/// The client's certificate, and the chain behind it.
pub(super) fn chain(file: &Path, terms: &Terms) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    certificates(file).with_context(|| format!("{} {}", terms.certificate, file.display()))
}

/// The client's private key.
pub(super) fn key(file: &Path, terms: &Terms) -> anyhow::Result<PrivateKeyDer<'static>> {
    let found = read(file).and_then(|pem| {
        PrivateKeyDer::from_pem_slice(&pem).map_err(|error| match error {
            PemError::NoItemsFound if contains(&pem, b"BEGIN ENCRYPTED PRIVATE KEY") => anyhow!(
                "the private key is encrypted: decrypt it into a file that only you may read, with `openssl pkey -in \
                 FILE -out OTHER`"
            ),
            PemError::NoItemsFound => {
                anyhow!("expected a private key in PEM format (-----BEGIN PRIVATE KEY-----), found none")
            }
            _ => anyhow!("expected a private key in PEM format, found something that cannot be read as one"),
        })
    });
    found.with_context(|| format!("{} {}", terms.key, file.display()))
}

fn certificates(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let pem = read(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|error| anyhow!("a certificate in it is not in PEM format: {error}"))?;
    ensure!(
        !found.is_empty(),
        "expected certificates in PEM format (-----BEGIN CERTIFICATE-----), found none{}",
        if contains(&pem, b"PRIVATE KEY-----") { ", but a private key" } else { "" }
    );
    Ok(found)
}

fn read(file: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = File::open(file).and_then(|open| open.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    let read = read.map_err(|error: io::Error| anyhow!("cannot be read: {error}"))?;
    ensure!(read as u64 <= FILE_BYTES_MAX, "expected a file of at most {FILE_BYTES_MAX} bytes, found a longer one");
    Ok(bytes)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Files, authority, params};
    use super::super::{Client, ClientFiles};
    use rcgen::KeyPair;

    #[test]
    fn files_that_cannot_be_used_are_named_with_the_reason() {
        let ca = authority("a");
        let key = KeyPair::generate().unwrap();
        let certificate = params("c", &[]).signed_by(&key, &ca).unwrap().pem();
        let key = key.serialize_pem();
        let secret = key.lines().nth(1).unwrap();
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        let (broken, cut) = (key.replace('M', "?"), certificate.replace("-----END", "-----THE"));
        let files = Files::new(&[
            ("cert", &certificate),
            ("key", &key),
            ("other key", &KeyPair::generate().unwrap().serialize_pem()),
            ("encrypted", &encrypted),
            ("broken", &broken),
            ("cut", &cut),
            ("empty", ""),
            ("long", &" ".repeat(1024 * 1024 + 1)),
        ]);
        for (ca, cert, key, expected) in [
            ("nowhere", "cert", "key", &["--ca ", "nowhere", "cannot be read"][..]),
            ("empty", "cert", "key", &["--ca ", "expected certificates in PEM format", "found none"]),
            ("key", "cert", "key", &["--ca ", "found none, but a private key"]),
            ("long", "cert", "key", &["--ca ", "at most 1048576 bytes"]),
            ("cut", "cert", "key", &["--ca ", "not in PEM format"]),
            ("cert", "key", "key", &["--cert ", "found none, but a private key"]),
            ("cert", "cert", "cert", &["--key ", "expected a private key in PEM format", "found none"]),
            ("cert", "cert", "encrypted", &["--key ", "is encrypted", "openssl pkey"]),
            ("cert", "cert", "broken", &["--key ", "cannot be read as one"]),
            ("cert", "cert", "other key", &["--key ", "does not belong to the certificate in --cert "]),
        ] {
            let (ca, cert, key) = (files.path(ca), files.path(cert), files.path(key));
            let files = ClientFiles { ca: Some(&ca), identity: Some((&cert, &key)) };
            let error = format!("{:#}", Client::new("localhost", &files).err().unwrap());
            assert!(expected.iter().all(|part| error.contains(part)), "{expected:?} gave: {error}");
            assert!(!error.contains(secret), "{error}");
        }
        let ca = files.path("cert");
        let error = Client::new("a..b", &ClientFiles { ca: Some(&ca), identity: None }).err().unwrap().to_string();
        assert!(error.contains("expected a DNS name or an IP address as host, found \"a..b\""), "{error}");
    }
}
