//! HTTP answers to connections that do not become WebSockets: status, headers, and a sentence for whoever reads it.

use super::Answer;
use crate::protocol::{Disconnect, Refusal};

/// Why a request is not answered with 101.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HttpError {
    /// Code and words.
    pub status: &'static str,
    /// Further header lines, each with its line end.
    pub headers: &'static str,
    /// What is wrong.
    pub reason: &'static str,
}

/// When a client may look again for room.
const RETRY_AFTER: &str = "Retry-After: 5\r\n";

impl HttpError {
    /// 400, for this reason.
    pub(crate) const fn bad_request(reason: &'static str) -> Self {
        Self { status: "400 Bad Request", headers: "", reason }
    }

    /// The page that connects comes from an origin that is not allowed.
    pub(crate) const ORIGIN_NOT_ALLOWED: Self =
        Self { status: "403 Forbidden", headers: "", reason: "Pages of this origin may not connect to this relay." };

    /// For a client that speaks no TLS where it should.
    pub(crate) const ENCRYPTED_ONLY: Self = Self::bad_request(
        "This port speaks TLS: connect with wss:// in the place of ws:// (https:// in the place of http://).",
    );

    /// The relay cannot wait for the request any more.
    pub(crate) fn unavailable(disconnect: Disconnect) -> Self {
        Self { status: "503 Service Unavailable", headers: RETRY_AFTER, reason: disconnect.reason() }
    }

    /// What a connection is told that was not let in for this limit.
    pub(crate) const fn turned_away(refusal: Refusal) -> Self {
        match refusal {
            Refusal::MaxConnectionsPerAddress => Self {
                status: "429 Too Many Requests",
                headers: RETRY_AFTER,
                reason: "This address has as many connections as it may have.",
            },
            Refusal::MaxUnauthorized => Self {
                status: "503 Service Unavailable",
                headers: RETRY_AFTER,
                reason: "Too many connections are not authorized yet; try again later.",
            },
            _ => Self {
                status: "503 Service Unavailable",
                headers: RETRY_AFTER,
                reason: "The relay has as many connections as it takes; try again later.",
            },
        }
    }

    /// The same as a problem, for requests that are understood.
    pub(crate) fn to_problem(self) -> Answer {
        let code = self.status.split(' ').next().and_then(|code| code.parse().ok());
        Answer::problem(code.expect("a status begins with its code"), self.reason)
    }

    /// The whole answer, after which the connection is to be closed.
    pub(crate) fn to_response(self) -> Vec<u8> {
        let Self { status, headers, reason } = self;
        format!(
            "HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {}\r\n\r\n{reason}\n",
            reason.len() + 1
        )
        .into_bytes()
    }
}
