//! The standing of a client in the memory of a relay: the numbers by which revocations and kicks name what it is
//! authorized by.
//!
//! **Invariant:** two numbers, as many as one authorization has unless keys are being replaced or a relay's own goes on beside
//! a network's, are held in place: an idle client allocates nothing for them.

use std::num::NonZeroU64;

/// Whose one authorization is, or all of one client's are, as far as it can be revoked: the numbers of its subject and of
/// its hashes. Each client has one for each authorization and one for all of them, so it takes 16 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing(Numbers);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Numbers {
    /// The second one is 0 where there is none. That the first one is not tells this from the others.
    Few(NonZeroU64, u64),
    /// None, or more than two.
    Others(Option<Box<Many>>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Many(Vec<u64>);

impl Standing {
    /// The numbers; those of different ones differ, but for an accident of 64 bits.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        let (few, others) = match &self.0 {
            Numbers::Few(first, second) => ([first.get(), *second], None),
            Numbers::Others(others) => ([0; 2], others.as_ref()),
        };
        few.into_iter().filter(|number| *number != 0).chain(others.into_iter().flat_map(|many| many.0.iter().copied()))
    }

    /// Whether this is one of them.
    pub fn has(&self, number: u64) -> bool {
        self.numbers().any(|one| one == number)
    }
}

impl Default for Standing {
    fn default() -> Self {
        Self(Numbers::Others(None))
    }
}

/// 0 is no number, and is left out.
impl FromIterator<u64> for Standing {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut numbers = numbers.into_iter().filter_map(NonZeroU64::new);
        let Some(first) = numbers.next() else { return Self::default() };
        let second = numbers.next().map_or(0, NonZeroU64::get);
        let others: Vec<u64> = numbers.map(NonZeroU64::get).collect();
        Self(if others.is_empty() {
            Numbers::Few(first, second)
        } else {
            let all = [first.get(), second].into_iter().chain(others);
            Numbers::Others(Some(Box::new(Many(all.collect()))))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_the_numbers_that_it_was_made_of_and_no_others() {
        for count in 0..6 {
            let standing: Standing = (0..=count).collect();
            assert!(standing.numbers().eq(1..=count), "{standing:?}");
            for number in 0..8 {
                assert_eq!(standing.has(number), (1..=count).contains(&number), "{number} of {count}");
            }
        }
        assert_eq!(Standing::default(), [].into_iter().collect());
    }

    #[test]
    fn it_is_small() {
        assert_eq!(size_of::<Standing>(), 16);
    }
}
