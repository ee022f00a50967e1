//! The clients that are let in with a certificate: by which authorities, and which of them are revoked.
//!
//! A list of revoked certificates that is out of date lets nobody in: its authority has said that it is not to be relied on
//! any longer, and who has stolen a key would only have to hinder that the list is renewed. It is warned about from the
//! start, and the relay serves all others. A certificate by an authority without a list is refused for the same reason.

use super::certificate::{CertificateFacts, parsed, time_in_words};
use super::contents::{Content, Contents};
use super::files::ClientCertificates;
use super::identity::labels;
use super::name::distinguished_name;
use super::pem::{Section, sections};
use super::provider;
use anyhow::{Context as _, anyhow, ensure};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

/// Whom to let in.
pub(super) struct ClientTrust {
    /// None where clients are not asked for certificates.
    pub(super) verifier: Option<Arc<dyn ClientCertVerifier>>,
    pub(super) crls: Vec<CrlFacts>,
    /// A digest of all that decides.
    pub(super) digest: [u8; 32],
}

/// The facts of a list of revoked certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlFacts {
    /// By RFC 4514.
    pub issuer: String,
    /// When it was made, in Unix seconds.
    pub this_update: i64,
    /// When it is out of date, in Unix seconds.
    pub next_update: i64,
    /// Certificates in it.
    pub revoked: usize,
}

impl CrlFacts {
    /// Whether the next list should have come by `now` (Unix seconds), so that nobody is let in by this one.
    pub fn is_out_of_date(&self, now: i64) -> bool {
        now > self.next_update
    }
}

impl ClientTrust {
    /// # Errors
    /// Names the file, and what is wrong with it.
    pub(super) fn load(
        mode: ClientCertificates,
        contents: &Contents,
        now: i64,
        warnings: &mut Vec<String>,
    ) -> anyhow::Result<Self> {
        let mut digest = Sha256::new_with_prefix([mode as u8]);
        if mode == ClientCertificates::Off {
            let unused = contents.client_ca.iter().chain(&contents.crl);
            warnings
                .extend(unused.map(|file| {
                    format!("{} is not used: clients are not asked for certificates", file.path.display())
                }));
            return Ok(Self { verifier: None, crls: Vec::new(), digest: digest.finalize().into() });
        }
        let file = contents.client_ca.as_ref();
        let file =
            file.context("client certificates: expected the certificates of their authorities, found no file")?;
        let authorities = authorities(file, ("clients", "let in"), now, warnings)
            .with_context(|| format!("authorities of clients {}", file.path.display()))?;
        let lists = match &contents.crl {
            Some(file) => lists(file, &authorities, now, warnings)
                .with_context(|| format!("revoked certificates {}", file.path.display()))?,
            None => Vec::new(),
        };
        for der in authorities.iter().map(AsRef::as_ref).chain(lists.iter().map(|(list, _)| list.as_ref())) {
            digest.update((der.len() as u64).to_be_bytes());
            digest.update(der);
        }
        let (lists, crls): (Vec<_>, Vec<_>) = lists.into_iter().unzip();
        let verifier = verifier(mode, authorities, lists)
            .with_context(|| format!("authorities of clients {}", file.path.display()))?;
        Ok(Self { verifier: Some(verifier), crls, digest: digest.finalize().into() })
    }
}

fn verifier(
    mode: ClientCertificates,
    authorities: Vec<CertificateDer<'static>>,
    lists: Vec<CertificateRevocationListDer<'static>>,
) -> anyhow::Result<Arc<dyn ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    for (at, authority) in authorities.into_iter().enumerate() {
        roots.add(authority).map_err(|error| anyhow!("the certificate {} in it cannot be used: {error}", at + 1))?;
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    if !lists.is_empty() {
        builder = builder.with_crls(lists).enforce_revocation_expiration();
    }
    if mode == ClientCertificates::Optional {
        builder = builder.allow_unauthenticated();
    }
    Ok(builder.build()?)
}

