//! The ownership of libraries and folders: nobody but root and the daemon's user may be able to write a library, or to put
//! another in its place, since its code runs with the daemon's rights.
//!
//! Looks at owners, permission bits and whether a mount is read-only, where nobody can write. Systems without them have
//! a counterpart that leaves it to the operator.
//!
//! All folders count, from the root down and with those that symbolic links lead through: whoever may write one of them
//! can put another in the place of what is below. A sticky folder such as /tmp is the exception, as long as it belongs to
//! root or the daemon's user: in it others can make new things, but cannot move what is not theirs. So it will do on the
//! way to a file that is there, and not where a library is looked for (siblings.rs), since a new one would be found.

#[cfg(not(unix))]
pub(super) use elsewhere::Ownership;
#[cfg(unix)]
pub(super) use unix::Ownership;

#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
mod elsewhere {
    use anyhow::Result;
    use std::fs::Metadata;
    use std::path::Path;

    /// Access lists are not read: that nobody else may write into the plugins folder is for the operator to see to.
    pub(in super::super) struct Ownership;

    impl Ownership {
        pub(in super::super) fn new(_strict: bool) -> Self {
            Self
        }

        pub(in super::super) fn check_file(
            &mut self,
            _path: &Path,
            _file: &Metadata,
            _is_read_only: bool,
        ) -> Result<Vec<String>> {
            Ok(Vec::new())
        }
    }
}
