//! Authorizations in the shape in which an operator is shown them.

use super::{Authorizations, Live};
use crate::client::uptime::Uptime;
use crate::protocol::Access;
use crate::routing::{AuthorizationRow, AuthorizedBy, PermissionRow};
use std::time::{SystemTime, UNIX_EPOCH};

/// Permissions that are shown of one client.
const PERMISSIONS_SHOWN: usize = 1000;

impl Authorizations {
    /// All of them, with their first permissions. The entry of each is its number, where it is known; `subject` knows
    /// subjects by theirs.
    pub(crate) fn shown(&self, subject: impl Fn(u64) -> Option<String>) -> AuthorizedBy {
        let mut room = PERMISSIONS_SHOWN;
        let mut shown = AuthorizedBy::default();
        for live in self.all() {
            let some = live.permissions.len().min(room);
            room -= some;
            shown.permissions_left_out += live.permissions.len() - some;
            let permissions = live.permissions[..some].iter().map(|permission| PermissionRow {
                pattern: permission.pattern.to_string(),
                read: permission.access.contains(Access::READ),
                write: permission.access.contains(Access::WRITE),
            });
            shown.authorizations.push(AuthorizationRow {
                entry: live.terms.as_ref().map(|terms| terms.entry.to_string()),
                subject: live.subject_number().and_then(&subject),
                expires_ms: expires_ms(live),
                permissions: permissions.collect(),
            });
        }
        shown
    }
}

/// As the system's clock stands now.
fn expires_ms(live: &Live) -> Option<u64> {
    let left = live.expires()?.saturating_since(Uptime::now());
    let at = SystemTime::now().checked_add(left)?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(at.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::super::Moment;
    use super::*;
    use crate::authenticator::Grant;
    use crate::protocol::Permission;
    use std::time::Duration;

    #[test]
    fn as_many_permissions_are_shown_as_there_is_room_for_and_the_rest_is_counted() {
        let mut authorizations = Authorizations::default();
        let many = |first: usize| (first..first + 600).map(|n| Permission::new(n.to_string(), Access::READ)).collect();
        for (first, lifetime) in [(0, None), (1000, Some(Duration::from_secs(60)))] {
            authorizations.add(Grant { permissions: many(first), lifetime, ..Grant::default() }, None, Moment::now());
        }
        let shown = authorizations.shown(|_| None);
        let lens: Vec<_> = shown.authorizations.iter().map(|one| one.permissions.len()).collect();
        assert_eq!((lens, shown.permissions_left_out), (vec![600, 400], 200));
        let [lasts, ends] = &shown.authorizations[..] else { panic!("there are two") };
        assert!(lasts.expires_ms.is_none() && ends.expires_ms.is_some());
        assert!(lasts.permissions[0].read && !lasts.permissions[0].write);
    }
}
