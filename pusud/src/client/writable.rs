//! Channels that one client has been found to be allowed to write, so that many permissions are not gone through for each
//! message.

use std::collections::HashSet;

/// So few patterns are matched faster than a name is hashed.
const FEW_PERMISSIONS_MAX: usize = 4;
/// Channel names whose write permission is remembered; past it all are forgotten and looked up again.
pub(super) const WRITABLE_CHANNELS_MAX: usize = 256;

/// The channels. There is none for the many that only listen, and where there are few permissions.
#[derive(Default)]
pub(super) struct Writable(Option<Box<Channels>>);

#[derive(Default)]
struct Channels(HashSet<Box<str>>);

impl Writable {
    /// Whether the client may write `channel`, by what is remembered, or by its so many permissions, which `allow` asks.
    pub(super) fn may_write(&mut self, channel: &str, permissions: usize, allow: impl FnOnce() -> bool) -> bool {
        if permissions <= FEW_PERMISSIONS_MAX {
            return allow();
        }
        if self.0.as_ref().is_some_and(|channels| channels.0.contains(channel)) {
            return true;
        }
        if !allow() {
            return false;
        }
        let channels = &mut self.0.get_or_insert_default().0;
        if channels.len() >= WRITABLE_CHANNELS_MAX {
            channels.clear();
        }
        channels.insert(channel.into());
        true
    }

    /// Forgets everything: permissions have changed.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded_and_forgotten() {
        let mut writable = Writable::default();
        let len = |writable: &Writable| writable.0.as_ref().map_or(0, |channels| channels.0.len());
        for n in 0..2 * WRITABLE_CHANNELS_MAX + 1 {
            assert!(writable.may_write(&n.to_string(), FEW_PERMISSIONS_MAX + 1, || true));
            assert!(writable.may_write(&n.to_string(), FEW_PERMISSIONS_MAX + 1, || false), "it is remembered");
            assert!(len(&writable) <= WRITABLE_CHANNELS_MAX);
        }
        assert!(!writable.may_write("other", FEW_PERMISSIONS_MAX + 1, || false));
        writable.forget();
        assert_eq!(len(&writable), 0);
        assert!(writable.may_write("few", FEW_PERMISSIONS_MAX, || true) && len(&writable) == 0);
    }
}