/// The certificates in a file with authorities of `whom`, who are dealt with so whatever the date (`all_the_same`).
pub(super) fn authorities(
    file: &Content,
    (whom, all_the_same): (&str, &str),
    now: i64,
    warnings: &mut Vec<String>,
) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let sections = sections(file.bytes()?)?;
    let labels = labels(&sections);
    let mut authorities = Vec::new();
    for section in sections {
        let Section::Certificate(der) = section else { continue };
        let number = authorities.len() + 1;
        let facts = CertificateFacts::from_der(&der).with_context(|| format!("the certificate {number} in it"))?;
        if !facts.is_valid_at(now) {
            warnings.push(format!(
                "authorities of {whom} {}: the certificate {number} in it ({}) is good from {} to {}, and its {whom} are \
                 {all_the_same} all the same",
                file.path.display(),
                facts.subject,
                time_in_words(facts.not_before),
                time_in_words(facts.not_after)
            ));
        }
        authorities.push(der);
    }
    ensure!(!authorities.is_empty(), "expected certificates of authorities (`BEGIN CERTIFICATE`), found {labels}");
    Ok(authorities)
}

/// The lists with their facts, the newest first: of two by one authority the first one counts.
fn lists(
    file: &Content,
    authorities: &[CertificateDer<'_>],
    now: i64,
    warnings: &mut Vec<String>,
) -> anyhow::Result<Vec<(CertificateRevocationListDer<'static>, CrlFacts)>> {
    let sections = sections(file.bytes()?)?;
    let labels = labels(&sections);
    let mut lists = Vec::new();
    let mut issuers = Vec::new();
    for section in sections {
        let Section::Crl(der) = section else { continue };
        let number = lists.len() + 1;
        let (issuer, facts) = crl_facts(&der).with_context(|| format!("the list {number} in it"))?;
        // Alone, so that an error says which.
        let alone = WebPkiClientVerifier::builder_with_provider(Arc::new(roots_of(authorities)?), provider());
        alone
            .with_crls([der.clone()])
            .build()
            .map_err(|error| anyhow!("the list {number} in it ({}) cannot be used: {error}", facts.issuer))?;
        if facts.is_out_of_date(now) {
            warnings.push(format!(
                "revoked certificates {}: the list by {} is OUT OF DATE since {}: all clients with certificates by this \
                 authority are refused until there is a new one",
                file.path.display(),
                facts.issuer,
                time_in_words(facts.next_update)
            ));
        }
        issuers.push(issuer);
        lists.push((der, facts));
    }
    ensure!(!lists.is_empty(), "expected lists of revoked certificates (`BEGIN X509 CRL`), found {labels}");
    for authority in authorities {
        let authority = parsed(authority)?;
        if !issuers.iter().any(|issuer| issuer == authority.subject().as_raw()) {
            warnings.push(format!(
                "revoked certificates {}: there is no list by {}, so all clients with certificates by this authority are \
                 refused",
                file.path.display(),
                distinguished_name(authority.subject())
            ));
        }
    }
    lists.sort_by_key(|(_, facts)| std::cmp::Reverse(facts.this_update));
    Ok(lists)
}

fn roots_of(authorities: &[CertificateDer<'_>]) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority.clone().into_owned())?;
    }
    Ok(roots)
}

/// The issuer as it is encoded, and the facts.
fn crl_facts(der: &[u8]) -> anyhow::Result<(Vec<u8>, CrlFacts)> {
    let (_, list) = CertificateRevocationList::from_der(der).map_err(|error| anyhow!("cannot be read: {error}"))?;
    let next_update = list.next_update().context("does not say when the next one comes (nextUpdate)")?;
    let facts = CrlFacts {
        issuer: distinguished_name(list.issuer()),
        this_update: list.last_update().timestamp(),
        next_update: next_update.timestamp(),
        revoked: list.iter_revoked_certificates().count(),
    };
    Ok((list.issuer().as_raw().to_vec(), facts))
}
