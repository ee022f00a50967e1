//! Requests to an authenticator and its verdicts, in the daemon's own types.
//!
//! **Invariant:** neither an authorization string nor an attribute's value is ever printed: `Debug` says `[redacted]` or
//! leaves it out, and dropping it wipes it.

use super::grants::HeldGrant;
use crate::protocol::Permission;
use crate::revocation::Standing;
use std::fmt;
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// A client's authorization string: a secret.
pub struct Authorization(Zeroizing<Vec<u8>>);

impl Authorization {
    /// Takes what the client sent.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes, for the authenticator alone.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The attribute of a recheck that says which grant it is about.
pub use pusu_plugin_abi::ATTR_PREVIOUS_TICKET as PREVIOUS_TICKET;

/// One question to the authenticator.
pub struct Request {
    /// What the client sent.
    pub authorization: Authorization,
    /// The client's address as text, `203.0.113.7:50123`, `[2001:db8::1]:1`, without a port where a proxy has named none, or
    /// empty where nobody knows it.
    pub peer: String,
    /// The client's connection is encrypted.
    pub encrypted: bool,
    /// The client is authorized already and renews or adds.
    pub again: bool,
    /// With `again`: the relay asks by itself about what was granted before.
    pub recheck: bool,
    /// Further facts about the connection, such as `http.origin`: lower-case key with dots, value.
    /// A value may be a secret, as cookies are: it is wiped when it is dropped.
    pub attributes: Vec<(String, Zeroizing<String>)>,
}

/// Without the values of attributes, of which some are secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.attributes.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Request")
            .field("authorization", &self.authorization)
            .field("peer", &self.peer)
            .field("encrypted", &self.encrypted)
            .field("again", &self.again)
            .field("recheck", &self.recheck)
            .field("attributes", &names)
            .finish()
    }
}

impl Request {
    /// The same question once more, for another authenticator.
    pub(super) fn copy(&self) -> Self {
        Self {
            authorization: Authorization::new(self.authorization.expose()),
            peer: self.peer.clone(),
            attributes: self.attributes.clone(),
            ..*self
        }
    }
}

/// What one authenticator says. Of several, the first that does not abstain is the one that decides.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Decision {
    /// The client has these permissions.
    Grant(Grant),
    /// The authorization was understood and is not good.
    Refuse(String),
    /// The authorization is none that this authenticator decides about.
    Abstain(String),
    /// It could not be decided.
    Unavailable(String),
}

impl From<Decision> for Verdict {
    /// Where nobody else is asked: what is nobody's is refused.
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Grant(grant) => Self::Grant(grant),
            Decision::Refuse(reason) | Decision::Abstain(reason) => Self::Refuse(reason),
            Decision::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}

/// The authenticator's answer. Whatever goes wrong on the way is [`Verdict::Unavailable`]: authorization fails closed.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The client has these permissions, added to those it has.
    Grant(Grant),
    /// The authorization was understood and is not good. The text may be shown to the client.
    Refuse(String),
    /// It could not be decided; the client may try again. The text may be shown to the client.
    Unavailable(String),
}

/// What a verdict gives.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Grant {
    /// What may be read and written.
    pub permissions: Vec<Permission>,
    /// Who this is, for logs; may be empty.
    pub subject: String,
    /// When the permissions end; `None`: at no such time.
    pub expires: Option<SystemTime>,
    /// How long the permissions last, whatever happens to the clock meanwhile; `None`: for no such time. With `expires`
    /// too, the earlier end holds.
    pub lifetime: Option<Duration>,
    /// Which generation of the authenticator has decided, counted from 1.
    pub generation: u32,
    /// Which entry of the settings has decided: the same number through all its instances.
    pub entry: u32,
    /// Names what was granted; 0: nothing does.
    pub ticket: u64,
    /// Where the plugin keeps an eye on what was granted; it ends when this is dropped.
    pub held: Option<HeldGrant>,
    /// Whose it is, as far as it can be revoked.
    pub standing: Standing,
}

impl Grant {
    /// When the permissions end that begin at `now`, as the clock stands now; `None`: never.
    pub fn ends(&self, now: SystemTime) -> Option<SystemTime> {
        let by_lifetime = self.lifetime.and_then(|lifetime| now.checked_add(lifetime));
        [self.expires, by_lifetime].into_iter().flatten().min()
    }
}

/// Most bytes of a reason that are written to the log. Clients get all of it.
const LOGGED_BYTES_MAX: usize = 1024;

/// The reason that an authenticator gave, for the log; it may have given none.
pub fn reason_or_none(reason: &str) -> &str {
    if reason.trim().is_empty() { "no reason given" } else { beginning(reason, LOGGED_BYTES_MAX) }
}

/// As much of `text` as has room in so many bytes.
pub(super) fn beginning(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_that_is_missing_is_said_to_be_and_a_long_one_is_cut() {
        assert_eq!(reason_or_none("not you"), "not you");
        for none in ["", " ", "\n"] {
            assert_eq!(reason_or_none(none), "no reason given");
        }
        assert_eq!(reason_or_none(&"ö".repeat(LOGGED_BYTES_MAX)).len(), LOGGED_BYTES_MAX);
        assert_eq!(beginning("aöb", 2), "a");
    }

    #[test]
    fn no_secret_is_ever_printed() {
        let request = Request {
            authorization: Authorization::new("hunter2"),
            peer: "192.0.2.1:5000".into(),
            encrypted: false,
            again: false,
            recheck: false,
            attributes: vec![("http.header.cookie".to_owned(), "hunter2".to_owned().into())],
        };
        let text = format!("{request:?}");
        assert!(text.contains("[redacted]") && text.contains("cookie") && !text.contains("hunter2"), "{text}");
        assert_eq!(request.authorization.expose(), b"hunter2");
    }
}
