//! One key, and the algorithms that tokens signed with it may have.
//!
//! **Invariant:** a key is used only with algorithms of its own kind, whatever a token says: a public key is never taken
//! for a secret.
//! **Invariant:** what is wrong with a key is found when it is read, not when the first token comes.

use crate::token::{ALGORITHM_NOT_ACCEPTED, Refusal, Token};
use jsonwebtoken::Algorithm::{self, *};
use jsonwebtoken::crypto::JwtVerifier;
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::{AlgorithmFamily, DecodingKey, DecodingKeyKind};
use std::fmt;
use std::ops::RangeInclusive;

/// Shorter ones can be broken, and longer ones are not computed with.
const RSA_BITS: RangeInclusive<usize> = 2048..=4096;

/// A key that has been checked.
pub(crate) struct Key {
    material: DecodingKey,
    algorithms: Vec<Algorithm>,
}

/// What a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// With its length in bytes.
    Secret(usize),
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Key {
    /// A key for those of `algorithms` that go with its kind; there may be none.
    pub(crate) fn new(material: DecodingKey, kind: Kind, algorithms: &[Algorithm]) -> Self {
        let algorithms = algorithms.iter().copied().filter(|algorithm| kind.algorithms().contains(algorithm)).collect();
        Self { material, algorithms }
    }

    /// What tokens signed with it may have as `alg`.
    pub(crate) fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Checks the token's signature.
    ///
    /// # Errors
    /// The token has another algorithm, or the signature was not made with this key.
    pub(crate) fn check_signature(&self, token: &Token<'_>) -> Result<(), Refusal> {
        if !self.algorithms.contains(&token.algorithm) {
            return Err(ALGORITHM_NOT_ACCEPTED);
        }
        let bad = "the token's signature is not good";
        let verifier = verifier(token.algorithm, &self.material).ok_or(bad)?;
        verifier.verify(token.signed, &token.signature).map_err(|_| bad)
    }
}

/// The one crypto backend of this library. It is named here instead of being installed for the whole process, so that
/// several instances, and other libraries that use `jsonwebtoken`, have nothing in common.
fn verifier(algorithm: Algorithm, material: &DecodingKey) -> Option<Box<dyn JwtVerifier>> {
    (DEFAULT_PROVIDER.verifier_factory)(&algorithm, material).ok()
}

impl Kind {
    /// Finds out what a key is, and checks it.
    ///
    /// # Errors
    /// What is wrong with it; does not contain the key.
    pub(crate) fn of(material: &DecodingKey) -> Result<Self, String> {
        let bytes = || material.try_get_as_bytes().map_err(|_| "it is not what it says it is".to_owned());
        match material.family() {
            AlgorithmFamily::Hmac => match bytes()?.len() {
                0 => Err("the secret is empty, so everybody could sign".into()),
                length => Ok(Self::Secret(length)),
            },
            AlgorithmFamily::Rsa => {
                let bits = rsa_bits(material).ok_or("it is no RSA public key of up to 4096 bits")?;
                let expected = format!("an RSA key of {} to {} bits", RSA_BITS.start(), RSA_BITS.end());
                RSA_BITS.contains(&bits).then_some(Self::Rsa).ok_or(format!("expected {expected}, found {bits}"))
            }
            AlgorithmFamily::Ec => {
                // A point, compressed or not: what its length says is confirmed by whether it lies on the curve.
                let (kind, algorithm) = match bytes()?.len() {
                    33 | 65 => (Self::P256, ES256),
                    49 | 97 => (Self::P384, ES384),
                    _ => return Err("expected a key on the curve P-256 or P-384, found another curve".into()),
                };
                verifier(algorithm, material).map(|_| kind).ok_or(format!("it is not {kind}"))
            }
            AlgorithmFamily::Ed => {
                // The library would panic at a shorter one.
                let whole = bytes()?.len() == 32 && verifier(EdDSA, material).is_some();
                whole.then_some(Self::Ed25519).ok_or("it is no Ed25519 public key".into())
            }
        }
    }

    /// The algorithms that go with such a key.
    pub(crate) fn algorithms(self) -> &'static [Algorithm] {
        match self {
            Self::Secret(_) => &[HS256, HS384, HS512],
            Self::Rsa => &[RS256, RS384, RS512, PS256, PS384, PS512],
            Self::P256 => &[ES256],
            Self::P384 => &[ES384],
            Self::Ed25519 => &[EdDSA],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "a secret",
            Self::Rsa => "an RSA public key",
            Self::P256 => "a public key on the curve P-256",
            Self::P384 => "a public key on the curve P-384",
            Self::Ed25519 => "an Ed25519 public key",
        })
    }
}

/// The length of the modulus, if the key can be computed with.
fn rsa_bits(material: &DecodingKey) -> Option<usize> {
    let (modulus, exponent) = match material.kind() {
        DecodingKeyKind::SecretOrDer(der) => {
            (DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_public_key)(der).ok()?
        }
        DecodingKeyKind::RsaModulusExponent { n, e } => (n.clone(), e.clone()),
    };
    let significant = |number: &[u8]| number.iter().position(|&byte| byte != 0).map(|zeros| number[zeros..].to_vec());
    let (modulus, exponent) = (significant(&modulus)?, significant(&exponent)?);
    // With 1 as exponent every signature would be its own message, and an even one is no exponent at all.
    let sound = exponent.len() <= 4 && exponent != [1] && exponent.last().is_some_and(|last| last % 2 == 1);
    sound.then(|| modulus.len() * 8 - modulus[0].leading_zeros() as usize)
}
