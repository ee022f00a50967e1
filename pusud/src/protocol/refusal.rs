//! What was refused, by the limit that it exceeded: one table for the log, `pusud status` and whoever reads counters.

use std::fmt;

/// A limit of the settings that something was refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Refusal {
    /// A message was too long.
    MaxMessageBytes,
    /// A message came in too many fragments.
    MaxFragments,
    /// A message was not complete in time.
    MessageTimeout,
    /// The head of the HTTP request was too long, or had too many fields.
    MaxHeaderBytes,
    /// No complete WebSocket handshake in time.
    HandshakeTimeout,
    /// Not authorized in time.
    AuthorizeTimeout,
    /// One client authorized too often: too many authorizations in a row that gave nothing new, or too many at a time.
    MaxAuthorizeAttempts,
    /// No answer to a ping.
    PongTimeout,
    /// The outbox was full.
    OutboxBytes,
    /// More waited in the outbox than may for long, and it did so for too long.
    OutboxSoftBytes,
    /// Nothing could be written for too long.
    WriteDeadline,
    /// Too many subscriptions of one client.
    MaxSubscriptions,
    /// A channel's name was too long or has a control character.
    MaxChannelBytes,
    /// JSON was nested too deeply.
    MaxJsonDepth,
    /// Too many connections in all.
    MaxConnections,
    /// Too many connections that are not authorized yet, in all or of one address.
    MaxUnauthorized,
    /// Too many connections of one address.
    MaxConnectionsPerAddress,
    /// Too much waited in all outboxes together.
    MaxQueuedBytes,
    /// The page that connects comes from an origin that is not allowed.
    AllowedOrigins,
    /// One client published too fast.
    PublishRate,
}

impl Refusal {
    /// All of them, in the order of the settings.
    pub const ALL: [Self; 20] = [
        Self::MaxMessageBytes,
        Self::MaxFragments,
        Self::MessageTimeout,
        Self::MaxHeaderBytes,
        Self::HandshakeTimeout,
        Self::AuthorizeTimeout,
        Self::MaxAuthorizeAttempts,
        Self::PongTimeout,
        Self::OutboxBytes,
        Self::OutboxSoftBytes,
        Self::WriteDeadline,
        Self::MaxSubscriptions,
        Self::MaxChannelBytes,
        Self::MaxJsonDepth,
        Self::MaxConnections,
        Self::MaxUnauthorized,
        Self::MaxConnectionsPerAddress,
        Self::MaxQueuedBytes,
        Self::AllowedOrigins,
        Self::PublishRate,
    ];

    /// The key of the limit in the settings.
    pub fn key(self) -> &'static str {
        match self {
            Self::MaxMessageBytes => "max_message_bytes",
            Self::MaxFragments => "max_fragments",
            Self::MessageTimeout => "message_timeout",
            Self::MaxHeaderBytes => "max_header_bytes",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::AuthorizeTimeout => "authorize_timeout",
            Self::MaxAuthorizeAttempts => "max_authorize_attempts",
            Self::PongTimeout => "pong_timeout",
            Self::OutboxBytes => "outbox_bytes",
            Self::OutboxSoftBytes => "outbox_soft_bytes",
            Self::WriteDeadline => "write_deadline",
            Self::MaxSubscriptions => "max_subscriptions",
            Self::MaxChannelBytes => "max_channel_bytes",
            Self::MaxJsonDepth => "max_json_depth",
            Self::MaxConnections => "max_connections",
            Self::MaxUnauthorized => "max_unauthorized",
            Self::MaxConnectionsPerAddress => "max_connections_per_address",
            Self::MaxQueuedBytes => "max_queued_bytes",
            Self::AllowedOrigins => "allowed_origins",
            Self::PublishRate => "publish_rate",
        }
    }
}

/// How often something was refused, by limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusals([u64; Refusal::ALL.len()]);

impl Refusals {
    /// Counts one.
    pub fn count(&mut self, refusal: Refusal) {
        self.0[refusal as usize] += 1;
    }

    /// Adds other counts to these.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(&other.0) {
            *count += more;
        }
    }

    /// What was refused at least once, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (Refusal, u64)> {
        Refusal::ALL.into_iter().zip(self.0).filter(|&(_, count)| count > 0)
    }
}

/// The limits and their counts, such as `max_message_bytes 1, max_connections 275`; `nothing` where there are none.
impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts = self.iter();
        let Some((first, count)) = counts.next() else { return f.write_str("nothing") };
        write!(f, "{} {count}", first.key())?;
        counts.try_for_each(|(refusal, count)| write!(f, ", {} {count}", refusal.key()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_counted_for_itself() {
        let mut refusals = Refusals::default();
        for (n, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, n, "{refusal:?} stands in its place in ALL");
            (0..=n).for_each(|_| refusals.count(refusal));
        }
        assert!(refusals.to_string().starts_with("max_message_bytes 1, max_fragments 2, "), "{refusals}");
        assert_eq!(Refusals::default().to_string(), "nothing");
        refusals.add(&refusals.clone());
        let counts: Vec<_> = refusals.iter().map(|(_, count)| count).collect();
        assert_eq!(counts, (1..=Refusal::ALL.len() as u64).map(|n| 2 * n).collect::<Vec<_>>());
    }
}
