//! Arguments about certificates: what is trusted, and what the client shows.

use super::note;
use super::relay_url::RelayUrl;
use anyhow::bail;
use pusud::tls;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(super) struct TlsArgs {
    /// With wss://: trust the certificates in this file (PEM), and no others [default: what the system trusts]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// With wss://: the certificate to show to the relay (PEM), and those between it and its authority
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// With wss://: the private key of that certificate (PEM), in a file that only you may read
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
}

impl TlsArgs {
    /// The first flag that was given.
    pub(super) fn flag(&self) -> Option<&'static str> {
        let given = [(self.ca.is_some(), "--ca"), (self.cert.is_some(), "--cert"), (self.key.is_some(), "--key")];
        given.into_iter().find_map(|(given, flag)| given.then_some(flag))
    }

    /// What speaks TLS with the relay; `None` where its URL says that it is not spoken.
    ///
    /// # Errors
    /// A file cannot be used, or there is one and no TLS.
    pub(super) fn client(&self, url: &RelayUrl) -> anyhow::Result<Option<tls::Client>> {
        let Some(host) = url.tls_host() else {
            if let Some(flag) = self.flag() {
                bail!(
                    "{flag} is about TLS, and --url {} is without: use wss://HOST:PORT, or leave {flag} out",
                    url.name
                );
            }
            return Ok(None);
        };
        let identity = self.cert.as_deref().zip(self.key.as_deref());
        if let Some((_, key)) = identity {
            warn_of_readers(key);
        }
        tls::Client::new(host, &tls::ClientFiles { ca: self.ca.as_deref(), identity }).map(Some)
    }
}

/// Warns of a private key that is none.
#[cfg(unix)]
fn warn_of_readers(key: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    const GROUP_AND_OTHERS: u32 = 0o044;
    // One that cannot be looked at cannot be read either, which is an error with a name.
    let Ok(metadata) = std::fs::metadata(key) else { return };
    if metadata.permissions().mode() & GROUP_AND_OTHERS != 0 {
        let key = key.display();
        note(format_args!("warning: --key {key}: other users may read this private key; `chmod 600 {key}` ends that"));
    }
}

/// Elsewhere files have no such permissions.
#[cfg(not(unix))]
fn warn_of_readers(_key: &Path) {}
