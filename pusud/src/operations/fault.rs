//! A request that is not answered as it was asked: with which status, and why.

use super::answers::{Answer, problem, with};
use crate::control::Unserved;
use hyper::StatusCode;
use hyper::header::HeaderName;

/// The reason.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) status: StatusCode,
    /// What is wrong, and the way out.
    pub(super) detail: String,
    header: Option<(HeaderName, String)>,
}

impl Fault {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), header: None }
    }

    /// What was asked cannot be meant.
    pub(super) fn wrong(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// There is no session for what was asked.
    pub(super) fn unserved(why: Unserved) -> Self {
        let status = match why {
            Unserved::Wrong(_) => StatusCode::BAD_REQUEST,
            Unserved::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, why.to_string())
    }

    /// The same, with a header.
    pub(super) fn with(self, name: HeaderName, value: impl Into<String>) -> Self {
        Self { header: Some((name, value.into())), ..self }
    }

    /// What the audit log says of it.
    pub(super) fn refused(&self) -> String {
        format!("refused: {}", self.detail)
    }

    pub(super) fn answer(self) -> Answer {
        let answer = problem(self.status, &self.detail);
        match &self.header {
            Some((name, value)) => with(answer, name.clone(), value),
            None => answer,
        }
    }
}
