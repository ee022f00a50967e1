//! A listener's credentials: everything that a handshake needs, read from its files at one moment and checked as one.
//!
//! **Invariant:** they never change; files that did make new ones.

use super::certificate::{CertificateFacts, unix_now};
use super::client_trust::{ClientTrust, CrlFacts};
use super::contents::Contents;
use super::files::{ClientCertificates, Files};
use super::identity::Identity;
use super::provider;
use super::resolver::Resolver;
use super::tickets::{TicketSecret, tickets};
use anyhow::{Context as _, ensure};
use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;
use std::sync::Arc;

/// The only protocol inside of TLS. A client that names others alone is refused, and one that names none is served.
const ALPN: &[u8] = b"http/1.1";

/// What a listener proves itself with, and whom it lets in.
pub struct Credentials {
    config: Arc<ServerConfig>,
    certificates: Vec<CertificateFacts>,
    crls: Vec<CrlFacts>,
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
        Ok((Self { config: Arc::new(config), certificates, crls: trust.crls }, warnings))
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
