//! A connection that listens, over WebSocket or over HTTP: what both say is the same.

use super::client::Connection;
use super::client_messages::{Answer, Failure, Request};
use super::connection_args::Target;
use super::http::EventConnection;
use std::time::Duration;

/// A channel to listen to, and from when on.
pub(super) struct Wanted {
    pub(super) channel: String,
    /// From behind this position on.
    pub(super) since: Option<Box<str>>,
    /// With so many of the newest.
    pub(super) last: Option<u32>,
}

/// A connection that has asked for channels.
pub(super) enum Listening {
    WebSocket(Connection),
    Http(EventConnection),
}

impl Listening {
    /// Connects, authorizes and asks for the channels over HTTP, all in one stream, which begins behind the event with this id.
    pub(super) async fn open_stream(
        target: &Target,
        channels: &[&str],
        last: Option<u32>,
        id: Option<&str>,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let mut connection = EventConnection::open(target, channels, last, id).await?;
        connection.set_patience(patience);
        Ok(Self::Http(connection))
    }

    /// Connects, authorizes and asks for the channels over WebSocket. That the relay has them comes as answers.
    pub(super) async fn open(target: &Target, wanted: &[Wanted], patience: Duration) -> Result<Self, Failure> {
        let mut connection = Connection::open(target).await?;
        connection.set_patience(patience);
        for Wanted { channel, since, last } in wanted {
            connection.queue(&Request::Subscribe { channel, since: since.as_deref(), last: *last }).await?;
        }
        connection.flush().await?;
        Ok(Self::WebSocket(connection))
    }

    /// The next thing a relay says, which lives. Renews an authorization that is about to end, where it can.
    pub(super) async fn next(&mut self, target: &Target) -> Result<Answer, Failure> {
        match self {
            Self::WebSocket(connection) => {
                let answer = connection.next_of_a_live_relay().await?;
                if let Answer::Expiring = answer {
                    connection.ask_for_permissions(target).await?;
                }
                Ok(answer)
            }
            Self::Http(connection) => connection.next_of_a_live_relay().await,
        }
    }

    /// The id of the last event, over HTTP.
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::WebSocket(_) => None,
            Self::Http(connection) => connection.id(),
        }
    }

    /// Closes the connection. A failure changes nothing any more.
    pub(super) async fn close(self) {
        match self {
            Self::WebSocket(connection) => connection.close().await,
            Self::Http(connection) => connection.close().await,
        }
    }
}
