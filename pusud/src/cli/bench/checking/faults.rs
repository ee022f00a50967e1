//! Faults of a relay, counted by kind, with the first of each in words.

use std::fmt;

/// The kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A listener did not get a message.
    Lost,
    /// A listener got a message again.
    Duplicate,
    /// A listener got a message behind a later one of the same source and channel.
    Reordered,
    /// A listener got a message of another channel.
    Misdirected,
    /// A listener's connection ended.
    Cut,
}

const KINDS: usize = 5;

/// How many of each kind.
#[derive(Clone, Default)]
pub(crate) struct Faults([Count; KINDS]);

#[derive(Clone, Default)]
struct Count {
    count: u64,
    first: Option<String>,
}

impl Faults {
    /// Counts `count` of a kind; `words` says what happened, should it be the first.
    pub(crate) fn add(&mut self, fault: Fault, count: u64, words: impl FnOnce() -> String) {
        let kind = &mut self.0[fault as usize];
        kind.count += count;
        kind.first.get_or_insert_with(words);
    }

    /// Adds what another thread has found.
    pub(crate) fn merge(&mut self, other: Self) {
        for (kind, other) in self.0.iter_mut().zip(other.0) {
            kind.count += other.count;
            kind.first = kind.first.take().or(other.first);
        }
    }

    pub(crate) fn count(&self, fault: Fault) -> u64 {
        self.0[fault as usize].count
    }

    /// One sentence for each kind that there is.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let kinds = [Fault::Lost, Fault::Duplicate, Fault::Reordered, Fault::Misdirected, Fault::Cut];
        let found = kinds.iter().zip(&self.0).filter(|(_, kind)| kind.count > 0);
        found.map(|(fault, kind)| format!("{} {fault}: {}", kind.count, kind.first.as_deref().unwrap_or(""))).collect()
    }
}

/// As it follows a number.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost, first",
            Self::Duplicate => "delivered twice, first",
            Self::Reordered => "out of order, first",
            Self::Misdirected => "to listeners of other channels, first",
            Self::Cut => "listeners cut, first",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_the_first_words_stay() {
        let mut faults = Faults::default();
        assert_eq!(faults.sentences(), [""; 0]);
        faults.add(Fault::Lost, 2, || "message 3".into());
        faults.add(Fault::Lost, 1, || unreachable!("it is not the first"));
        let mut other = Faults::default();
        other.add(Fault::Lost, 1, || "message 9".into());
        other.add(Fault::Cut, 1, || "listener 1".into());
        faults.merge(other);
        assert_eq!(faults.sentences(), ["4 lost, first: message 3", "1 listeners cut, first: listener 1"]);
        assert_eq!((faults.count(Fault::Lost), faults.count(Fault::Duplicate)), (4, 0));
    }
}
