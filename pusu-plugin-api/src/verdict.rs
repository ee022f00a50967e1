//! Verdicts of an authenticator, as owned values. Nothing here knows the border; `raw` lends the values to it.
//!
//! **Invariant:** a verdict that was given an expiry never crosses the border as 0, which would mean "never".

use pusu_plugin_abi as abi;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What may be done with a channel.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Access(u32);

impl Access {
    /// Subscribe.
    pub const READ: Self = Self(abi::READ);
    /// Publish.
    pub const WRITE: Self = Self(abi::WRITE);
    /// Subscribe and publish.
    pub const READ_WRITE: Self = Self(abi::READ | abi::WRITE);

    /// Whether everything that `other` allows is allowed.
    pub fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.includes(Self::READ), self.includes(Self::WRITE)) {
            (true, true) => "READ_WRITE",
            (true, false) => "READ",
            _ => "WRITE",
        })
    }
}

/// Access to every channel that matches a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The name of a channel, in which each `*` stands for any run of characters, none included.
    pub pattern: String,
    /// What may be done with these channels.
    pub access: Access,
}

impl Permission {
    /// `access` to every channel that matches `pattern`.
    pub fn new(access: Access, pattern: impl Into<String>) -> Self {
        Self { pattern: pattern.into(), access }
    }

    /// May subscribe to every channel that matches `pattern`.
    pub fn read(pattern: impl Into<String>) -> Self {
        Self::new(Access::READ, pattern)
    }

    /// May publish to every channel that matches `pattern`.
    pub fn write(pattern: impl Into<String>) -> Self {
        Self::new(Access::WRITE, pattern)
    }

    /// May subscribe and publish to every channel that matches `pattern`.
    pub fn read_write(pattern: impl Into<String>) -> Self {
        Self::new(Access::READ_WRITE, pattern)
    }
}

/// The four things a verdict can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The permissions of the verdict hold.
    Grant,
    /// The authorization was understood and is not good.
    Refuse,
    /// Not mine to decide; refused if nobody else decides.
    Abstain,
    /// Cannot decide now; the client may try again.
    Unavailable,
}

/// An answer to one request.
///
/// The relay takes at most [`PERMISSIONS_MAX`](abi::PERMISSIONS_MAX) permissions, patterns of at most
/// [`PATTERN_BYTES_MAX`](abi::PATTERN_BYTES_MAX) bytes, a subject of at most
/// [`SUBJECT_BYTES_MAX`](abi::SUBJECT_BYTES_MAX), [`ATTRS_MAX`](abi::ATTRS_MAX) attributes, and other texts of at most
/// [`TEXT_BYTES_MAX`](abi::TEXT_BYTES_MAX) bytes. Beyond that it takes the verdict as unavailable. No part of a verdict
/// may contain the authorization itself: subject and detail are logged, the reason may reach the client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a verdict counts only once it is returned or sent"]
pub struct Verdict {
    decision: Decision,
    expires_unix_ms: u64,
    ttl_ms: Option<u64>,
    subject: String,
    reason: String,
    detail: String,
    permissions: Vec<Permission>,
    attrs: Vec<(String, String)>,
}

impl Verdict {
    fn new(decision: Decision) -> Self {
        Self {
            decision,
            expires_unix_ms: 0,
            ttl_ms: None,
            subject: String::new(),
            reason: String::new(),
            detail: String::new(),
            permissions: Vec::new(),
            attrs: Vec::new(),
        }
    }

    /// The authorization is good, and gives these permissions.
    pub fn grant(permissions: impl IntoIterator<Item = Permission>) -> Self {
        Self { permissions: permissions.into_iter().collect(), ..Self::new(Decision::Grant) }
    }

