//! Compatibility of two relays, as their HELLOs say it: the version apart, they have to agree on the network, on names, on a
//! key or none, and on encryption.
//!
//! Values alone: nothing here is proven yet.

use crate::config::Encryption;
use crate::mesh::handshake::reject::{Code, Refusal};
use crate::mesh::wire::{self, Hello};

/// Compares what a relay says of itself with what the other side says.
///
/// # Errors
/// In what they do not agree, and the way out.
pub(super) fn check(own: &Hello, peer: &Hello) -> Result<(), Refusal> {
    if peer.network != own.network {
        let reason = format!(
            "this relay is in the network `{}` and `{}` in `{}`: `network_name` has to be the same",
            own.network, peer.name, peer.network
        );
        return Err(Refusal::Ours(Code::Network, reason));
    }
    if peer.name == own.name && peer.boot != own.boot {
        let reason = format!("two relays have the name `{}`: `name` has to be different on each", peer.name);
        return Err(Refusal::Ours(Code::SameName, reason));
    }
    let reason = match (own.key, peer.key) {
        (true, false) => format!("`{}` has a key and `{}` has none", own.name, peer.name),
        (false, true) => format!("`{}` has no key and `{}` has one", own.name, peer.name),
        _ => return check_encryption(own, peer),
    };
    let reason = format!("{reason}: `network_key_file` has to be set on both or on neither");
    Err(Refusal::Ours(Code::KeyMissing, reason))
}

fn check_encryption(own: &Hello, peer: &Hello) -> Result<(), Refusal> {
    for (one, other) in [(own, peer), (peer, own)] {
        if one.encryption != Encryption::Required {
            continue;
        }
        let reason = if other.encryption == Encryption::Off {
            let why = why_not_encrypted(other);
            format!("`{}` requires encrypted links and `{}` does not encrypt: {why}", one.name, other.name)
        } else if one.certificates && !other.certificates {
            format!(
                "`{}` requires certificates and `{}` has none: set `network_tls` there, or `network_encryption: preferred` \
                 until all relays have some",
                one.name, other.name
            )
        } else {
            continue;
        };
        return Err(Refusal::Ours(Code::Encryption, reason));
    }
    Ok(())
}

/// Why a relay does not encrypt, and the way out.
pub(crate) fn why_not_encrypted(hello: &Hello) -> &'static str {
    if hello.minor < wire::ENCRYPTION_MINOR {
        "it is of an older version: update it"
    } else {
        "`network_encryption` is `off` there, or it has no key"
    }
}
