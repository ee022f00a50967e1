//! A listener's credentials: everything that a handshake needs, read from its files at one moment and checked as one.
//!
//! **Invariant:** they never change; files that did make new ones.

use super::certificate::{CertificateFacts, KeyKind, time_in_words, unix_now};
use super::client_trust::{ClientTrust, CrlFacts};
use super::contents::Contents;
use super::files::{ClientCertificates, Files};
use super::identity::Identity;
use super::provider;
use super::resolver::Resolver;
use super::tickets::{TicketSecret, tickets};
use anyhow::{Context as _, ensure};
use rustls::pki_types::UnixTime;
use rustls::server::NoServerSessionStorage;
use rustls::server::danger::ClientCertVerifier;
use rustls::{CommonState, HandshakeKind, ServerConfig};
use std::sync::Arc;

/// The only protocol inside of TLS. A client that names others alone is refused, and one that names none is served.
const ALPN: &[u8] = b"http/1.1";

/// What a listener proves itself with, and whom it lets in.
pub struct Credentials {
    config: Arc<ServerConfig>,
    certificates: Vec<CertificateFacts>,
    crls: Vec<CrlFacts>,
    /// None where clients are not asked for certificates.
    verifier: Option<Arc<dyn ClientCertVerifier>>,
}

impl Credentials {
    /// Reads all files and checks them. What is served all the same comes back as warnings, a sentence each.
    ///
    /// With `tickets` sessions are resumed wherever that secret is known, else by this process alone. With `strict` a key
    /// that others may read is refused.
    ///
    /// # Errors
    /// Names the file, what is wrong with it, and the way out.
    pub fn load(files: &Files, tickets: Option<&TicketSecret>, strict: bool) -> anyhow::Result<(Self, Vec<String>)> {
        Self::of(&Contents::read(files), files.client_certificates, tickets, strict)
    }

    /// As [`load`](Self::load), of files that have been read.
    pub(super) fn of(
        contents: &Contents,
        mode: ClientCertificates,
        secret: Option<&TicketSecret>,
        strict: bool,
    ) -> anyhow::Result<(Self, Vec<String>)> {
        ensure!(!contents.pairs.is_empty(), "expected a certificate and its key, found none");
        let (now, mut warnings) = (unix_now(), Vec::new());
        let pairs = contents.pairs.iter();
        let identities = pairs
            .map(|(certificate, key)| Identity::load(certificate, key, strict, now, &mut warnings))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let trust = ClientTrust::load(mode, contents, now, &mut warnings)?;
        let config = server_config(&identities, &trust, secret)?;
        let certificates = identities.into_iter().map(|identity| identity.facts).collect();
        let config = Arc::new(config);
        Ok((Self { config, certificates, crls: trust.crls, verifier: trust.verifier }, warnings))
    }

    /// For handshakes.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    /// The facts of each certificate, in the order of the pairs.
    pub fn facts(&self) -> &[CertificateFacts] {
        &self.certificates
    }

    /// The facts of each list of revoked certificates.
    pub fn crls(&self) -> &[CrlFacts] {
        &self.crls
    }

    /// The certificate that the client of a finished handshake has shown, if any.
    ///
    /// A session that was resumed has the certificate of the one before it, which the handshake does not check again. So it
    /// is checked here: it may have expired since, and with a new ticket in every session nobody would ever look again.
    ///
    /// # Errors
    /// It is not good any longer, or nothing can be read in it: the client has to be refused.
    pub fn client_certificate(&self, session: &CommonState) -> anyhow::Result<Option<CertificateFacts>> {
        let chain = session.peer_certificates().unwrap_or_default();
        let Some((certificate, issuers)) = chain.split_first() else {
            let is_required = self.verifier.as_ref().is_some_and(|verifier| verifier.client_auth_mandatory());
            ensure!(!is_required, "the client has shown no certificate");
            return Ok(None);
        };
        if session.handshake_kind() == Some(HandshakeKind::Resumed) {
            let verifier = self.verifier.as_ref().context("clients are not asked for certificates any longer")?;
            verifier
                .verify_client_cert(certificate, issuers, UnixTime::now())
                .context("the certificate of the resumed session")?;
        }
        CertificateFacts::from_der(certificate).map(Some)
    }

    /// Advice about what is good and costs more than it has to, a sentence each; for `check`.
    pub fn advice(&self) -> Vec<String> {
        let advice = |facts: &CertificateFacts| match &facts.key {
            KeyKind::Rsa(_) => Some(format!(
                "the certificate of {} has a key of {}: each handshake takes about 4 times the CPU of one with ECDSA P-256 \
                 (386 us against 99 us), so that 10 000 clients that come back at once take about 4 s of a core and not 1.5 s",
                facts.label(),
                facts.key
            )),
            KeyKind::Ed25519 => Some(format!(
                "the certificate of {} has a key of Ed25519, which browsers do not know: ECDSA P-256 is known everywhere",
                facts.label()
            )),
            KeyKind::Ecdsa(_) | KeyKind::Other(_) => None,
        };
        self.certificates.iter().filter_map(advice).collect()
    }

    /// What is out of date at `now` (Unix seconds): a certificate, or a list of revoked ones.
    pub(super) fn out_of_date(&self, files: &Files, now: i64) -> Option<String> {
        let mut certificates = self.certificates.iter().zip(&files.pairs).filter(|(facts, _)| !facts.is_valid_at(now));
        if let Some((facts, pair)) = certificates.next() {
            return Some(format!(
                "certificate {}: is good only from {} to {}",
                pair.certificate.display(),
                time_in_words(facts.not_before),
                time_in_words(facts.not_after)
            ));
        }
        let crl = self.crls.iter().find(|crl| crl.is_out_of_date(now))?;
        let file = files.crl.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
        let since = time_in_words(crl.next_update);
        Some(format!("revoked certificates {file}: the list by {} is out of date since {since}", crl.issuer))
    }

    /// When the first of the certificates expires, in Unix seconds.
    pub(super) fn first_end(&self) -> i64 {
        self.certificates.iter().map(|facts| facts.not_after).min().expect("there is a certificate at least")
    }
}

fn server_config(
    identities: &[Identity],
    trust: &ClientTrust,
    secret: Option<&TicketSecret>,
) -> anyhow::Result<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .context("the crypto provider lacks a suite")?;
    let builder = match &trust.verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier.clone()),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(Resolver::new(identities)));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.ticketer = tickets(secret, &trust.digest).context("no keys for tickets")?;
    // Each costs about 5 us of the handshake, and a client keeps the newest.
    config.send_tls13_tickets = 1;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    // What is sent before the handshake is done could be sent again by anybody.
    config.max_early_data_size = 0;
    // The provider's first suite is the cheapest per message, which counts for a relay with very many listeners.
    config.ignore_client_order = true;
    Ok(config)
}
