//! Bounds on what one client may use: one table, from which everything comes that has a line for each limit.
//!
//! Here that is [`Limits`] with its defaults, in `refusal` the counters, and in the wing `config` what the operator wrote,
//! the list of keys, what needs a restart, and the rows of `pusud check`.

use crate::protocol::allowed_origin::AllowedOrigin;
use std::time::Duration;

/// Longest channel name that any setting allows, in bytes.
pub const CHANNEL_BYTES_MAX: usize = 255;
/// Most subscriptions of one client that any setting allows.
pub const SUBSCRIPTIONS_MAX: usize = 10_000;
/// Longest authorization of a client, in bytes: what plugins are tested with.
pub const AUTHORIZATION_BYTES_MAX: usize = 64 * 1024;
/// Longest position in a channel's history, in bytes.
pub const POSITION_BYTES_MAX: usize = 1024;
/// How deep JSON may be nested outside of `content`, where the protocol knows nothing that is nested.
pub(crate) const JSON_DEPTH_MAX: usize = 32;
/// Deepest `content` that any setting allows. What parses JSON by recursion ends in trouble past this: a larger limit would
/// pass on what nobody can read.
pub(crate) const CONTENT_DEPTH_MAX: usize = 1024;

/// Most shards of one relay: with the network of relays they are as many as a set of the shard index has bits.
pub const SHARDS_MAX: usize = 63;

/// Most authorizations that one client has at a time; what does not give more than another is not counted.
pub const AUTHORIZATIONS_MAX: usize = 16;

