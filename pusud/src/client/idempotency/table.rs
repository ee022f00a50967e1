//! A table of rows by digest, in a fixed number of places: its memory is taken at once when the first row comes, and never
//! grows, also not for a moment, as that of a map does.
//!
//! Digests are spread evenly, and nobody can choose them: some bits of one say in which bucket a row is.

use super::digest::Digest;
use std::num::NonZeroU32;
use std::ops::{Index, IndexMut};

/// The place of a row, for as long as the row is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(NonZeroU32);

impl Key {
    fn of(at: usize) -> Self {
        let number = u32::try_from(at + 1).ok().and_then(NonZeroU32::new);
        Self(number.expect("there are far fewer than 2^32 places"))
    }

    fn at(self) -> usize {
        self.0.get() as usize - 1
    }
}

struct Row<T> {
    digest: Digest,
    /// The next row of the same bucket, or the next free place.
    next: Option<Key>,
    value: T,
}

/// The table.
pub(super) struct Table<T> {
    rows: Vec<Row<T>>,
    /// The first row of each bucket.
    buckets: Vec<Option<Key>>,
    free: Option<Key>,
    len: usize,
    places: usize,
}

impl<T> Table<T> {
    /// Bytes of a place.
    pub(super) const PLACE_BYTES: usize = size_of::<Row<T>>() + size_of::<Option<Key>>();
}

impl<T: Copy> Table<T> {
    /// An empty one, for so many rows. They are a power of two.
    pub(super) fn new(places: usize) -> Self {
        assert!(places.is_power_of_two(), "a bucket is some bits of a digest");
        Self { rows: Vec::new(), buckets: Vec::new(), free: None, len: 0, places }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The row of this digest.
    pub(super) fn find(&self, digest: &Digest) -> Option<Key> {
        let mut next = *self.buckets.get(self.bucket(digest))?;
        while let Some(key) = next {
            let row = &self.rows[key.at()];
            if row.digest == *digest {
                return Some(key);
            }
            next = row.next;
        }
        None
    }

    /// Adds a row. There is none of this digest, and there is a place for it.
    pub(super) fn insert(&mut self, digest: Digest, value: T) -> Key {
        if self.buckets.is_empty() {
            self.rows.reserve_exact(self.places);
            self.buckets = vec![None; self.places];
        }
        let bucket = self.bucket(&digest);
        let row = Row { digest, next: self.buckets[bucket], value };
        let key = match self.free {
            Some(key) => {
                self.free = self.rows[key.at()].next;
                self.rows[key.at()] = row;
                key
            }
            None => {
                assert!(self.rows.len() < self.places, "a row more than places");
                self.rows.push(row);
                Key::of(self.rows.len() - 1)
            }
        };
        self.buckets[bucket] = Some(key);
        self.len += 1;
        key
    }

    /// Removes a row, whose place is then free.
    pub(super) fn remove(&mut self, key: Key) {
        let bucket = self.bucket(&self.rows[key.at()].digest);
        let after = self.rows[key.at()].next;
        match self.before(bucket, key) {
            Some(before) => self.rows[before.at()].next = after,
            None => self.buckets[bucket] = after,
        }
        self.rows[key.at()].next = self.free.replace(key);
        self.len -= 1;
    }

    /// The row before that one in its bucket; `None`: it is the first.
    fn before(&self, bucket: usize, key: Key) -> Option<Key> {
        let (mut before, mut next) = (None, self.buckets[bucket]);
        while next != Some(key) {
            before = next;
            next = self.rows[next.expect("a row is in its bucket").at()].next;
        }
        before
    }

    fn bucket(&self, digest: &Digest) -> usize {
        let bits = u32::from_le_bytes(*digest.first_chunk().expect("a digest has 16 bytes"));
        bits as usize & (self.places - 1)
    }

    /// Bytes that it takes now.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.rows.capacity() * size_of::<Row<T>>() + self.buckets.capacity() * size_of::<Option<Key>>()
    }
}

impl<T> Index<Key> for Table<T> {
    type Output = T;

    fn index(&self, key: Key) -> &T {
        &self.rows[key.at()].value
    }
}

impl<T> IndexMut<Key> for Table<T> {
    fn index_mut(&mut self, key: Key) -> &mut T {
        &mut self.rows[key.at()].value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Few of them, in few buckets.
    fn digest(number: u8) -> Digest {
        let mut digest = [0; 16];
        (digest[0], digest[15]) = (number % 3, number);
        digest
    }

    proptest! {
        #[test]
        fn it_is_a_map(steps in proptest::collection::vec((0u8..12, any::<u32>()), 0..100)) {
            let (mut table, mut map) = (Table::new(8), BTreeMap::new());
            for (number, value) in steps {
                match table.find(&digest(number)) {
                    Some(key) => {
                        prop_assert_eq!(map.remove(&number), Some(table[key]));
                        table.remove(key);
                    }
                    None if map.len() < 8 => {
                        let key = table.insert(digest(number), value);
                        table[key] ^= 1;
                        prop_assert_eq!(map.insert(number, value ^ 1), None);
                    }
                    None => {}
                }
                prop_assert_eq!(table.len(), map.len());
                for number in 0..12 {
                    let found = table.find(&digest(number)).map(|key| table[key]);
                    prop_assert_eq!(found, map.get(&number).copied());
                }
            }
        }
    }
}
