//! Places in the options, in the words of all errors about options.

use crate::error::CreateError;
use std::fmt::{self, Display};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf, absolute};

/// Where in the options something stands, for errors of [`create`](crate::Authenticator::create) that read like those of
/// this crate: ``option `hosts`, item 2``.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(Vec<Step>);

/// One part of a place; positions are counted from 0, and shown from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Option(String),
    Item(usize),
    Entry(usize),
    /// The key itself of an entry.
    Key(usize),
    File(PathBuf),
}

impl Place {
    /// The option of this name.
    pub fn option(name: impl Into<String>) -> Self {
        Self(vec![Step::Option(name.into())])
    }

    /// An item of the list that stands here; the first has the index 0 and is shown as item 1.
    pub fn item(&self, index: usize) -> Self {
        self.then(Step::Item(index))
    }

    /// An entry of the mapping that stands here; the first has the index 0 and is shown as entry 1. An entry whose key
    /// may be a secret is named in this way, and not by its key.
    pub fn entry(&self, index: usize) -> Self {
        self.then(Step::Entry(index))
    }

    /// The file that is named here, as [`Host::resolve`](crate::Host::resolve) gives it. It is shown with its whole path;
    /// any other relative one begins where the relay was started, which need not be where the settings are.
    pub fn file(&self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        self.then(Step::File(absolute(path).unwrap_or_else(|_| path.to_owned())))
    }

    /// What is wrong with what stands here, as [`CreateError::config`]. `text` should say what was expected, what was
    /// found and what to do, and must not contain a secret.
    pub fn error(&self, text: impl Display) -> CreateError {
        CreateError::config(format_args!("{self}: {text}"))
    }

    /// Gives back `found` if it lies in `range`.
    ///
    /// # Errors
    /// It does not; the text names the range and what was found.
    pub fn in_range<T: PartialOrd + Display>(&self, found: T, range: RangeInclusive<T>) -> Result<T, CreateError> {
        if range.contains(&found) {
            return Ok(found);
        }
        Err(self.error(format_args!("expected {} to {}, found {found}", range.start(), range.end())))
    }

    /// The place of what is wrong with the options as a whole. It has no name.
    pub(super) fn whole() -> Self {
        Self(Vec::new())
    }

    /// This place, found to lie within `outer`.
    pub(super) fn put_within(&mut self, outer: Step) {
        self.0.insert(0, outer);
    }

    pub(super) fn is_whole(&self) -> bool {
        self.0.is_empty()
    }

    fn then(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                _ if index == 0 => {}
                Step::File(_) => f.write_str(": ")?,
                _ => f.write_str(", ")?,
            }
            match step {
                Step::Option(name) => write!(f, "option `{name}`")?,
                Step::Item(index) => write!(f, "item {}", index + 1)?,
                Step::Entry(index) => write!(f, "entry {}", index + 1)?,
                Step::Key(index) => write!(f, "key of entry {}", index + 1)?,
                Step::File(path) => write!(f, "{}", path.display())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_named_from_the_outside_to_the_inside() {
        let place = Place::option("hosts");
        assert_eq!(place.to_string(), "option `hosts`");
        assert_eq!(place.item(0).to_string(), "option `hosts`, item 1");
        assert_eq!(place.entry(1).item(2).to_string(), "option `hosts`, entry 2, item 3");
        let file = absolute("some.pem").expect("the tests run in a folder that exists");
        assert!(file.is_absolute());
        assert_eq!(place.file("some.pem").to_string(), format!("option `hosts`: {}", file.display()));
    }

    #[test]
    fn errors_name_place_expectation_and_finding() {
        let place = Place::option("size");
        assert_eq!(place.error("expected more"), CreateError::config("option `size`: expected more"));
        assert_eq!(place.in_range(1, 1..=9), Ok(1));
        assert_eq!(place.in_range(9, 1..=9), Ok(9));
        for outside in [0, 10] {
            let wanted = format!("option `size`: expected 1 to 9, found {outside}");
            assert_eq!(place.in_range(outside, 1..=9), Err(CreateError::config(wanted)));
        }
        assert!(place.in_range(f64::NAN, 0.0..=1.0).is_err());
    }
}
