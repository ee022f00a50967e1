//! One key, and the algorithms that tokens signed with it may have.
//!
//! **Invariant:** a key is used only with algorithms of its own kind, whatever a token says: a public key is never taken
//! for a secret.
//! **Invariant:** what is wrong with a key is found when it is read, not when the first token comes.

use crate::algorithms::Algorithm;
use crate::token::{ALGORITHM_NOT_ACCEPTED, Refusal, Token};
use jsonwebtoken::Algorithm::*;
use jsonwebtoken::crypto::JwtVerifier;
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::{AlgorithmFamily, DecodingKey, DecodingKeyKind};
use p521::ecdsa::signature::Verifier as _;
use std::fmt;
use std::ops::RangeInclusive;

/// Shorter ones can be broken, and longer ones are not computed with.
const RSA_BITS: RangeInclusive<usize> = 2048..=4096;

/// A key that has been checked.
pub(crate) struct Key {
    material: Material,
    algorithms: Vec<Algorithm>,
}

/// What is computed with.
pub(crate) enum Material {
    /// For the algorithms that the library for tokens has.
    Of(DecodingKey),
    /// For ES512.
    P521(Box<p521::ecdsa::VerifyingKey>),
}

/// What a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// With its length in bytes.
    Secret(usize),
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

impl Key {
    /// A key for those of `algorithms` that go with its kind; there may be none.
    pub(crate) fn new(material: Material, kind: Kind, algorithms: &[Algorithm]) -> Self {
        let algorithms = algorithms.iter().copied().filter(|algorithm| kind.algorithms().contains(algorithm)).collect();
        Self { material, algorithms }
    }

    /// Whether whoever has it can sign.
    pub(crate) fn is_secret(&self) -> bool {
        matches!(&self.material, Material::Of(key) if key.family() == AlgorithmFamily::Hmac)
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
        match (&self.material, token.algorithm) {
            (Material::Of(material), Algorithm::Of(algorithm)) => {
                let verifier = verifier(algorithm, material).ok_or(bad)?;
                verifier.verify(token.signed, &token.signature).map_err(|_| bad)
            }
            (Material::P521(key), Algorithm::Es512) => {
                let signature = p521::ecdsa::Signature::from_slice(&token.signature).map_err(|_| bad)?;
                key.verify(token.signed, &signature).map_err(|_| bad)
            }
            _ => Err(bad),
        }
    }
}

/// The one crypto backend of this library. It is named here instead of being installed for the whole process, so that
/// several instances, and other libraries that use `jsonwebtoken`, have nothing in common.
fn verifier(algorithm: jsonwebtoken::Algorithm, material: &DecodingKey) -> Option<Box<dyn JwtVerifier>> {
    (DEFAULT_PROVIDER.verifier_factory)(&algorithm, material).ok()
}

impl Material {
    /// Finds out what a key is, and checks it.
    ///
    /// # Errors
    /// What is wrong with it; does not contain the key.
    pub(crate) fn of(key: DecodingKey) -> Result<(Self, Kind), String> {
        let bytes = || key.try_get_as_bytes().map_err(|_| "it is not what it says it is".to_owned());
        let kind = match key.family() {
            AlgorithmFamily::Hmac => match bytes()?.len() {
                0 => return Err("the secret is empty, so everybody could sign".into()),
                length => Kind::Secret(length),
            },
            AlgorithmFamily::Rsa => {
                let bits = rsa_bits(&key).ok_or("it is no RSA public key of up to 4096 bits")?;
                if !RSA_BITS.contains(&bits) {
                    let (min, max) = (RSA_BITS.start(), RSA_BITS.end());
                    return Err(format!("expected an RSA key of {min} to {max} bits, found {bits}"));
                }
                Kind::Rsa
            }
            AlgorithmFamily::Ec => {
                // A point, compressed or not: what its length says is confirmed by whether it lies on the curve.
                let (kind, algorithm) = match bytes()?.len() {
                    33 | 65 => (Kind::P256, ES256),
                    49 | 97 => (Kind::P384, ES384),
                    67 | 133 => {
                        let point = p521::ecdsa::VerifyingKey::from_sec1_bytes(bytes()?);
                        let point = point.map_err(|_| format!("it is not {}", Kind::P521))?;
                        return Ok((Self::P521(Box::new(point)), Kind::P521));
                    }
                    _ => return Err("expected a key on the curve P-256, P-384 or P-521, found another curve".into()),
                };
                verifier(algorithm, &key).ok_or(format!("it is not {kind}"))?;
                kind
            }
            AlgorithmFamily::Ed => {
                // The library would panic at a shorter one.
                if bytes()?.len() != 32 || verifier(EdDSA, &key).is_none() {
                    return Err("it is no Ed25519 public key".into());
                }
                Kind::Ed25519
            }
        };
        Ok((Self::Of(key), kind))
    }
}

impl Kind {
    /// The algorithms that go with such a key.
    pub(crate) fn algorithms(self) -> &'static [Algorithm] {
        use Algorithm::{Es512, Of};
        match self {
            Self::Secret(_) => &[Of(HS256), Of(HS384), Of(HS512)],
            Self::Rsa => &[Of(RS256), Of(RS384), Of(RS512), Of(PS256), Of(PS384), Of(PS512)],
            Self::P256 => &[Of(ES256)],
            Self::P384 => &[Of(ES384)],
            Self::P521 => &[Es512],
            Self::Ed25519 => &[Of(EdDSA)],
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
            Self::P521 => "a public key on the curve P-521",
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
