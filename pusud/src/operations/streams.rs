//! Streams of events over the operations port: live figures, and channels that are listened to.

/// Channels that are listened to at a time.
pub(super) const TAILS_MAX: usize = 8;
