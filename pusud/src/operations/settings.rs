//! The settings that hold, and what reading them again would change.

use super::answers::Answer;
use super::door::Door;
use super::fault::Fault;
use hyper::StatusCode;

impl Door {
    /// Shows them.
    pub(super) async fn settings(&self) -> Result<Answer, Fault> {
        Err(Fault::new(StatusCode::NOT_IMPLEMENTED, "not yet"))
    }
}
