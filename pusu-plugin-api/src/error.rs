//! Errors of an authenticator's creation: the text an operator reads when the relay does not start.

use pusu_plugin_abi as abi;
use std::fmt;

/// Why [`create`](crate::Authenticator::create) failed. The relay stops its start and shows the text to the operator,
/// so it should name what is wrong, what was expected and what to do, and must not contain a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateError {
    status: abi::Status,
    text: String,
}

impl CreateError {
    /// The options are wrong: the operator has to change the settings.
    pub fn config(text: impl fmt::Display) -> Self {
        Self { status: abi::ERR_CONFIG, text: text.to_string() }
    }

    /// Something else failed: a file that cannot be read, a thread that cannot be started.
    pub fn failed(text: impl fmt::Display) -> Self {
        Self { status: abi::ERR, text: text.to_string() }
    }

    /// This relay lacks something the plugin cannot do without, an extension for one.
    pub fn unsupported(text: impl fmt::Display) -> Self {
        Self { status: abi::ERR_ABI, text: text.to_string() }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What `create` returns over the border.
    pub(crate) fn status(&self) -> abi::Status {
        self.status
    }
}

impl fmt::Display for CreateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for CreateError {}
