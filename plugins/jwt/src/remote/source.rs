//! A source of keys: the address of a key set, or an issuer that says where its key set is (OpenID Connect Discovery 1.0).
//!
//! **Invariant:** what an issuer's document says is believed only if it says that it is this issuer's (section 4.3).

use super::address::Address;
use super::fetch::{Document, fetch};
use crate::members::Members;
use pusu_plugin_api::{CreateError, Host};
use shared_https::{Names, Trust, Trusted};
use std::path::PathBuf;
use std::time::Duration;

/// Where an issuer's document is, below the issuer.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// Where keys are fetched from.
pub(crate) struct Source {
    pub(super) place: Place,
    /// `None`: what the machine trusts.
    pub(crate) ca_file: Option<PathBuf>,
    /// How long keys hold that cannot be fetched again.
    pub(crate) max_age: Duration,
}

/// What is fetched.
#[derive(Clone, PartialEq)]
pub(super) enum Place {
    /// A key set.
    Url(Address),
    /// An issuer's document, and the key set that it names.
    Issuer { issuer: String, document: Address },
}

impl Source {
    /// The key set at this URL.
    ///
    /// # Errors
    /// It is none that is over TLS.
    pub(crate) fn url(url: &str, ca_file: Option<PathBuf>, max_age: Duration) -> Result<Self, String> {
        Ok(Self { place: Place::Url(Address::parse(url)?), ca_file, max_age })
    }

    /// The key set of this issuer.
    ///
    /// # Errors
    /// It is no URL that is over TLS, or has a query.
    pub(crate) fn issuer(issuer: &str, ca_file: Option<PathBuf>, max_age: Duration) -> Result<Self, String> {
        if issuer.contains(['?', '#']) {
            return Err("expected the URL of an issuer, without a query, found one with `?` or `#`".to_owned());
        }
        if issuer.ends_with(WELL_KNOWN) {
            return Err(format!(
                "expected the issuer itself, as it stands in `iss`, found the address of its document; remove `{WELL_KNOWN}`"
            ));
        }
        let document = Address::parse(&format!("{}{WELL_KNOWN}", issuer.trim_end_matches('/')))?;
        Ok(Self { place: Place::Issuer { issuer: issuer.to_owned(), document }, ca_file, max_age })
    }

    /// The option that names it.
    pub(crate) fn option(&self) -> &'static str {
        match self.place {
            Place::Url(_) => "jwt_jwks_url",
            Place::Issuer { .. } => "jwt_oidc_issuer",
        }
    }

    /// Host and port, for errors and logs.
    pub(crate) fn shown(&self) -> String {
        match &self.place {
            Place::Url(address) | Place::Issuer { document: address, .. } => address.shown(),
        }
    }

    /// Whether the certificates can be read that are trusted; asks nobody.
    ///
    /// # Errors
    /// They cannot.
    pub(crate) fn check(&self, host: &Host) -> Result<(), CreateError> {
        Trust::check(self.ca_file.as_deref(), self.server(), self.names(), host)
    }

    /// Begins to watch whom to trust.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub(super) fn trust(&mut self, host: &Host) -> Result<Trust, CreateError> {
        Trust::open(self.ca_file.take(), self.server(), self.names(), host)
    }

    fn names(&self) -> Names {
        // An issuer's document may lead to another host.
        Names { url: self.option(), ca_file: "jwt_jwks_ca_file", address: "its address" }
    }

    /// The host that is asked first.
    fn server(&self) -> &str {
        match &self.place {
            Place::Url(address) | Place::Issuer { document: address, .. } => &address.0.host,
        }
    }

    /// Fetches the key set, not looked at yet.
    ///
    /// # Errors
    /// What went wrong, for the log.
    pub(super) async fn fetch(&self, trust: &Trust, trusted: &Trusted) -> Result<Document, String> {
        match &self.place {
            Place::Url(address) => fetch(address, trust, trusted).await,
            Place::Issuer { issuer, document } => {
                let found = fetch(document, trust, trusted).await?;
                let keys = key_set_of(&found.content, issuer).map_err(|why| format!("{}: {why}", document.shown()))?;
                fetch(&keys, trust, trusted).await
            }
        }
    }
}

/// The address of the key set that an issuer's document names.
fn key_set_of(document: &[u8], issuer: &str) -> Result<Address, String> {
    const EXPECTED: &str = "expected the document of an OpenID issuer";
    let members = Members::parse(document).map_err(|_| format!("{EXPECTED}, found something else"))?;
    match members.read::<String>("issuer") {
        Ok(Some(found)) if found == issuer => {}
        Ok(Some(_)) => {
            return Err(format!(
                "{EXPECTED} `{}`, found that of another one; `jwt_oidc_issuer` has to be written as the issuer writes \
                 itself, also as to a `/` at its end",
                issuer.escape_debug()
            ));
        }
        Ok(None) | Err(_) => return Err(format!("{EXPECTED}, found one without `issuer`")),
    }
    match members.read::<String>("jwks_uri") {
        Ok(Some(url)) => Address::parse(&url).map_err(|why| format!("`jwks_uri` of its document: {why}")),
        Ok(None) | Err(_) => Err(format!("{EXPECTED}, found one without `jwks_uri`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_believed_about_its_own_issuer_alone() {
        let of = |document: &str| key_set_of(document.as_bytes(), "https://id.example.com/");
        let good = r#"{"issuer":"https://id.example.com/","jwks_uri":"https://keys.example.com/set"}"#;
        assert_eq!(of(good).unwrap().shown(), "keys.example.com:443");
        for (document, wanted) in [
            ("<html>canary</html>", "found something else"),
            (r#"{"jwks_uri":"https://canary/"}"#, "without `issuer`"),
            (r#"{"issuer":7,"jwks_uri":"https://canary/"}"#, "without `issuer`"),
            (r#"{"issuer":"https://id.example.com","jwks_uri":"https://canary/"}"#, "a `/` at its end"),
            (r#"{"issuer":"https://id.example.com/"}"#, "without `jwks_uri`"),
            (r#"{"issuer":"https://id.example.com/","jwks_uri":"http://canary/"}"#, "found none with https://"),
            (r#"{"issuer":"a","issuer":"https://id.example.com/","jwks_uri":"https://b/"}"#, "found something else"),
        ] {
            let error = of(document).unwrap_err();
            assert!(error.contains(wanted) && !error.contains("canary"), "{document}: {error}");
        }
    }

    #[test]
    fn issuers_are_written_as_they_write_themselves() {
        let of = |issuer: &str| Source::issuer(issuer, None, Duration::ZERO);
        let Ok(Source { place: Place::Issuer { document, .. }, .. }) = of("https://id.example.com/realms/a/") else {
            panic!("a good issuer is refused")
        };
        assert_eq!(document.0.target.to_string(), "/realms/a/.well-known/openid-configuration");
        for (issuer, wanted) in [
            ("http://id.example.com", "found none with https://"),
            ("https://id.example.com/?a", "without a query"),
            ("https://id.example.com/.well-known/openid-configuration", "remove `/.well-known"),
        ] {
            let error = of(issuer).err().unwrap();
            assert!(error.contains(wanted), "{issuer}: {error}");
        }
    }
}
