//! Reasons for which a template is not filled.
//!
//! **Invariant:** no value is in any text here.

use crate::pattern::Pattern;
use std::fmt::{self, Display};

/// Why a value may not be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// There is nothing in it.
    Empty,
    /// It has a `*`, which would match what is not its own.
    Star,
    /// It has a control character, which no channel's name has.
    Control,
    /// It has a dot, and would reach into the names below another one.
    Dot,
}

/// Why a template gives no pattern for some values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotFilled<'a, P> {
    /// There is no value for this placeholder.
    Missing(&'a P),
    /// The value for this placeholder may not be filled in.
    Unfit(&'a P, Unfit),
    /// The pattern would be longer than [`Pattern::BYTES_MAX`].
    TooLong,
}

impl Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::Star => "has a `*`",
            Self::Control => "has a control character",
            Self::Dot => "has a dot",
        })
    }
}

impl<P: Display> Display for NotFilled<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(placeholder) => write!(f, "there is no value for `{{{placeholder}}}`"),
            Self::Unfit(placeholder, unfit) => write!(f, "`{{{placeholder}}}` {unfit}"),
            Self::TooLong => write!(f, "it would be longer than {} bytes", Pattern::BYTES_MAX),
        }
    }
}