/// The table: calls the macro that it is given with one row for each limit, in the order of the settings.
///
/// To add a limit, add its row, and let what enforces it read `limits.NAME`:
///
/// ```text
/// /// What it bounds; past it: what happens. (The doc comment of the field.)
/// NAME: TYPE = DEFAULT, KIND, WHEN,
///     counter VARIANT "What was refused.";
/// ```
///
/// - NAME is the key in the settings, and the field of [`Limits`].
/// - KIND says what may be written, and how it is shown: one of the functions in `config/kinds.rs`, such as `bytes()`,
///   `duration()` or `count(1, 128)`.
/// - WHEN a change takes effect: `restart`, or `reload` if whoever uses it is made anew at SIGHUP.
/// - The counter may be left out. It is a variant of `Refusal`, which whoever enforces the limit counts.
///
/// A default that depends on another limit, and limits that must fit together, are code: `config/limits.rs`.
macro_rules! for_each_limit {
    ($with:ident) => {
        $with! {
            /// Longest message a client may send, in bytes; past it: close 1009.
            max_message_bytes: usize = 1024 * 1024, bytes(), restart,
                counter MaxMessageBytes "A message was too long.";
            /// The same, as long as the client is not authorized.
            max_unauthorized_message_bytes: usize = 16 * 1024, bytes(), restart;
            /// Most frames of one message; past it: close 1008.
            max_fragments: usize = 128, count(1, 1_000_000), restart,
                counter MaxFragments "A message came in too many fragments.";
            /// From the first byte of a message to its last; past it: close 1008.
            message_timeout: Duration = Duration::from_secs(10), duration(), restart,
                counter MessageTimeout "A message was not complete in time.";
            /// Longest HTTP request head, in bytes; past it: HTTP 431.
            max_header_bytes: usize = 8 * 1024, bytes(), restart,
                counter MaxHeaderBytes "The head of the HTTP request was too long, or had too many fields.";
            /// From accept to a complete WebSocket handshake, and to a complete TLS handshake before that; past it the
            /// connection is closed.
            handshake_timeout: Duration = Duration::from_secs(5), duration(), restart,
                counter HandshakeTimeout "No complete WebSocket handshake in time.";
            /// TLS handshakes and PROXY headers at a time; past it connections wait to be accepted.
            max_handshakes: usize = 1024, count(1, 1_000_000), restart;
            /// From the request to the client's first authorization; past it: close 4003.
            authorize_timeout: Duration = Duration::from_secs(10), duration(), restart,
                counter AuthorizeTimeout "Not authorized in time.";
            /// Authorizations in a row that give a client nothing new; past it: close 4501.
            max_authorize_attempts: usize = 3, count(1, 1_000_000), restart,
                counter MaxAuthorizeAttempts "One client authorized too often: too many authorizations in a row that gave \
                    nothing new, or too many at a time.";
            /// How long the authenticator may take for one decision; past it: `unavailable`, close 1013.
            authorize_call_timeout: Duration = Duration::from_secs(5), duration(), reload;
            /// How long a connection on which HTTP requests have been answered may wait for the next request; past it: closed.
            keep_alive_timeout: Duration = Duration::from_secs(75), duration(), restart;
            /// A client that has sent nothing for so long is sent a ping; zero: never.
            ping_interval: Duration = Duration::from_secs(25), interval(), restart;
            /// From a ping to any byte of the client's; past it: close 4002.
            pong_timeout: Duration = Duration::from_secs(10), duration(), restart,
                counter PongTimeout "No answer to a ping.";
            /// Bytes that may wait for one client beyond what the kernel holds; past it: close 4001.
            outbox_bytes: usize = 1024 * 1024, bytes(), restart,
                counter OutboxBytes "The outbox was full.";
            /// Bytes that may wait for one client for long.
            outbox_soft_bytes: usize = 512 * 1024, bytes(), restart,
                counter OutboxSoftBytes "More waited in the outbox than may for long, and it did so for too long.";
            /// How long more than `outbox_soft_bytes` may wait; past it: close 4001.
            outbox_soft_time: Duration = Duration::from_secs(10), duration(), restart;
            /// How long the kernel may take nothing while something waits; past it: close 4001.
            write_deadline: Duration = Duration::from_secs(10), duration(), restart,
                counter WriteDeadline "Nothing could be written for too long.";
            /// Most subscriptions of one client; past it: close 4503.
            max_subscriptions: usize = 256, count(1, SUBSCRIPTIONS_MAX), restart,
                counter MaxSubscriptions "Too many subscriptions of one client.";
            /// Longest channel name, in bytes; past it: close 4500.
            max_channel_bytes: usize = CHANNEL_BYTES_MAX, byte_count(1, CHANNEL_BYTES_MAX), restart,
                counter MaxChannelBytes "A channel's name was too long or has a control character.";
            /// How deep `content` may be nested; past it: close 4500.
            max_json_depth: usize = 128, count(1, CONTENT_DEPTH_MAX), restart,
                counter MaxJsonDepth "JSON was nested too deeply.";
            /// Bytes that may wait in all shards together: for clients to take them, or to finish them. Past it the
            /// clients with most of it are disconnected.
            max_queued_bytes: usize = 256 * 1024 * 1024, many_bytes(), restart,
                counter MaxQueuedBytes "Too much waited in all outboxes together.";
            /// Messages that one client may publish in a second for long; past it: close 4503. 0: as many as it likes.
            publish_rate: u32 = 0, rate(), restart,
                counter PublishRate "One client published too fast.";
            /// Messages that one client may publish at once above `publish_rate`.
            publish_burst: u32 = 100, count(0, 1_000_000), restart;
            /// Connections in all, as far as the open-file limit goes; past it: HTTP 503.
            max_connections: usize = 10_000, count(1, 1_000_000), restart,
                counter MaxConnections "Too many connections in all.";
            /// Connections that are not authorized yet; past it: HTTP 503.
            max_unauthorized: usize = 512, count(1, 1_000_000), restart,
                counter MaxUnauthorized "Too many connections that are not authorized yet, in all or of one address.";
            /// The same, of one address that is not this machine's; 0: no limit.
            max_unauthorized_per_address: usize = 32, count_or_none(), restart;
            /// Connections of one address that is not this machine's; past it: HTTP 429. 0: no limit.
            max_connections_per_address: usize = 256, count_or_none(), restart,
                counter MaxConnectionsPerAddress "Too many connections of one address.";
            /// The origins whose pages may connect; others: HTTP 403. Empty: all.
            allowed_origins: Vec<AllowedOrigin> = Vec::new(), origins(), restart,
                counter AllowedOrigins "The page that connects comes from an origin that is not allowed.";
            /// From the request to stop to the first client that is disconnected; 0: at once.
            drain_grace: Duration = Duration::from_secs(2), duration_or_zero(), restart;
            /// From the first client that is disconnected to the last, when the relay stops; 0: all at once.
            drain_spread: Duration = Duration::from_secs(20), duration_or_zero(), restart;
        }
    };
}
pub(crate) use for_each_limit;

/// Makes the struct and its defaults.
macro_rules! limits {
    ($(
        $(#[$doc:meta])*
        $name:ident: $type:ty = $default:expr, $kind:ident($($arg:expr),*), $when:ident
            $(, counter $counter:ident $refused:literal)?;
    )*) => {
        /// The `limits:` of the settings.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Limits {
            $($(#[$doc])* pub $name: $type,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }
    };
}

for_each_limit!(limits);
