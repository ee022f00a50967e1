//! The explanation of a decision about one authorization, for programs: what `pusud authorize --json` prints.
//!
//! **Invariant:** the authorization itself is not in it.

use crate::authenticator::{Asked, Grant, Identity, Verdict};
use crate::protocol::{Access, Permission};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// What was answered, and how long that took.
pub struct Explained {
    /// The authenticator.
    pub authenticator: Identity,
    /// What holds.
    pub verdict: Verdict,
    /// What each entry has said.
    pub entries: Vec<Asked>,
    /// The time from the question to the answer.
    pub took: Duration,
}

impl Explained {
    /// What was decided, in a word.
    pub fn decision(&self) -> &'static str {
        match &self.verdict {
            Verdict::Grant(_) => "granted",
            Verdict::Refuse(_) => "refused",
            Verdict::Unavailable(_) => "unavailable",
        }
    }

    /// As JSON, with which permission decides about each of these channels.
    pub fn as_json(&self, channels: &[String]) -> Value {
        let reason = match &self.verdict {
            Verdict::Grant(_) => None,
            Verdict::Refuse(reason) | Verdict::Unavailable(reason) => Some(reason),
        };
        let nothing = Grant::default();
        let grant = if let Verdict::Grant(grant) = &self.verdict { grant } else { &nothing };
        let expires = grant.ends(SystemTime::now()).and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        let permissions = grant.permissions.iter().map(|permission| {
            let gives = |access| permission.access.contains(access);
            json!({"pattern": permission.pattern, "read": gives(Access::READ), "write": gives(Access::WRITE)})
        });
        let channels = channels.iter().map(|channel| {
            let by = |access| decides(grant, access, channel).map(|permission| &permission.pattern);
            json!({"channel": channel, "read_by": by(Access::READ), "write_by": by(Access::WRITE)})
        });
        json!({
            "authenticator": {"id": self.authenticator.id, "version": self.authenticator.version,
                "sha256": self.authenticator.sha256, "path": self.authenticator.path},
            "entries": self.entries.iter().map(|entry| json!({"name": entry.name, "id": entry.id,
                "decision": entry.decision, "detail": entry.detail})).collect::<Vec<_>>(),
            "decision": self.decision(),
            "reason": reason,
            "subject": grant.subject,
            "expires_unix_seconds": expires.map(|expires| expires.as_secs()),
            "took_microseconds": u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX),
            "permissions": permissions.collect::<Vec<_>>(),
            "channels": channels.collect::<Vec<_>>(),
        })
    }
}

/// The first permission that gives the access, which is all that counts: permissions add up.
pub fn decides<'a>(grant: &'a Grant, access: Access, channel: &str) -> Option<&'a Permission> {
    grant.permissions.iter().find(|permission| permission.allows(access, channel))
}
