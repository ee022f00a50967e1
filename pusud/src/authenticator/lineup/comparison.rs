//! Comparing two sets of permissions: what the second gives that the first does not, and the other way round.
//!
//! Patterns are compared, not channels: a pattern that is covered by another one gives nothing more.

use crate::protocol::{Access, Permission};
use std::collections::HashSet;

/// Pairs of patterns that are compared at the most; past that, patterns that are not the same count as different.
const PAIRS_MAX: usize = 65_536;

/// What differs between two sets.
#[derive(Debug, PartialEq, Eq, Default)]
pub(super) struct Differences {
    /// What the second gives and the first does not.
    pub(super) more: Vec<Permission>,
    /// What the first gives and the second does not.
    pub(super) less: Vec<Permission>,
}

/// Compares what was `decided` with what was `tried`.
pub(super) fn compare(decided: &[Permission], tried: &[Permission]) -> Differences {
    Differences { more: beyond(tried, decided), less: beyond(decided, tried) }
}

/// Those of `these` that no one of `others` covers. Reading and writing are looked at one by one.
fn beyond(these: &[Permission], others: &[Permission]) -> Vec<Permission> {
    let others = by_access(others);
    let known: HashSet<(&str, bool)> = others.iter().map(key).collect();
    let left: Vec<Permission> = by_access(these).into_iter().filter(|one| !known.contains(&key(one))).collect();
    if left.len().saturating_mul(others.len()) > PAIRS_MAX {
        return left;
    }
    left.into_iter().filter(|one| !others.iter().any(|other| other.covers(one))).collect()
}

/// One for each pattern and kind of access.
fn by_access(permissions: &[Permission]) -> Vec<Permission> {
    let one = |permission: &Permission, access: Access| {
        permission.access.contains(access).then(|| Permission::new(permission.pattern.clone(), access))
    };
    permissions.iter().flat_map(|all| [one(all, Access::READ), one(all, Access::WRITE)]).flatten().collect()
}

fn key(permission: &Permission) -> (&str, bool) {
    (&permission.pattern, permission.access == Access::READ)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pattern: &str) -> Permission {
        Permission::new(pattern, Access::READ)
    }

    fn write(pattern: &str) -> Permission {
        Permission::new(pattern, Access::WRITE)
    }

    #[test]
    fn what_is_written_another_way_is_the_same() {
        let both = [Permission::new("a.*", Access::READ_WRITE)];
        assert_eq!(compare(&both, &[write("a.*"), read("a.*"), read("a.1")]), Differences::default());
        assert_eq!(compare(&[], &[Permission::new("a", Access::from_bits(0))]), Differences::default());
    }

    #[test]
    fn more_and_less_are_told_apart() {
        let found = compare(&[read("a.*"), write("b")], &[read("a.1"), read("c")]);
        assert_eq!(found, Differences { more: vec![read("c")], less: vec![read("a.*"), write("b")] });
    }

    #[test]
    fn very_many_are_compared_by_name() {
        let many = |prefix: &str| (0..400).map(|n| read(&format!("{prefix}.{n}"))).collect::<Vec<_>>();
        let found = compare(&many("a"), &many("b"));
        assert_eq!((found.more.len(), found.less.len()), (400, 400));
        assert_eq!(compare(&many("a"), &many("a")), Differences::default());
    }
}
