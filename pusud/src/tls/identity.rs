//! One certificate of the relay with its key and the certificates of its issuers, checked to be a pair.
//!
//! An expired one is served, and warned about: a relay that does not start is worse for everyone than one that clients
//! refuse, and the clock of a machine that has just been switched on may be wrong.

use super::certificate::{CertificateFacts, parsed, time_in_words};
use super::contents::Content;
use super::pem::{Section, sections};
use super::provider;
use anyhow::{Context as _, anyhow, bail, ensure};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use std::sync::Arc;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS;

/// A certificate that the relay can prove to be its own.
pub(super) struct Identity {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) facts: CertificateFacts,
}

impl Identity {
    /// Makes one of a certificate's file and a key's; without `strict` a key that others may read is only warned about.
    ///
    /// # Errors
    /// Names the file, and what is wrong with it.
    pub(super) fn load(
        certificate: &Content,
        key: &Content,
        strict: bool,
        now: i64,
        warnings: &mut Vec<String>,
    ) -> anyhow::Result<Self> {
        let of_certificate = || format!("certificate {}", certificate.path.display());
        let chain = chain(certificate, strict, warnings).with_context(of_certificate)?;
        let facts = CertificateFacts::from_der(&chain[0]).with_context(of_certificate)?;
        is_in_order(&chain).with_context(of_certificate)?;
        let private = private_key(key, strict, warnings).with_context(|| format!("key {}", key.path.display()))?;
        let certified = certified(chain, private)
            .with_context(|| format!("certificate {} with key {}", certificate.path.display(), key.path.display()))?;
        let complaints = complaints(&facts, now).into_iter().chain(issuer_is_missing(&certified.cert)?);
        warnings.extend(complaints.map(|complaint| format!("{}: {complaint}", of_certificate())));
        Ok(Self { certified: Arc::new(certified), facts })
    }
}

/// The certificates in a file, the relay's own first.
fn chain(file: &Content, strict: bool, warnings: &mut Vec<String>) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let sections = sections(file.bytes()?)?;
    let labels = labels(&sections);
    if sections.iter().any(|section| matches!(section, Section::Key(_))) {
        is_private(file, strict, warnings)?;
    }
    let chain: Vec<_> = sections
        .into_iter()
        .filter_map(|section| match section {
            Section::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    ensure!(!chain.is_empty(), "expected a certificate (`BEGIN CERTIFICATE`), found {labels}");
    Ok(chain)
}

fn private_key(file: &Content, strict: bool, warnings: &mut Vec<String>) -> anyhow::Result<PrivateKeyDer<'static>> {
    let sections = sections(file.bytes()?)?;
    let labels = labels(&sections);
    is_private(file, strict, warnings)?;
    let mut keys = Vec::new();
    for section in sections {
        match section {
            Section::Key(key) => keys.push(key),
            Section::EncryptedKey => bail!(
                "is encrypted, and there is nobody to ask for the passphrase: write it without one with `openssl pkey -in \
                 … -out …`, readable for the daemon's user alone"
            ),
            _ => {}
        }
    }
    match keys.len() {
        1 => Ok(keys.remove(0)),
        0 => bail!("expected a private key (`BEGIN PRIVATE KEY`), found {labels}"),
        more => bail!("expected one private key, found {more}"),
    }
}

/// What a file has, for messages.
pub(super) fn labels(sections: &[Section]) -> String {
    let mut labels: Vec<&str> = sections.iter().map(Section::label).collect();
    labels.dedup();
    match labels.as_slice() {
        [] => "no PEM at all".to_owned(),
        labels => labels.iter().map(|label| format!("`BEGIN {label}`")).collect::<Vec<_>>().join(", "),
    }
}

/// # Errors
/// Others may read the file, and that is not let through.
fn is_private(file: &Content, strict: bool, warnings: &mut Vec<String>) -> anyhow::Result<()> {
    let Some(others) = &file.open_to_others else { return Ok(()) };
    ensure!(!strict, "{others}, or set `strict_key_permissions: false` if that is as it should be");
    let warning = format!("key {} {others} (`strict_key_permissions` is off)", file.path.display());
    // A file with both is read twice.
    if !warnings.contains(&warning) {
        warnings.push(warning);
    }
    Ok(())
}

/// Each certificate behind the first one has issued one of those before it.
fn is_in_order(chain: &[CertificateDer<'_>]) -> anyhow::Result<()> {
    let mut issuers: Vec<Vec<u8>> = Vec::new();
    for (at, der) in chain.iter().enumerate() {
        let certificate = parsed(der).with_context(|| format!("the certificate {} in it", at + 1))?;
        let subject = certificate.subject().as_raw();
        if at > 0 && !issuers.iter().any(|issuer| issuer == subject) {
            bail!(
                "the certificate {} in it ({}) has issued none of those before it: the relay's own comes first, and each is \
                 followed by its issuer's",
                at + 1,
                CertificateFacts::from_der(der)?.subject
            );
        }
        issuers.push(certificate.issuer().as_raw().to_vec());
    }
    Ok(())
}

fn certified(chain: Vec<CertificateDer<'static>>, private: PrivateKeyDer<'static>) -> anyhow::Result<CertifiedKey> {
    let key = provider().key_provider.load_private_key(private).map_err(|error| {
        anyhow!(
            "the key cannot be used ({error}): ECDSA (P-256, P-384, P-521), Ed25519 and RSA from 2048 bits on can, and \
             `openssl pkey -in … -noout -text` shows what it is"
        )
    })?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) => Ok(certified),
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            let of_another =
                certified.cert.iter().skip(1).position(|other| {
                    CertifiedKey::new(vec![other.clone()], certified.key.clone()).keys_match().is_ok()
                });
            match of_another {
                Some(at) => bail!("the key belongs to the certificate {} in the file, which has to come first", at + 2),
                None => bail!("they do not belong together: the key is that of another certificate"),
            }
        }
        Err(error) => bail!("the certificate cannot be served: {error}"),
    }
}

/// What clients will not like about it.
fn complaints(facts: &CertificateFacts, now: i64) -> Vec<String> {
    let mut complaints = Vec::new();
    if now > facts.not_after {
        complaints.push(format!("EXPIRED on {}: clients refuse it, renew it now", time_in_words(facts.not_after)));
    } else if now < facts.not_before {
        complaints.push(format!(
            "is good only from {} on: clients refuse it until then, or the clock of this machine is wrong",
            time_in_words(facts.not_before)
        ));
    }
    if facts.names.dns.is_empty() && facts.names.ip.is_empty() {
        complaints.push("has no alternative names (subjectAltName), so clients refuse it for every name".to_owned());
    }
    complaints
}

/// Whether an authority that others have to fetch issued it, and its certificate is not there: half of the clients cannot.
fn issuer_is_missing(chain: &[CertificateDer<'_>]) -> anyhow::Result<Option<String>> {
    let certificate = parsed(&chain[0])?;
    let says_where = certificate.iter_extensions().any(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => access.iter().any(|description| {
            description.access_method == OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS
                && matches!(description.access_location, GeneralName::URI(_))
        }),
        _ => false,
    });
    let is_missing = chain.len() == 1 && says_where && certificate.subject() != certificate.issuer();
    Ok(is_missing.then(|| {
        "has no issuer's certificate behind it, which many clients need: serve the whole chain (of certbot \
         `fullchain.pem`, not `cert.pem`)"
            .to_owned()
    }))
}
