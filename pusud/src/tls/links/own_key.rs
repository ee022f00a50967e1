//! The key pair that a relay makes at its start: Ed25519, sent as a raw public key.
//!
//! It is written nowhere and ends with the process.

use crate::tls::provider;
use rustls::Error;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

/// What stands before the 32 bytes of a private key in PKCS #8 (RFC 8410, section 7). Of Ed25519 any 32 bytes are a
/// private key.
const PKCS8_HEAD: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// Makes one.
///
/// # Errors
/// The system has no random numbers.
pub(super) fn make() -> Result<CertifiedKey, Error> {
    let provider = provider();
    let mut secret = Zeroizing::new([0; PKCS8_HEAD.len() + 32]);
    let (head, random) = secret.split_at_mut(PKCS8_HEAD.len());
    head.copy_from_slice(&PKCS8_HEAD);
    provider.secure_random.fill(random)?;
    let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(secret.as_slice()));
    // The library takes its key as its own, and wipes what it was made of.
    let key = provider.key_provider.load_private_key(der.clone_key())?;
    let public = key.public_key().ok_or_else(|| Error::General("a key without its public half".into()))?;
    let public = CertificateDer::from(public.to_vec());
    Ok(CertifiedKey::new(vec![public], key))
}
