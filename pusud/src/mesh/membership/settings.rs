//! Settings of the network, which do not change while it runs, and how many connections follow from them.

use crate::config::{Encryption, NetworkTls, PeerAddress};
use crate::peers::{Keys, read_secret};
use crate::tls::{LinkCertificates, LinkTls};
use anyhow::Context as _;
use std::fs;
use std::path::Path;

/// Most connections that others have made and that are not linked, beside those with kept places.
pub(crate) const STRANGERS_MAX: usize = 64;
/// Most of them of one address.
pub(crate) const STRANGERS_PER_ADDRESS_MAX: usize = 4;
/// Places that are kept for the address of each relay that the settings list: for the connection that it makes now, and
/// for one before it that has not been noticed to be broken.
pub(crate) const KEPT_STRANGERS: usize = 2;
/// Most linked relays, whatever the settings say.
pub(crate) const LINKS_MAX: usize = 256;
/// Most linked relays beyond as many as the settings list. A relay reads its list when it starts: so those that are added
/// to a network dial relays that do not know them yet, and stay linked until the last one has been restarted.
pub const UNLISTED_LINKS_MAX: usize = 16;
/// Most addresses of one name that are dialled at a time. A name may stand for a whole group of relays; each of them takes
/// files and memory.
pub const ADDRESSES_PER_NAME_MAX: usize = 32;

/// How many addresses are dialled at the most where the settings list these relays.
pub(crate) fn addresses_max(relays: &[PeerAddress]) -> usize {
    relays.iter().map(|relay| if relay.ip().is_some() { 1 } else { ADDRESSES_PER_NAME_MAX }).sum()
}

/// How many relays may be linked at a time to one whose list has so many addresses.
pub fn links_max(listed: usize) -> usize {
    (listed + UNLISTED_LINKS_MAX).min(LINKS_MAX)
}

/// How many connections others may have made and not linked, where the list has so many addresses.
pub(crate) fn strangers_max(listed: usize) -> usize {
    STRANGERS_MAX + KEPT_STRANGERS * listed
}

/// How many connections the network of a relay has at a time, whose list has so many addresses: one to each of them,
/// those that have become links from the other side, and strangers.
pub(crate) fn connections_max(listed: usize) -> usize {
    listed + links_max(listed) + strangers_max(listed)
}

/// The settings of the network.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This relay's name, 1 to 255 bytes without control characters; two relays of a network must not have the same.
    pub name: String,
    /// The network's name, as long; relays of another network are refused.
    pub network_name: String,
    /// The relays to dial; may hold duplicates and this relay itself.
    pub relays: Vec<PeerAddress>,
    /// `network_key_file`; `None`: whoever reaches the port may publish.
    pub keys: Option<Keys>,
    /// How links are encrypted; `None`: they are not.
    pub encryption: Option<LinkEncryption>,
    /// The longest content of a publication, in bytes: `limits.max_message_bytes`.
    pub max_message_bytes: usize,
}

impl Settings {
    /// What this relay says of encryption.
    pub(crate) fn encryption(&self) -> Encryption {
        match &self.encryption {
            None => Encryption::Off,
            Some(LinkEncryption { is_required: false, .. }) => Encryption::Preferred,
            Some(LinkEncryption { is_required: true, .. }) => Encryption::Required,
        }
    }
}

/// How links are encrypted.
#[derive(Debug, Clone)]
pub struct LinkEncryption {
    /// Relays that do not encrypt are refused.
    pub is_required: bool,
    /// Makes sessions.
    pub tls: LinkTls,
}

impl LinkEncryption {
    /// What the settings ask for, with a key that is made now, and with certificates where there are some; `strict`: nobody
    /// else may read their key.
    ///
    /// # Errors
    /// A file cannot be read or is not what it should be, or the system has no random numbers.
    pub fn of(encryption: Encryption, files: Option<&NetworkTls>, strict: bool) -> anyhow::Result<Option<Self>> {
        if encryption == Encryption::Off {
            return Ok(None);
        }
        let is_required = encryption == Encryption::Required;
        let mut tls = LinkTls::with_new_key()?;
        if let Some(NetworkTls { certificate, key, ca }) = files {
            let read = |name, file: &Path| {
                fs::read(file).with_context(|| format!("`network_tls.{name}`: cannot read {}", file.display()))
            };
            let key = read_secret("network_tls.key", key, strict)?;
            let (certificate, ca) = (read("certificate", certificate)?, read("ca", ca)?);
            tls = tls.with_certificates(&LinkCertificates { certificate: &certificate, key: &key, ca: &ca })?;
        }
        Ok(Some(Self { is_required, tls }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_kept_for_all_addresses_that_a_name_may_have() {
        let relays = |texts: &[&str]| -> Vec<PeerAddress> {
            texts.iter().map(|text| PeerAddress::parse(text, 1).unwrap()).collect()
        };
        assert_eq!(addresses_max(&relays(&["10.0.0.1", "[::1]:7"])), 2);
        assert_eq!(addresses_max(&relays(&["a.example", "10.0.0.1"])), ADDRESSES_PER_NAME_MAX + 1);
    }
}
