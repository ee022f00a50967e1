//! A JSON Web Key Set (RFC 7517): several keys, each with the name by which tokens say which one signed them.

use super::key::{Key, Kind};
use crate::algorithms;
use crate::token::{ALGORITHM_NOT_ACCEPTED, Refusal, Token};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};

/// There is no key of the name that the token has.
pub(super) const KEY_UNKNOWN: Refusal = "the key that the token names (`kid`) is not known";

/// Keys by their `kid`.
pub(crate) struct KeySet(Vec<(String, Key)>);

impl KeySet {
    /// Reads the keys that can check tokens of one of `algorithms`, and says why others are left out.
    ///
    /// # Errors
    /// It is no key set, no key of it can be used, or two have one name. Errors do not contain keys.
    pub(crate) fn parse(json: &[u8], algorithms: &[Algorithm]) -> Result<(Self, Vec<String>), String> {
        // RFC 8259, section 8.1: a byte order mark may be ignored.
        let json = json.strip_prefix("\u{feff}".as_bytes()).unwrap_or(json);
        let set: JwkSet = serde_json::from_slice(json).map_err(|error| {
            format!(
                "expected a JSON Web Key Set, such as {{\"keys\":[…]}}, found something else or a damaged one (line {}, \
                 column {})",
                error.line(),
                error.column()
            )
        })?;
        let (mut keys, mut left_out) = (Vec::<(String, Key)>::new(), Vec::new());
        for (index, jwk) in set.keys.iter().enumerate() {
            let Some(name) = &jwk.common.key_id else {
                left_out.push(format!("key {} has no `kid`, so no token can name it", index + 1));
                continue;
            };
            let shown = name.escape_debug();
            match usable(jwk, algorithms) {
                Ok(key) => {
                    let twin = |(other, known): &(String, Key)| {
                        other == name && known.algorithms().iter().any(|algorithm| key.algorithms().contains(algorithm))
                    };
                    if keys.iter().any(twin) {
                        return Err(format!("two keys for the same algorithm have the `kid` `{shown}`"));
                    }
                    keys.push((name.clone(), key));
                }
                Err(why) => left_out.push(format!("key {}, `{shown}`: {why}", index + 1)),
            }
        }
        if keys.is_empty() {
            let why = if left_out.is_empty() { "there is none in it".into() } else { left_out.join("; ") };
            return Err(format!("expected a key for {}, found none: {why}", algorithms::names(algorithms)));
        }
        Ok((Self(keys), left_out))
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Checks the token's signature with the key that the token names.
    ///
    /// # Errors
    /// It names none, or one that is not here, or that was not used.
    pub(crate) fn check_signature(&self, token: &Token<'_>) -> Result<(), Refusal> {
        let name = token.key_id.as_deref().ok_or("the token's header does not say which key signed it (`kid`)")?;
        let mut named = self.0.iter().filter(|(known, _)| known == name).map(|(_, key)| key).peekable();
        named.peek().ok_or(KEY_UNKNOWN)?;
        let key = named.find(|key| key.algorithms().contains(&token.algorithm)).ok_or(ALGORITHM_NOT_ACCEPTED)?;
        key.check_signature(token)
    }
}

/// A key that may check tokens of one of `algorithms`.
fn usable(jwk: &Jwk, algorithms: &[Algorithm]) -> Result<Key, String> {
    let common = &jwk.common;
    if common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
        return Err("is not for signatures (`use`)".into());
    }
    if common.key_operations.as_ref().is_some_and(|operations| !operations.contains(&KeyOperations::Verify)) {
        return Err("is not for checking signatures (`key_ops`)".into());
    }
    let own = match common.key_algorithm {
        None => None,
        Some(algorithm) => {
            Some(Algorithm::try_from(algorithm).map_err(|_| "is for an algorithm that is not known here (`alg`)")?)
        }
    };
    let material = DecodingKey::from_jwk(jwk).map_err(|_| "is of a kind that is not known here, or damaged")?;
    let kind = Kind::of(&material)?;
    let curve = match (&jwk.algorithm, kind) {
        (AlgorithmParameters::EllipticCurve(key), Kind::P256) => key.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(key), Kind::P384) => key.curve == EllipticCurve::P384,
        (AlgorithmParameters::OctetKeyPair(key), Kind::Ed25519) => key.curve == EllipticCurve::Ed25519,
        (AlgorithmParameters::RSA(_), Kind::Rsa) | (AlgorithmParameters::OctetKey(_), Kind::Secret(_)) => true,
        _ => false,
    };
    if !curve {
        return Err("is not on the curve that it names (`crv`)".into());
    }
    let wanted: Vec<Algorithm> =
        algorithms.iter().copied().filter(|&wanted| own.is_none_or(|own| own == wanted)).collect();
    let key = Key::new(material, kind, &wanted);
    match (key.algorithms(), kind) {
        ([], _) => Err("is for none of `jwt_signing_algorithms`".into()),
        (used, Kind::Secret(length)) => match used.iter().copied().filter_map(algorithms::secret_bytes_min).max() {
            // Here nobody has to be served who has used a short one for years.
            Some(min) if length < min => Err(format!("is {length} bytes long; expected at least {min}")),
            _ => Ok(key),
        },
        _ => Ok(key),
    }
}
