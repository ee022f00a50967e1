//! A secret of the relay's own, such as a password, while the daemon needs it.
//!
//! It is wiped when the last that holds it lets go.
//! **Invariant:** neither `Debug` nor an error shows one: whoever needs the text asks for it by name.

use super::wiped_option::digest_of;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A secret. Clones are the same one.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// One with this text, which is not copied.
    pub fn new(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }

    /// The text, for nobody but who has to be shown it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Tells two secrets apart within this process, and says nothing about them.
    pub(super) fn digest(&self) -> u64 {
        digest_of(self.reveal())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_apart_and_not_shown() {
        let of = |text: &str| Secret::new(text.to_owned());
        assert_eq!((of("hunter2"), of("hunter2").digest()), (of("hunter2"), of("hunter2").digest()));
        assert_ne!((of("hunter2"), of("hunter2").digest()), (of("hunter3"), of("hunter3").digest()));
        assert_eq!((format!("{:?}", of("hunter2")).as_str(), of("hunter2").reveal()), ("[redacted]", "hunter2"));
    }
}
