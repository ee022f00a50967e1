//! The standing of a client: the numbers of whatever it is authorized by, as revocations and kicks name them.
//!
//! **Invariant:** those of one authorization, two at most unless keys are being replaced, are held in place: an idle client
//! allocates nothing for them.

use std::cell::Cell;

/// The numbers; 0 is none.
#[derive(Default)]
pub(super) struct Standing(Cell<Numbers>);

enum Numbers {
    Few([u64; 2]),
    Many(Box<[u64]>),
}

impl Default for Numbers {
    fn default() -> Self {
        Self::Few([0; 2])
    }
}

impl Standing {
    /// These and no others.
    pub(super) fn set(&self, mut numbers: impl Iterator<Item = u64>) {
        let few = [(); 2].map(|()| numbers.next().unwrap_or_default());
        let others: Vec<u64> = numbers.collect();
        self.0.set(match others.is_empty() {
            true => Numbers::Few(few),
            false => Numbers::Many(few.into_iter().chain(others).collect()),
        });
    }

    /// Whether this is one of them.
    pub(super) fn has(&self, number: u64) -> bool {
        let numbers = self.0.take();
        let all = match &numbers {
            Numbers::Few(few) => &few[..],
            Numbers::Many(many) => many,
        };
        let has = number != 0 && all.contains(&number);
        self.0.set(numbers);
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_what_was_set_last_and_nothing_else() {
        let standing = Standing::default();
        for count in [0, 1, 2, 3, 5, 2, 0] {
            standing.set(1..=count);
            for number in 0..8 {
                assert_eq!(standing.has(number), (1..=count).contains(&number), "{number} of {count}");
            }
        }
        assert_eq!(size_of::<Standing>(), 24);
    }
}
