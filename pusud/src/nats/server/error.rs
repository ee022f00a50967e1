//! The meaning of `-ERR`, by which a server says what it refuses.
//!
//! **Invariant:** a server's words are bounded and escaped, so that they may stand in a log.

use std::fmt;

/// The most of a server's words that is kept, in characters before they are escaped.
const TEXT_CHARS_MAX: usize = 1024;

/// What a client may do with a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// To publish to it.
    Publish,
    /// To subscribe to it.
    Subscribe,
}

/// What a server refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ServerError {
    /// The user may not do that with this subject. A subscription has not been made, a publication has been dropped.
    Permissions(Permission, String),
    /// The payload of a publication was longer than `max_payload`.
    Payload,
    /// A line was longer than the server's `max_control_line`.
    ControlLine,
    /// This client has read too slowly.
    SlowConsumer,
    /// This client has not answered in time.
    Stale,
    /// Wrong credentials, or none.
    Authorization,
    /// The credentials came too late.
    AuthorizationTimeout,
    /// The credentials have expired or have been revoked; with the server's words.
    Expired(String),
    /// The server or the account has as many connections as it may have.
    Connections,
    /// The account or the connection has as many subscriptions as it may have.
    Subscriptions,
    /// A subject is none.
    Subject,
    /// The server speaks with TLS only.
    TlsRequired,
    /// The port is for other servers, not for clients.
    NotForClients,
    /// Something else, in the server's words.
    Other(String),
}

impl ServerError {
    /// Reads what stands behind `-ERR `.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let text = text.trim();
        let text = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(text);
        let shown: String = text.chars().take(TEXT_CHARS_MAX).flat_map(escaped).collect();
        let lower = shown.to_ascii_lowercase();
        if let Some(at) = lower.strip_prefix("permissions violation for ").map(|rest| shown.len() - rest.len()) {
            return permissions(&shown[at..]).unwrap_or(Self::Other(shown));
        }
        match lower.as_str() {
            "maximum payload violation" => Self::Payload,
            "maximum control line exceeded" => Self::ControlLine,
            "slow consumer" | "slow consumer detected" => Self::SlowConsumer,
            "stale connection" => Self::Stale,
            "authorization violation" => Self::Authorization,
            "authorization timeout" | "authentication timeout" => Self::AuthorizationTimeout,
            "maximum connections exceeded" | "maximum account active connections exceeded" => Self::Connections,
            "maximum subscriptions exceeded" => Self::Subscriptions,
            "invalid subject" | "invalid publish subject" => Self::Subject,
            "secure connection - tls required" => Self::TlsRequired,
            "attempted to connect to route port"
            | "attempted to connect to gateway port"
            | "attempted to connect to leaf node port" => Self::NotForClients,
            lower if lower.contains("authentication") && (lower.contains("expired") || lower.contains("revoked")) => {
                Self::Expired(shown)
            }
            _ => Self::Other(shown),
        }
    }

    /// Whether the server ends the connection behind it. Of what is not known it is seen when it does.
    pub(crate) fn ends_the_connection(&self) -> bool {
        !matches!(self, Self::Permissions(..) | Self::Subject | Self::Subscriptions | Self::Other(_))
    }
}

/// `Subscription to "a"`, also with `using queue "b"` behind it, or `Publish to "a"`.
fn permissions(text: &str) -> Option<ServerError> {
    let (what, rest) = text.split_once(" to \"").or_else(|| text.split_once(" of \""))?;
    let what = what.to_ascii_lowercase();
    let permission = if what.starts_with("publish") {
        Permission::Publish
    } else if what.starts_with("subscription") {
        Permission::Subscribe
    } else {
        return None;
    };
    let (subject, _) = rest.split_once('"')?;
    Some(ServerError::Permissions(permission, subject.to_owned()))
}