    /// The authorization is not good; the client may be told why.
    pub fn refuse(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::new(Decision::Refuse) }
    }

    /// No decision is possible now (a backend is down or overloaded): the client gets no permissions, but is told that
    /// it may try again. The reason may be shown to it.
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::new(Decision::Unavailable) }
    }

    /// Not mine to decide; refused if nobody else decides.
    pub fn abstain() -> Self {
        Self::new(Decision::Abstain)
    }

    /// Who the client is, for the relay's log and for revocation.
    pub fn with_subject(self, subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..self }
    }

    /// What the relay's log should say in addition; never shown to the client.
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// A further fact about the client. A key is lower-case letters, digits and `.`, `_`, `-`, such as `x.role`, and is
    /// given once. Those that begin with `x.` are free for private use; a relay ignores the ones that it does not know,
    /// but for those that begin with `!`, which make it take the verdict as unavailable.
    pub fn with_attr(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.attrs.push((key.into(), value.into()));
        self
    }

    /// When the permissions end. A time at or before 1970 has passed, it does not mean "never".
    pub fn expires_at(self, time: SystemTime) -> Self {
        let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        self.expires_unix_ms(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
    }

    /// When the permissions end, in milliseconds since 1970 UTC. 0 has passed, it does not mean "never".
    pub fn expires_unix_ms(self, milliseconds: u64) -> Self {
        Self { expires_unix_ms: milliseconds.max(1), ..self }
    }

    /// How long the permissions hold from when the answer is given, whatever happens to the clock meanwhile. With
    /// `expires_at` too, the earlier end holds. Operators may set a longest life. A relay that does not know this takes
    /// the verdict as unavailable.
    pub fn ttl(self, time: Duration) -> Self {
        Self { ttl_ms: Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)), ..self }
    }

    /// What the verdict says.
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// The permissions, empty unless granted.
    pub fn permissions(&self) -> &[Permission] {
        &self.permissions
    }

    /// The reason, empty if there is none.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Who the client is, empty if not said.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Lends the verdict to `use_raw` in the shape that crosses the border.
    pub(crate) fn raw<T>(&self, use_raw: impl FnOnce(&abi::Verdict) -> T) -> T {
        let text = |text: &str| abi::Str::borrow(text.as_bytes());
        let permissions: Vec<abi::Permission> = self
            .permissions
            .iter()
            .map(|permission| abi::Permission { pattern: text(&permission.pattern), access: permission.access.0 })
            .collect();
        let ttl = self.ttl_ms.map(|milliseconds| milliseconds.to_string());
        let ttl = ttl.as_deref().map(|digits| (abi::ATTR_TTL_MS, digits));
        let attrs = self.attrs.iter().map(|(key, value)| (key.as_str(), value.as_str())).chain(ttl);
        let attrs: Vec<abi::Attr> =
            attrs.map(|(key, value)| abi::Attr { key: text(key), value: text(value) }).collect();
        use_raw(&abi::Verdict {
            struct_size: size_of::<abi::Verdict>() as u32,
            decision: match self.decision {
                Decision::Grant => abi::GRANT,
                Decision::Refuse => abi::REFUSE,
                Decision::Abstain => abi::ABSTAIN,
                Decision::Unavailable => abi::UNAVAILABLE,
            },
            expires_unix_ms: self.expires_unix_ms,
            subject: text(&self.subject),
            reason: text(&self.reason),
            detail: text(&self.detail),
            permissions: permissions.as_ptr(),
            permissions_len: permissions.len(),
            attrs: attrs.as_ptr(),
            attrs_len: attrs.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(unsafe_code)]

    use super::*;

    fn expiry(verdict: Verdict) -> u64 {
        verdict.raw(|raw| raw.expires_unix_ms)
    }

    #[test]
    fn an_expiry_never_turns_into_never() {
        assert_eq!(expiry(Verdict::grant([])), 0);
        assert_eq!(expiry(Verdict::grant([]).expires_unix_ms(0)), 1);
        assert_eq!(expiry(Verdict::grant([]).expires_at(UNIX_EPOCH)), 1);
        assert_eq!(expiry(Verdict::grant([]).expires_at(UNIX_EPOCH - Duration::from_secs(5))), 1);
        assert_eq!(expiry(Verdict::grant([]).expires_at(UNIX_EPOCH + Duration::from_millis(1500))), 1500);
    }

    #[test]
    fn a_life_crosses_the_border_once_and_whole() {
        let attrs = |verdict: Verdict| {
            verdict.raw(|raw| {
                // SAFETY: the verdict lends its attributes for this call.
                let attrs = unsafe { std::slice::from_raw_parts(raw.attrs, raw.attrs_len) };
                // SAFETY: as above.
                let text = |text| String::from_utf8(unsafe { crate::link::bytes(text) }.to_vec()).unwrap();
                attrs.iter().map(|attr| (text(attr.key), text(attr.value))).collect::<Vec<_>>()
            })
        };
        let life = |text: &str| ("!ttl_ms".to_owned(), text.to_owned());
        let twice =
            Verdict::grant([]).ttl(Duration::from_secs(1)).with_attr("x.a", "b").ttl(Duration::from_millis(1500));
        assert_eq!(attrs(twice), [("x.a".to_owned(), "b".to_owned()), life("1500")]);
        assert_eq!(attrs(Verdict::grant([]).ttl(Duration::ZERO)), [life("0")]);
        assert_eq!(attrs(Verdict::grant([]).ttl(Duration::MAX)), [life(&u64::MAX.to_string())]);
    }

    #[test]
    fn everything_said_crosses_the_border() {
        let verdict = Verdict::grant([Permission::read("a.*"), Permission::read_write("b")])
            .with_subject("alice")
            .with_detail("by password")
            .with_attr("claim.role", "editor");
        verdict.raw(|raw| {
            assert_eq!(raw.decision, abi::GRANT);
            assert_eq!((raw.permissions_len, raw.attrs_len), (2, 1));
            assert_eq!((raw.subject.len, raw.reason.len, raw.detail.len), (5, 0, 11));
        });
    }

    #[test]
    fn access_prints_and_includes() {
        assert_eq!(format!("{:?} {:?} {:?}", Access::READ, Access::WRITE, Access::READ_WRITE), "READ WRITE READ_WRITE");
        assert!(Access::READ_WRITE.includes(Access::READ) && !Access::READ.includes(Access::READ_WRITE));
    }
}
