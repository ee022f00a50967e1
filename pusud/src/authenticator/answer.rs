//! The answer of a plugin, copied out of its memory, and the verdict that the daemon makes of it.
//!
//! Nothing is believed: every limit of the ABI is checked, text must be UTF-8, and permissions that have ended already are
//! none.
//! **Invariant:** what is not understood decides nothing: it gives no permission, and does not tell clients to stay away.

use super::verdict::{Decision, Grant};
use crate::protocol::{Access, Permission};
use pusu_plugin_abi as abi;
use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, SystemTime};

/// A verdict's fields as the plugin wrote them, not yet understood.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) decision: i32,
    pub(super) expires_unix_ms: u64,
    pub(super) subject: Vec<u8>,
    pub(super) reason: Vec<u8>,
    pub(super) detail: Vec<u8>,
    /// Pattern and access bits.
    pub(super) permissions: Vec<(Vec<u8>, u32)>,
    /// Key and value.
    pub(super) attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A verdict, and what only the operator is to know of it.
#[derive(Debug, PartialEq)]
pub(super) struct Understood {
    pub(super) verdict: Decision,
    /// For the log and for `pusud authorize`; printable, may be empty.
    pub(super) detail: String,
}

impl From<Decision> for Understood {
    fn from(verdict: Decision) -> Self {
        Self { verdict, detail: String::new() }
    }
}

/// Why an answer decides nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// It breaks a rule of the ABI.
    Malformed(String),
    /// It follows the rules, and means something that this relay does not know and must not ignore.
    Unsupported(String),
}

impl Fault {
    /// What `complete` returns.
    pub(super) fn status(&self) -> i32 {
        match self {
            Self::Malformed(_) => abi::MALFORMED,
            Self::Unsupported(_) => abi::UNSUPPORTED,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(what) => write!(f, "malformed verdict: {what}"),
            Self::Unsupported(what) => write!(f, "{what}, which this relay does not know; a newer pusud is needed"),
        }
    }
}

fn malformed(what: impl Into<String>) -> Fault {
    Fault::Malformed(what.into())
}

impl Answer {
    /// Checks the answer against the rules of the ABI.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn check(&self) -> Result<(), Fault> {
        text("subject", &self.subject, abi::SUBJECT_BYTES_MAX)?;
        text("reason", &self.reason, abi::TEXT_BYTES_MAX)?;
        text("detail", &self.detail, abi::TEXT_BYTES_MAX)?;
        at_most("permissions", self.permissions.len(), abi::PERMISSIONS_MAX)?;
        for (pattern, access) in &self.permissions {
            text("pattern", pattern, abi::PATTERN_BYTES_MAX)?;
            if let Some(bit) = critical_bit(*access) {
                return Err(Fault::Unsupported(format!("has set access bit {bit}")));
            }
        }
        at_most("attributes", self.attributes.len(), abi::ATTRS_MAX)?;
        let mut keys = HashSet::new();
        for (key, value) in &self.attributes {
            let key = text("key of an attribute", key, abi::KEY_BYTES_MAX)?;
            text_or_bytes("value of an attribute", value, abi::TEXT_BYTES_MAX)?;
            if !is_key(key) {
                return Err(malformed(format!("the key of an attribute is {:?}", printable(key))));
            }
            if !keys.insert(key) {
                return Err(malformed(format!("the attribute `{key}` is there twice")));
            }
            if key.starts_with(abi::CRITICAL_KEY) && key != abi::ATTR_TTL_MS {
                return Err(Fault::Unsupported(format!("has the critical attribute `{key}`")));
            }
        }
        self.lifetime()?;
        if !(abi::GRANT..=abi::UNAVAILABLE).contains(&self.decision) {
            return Err(Fault::Unsupported(format!("has decided {}", self.decision)));
        }
        Ok(())
    }

    /// Makes sense of the answer.
    ///
    /// # Errors
    /// What is wrong with it; then nothing of the answer holds.
    pub(super) fn understand(self, now: SystemTime) -> Result<Understood, Fault> {
        self.check()?;
        let lifetime = self.lifetime()?;
        let subject = owned("subject", self.subject)?;
        let reason = owned("reason", self.reason)?;
        let detail = printable(&owned("detail", self.detail)?);
        let permissions = self
            .permissions
            .into_iter()
            .map(|(pattern, access)| Ok(Permission::new(owned("pattern", pattern)?, Access::from_bits(access))))
            .collect::<Result<Vec<_>, Fault>>()?;
        let expires =
            match self.expires_unix_ms {
                0 => None,
                ms => Some(SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(ms)).ok_or_else(|| {
                    malformed(format!("expires_unix_ms is {ms}, which this system's clock cannot hold"))
                })?),
            };
        let has_ended = expires.is_some_and(|expires| expires <= now) || lifetime == Some(Duration::ZERO);
        let verdict = match self.decision {
            abi::GRANT if has_ended => Decision::Refuse("the authorization has expired".into()),
            abi::GRANT => Decision::Grant(Grant { permissions, subject, expires, lifetime, ..Grant::default() }),
            abi::REFUSE => Decision::Refuse(reason),
            abi::ABSTAIN => Decision::Abstain(reason),
            _ => Decision::Unavailable(reason),
        };
        Ok(Understood { verdict, detail })
    }

    /// The time after which the permissions end, where the plugin has said one.
    fn lifetime(&self) -> Result<Option<Duration>, Fault> {
        let named = self.attributes.iter().find(|(key, _)| key == abi::ATTR_TTL_MS.as_bytes());
        let Some((_, value)) = named else { return Ok(None) };
        let digits = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(milliseconds) => Ok(Some(Duration::from_millis(milliseconds))),
            None => Err(malformed(format!(
                "the attribute `{}` is no number of milliseconds in decimal digits",
                abi::ATTR_TTL_MS
            ))),
        }
    }
}

/// The lowest critical bit of `bits`, if there is any. None has a meaning yet.
fn critical_bit(bits: u32) -> Option<u32> {
    let critical = bits & abi::CRITICAL_BITS;
    (critical != 0).then(|| critical.trailing_zeros())
}

fn is_key(key: &str) -> bool {
    let name = key.strip_prefix(abi::CRITICAL_KEY).unwrap_or(key);
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-');
    !name.is_empty() && name.bytes().all(allowed)
}

fn at_most(what: &str, count: usize, max: usize) -> Result<(), Fault> {
    if count <= max { Ok(()) } else { Err(malformed(format!("has {count} {what}, at most {max} are taken"))) }
}

fn text_or_bytes(field: &str, bytes: &[u8], max: usize) -> Result<(), Fault> {
    let len = bytes.len();
    if len <= max { Ok(()) } else { Err(malformed(format!("{field} has {len} bytes, at most {max} are taken"))) }
}

fn text<'a>(field: &str, bytes: &'a [u8], max: usize) -> Result<&'a str, Fault> {
    text_or_bytes(field, bytes, max)?;
    std::str::from_utf8(bytes).map_err(|_| malformed(format!("{field} is not UTF-8")))
}

fn owned(field: &str, bytes: Vec<u8>) -> Result<String, Fault> {
    String::from_utf8(bytes).map_err(|_| malformed(format!("{field} is not UTF-8")))
}

/// `text` with its control characters escaped, so that it stays one line of a log.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

#[cfg(test)]
mod tests;
