//! Size classes, to find the largest of many things: each stands in the class of its size, where a class goes up to
//! twice the last one.
//!
//! So it takes the same time however many there are. The largest one that is given may be the larger by less than two.

/// What is smaller is in no class: a channel with one short message that goes at once costs nothing here.
pub(super) const SMALL: usize = 1024;
/// Classes for all sizes that there are.
const CLASSES: usize = usize::BITS as usize + 1;

/// Numbered things by their sizes.
pub(super) struct SizeClasses {
    classes: [Vec<u32>; CLASSES],
    /// The place of each number in its class.
    places: Vec<u32>,
    /// One bit for each class with something in it.
    present: u64,
}

impl Default for SizeClasses {
    fn default() -> Self {
        Self { classes: [const { Vec::new() }; CLASSES], places: Vec::new(), present: 0 }
    }
}

/// The class of a size; 0 is none.
fn class(size: usize) -> usize {
    if size < SMALL { 0 } else { (usize::BITS - size.leading_zeros()) as usize }
}

impl SizeClasses {
    /// The thing with this number has changed its size.
    #[inline]
    pub(super) fn change(&mut self, number: usize, before: usize, after: usize) {
        let (before, after) = (class(before), class(after));
        if before != after {
            self.remove(number, before);
            self.add(number, after);
        }
    }

    /// One of the largest, unless all are small.
    pub(super) fn largest(&self) -> Option<usize> {
        let class = self.present.checked_ilog2()? as usize + 1;
        self.classes[class].last().map(|&number| number as usize)
    }

    fn add(&mut self, number: usize, class: usize) {
        if class == 0 {
            return;
        }
        if self.places.len() <= number {
            self.places.resize(number + 1, 0);
        }
        let place = self.classes[class].len();
        self.places[number] = u32::try_from(place).expect("what is bounded in bytes is fewer than 2^32");
        self.classes[class].push(u32::try_from(number).expect("what is bounded in bytes is fewer than 2^32"));
        self.present |= 1 << (class - 1);
    }

    fn remove(&mut self, number: usize, class: usize) {
        if class == 0 {
            return;
        }
        let place = self.places[number];
        let numbers = &mut self.classes[class];
        numbers.swap_remove(place as usize);
        if let Some(&moved) = numbers.get(place as usize) {
            self.places[moved as usize] = place;
        }
        if numbers.is_empty() {
            self.present &= !(1 << (class - 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn none_is_twice_as_large_as_the_largest(
            changes in proptest::collection::vec((0usize..6, prop_oneof![Just(0usize), 0usize..9 * SMALL, any::<usize>()]), 0..40),
        ) {
            let (mut sizes, mut all) = (SizeClasses::default(), [0; 6]);
            for (number, size) in changes {
                sizes.change(number, all[number], size);
                all[number] = size;
                let most = all.into_iter().max().unwrap_or(0);
                match sizes.largest() {
                    Some(largest) => prop_assert!(all[largest] > most / 2, "{all:?} {largest}"),
                    None => prop_assert!(most < SMALL),
                }
            }
        }
    }
}
