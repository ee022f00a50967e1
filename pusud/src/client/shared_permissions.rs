//! Shared permissions: clients of a shard who may do the same have one list of permissions between them. Of very many
//! listeners most may do the same, and a list of one permission takes 64 bytes.
//!
//! **Invariant:** a list that is shared is equal to the one that it takes the place of.

use crate::protocol::Permission;
use std::cell::RefCell;
use std::hash::{BuildHasher as _, RandomState};
use std::rc::{Rc, Weak};

/// Lists that are found again.
const LISTS_MAX: usize = 64;
/// Permissions of such a list at most: the place of a longer one would be held for too long when nobody has it any more.
const SHARED_LEN_MAX: usize = 256;
/// Bytes of lists that nobody has any more: their place is kept until another list takes it.
pub(super) const ABANDONED_BYTES_MAX: usize = LISTS_MAX * SHARED_LEN_MAX * size_of::<Permission>();

/// The lists that were granted last.
pub struct SharedPermissions {
    /// Who knows which lists meet in one place could keep others from being shared.
    hasher: RandomState,
    /// Each at the place that its hash gives.
    lists: RefCell<[Option<Weak<[Permission]>>; LISTS_MAX]>,
}

impl Default for SharedPermissions {
    fn default() -> Self {
        Self { hasher: RandomState::new(), lists: RefCell::new([const { None }; LISTS_MAX]) }
    }
}

impl SharedPermissions {
    /// A list that somebody has already, where it is equal to `list`; otherwise `list`, which others can have from here on.
    pub(super) fn share(&self, list: Rc<[Permission]>) -> Rc<[Permission]> {
        // Somebody shares it already, or it can be found.
        let is_known = Rc::strong_count(&list) > 1 || Rc::weak_count(&list) > 0;
        if is_known || list.len() > SHARED_LEN_MAX {
            return list;
        }
        let place = self.hasher.hash_one(&*list) as usize % LISTS_MAX;
        let known = &mut self.lists.borrow_mut()[place];
        if let Some(same) = known.as_ref().and_then(Weak::upgrade).filter(|known| *known == list) {
            return same;
        }
        *known = Some(Rc::downgrade(&list));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Access;

    fn list(patterns: &[&str], access: Access) -> Rc<[Permission]> {
        patterns.iter().map(|pattern| Permission::new(*pattern, access)).collect()
    }

    #[test]
    fn equal_lists_become_one_and_others_stay_what_they_are() {
        let shared = SharedPermissions::default();
        let first = shared.share(list(&["a", "b*"], Access::READ));
        assert!(Rc::ptr_eq(&first, &shared.share(list(&["a", "b*"], Access::READ))));
        for (patterns, access) in [(&["a", "b*"][..], Access::WRITE), (&["b*", "a"], Access::READ), (&[], Access::READ)]
        {
            let other = shared.share(list(patterns, access));
            assert_eq!(other, list(patterns, access));
            assert!(!Rc::ptr_eq(&first, &other) && Rc::ptr_eq(&other, &shared.share(other.clone())));
        }
    }

    #[test]
    fn of_many_lists_each_stays_what_it_is_and_those_of_nobody_are_not_found() {
        let shared = SharedPermissions::default();
        for round in 0..3 {
            for number in 0..1000 {
                let own = || list(&[&format!("{}", number % 100)], Access::READ_WRITE);
                assert_eq!(shared.share(own()), own(), "round {round}");
            }
        }
        let long: Vec<String> = (0..=SHARED_LEN_MAX).map(|number| number.to_string()).collect();
        let long = shared.share(list(&long.iter().map(String::as_str).collect::<Vec<_>>(), Access::READ));
        assert_eq!((Rc::strong_count(&long), Rc::weak_count(&long)), (1, 0));
    }
}
