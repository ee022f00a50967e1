//! The query of a request: names with values, each of which has to be known and to stand there once.

use super::fault::Fault;
use crate::http::query_pairs;
use std::str::FromStr;

/// What is left of a query.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// # Errors
    /// It cannot be decoded.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Fault> {
        let pairs: Option<Vec<_>> = query_pairs(query.unwrap_or_default()).collect();
        pairs.map(Self).ok_or_else(|| Fault::wrong("the query has an escape (`%`) that cannot be decoded"))
    }

    /// An empty one.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    /// Takes the value of this name out, if it is there and not empty.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(found, _)| found == name)?;
        Some(self.0.remove(at).1).filter(|value| !value.is_empty())
    }

    /// The same of a value that has to be there.
    ///
    /// # Errors
    /// It is not.
    pub(super) fn need(&mut self, name: &str) -> Result<String, Fault> {
        self.take(name).ok_or_else(|| Fault::wrong(format!("expected `{name}` in the query, and found none")))
    }

    /// The same of a value that is a number or `true`.
    ///
    /// # Errors
    /// It is not what was expected.
    pub(super) fn take_as<T: FromStr>(&mut self, name: &str, expected: &str) -> Result<Option<T>, Fault> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let parsed = text.parse().map(Some);
        parsed.map_err(|_| Fault::wrong(format!("`{name}`: expected {expected}, found {text:?}")))
    }

    /// Takes one of these words out.
    ///
    /// # Errors
    /// It is another one.
    pub(super) fn take_word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Fault> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| Some(*value));
        found.ok_or_else(|| {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            Fault::wrong(format!("`{name}`: expected one of {}, found {text:?}", words.join(", ")))
        })
    }

    /// Nothing more may be there.
    ///
    /// # Errors
    /// Something is.
    pub(super) fn end(self) -> Result<(), Fault> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => Err(Fault::wrong(format!("{name:?} in the query is unknown, or is there twice"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_known_and_stands_there_once() {
        let mut query = Query::parse(Some("limit=5&search=a%26b+c&sort=rate&empty=")).unwrap();
        assert_eq!(query.take_as::<usize>("limit", "a number").unwrap(), Some(5));
        assert_eq!((query.take("search").as_deref(), query.take("empty")), (Some("a&b c"), None));
        assert_eq!(query.take_word("sort", &[("age", 1), ("rate", 2)]).unwrap(), Some(2));
        query.end().unwrap();
        for wrong in ["other=1", "limit=1&limit=2", "limit=x"] {
            let mut query = Query::parse(Some(wrong)).unwrap();
            let taken = query.take_as::<usize>("limit", "a number");
            assert!(taken.is_err() || query.end().is_err(), "{wrong}");
        }
        assert!(Query::parse(Some("a=%zz")).is_err());
    }
}
