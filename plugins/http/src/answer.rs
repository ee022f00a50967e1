//! Answers of the service: from bytes to a verdict.
//!
//! **Invariant:** what is not exactly as it should be is no answer: a misspelt `expires` must not mean "for ever".
//! **Invariant:** no fault quotes the answer, in which a service may have repeated the authorization.

use pusu_plugin_api::abi::{PERMISSIONS_MAX, SUBJECT_BYTES_MAX};
use pusu_plugin_api::json::Object;
use pusu_plugin_api::serde::{self, Deserialize};
use pusu_plugin_api::{Access, Pattern, Permission, Verdict};
use serde_json::error::Category;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What an answer is, for the log.
const EXPECTED: &str = "expected {\"permissions\":[{\"pattern\":…,\"read\":true,\"write\":false}]}, and perhaps `subject`, \
                        `expires`, `cache_seconds`; or {\"abstain\":true}";
/// Some libraries write it in front of UTF-8, where it says nothing.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// The last second of the year 9999. A later time is one in milliseconds.
const EXPIRES_MAX: f64 = 253_402_300_799.0;
/// Longer than that nothing is remembered, whatever the service says.
const CACHE_SECONDS_MAX: f64 = 86_400.0;

/// An answer that gives permissions, or leaves the decision to others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    /// The client is none of this service's: in a list of authenticators the next one decides.
    abstains: bool,
    permissions: Vec<Permission>,
    subject: String,
    /// `None`: never.
    pub(crate) expires: Option<SystemTime>,
    /// How long it may be remembered.
    pub(crate) cache: Duration,
}

/// `null` stands for a field that is not there.
#[derive(Deserialize)]
#[serde(crate = "serde", deny_unknown_fields)]
struct Fields {
    permissions: Option<Vec<Object<PermissionFields>>>,
    abstain: Option<bool>,
    subject: Option<String>,
    expires: Option<f64>,
    cache_seconds: Option<f64>,
}

#[derive(Deserialize)]
#[serde(crate = "serde", deny_unknown_fields)]
struct PermissionFields {
    pattern: String,
    #[serde(default)]
    read: bool,
    #[serde(default)]
    write: bool,
}

impl Answer {
    /// Reads the body of an answer.
    ///
    /// # Errors
    /// What is wrong with it, for the log.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, String> {
        let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
        let Object(fields): Object<Fields> = serde_json::from_slice(body).map_err(|error| fault(&error))?;
        let abstains = fields.abstain.unwrap_or(false);
        let given = match fields.permissions {
            Some(_) if abstains => return Err(format!("`abstain` beside `permissions`; {EXPECTED}")),
            None if abstains && (fields.subject.is_some() || fields.expires.is_some()) => {
                return Err("`abstain` beside what a decision has; expected `cache_seconds` at most".into());
            }
            None if !abstains => return Err(format!("missing field; {EXPECTED}")),
            given => given.unwrap_or_default(),
        };
        if given.len() > PERMISSIONS_MAX {
            return Err(format!("`permissions`: expected at most {PERMISSIONS_MAX}"));
        }
        let mut permissions = Vec::with_capacity(given.len());
        for Object(PermissionFields { pattern, read, write }) in given {
            if !Pattern::is_valid(&pattern) {
                let max = Pattern::BYTES_MAX;
                return Err(format!("`pattern`: expected 1 to {max} bytes without control characters"));
            }
            match (read, write) {
                (true, true) => permissions.push(Permission::new(Access::READ_WRITE, pattern)),
                (true, false) => permissions.push(Permission::read(pattern)),
                (false, true) => permissions.push(Permission::write(pattern)),
                (false, false) => {}
            }
        }
        let subject = fields.subject.unwrap_or_default();
        if subject.len() > SUBJECT_BYTES_MAX {
            return Err(format!("`subject`: expected at most {SUBJECT_BYTES_MAX} bytes"));
        }
        let expires = match fields.expires {
            None => None,
            Some(seconds) if (0.0..=EXPIRES_MAX).contains(&seconds) => {
                // To the millisecond, as the relay counts; a number with a fraction is a little off what was written.
                Some(UNIX_EPOCH + Duration::from_millis((seconds * 1000.0).round() as u64))
            }
            Some(_) => return Err("`expires`: expected seconds since 1970".into()),
        };
        let cache_seconds = fields.cache_seconds.unwrap_or(0.0);
        if cache_seconds.is_nan() || cache_seconds < 0.0 {
            return Err("`cache_seconds`: expected seconds, 0 or more".into());
        }
        let cache = Duration::from_secs_f64(cache_seconds.min(CACHE_SECONDS_MAX));
        Ok(Self { abstains, permissions, subject, expires, cache })
    }

    /// What the relay is told. It refuses what has expired already.
    pub(crate) fn verdict(&self) -> Verdict {
        if self.abstains {
            return Verdict::abstain();
        }
        let verdict = Verdict::grant(self.permissions.iter().cloned()).with_subject(self.subject.clone());
        match self.expires {
            Some(expires) => verdict.expires_at(expires),
            None => verdict,
        }
    }

    /// How much memory it takes, roughly.
    pub(crate) fn bytes(&self) -> usize {
        let permissions = self.permissions.iter().map(|permission| size_of::<Permission>() + permission.pattern.len());
        size_of::<Self>() + self.subject.len() + permissions.sum::<usize>()
    }
}

