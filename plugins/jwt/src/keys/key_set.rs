//! A JSON Web Key Set (RFC 7517): several keys, each with the name by which tokens say which one signed them.

use super::jwk::{Jwk, Readers};
use super::key::Key;
use crate::algorithms::{self, Algorithm};
use crate::members::Members;
use crate::token::{ALGORITHM_NOT_ACCEPTED, Refusal, Token};
use serde_json::value::RawValue;
use std::collections::HashSet;

/// There is no key of the name that the token has.
pub(crate) const KEY_UNKNOWN: Refusal = "the key that the token names (`kid`) is not known";

/// How many entries are named that are left out: a set may have thousands.
const LEFT_OUT_MAX: usize = 16;

/// What a key with such members means.
fn has_private(members: &[&str], readers: Readers) -> String {
    let members = members.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match readers {
        Readers::Operator => format!(
            "has private members ({members}), which sign tokens and do not belong on a relay; take them out of the file"
        ),
        Readers::Everybody => format!(
            "the issuer publishes private members of it ({members}), so everybody can sign tokens with it, and they are good \
             here; tell the issuer, which has to replace this key"
        ),
    }
}

/// Keys by their `kid`, of which several may have the same.
pub(crate) struct KeySet {
    keys: Vec<(String, Key)>,
    /// An entry has private members, whether its key is used or not.
    has_private: bool,
}

impl KeySet {
    /// Whether there is something in it with which tokens can be signed.
    pub(crate) fn has_secrets(&self) -> bool {
        self.has_private || self.keys.iter().any(|(_, key)| key.is_secret())
    }

    /// Reads the keys that can check tokens of one of `algorithms`, and says for the log why others are left out, and which of
    /// all `readers` can sign with.
    ///
    /// # Errors
    /// It is no key set, or no key of it can be used. Errors do not contain keys.
    pub(crate) fn parse(
        json: &[u8],
        algorithms: &[Algorithm],
        readers: Readers,
    ) -> Result<(Self, Vec<String>), String> {
        // RFC 8259, section 8.1: a byte order mark may be ignored.
        let json = json.strip_prefix("\u{feff}".as_bytes()).unwrap_or(json);
        let damaged = |place: String| {
            format!(
                "expected a JSON Web Key Set, such as {{\"keys\":[…]}}, found something else or a damaged one{place}"
            )
        };
        let set = Members::parse(json)
            .map_err(|error| damaged(format!(" (line {}, column {})", error.line(), error.column())))?;
        let entries: Vec<&RawValue> = match set.read("keys") {
            Ok(Some(entries)) => entries,
            Ok(None) | Err(_) => return Err(damaged(": `keys` has to be a list".to_owned())),
        };
        let (mut keys, mut left_out, mut known) = (Vec::<(String, Key)>::new(), Vec::new(), HashSet::new());
        let mut exposed = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let shown = |why: String| format!("key {}{why}", index + 1);
            if !known.insert(entry.get()) {
                left_out.push(shown(" stands there twice".to_owned()));
                continue;
            }
            let jwk = match Jwk::parse(entry) {
                Ok(jwk) => jwk,
                Err(why) => {
                    left_out.push(shown(format!(": {why}")));
                    continue;
                }
            };
            let named = jwk.name.as_ref().map(|name| format!(", `{}`", name.escape_debug())).unwrap_or_default();
            let private = jwk.private_members();
            if !private.is_empty() && exposed.len() < LEFT_OUT_MAX {
                exposed.push(format!("{}: {}", shown(named.clone()), has_private(&private, readers)));
            }
            match (jwk.key(algorithms, readers), jwk.name) {
                (Ok(key), Some(name)) => keys.push((name, key)),
                (Ok(_), None) => left_out.push(shown(" has no `kid`, so no token can name it".to_owned())),
                (Err(why), _) => left_out.push(shown(format!("{named}: {why}"))),
            }
        }
        if left_out.len() > LEFT_OUT_MAX {
            let further = left_out.len() - LEFT_OUT_MAX;
            left_out.truncate(LEFT_OUT_MAX);
            left_out.push(format!("{further} further keys"));
        }
        if keys.is_empty() {
            let why = if left_out.is_empty() { "there is none in it".into() } else { left_out.join("; ") };
            return Err(format!("expected a key for {}, found none: {why}", algorithms::names(algorithms)));
        }
        let left_out = left_out.into_iter().map(|why| format!("left out: {why}"));
        let has_private = !exposed.is_empty();
        Ok((Self { keys, has_private }, left_out.chain(exposed).collect()))
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The names of the keys.
    pub(crate) fn names(&self) -> HashSet<&str> {
        self.keys.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Checks the token's signature with the key that the token names; with each of them, if several have that name.
    ///
    /// # Errors
    /// It names none, or one that is not here, or that was not used.
    pub(crate) fn check_signature(&self, token: &Token<'_>) -> Result<(), Refusal> {
        let name = token.key_id.as_deref().ok_or("the token's header does not say which key signed it (`kid`)")?;
        let mut refusal = KEY_UNKNOWN;
        for (_, key) in self.keys.iter().filter(|(known, _)| known == name) {
            match key.check_signature(token) {
                Ok(()) => return Ok(()),
                // That one of them is for another algorithm says less than that the signature is not good.
                Err(ALGORITHM_NOT_ACCEPTED) if refusal != KEY_UNKNOWN => {}
                Err(why) => refusal = why,
            }
        }
        Err(refusal)
    }
}
