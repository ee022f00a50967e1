//! The answer of a plugin, copied out of its memory, and the verdict that the daemon makes of it.
//!
//! Nothing is believed: text must be UTF-8, an unknown decision is a refusal, and permissions that have ended already
//! are none.

use super::verdict::{Grant, Verdict};
use crate::protocol::{Access, Permission};
use pusu_plugin_abi as abi;
use std::time::{Duration, SystemTime};

/// A verdict's fields as the plugin wrote them, within the ABI's bounds but not yet understood.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) decision: i32,
    pub(super) expires_unix_ms: u64,
    pub(super) subject: Vec<u8>,
    pub(super) reason: Vec<u8>,
    pub(super) detail: Vec<u8>,
    /// Pattern and access bits.
    pub(super) permissions: Vec<(Vec<u8>, u32)>,
}

/// A verdict, and what only the log is to know of it.
#[derive(Debug, PartialEq)]
pub(super) struct Understood {
    pub(super) verdict: Verdict,
    /// For the log; printable, may be empty.
    pub(super) detail: String,
    /// The decision has no meaning in this ABI; the verdict is a refusal.
    pub(super) unknown_decision: Option<i32>,
}

impl Answer {
    /// Makes sense of the answer.
    ///
    /// # Errors
    /// Which field is malformed; then nothing of the answer holds.
    pub(super) fn understand(self, now: SystemTime) -> Result<Understood, String> {
        let subject = text("subject", self.subject)?;
        let reason = text("reason", self.reason)?;
        let detail = printable(&text("detail", self.detail)?);
        let permissions = self
            .permissions
            .into_iter()
            .map(|(pattern, access)| Ok(Permission::new(text("pattern", pattern)?, Access::from_bits(access))))
            .collect::<Result<Vec<_>, String>>()?;
        let expires = match self.expires_unix_ms {
            0 => None,
            ms => Some(
                SystemTime::UNIX_EPOCH
                    .checked_add(Duration::from_millis(ms))
                    .ok_or_else(|| format!("expires_unix_ms is {ms}, which this system's clock cannot hold"))?,
            ),
        };
        let mut unknown_decision = None;
        let verdict = match self.decision {
            abi::GRANT if expires.is_some_and(|expires| expires <= now) => {
                Verdict::Refuse("the authorization has expired".into())
            }
            abi::GRANT => Verdict::Grant(Grant { permissions, subject, expires, ..Grant::default() }),
            abi::REFUSE | abi::ABSTAIN => Verdict::Refuse(reason),
            abi::UNAVAILABLE => Verdict::Unavailable(reason),
            unknown => {
                unknown_decision = Some(unknown);
                Verdict::Refuse(String::new())
            }
        };
        Ok(Understood { verdict, detail, unknown_decision })
    }
}

fn text(field: &str, bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|_| format!("{field} is not UTF-8"))
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
mod tests {
    use super::*;

    fn understand(answer: Answer) -> Result<Understood, String> {
        answer.understand(SystemTime::UNIX_EPOCH + Duration::from_secs(1000))
    }

    fn grant(expires_unix_ms: u64) -> Answer {
        Answer {
            decision: abi::GRANT,
            expires_unix_ms,
            subject: b"alice".to_vec(),
            permissions: vec![(b"a.*".to_vec(), abi::READ), (b"b".to_vec(), 0xffff_ffff)],
            ..Answer::default()
        }
    }

    #[test]
    fn a_grant_keeps_what_it_gives() {
        let understood = understand(grant(1_000_001)).unwrap();
        assert_eq!(
            understood.verdict,
            Verdict::Grant(Grant {
                permissions: vec![Permission::new("a.*", Access::READ), Permission::new("b", Access::READ_WRITE)],
                subject: "alice".into(),
                expires: Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_001)),
                ..Grant::default()
            })
        );
        assert!(matches!(understand(grant(0)).unwrap().verdict, Verdict::Grant(Grant { expires: None, .. })));
    }

    #[test]
    fn everything_else_gives_nothing() {
        let of = |decision| Answer { decision, reason: b"why".to_vec(), ..grant(0) };
        assert_eq!(understand(of(abi::REFUSE)).unwrap().verdict, Verdict::Refuse("why".into()));
        assert_eq!(understand(of(abi::ABSTAIN)).unwrap().verdict, Verdict::Refuse("why".into()));
        assert_eq!(understand(of(abi::UNAVAILABLE)).unwrap().verdict, Verdict::Unavailable("why".into()));
        for garbage in [0, 5, -1, i32::MAX, i32::MIN] {
            let understood = understand(of(garbage)).unwrap();
            assert_eq!(understood.verdict, Verdict::Refuse(String::new()));
            assert_eq!(understood.unknown_decision, Some(garbage));
        }
        assert!(matches!(understand(grant(1_000_000)).unwrap().verdict, Verdict::Refuse(_)), "expired");
    }

    #[test]
    fn text_that_is_none_is_malformed() {
        for field in ["subject", "reason", "detail", "pattern"] {
            let mut answer = grant(0);
            match field {
                "subject" => answer.subject = vec![0xff],
                "reason" => answer.reason = vec![0xff],
                "detail" => answer.detail = vec![0xff],
                _ => answer.permissions[0].0 = vec![0xff],
            }
            assert_eq!(understand(answer), Err(format!("{field} is not UTF-8")));
        }
    }

    #[test]
    fn one_line_stays_one_line() {
        assert_eq!(printable("a\nb\u{1b}[31mö"), "a\\nb\\u{1b}[31mö");
    }
}
