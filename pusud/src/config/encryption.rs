//! The encryption of links between relays, as the settings ask for it.
//!
//! Says what is wanted and what that needs; how links are encrypted stands elsewhere.

use super::Config;
use anyhow::bail;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// `network_tls`: certificates of the operator's own, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkTls {
    /// This relay's certificate, and those between it and the authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authority, or several.
    pub ca: PathBuf,
}

impl NetworkTls {
    /// The same files, whose relative paths start at `directory`.
    pub(super) fn in_directory(self, directory: &Path) -> Self {
        let Self { certificate, key, ca } = self;
        Self { certificate: directory.join(certificate), key: directory.join(key), ca: directory.join(ca) }
    }
}

/// `network_encryption`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Links are not encrypted.
    Off,
    /// Links are encrypted with relays that can, and with others they are not.
    Preferred,
    /// Relays that cannot encrypt are refused.
    Required,
}

impl fmt::Display for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Preferred => "preferred",
            Self::Required => "required",
        })
    }
}

/// What is meant where this was written, if anything. `has_proof`: relays prove to each other who they are, by a key or
/// certificates.
pub(super) fn resolve(written: Option<Encryption>, has_proof: bool) -> Encryption {
    written.unwrap_or(if has_proof { Encryption::Preferred } else { Encryption::Off })
}

/// Checks that what is asked for can be had.
///
/// # Errors
/// The other side would be anybody, which is not what was asked for.
pub(super) fn check(encryption: Encryption, has_proof: bool) -> anyhow::Result<()> {
    if encryption == Encryption::Required && !has_proof {
        bail!(
            "`network_encryption`: `required` needs `network_key_file` (or `network_tls`), since without a key a link is \
             encrypted with whoever answers: make a key with `openssl rand -hex 32` and name its file on every relay, or \
             remove `network_encryption`"
        );
    }
    Ok(())
}

/// What is allowed but probably not meant, of a relay that has others in its list.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    if config.relays.is_empty() {
        return Vec::new();
    }
    let (has_key, has_certificates) = (config.network_key_file.is_some(), config.network_tls.is_some());
    let encryption = config.network_encryption;
    let mut warnings: Vec<String> =
        warning(encryption, has_key, has_certificates).into_iter().map(str::to_owned).collect();
    let are_all_certified = has_certificates && encryption == Encryption::Required;
    if !has_key && !are_all_certified && !config.network_address.to_canonical().is_loopback() {
        warnings.push(format!(
            "`relays` without `network_key_file`: whoever reaches {} may publish and listen on every channel as a relay; set \
             a key, and let a firewall admit nobody but the relays",
            SocketAddr::new(config.network_address, config.network_port)
        ));
    }
    warnings
}

fn warning(encryption: Encryption, has_key: bool, has_certificates: bool) -> Option<&'static str> {
    match (encryption, has_key, has_certificates) {
        (Encryption::Off, _, true) => {
            Some("`network_tls` has no effect with `network_encryption: off`: links to other relays are not encrypted")
        }
        (Encryption::Off, true, false) => Some(
            "`network_encryption: off`: links to other relays are not encrypted, and whoever can change packets on their way can \
             change messages; remove it",
        ),
        (Encryption::Preferred, false, true) => Some(
            "`network_tls` without `network_key_file`: relays without certificates are linked too, which may be anybody; set \
             `network_encryption: required` when all relays have certificates",
        ),
        (Encryption::Preferred, false, false) => Some(
            "`network_encryption: preferred` without `network_key_file`: links are encrypted with whoever answers, which keeps \
             out those who only listen; set a key",
        ),
        _ => None,
    }
}
