//! The first ones of many: a bounded heap, so that a list of a few is never made of all.

use std::collections::BTreeMap;

/// Those with the greatest keys, which are all different.
pub(super) struct Top<K, V> {
    limit: usize,
    kept: BTreeMap<K, V>,
}

impl<K: Ord, V> Top<K, V> {
    /// So many.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, kept: BTreeMap::new() }
    }

    /// Takes one in, unless all that are kept are greater.
    pub(super) fn offer(&mut self, key: K, value: impl FnOnce() -> V) {
        let is_full = self.kept.len() >= self.limit;
        if is_full && self.kept.first_key_value().is_none_or(|(least, _)| key <= *least) {
            return;
        }
        self.kept.insert(key, value());
        if is_full {
            self.kept.pop_first();
        }
    }

    /// What is kept, the greatest first.
    pub(super) fn into_sorted(self) -> impl Iterator<Item = (K, V)> {
        self.kept.into_iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_are_kept_whatever_the_order() {
        for order in [[3, 1, 4, 2, 5], [5, 4, 3, 2, 1], [1, 2, 3, 4, 5]] {
            let mut top = Top::new(2);
            order.into_iter().for_each(|key| top.offer(key, || key * 10));
            assert!(top.into_sorted().eq([(5, 50), (4, 40)]));
        }
        let mut none = Top::new(0);
        none.offer(1, || ());
        assert_eq!(none.into_sorted().count(), 0);
    }
}
