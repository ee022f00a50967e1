//! Reasons to end a client's connection: one table of close codes, words, and what the client should do.
//!
//! Everything that a client can cause is here; an operator's mistake is an error at start-up.

/// A reason to end a connection, told to the client in its close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Disconnect {
    /// The relay is stopping: connect again, perhaps elsewhere.
    GoingAway,
    /// The client broke RFC 6455.
    ProtocolError,
    /// A text message was not UTF-8.
    InvalidUtf8,
    /// A message came in too many fragments, or took too long.
    PolicyViolation,
    /// A message was longer than `max_message_bytes`.
    MessageTooBig,
    /// The authorization could not be decided: try again later.
    Unavailable,
    /// Too much waits in the relay: try again later.
    Overloaded,
    /// The client did not read fast enough: connect again.
    SlowConsumer,
    /// The client did not answer a ping in time: connect again.
    PingTimeout,
    /// The client did not authorize in time.
    AuthorizeTimeout,
    /// The client sent what this protocol does not know.
    UnknownMessage,
    /// The authorization was refused.
    AuthorizationFailed,
    /// The client may not read or write the channel.
    PermissionDenied,
    /// The client wanted more than it may have.
    LimitExceeded,
    /// An operator has ended the connection, or has taken back what permitted it.
    ByOperator,
}

impl Disconnect {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::GoingAway,
        Self::ProtocolError,
        Self::InvalidUtf8,
        Self::PolicyViolation,
        Self::MessageTooBig,
        Self::Unavailable,
        Self::Overloaded,
        Self::SlowConsumer,
        Self::PingTimeout,
        Self::AuthorizeTimeout,
        Self::UnknownMessage,
        Self::AuthorizationFailed,
        Self::PermissionDenied,
        Self::LimitExceeded,
        Self::ByOperator,
    ];

    /// The close code: RFC 6455's where one fits, else 4000-4499 "connecting again may help" and 4500-4999 "do not
    /// just connect again".
    pub fn code(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::ProtocolError => 1002,
            Self::InvalidUtf8 => 1007,
            Self::PolicyViolation => 1008,
            Self::MessageTooBig => 1009,
            Self::Unavailable | Self::Overloaded => 1013,
            Self::SlowConsumer => 4001,
            Self::PingTimeout => 4002,
            Self::AuthorizeTimeout => 4003,
            Self::UnknownMessage => 4500,
            Self::AuthorizationFailed => 4501,
            Self::PermissionDenied => 4502,
            Self::LimitExceeded => 4503,
            Self::ByOperator => 4504,
        }
    }

    /// The close frame's words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::GoingAway => "the relay is stopping",
            Self::ProtocolError => "WebSocket protocol error",
            Self::InvalidUtf8 => "text is not UTF-8",
            Self::PolicyViolation => "message in too many fragments, or too slow",
            Self::MessageTooBig => "message too big",
            Self::Unavailable => "authorization is unavailable, try again later",
            Self::Overloaded => "the relay is overloaded, try again later",
            Self::SlowConsumer => "slow consumer",
            Self::PingTimeout => "no answer to a ping",
            Self::AuthorizeTimeout => "not authorized in time",
            Self::UnknownMessage => "unknown message",
            Self::AuthorizationFailed => "authorization failed",
            Self::PermissionDenied => "permission denied",
            Self::LimitExceeded => "limit exceeded",
            Self::ByOperator => "disconnected by the operator",
        }
    }
}