/// What is wrong, and where. serde's own words quote what they found.
fn fault(error: &serde_json::Error) -> String {
    let kinds = ["missing field", "unknown field", "duplicate field", "invalid type"];
    let what = match error.classify() {
        Category::Data => {
            let text = error.to_string();
            kinds.into_iter().find(|kind| text.starts_with(kind)).unwrap_or("malformed")
        }
        Category::Syntax | Category::Eof | Category::Io => "not JSON",
    };
    format!("{what} (line {}, column {}); {EXPECTED}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Answer, String> {
        Answer::parse(text.as_bytes())
    }

    #[test]
    fn answers_become_verdicts() {
        let answer = parse(
            r#"{"permissions":[{"pattern":"a.*","read":true,"write":false},{"pattern":"b","read":true,"write":true},
               {"pattern":"c","write":true},{"pattern":"d"}],"subject":"alice","expires":1700000000.5,"cache_seconds":60}"#,
        )
        .unwrap();
        let permissions = [Permission::read("a.*"), Permission::read_write("b"), Permission::write("c")];
        let expected = Verdict::grant(permissions).with_subject("alice").expires_unix_ms(1_700_000_000_500);
        assert_eq!((answer.verdict(), answer.cache), (expected, Duration::from_secs(60)));
        let least = parse(r#"{"permissions":[],"subject":null,"expires":null,"cache_seconds":null}"#).unwrap();
        assert_eq!((least.verdict(), least.cache), (Verdict::grant([]), Duration::ZERO));
        let marked = Answer::parse("\u{feff}{\"permissions\":[]}".as_bytes()).unwrap();
        assert_eq!(marked, least, "a byte order mark says nothing");
        let abstains = parse(r#"{"abstain":true,"cache_seconds":60}"#).unwrap();
        assert_eq!((abstains.verdict(), abstains.cache), (Verdict::abstain(), Duration::from_secs(60)));
        let decides = parse(r#"{"permissions":[],"abstain":false}"#).unwrap();
        assert_eq!(decides.verdict(), Verdict::grant([]));
        let longest = parse(r#"{"permissions":[],"cache_seconds":1e300}"#).unwrap();
        assert_eq!(longest.cache, Duration::from_secs(86_400));
    }

    #[test]
    fn what_is_not_as_it_should_be_is_no_answer() {
        let many = format!(r#"{{"permissions":[{}{{"pattern":"a"}}]}}"#, r#"{"pattern":"a"},"#.repeat(1024));
        let long = format!(r#"{{"permissions":[{{"pattern":"{}"}}]}}"#, "x".repeat(256));
        let subject = format!(r#"{{"permissions":[],"subject":"{}"}}"#, "x".repeat(1025));
        for (text, wanted) in [
            ("", "not JSON"),
            ("<html>canary</html>", "not JSON"),
            (r#"{"permissions":[]"#, "not JSON"),
            (r#"{"permissions":[]} {}"#, "not JSON"),
            ("null", "invalid type"),
            ("[]", "invalid type"),
            (r#"[[{"pattern":"*","read":true}]]"#, "invalid type"),
            (r#""canary""#, "invalid type"),
            ("{}", "missing field"),
            (r#"{"permission":[]}"#, "unknown field"),
            (r#"{"permissions":[],"canary":1}"#, "unknown field"),
            (r#"{"permissions":[],"expire":1700000000}"#, "unknown field"),
            (r#"{"permissions":[],"permissions":[]}"#, "duplicate field"),
            (r#"{"permissions":null}"#, "missing field"),
            (r#"{"abstain":false}"#, "missing field"),
            (r#"{"abstain":"canary"}"#, "invalid type"),
            (r#"{"abstain":true,"permissions":[]}"#, "`abstain` beside `permissions`"),
            (r#"{"abstain":true,"expires":1700000000}"#, "`abstain` beside"),
            ("\u{feff}\u{feff}{\"permissions\":[]}", "not JSON"),
            (r#"{"permissions":{}}"#, "invalid type"),
            (r#"{"permissions":["canary"]}"#, "invalid type"),
            (r#"{"permissions":[["*",true,true]]}"#, "invalid type"),
            (r#"{"permissions":[{"read":true}]}"#, "missing field"),
            (r#"{"permissions":[{"pattern":"a","read":"canary"}]}"#, "invalid type"),
            (r#"{"permissions":[{"pattern":"a","read":1}]}"#, "invalid type"),
            (r#"{"permissions":[{"pattern":"a","read":null}]}"#, "invalid type"),
            (r#"{"permissions":[{"pattern":7}]}"#, "invalid type"),
            (r#"{"permissions":[{"pattern":"a","reed":true}]}"#, "unknown field"),
            (r#"{"permissions":[{"pattern":""}]}"#, "`pattern`"),
            (r#"{"permissions":[{"pattern":"a\n"}]}"#, "`pattern`"),
            (r#"{"permissions":[],"expires":"1700000000"}"#, "invalid type"),
            (r#"{"permissions":[],"expires":-1}"#, "`expires`"),
            (r#"{"permissions":[],"expires":1700000000000}"#, "`expires`"),
            (r#"{"permissions":[],"expires":1e400}"#, "not JSON"),
            (r#"{"permissions":[],"subject":7}"#, "invalid type"),
            (r#"{"permissions":[],"cache_seconds":-1}"#, "`cache_seconds`"),
            (r#"{"permissions":[],"cache_seconds":"60"}"#, "invalid type"),
            (&many, "`permissions`: expected at most 1024"),
            (&long, "`pattern`"),
            (&subject, "`subject`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(wanted) && !error.contains("canary"), "{text}: {error}");
        }
        assert!(Answer::parse(b"{\"permissions\":[{\"pattern\":\"\xff\"}]}").is_err());
    }
}
