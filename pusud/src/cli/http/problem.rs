//! Answers that say no, as a person at the terminal sees them, and whether another try could help.
//!
//! **Invariant:** what is refused over WebSocket too has the same word in both.

use super::answer::{Head, Media};
use crate::cli::client_messages::Failure;
use crate::cli::connecting::first_line;
use serde::Deserialize;
use std::time::Duration;

/// What is kept of a body that says why.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// An answer that says no, as far as it has come.
pub(in crate::cli) struct Refusing {
    head: Head,
    body: Vec<u8>,
}

/// What a relay says (RFC 9457); other members may be there too.
#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    channel: Option<String>,
}

impl Refusing {
    pub(super) fn new(head: Head) -> Self {
        Self { head, body: Vec::new() }
    }

    /// Takes some of its body.
    pub(super) fn body(&mut self, bytes: &[u8]) {
        let room = BODY_BYTES_MAX.saturating_sub(self.body.len()).min(bytes.len());
        self.body.extend_from_slice(&bytes[..room]);
    }

    /// What it means where it was about `channel`.
    pub(in crate::cli) fn failure(&self, channel: Option<&str>) -> Failure {
        let status = self.head.status;
        let problem = match self.head.media {
            Media::Problem => serde_json::from_slice(&self.body).ok(),
            _ => None,
        };
        let message = match problem {
            Some(problem) => refused(status, &problem, channel),
            None => {
                let said = first_line(&self.body);
                let said = if said.is_empty() { said } else { format!(": {said}") };
                format!("expected a relay that speaks HTTP, found a server that answers HTTP {status}{said}")
            }
        };
        let again = matches!(status, 408 | 409 | 429 | 500 | 502..=504);
        Failure { message, again, after: self.head.retry_after.unwrap_or(Duration::ZERO) }
    }
}

fn refused(status: u16, problem: &Problem, channel: Option<&str>) -> String {
    // The words of the protocol over WebSocket, where it has one for this.
    let word = match status {
        401 => "authorization_failed",
        403 => "permission_denied",
        429 => "limit_exceeded",
        _ => problem.title.as_str(),
    };
    let mut text = format!("the relay refused: {word}");
    let channel = problem.channel.as_deref().or(channel).filter(|_| status != 401);
    if let Some(channel) = channel {
        text += &format!(" for channel {channel:?}");
    }
    if !problem.detail.is_empty() {
        text += &format!(": {}", problem.detail);
    }
    format!("{text} (HTTP {status})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(status: u16, media: Media, body: &str) -> Failure {
        let retry_after = (status == 503).then(|| Duration::from_secs(2));
        let mut refusing = Refusing::new(Head { status, closes: false, media, retry_after });
        body.as_bytes().chunks(5).for_each(|bytes| refusing.body(bytes));
        refusing.failure(Some("a"))
    }

    #[test]
    fn a_problem_is_told_in_the_relays_words() {
        for (status, body, expected, again) in [
            (401, r#"{"title":"Unauthorized","detail":"expired"}"#, "authorization_failed: expired", false),
            (403, r#"{"detail":"no","channel":"b"}"#, r#"permission_denied for channel "b": no"#, false),
            (413, r#"{"title":"Content Too Large"}"#, r#"Content Too Large for channel "a""#, false),
            (429, r#"{"detail":"too fast"}"#, r#"limit_exceeded for channel "a": too fast"#, true),
            (503, r#"{"title":"Service Unavailable"}"#, r#"Service Unavailable for channel "a""#, true),
        ] {
            let failure = failure(status, Media::Problem, body);
            assert_eq!(failure.message, format!("the relay refused: {expected} (HTTP {status})"));
            assert_eq!(failure.again, again, "{status}");
            assert_eq!(failure.after.as_secs(), if status == 503 { 2 } else { 0 });
        }
    }

    #[test]
    fn a_server_that_is_no_relay_is_told() {
        let expected = "expected a relay that speaks HTTP, found a server that answers HTTP";
        for (status, media, body, said) in [
            (404, Media::Other, "not here\nat all", " 404: not here"),
            (502, Media::Other, "<html>", " 502"),
            (403, Media::Problem, "{", " 403: {"),
        ] {
            assert_eq!(failure(status, media, body).message, format!("{expected}{said}"));
        }
        assert!(failure(502, Media::Other, "").again && !failure(404, Media::Other, "").again);
        assert!(failure(400, Media::Other, &"x".repeat(2 * BODY_BYTES_MAX)).message.len() < 400);
    }
}
