//! One entry of a key set (RFC 7517, section 4): what it says it is, and the key that it is.
//!
//! **Invariant:** an entry that is odd in any member that has a meaning is left out as a whole (section 5), and no error has
//! anything of it but its `kid`.

use super::key::{Key, Kind, Material};
use crate::algorithms::{self, Algorithm};
use crate::members::Members;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// Members with a text; of certificates nothing but the type is looked at.
const TEXTS: [&str; 7] = ["kty", "kid", "use", "alg", "x5u", "x5t", "x5t#S256"];
/// Members with a list of texts.
const LISTS: [&str; 2] = ["key_ops", "x5c"];

/// Members that belong to whoever signs (RFC 7518, sections 6.2.2 and 6.3.2; RFC 8037, section 2; `priv` is that of newer kinds).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "priv"];

/// Who can read a key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Whoever may read a file of the operator's.
    Operator,
    /// Everybody, as an issuer publishes it.
    Everybody,
}

/// An entry whose `kid` has been read, if it has one.
pub(super) struct Jwk<'a> {
    members: Members<'a>,
    /// The name by which tokens say that they are signed with it.
    pub(super) name: Option<String>,
}

impl<'a> Jwk<'a> {
    /// Reads an entry.
    ///
    /// # Errors
    /// It is no object, or has a member twice.
    pub(super) fn parse(entry: &'a RawValue) -> Result<Self, String> {
        if !entry.get().starts_with('{') {
            return Err("expected an object".to_owned());
        }
        let members = Members::parse(entry.get().as_bytes()).map_err(|_| "has a member twice, or is damaged")?;
        let name = members.read::<String>("kid").ok().flatten();
        Ok(Self { members, name })
    }

    /// The members of it that only its owner should have.
    pub(super) fn private_members(&self) -> Vec<&'static str> {
        PRIVATE.into_iter().filter(|name| self.members.get(name).is_some()).collect()
    }

    /// The key, for those of `algorithms` that it may be used with; there is at least one.
    ///
    /// # Errors
    /// It is of no use here, and why.
    pub(super) fn key(&self, algorithms: &[Algorithm], readers: Readers) -> Result<Key, String> {
        for name in TEXTS {
            self.text(name)?;
        }
        for name in LISTS {
            self.list(name)?;
        }
        if self.text("use")?.is_some_and(|purpose| *purpose != "sig") {
            return Err("is not for signatures (`use`)".into());
        }
        if self.list("key_ops")?.is_some_and(|operations| !operations.iter().any(|one| one == "verify")) {
            return Err("is not for checking signatures (`key_ops`)".into());
        }
        let own = match self.text("alg")? {
            None => None,
            Some(name) => {
                let own = name.parse::<Algorithm>();
                Some(own.map_err(|()| "is for an algorithm that is not known here (`alg`)")?)
            }
        };
        let (material, kind) = self.material(readers)?;
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

    fn material(&self, readers: Readers) -> Result<(Material, Kind), String> {
        let damaged = |_| "is damaged".to_owned();
        let kind = self.needed("kty")?;
        let (key, curve) = match kind.as_str() {
            "RSA" => {
                let (modulus, exponent) = (self.needed("n")?, self.needed("e")?);
                (DecodingKey::from_rsa_components(&modulus, &exponent).map_err(damaged)?, None)
            }
            "EC" => {
                let curve = self.needed("crv")?;
                let (x, y) = (self.needed("x")?, self.needed("y")?);
                (DecodingKey::from_ec_components(&x, &y).map_err(damaged)?, Some(curve))
            }
            "OKP" => {
                let curve = self.needed("crv")?;
                if *curve != "Ed25519" {
                    return Err("is on a curve that is not known here (`crv`)".to_owned());
                }
                (DecodingKey::from_ed_components(&self.needed("x")?).map_err(damaged)?, Some(curve))
            }
            "oct" if readers == Readers::Everybody => {
                return Err("is a secret (`oct`) that everybody can read".to_owned());
            }
            "oct" => {
                let secret = URL_SAFE_NO_PAD.decode(self.needed("k")?.as_bytes()).map(Zeroizing::new);
                (DecodingKey::from_secret(&secret.map_err(|_| "is damaged")?), None)
            }
            _ => return Err("is of a kind that is not known here (`kty`)".to_owned()),
        };
        let (material, kind) = Material::of(key)?;
        let own_curve = match kind {
            Kind::P256 => Some("P-256"),
            Kind::P384 => Some("P-384"),
            Kind::P521 => Some("P-521"),
            Kind::Ed25519 => Some("Ed25519"),
            Kind::Rsa | Kind::Secret(_) => None,
        };
        if own_curve != curve.as_deref().map(String::as_str) {
            return Err("is not on the curve that it names (`crv`)".into());
        }
        Ok((material, kind))
    }

    fn text(&self, name: &str) -> Result<Option<Zeroizing<String>>, String> {
        let text = self.members.read::<String>(name);
        text.map(|text| text.map(Zeroizing::new)).map_err(|_| format!("`{name}`: expected a text"))
    }

    fn list(&self, name: &str) -> Result<Option<Vec<String>>, String> {
        self.members.read(name).map_err(|_| format!("`{name}`: expected a list of texts"))
    }

    fn needed(&self, name: &str) -> Result<Zeroizing<String>, String> {
        self.text(name)?.ok_or_else(|| format!("has no `{name}`"))
    }
}
