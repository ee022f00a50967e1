//! The end of a plugin's process, in words for the operator.

use crate::authenticator::exit::EXIT_STATUS;
use std::fmt;
use std::process::ExitStatus;

/// How a plugin's process has ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    /// It could not be started, or nobody knows.
    NeverRan,
    /// With this status.
    Status(ExitStatus),
}

impl End {
    /// Whether the plugin has ended it on purpose.
    pub(super) fn is_exit(self) -> bool {
        matches!(self, Self::Status(status) if matches!(status.code(), Some(0 | EXIT_STATUS)))
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverRan => f.write_str("it never ran"),
            Self::Status(status) if status.code() == Some(EXIT_STATUS) => f.write_str("it has called `exit`"),
            Self::Status(status) if status.success() => write!(f, "{status}, as if by a call of `_exit`"),
            Self::Status(status) => status.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;

    #[test]
    fn ends_on_purpose_are_told_from_others() {
        let exited = |code: i32| End::Status(ExitStatus::from_raw(code << 8));
        for (end, words, is_exit) in [
            (exited(EXIT_STATUS), "it has called `exit`", true),
            (exited(0), "exit status: 0, as if by a call of `_exit`", true),
            (exited(2), "exit status: 2", false),
            (End::Status(ExitStatus::from_raw(6)), "signal: 6 (SIGABRT)", false),
            (End::NeverRan, "it never ran", false),
        ] {
            assert!(end.to_string().starts_with(words) && end.is_exit() == is_exit, "{end}");
        }
    }
}