/// A character as it may be shown; quotes stay as they are.
fn escaped(character: char) -> impl Iterator<Item = char> {
    let is_plain = matches!(character, '"' | '\'' | '\\');
    let plain = is_plain.then_some(character);
    plain.into_iter().chain((!is_plain).then(|| character.escape_debug()).into_iter().flatten())
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
        })
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permissions(permission, subject) => write!(
                f,
                "the NATS user may not {permission} to `{subject}`: grant it in the server's settings (permissions)"
            ),
            Self::Payload => f.write_str(
                "a message was longer than the NATS server takes: raise `max_payload` in the server's settings",
            ),
            Self::ControlLine => f.write_str(
                "a subject was longer than the NATS server takes: raise `max_control_line` in the server's settings to 4KB",
            ),
            Self::SlowConsumer => f.write_str("the NATS server has given up a slow consumer: this relay read too slowly"),
            Self::Stale => f.write_str("the NATS server had no answer to its PING in time (stale connection)"),
            Self::Authorization => f.write_str(
                "the NATS server refuses the credentials (authorization violation): check `nats.user` and \
                 `nats.password`, `nats.token`, `nats.nkey_seed_file` or `nats.credentials_file` against its settings",
            ),
            Self::AuthorizationTimeout => f.write_str("the NATS server has waited too long for credentials"),
            Self::Expired(text) => write!(f, "the credentials are no longer good, the NATS server says: {text}"),
            Self::Connections => f.write_str(
                "the NATS server has as many connections as it may have: raise `max_connections` in its settings, or those \
                 of the account",
            ),
            Self::Subscriptions => f.write_str(
                "the NATS server takes no more subscriptions: raise `max_subscriptions` in its settings, or those of the \
                 account",
            ),
            Self::Subject => f.write_str("the NATS server was given a subject that is none"),
            Self::TlsRequired => f.write_str("the NATS server speaks with TLS only: its address begins with tls://"),
            Self::NotForClients => f.write_str(
                "the port is for other NATS servers (routes, gateways, leaf nodes): `nats.servers` needs that for clients, \
                 mostly 4222",
            ),
            Self::Other(text) => write!(f, "the NATS server says: {text}"),
        }
    }
}

impl std::error::Error for ServerError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_servers() {
        let denied = |permission, subject: &str| ServerError::Permissions(permission, subject.to_owned());
        for (text, expected, ends) in [
            ("'Permissions Violation for Subscription to \"a.b\"'", denied(Permission::Subscribe, "a.b"), false),
            (
                "'Permissions Violation for Subscription to \"a\" using queue \"q\"'",
                denied(Permission::Subscribe, "a"),
                false,
            ),
            ("'Permissions Violation for Publish to \"a\"'", denied(Permission::Publish, "a"), false),
            ("'Permissions Violation for Publish with Reply of \"a\"'", denied(Permission::Publish, "a"), false),
            ("'Maximum Payload Violation'", ServerError::Payload, true),
            ("'maximum control line exceeded'", ServerError::ControlLine, true),
            ("'Slow Consumer'", ServerError::SlowConsumer, true),
            ("'Stale Connection'", ServerError::Stale, true),
            ("'Authorization Violation'", ServerError::Authorization, true),
            ("'Authorization Timeout'", ServerError::AuthorizationTimeout, true),
            ("'Authentication Timeout'", ServerError::AuthorizationTimeout, true),
            ("'User Authentication Expired'", ServerError::Expired("User Authentication Expired".into()), true),
            ("'maximum connections exceeded'", ServerError::Connections, true),
            ("'maximum account active connections exceeded'", ServerError::Connections, true),
            ("'maximum subscriptions exceeded'", ServerError::Subscriptions, false),
            ("'Invalid Subject'", ServerError::Subject, false),
            ("'Attempted To Connect To Route Port'", ServerError::NotForClients, true),
            ("'Unknown Protocol Operation'", ServerError::Other("Unknown Protocol Operation".into()), false),
            ("'Permissions Violation for \"'", ServerError::Other("Permissions Violation for \"".into()), false),
            ("", ServerError::Other(String::new()), false),
            ("'", ServerError::Other("'".into()), false),
        ] {
            let error = ServerError::parse(text.as_bytes());
            assert_eq!((&error, error.ends_the_connection()), (&expected, ends), "{text}");
        }
    }

    #[test]
    fn words_are_bounded_and_escaped() {
        let shown = ServerError::parse(b"'\x1b[31m\xff\0'").to_string();
        assert!(shown.contains("\\u{1b}[31m\u{fffd}\\0") && !shown.contains('\x1b'), "{shown}");
        assert!(ServerError::parse(&[b'a'; 100_000]).to_string().len() < 2000);
    }
}
