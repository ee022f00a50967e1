//! A list that nearly always has one element, and then holds it itself: no memory is allocated for it.
//!
//! **Invariant:** one element is held in place, any other number in a vector.

/// A list of few elements.
pub(super) enum Few<T> {
    /// The one that there is.
    One(T),
    /// None, or several.
    Others(Vec<T>),
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self::Others(Vec::new())
    }
}

impl<T> Few<T> {
    /// The elements in order.
    pub(super) fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Others(others) => others,
        }
    }

    /// The elements in order.
    pub(super) fn as_mut_slice(&mut self) -> &mut [T] {
        match self {
            Self::One(one) => std::slice::from_mut(one),
            Self::Others(others) => others,
        }
    }

    /// Adds one at the end.
    pub(super) fn push(&mut self, last: T) {
        *self = match std::mem::take(self) {
            Self::One(first) => Self::Others(vec![first, last]),
            Self::Others(others) if others.is_empty() => Self::One(last),
            Self::Others(mut others) => {
                others.push(last);
                Self::Others(others)
            }
        };
    }

    /// Takes out all that `keep` says no to.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        *self = match std::mem::take(self) {
            Self::One(one) if keep(&one) => Self::One(one),
            Self::One(_) => Self::default(),
            Self::Others(mut others) => {
                others.retain(keep);
                match (others.len(), others.pop()) {
                    (1, Some(one)) => Self::One(one),
                    (_, last) => {
                        others.extend(last);
                        Self::Others(others)
                    }
                }
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_vector(steps in proptest::collection::vec((any::<bool>(), 0u8..8), 0..40)) {
            let (mut few, mut vector) = (Few::default(), Vec::new());
            for (adds, number) in steps {
                if adds {
                    few.push(number);
                    vector.push(number);
                } else {
                    few.retain(|one| one % 8 != number);
                    vector.retain(|one| one % 8 != number);
                }
                prop_assert_eq!(few.as_slice(), &vector[..]);
                prop_assert_eq!(&*few.as_mut_slice(), &vector[..]);
                prop_assert_eq!(matches!(few, Few::One(_)), vector.len() == 1);
            }
        }
    }
}
