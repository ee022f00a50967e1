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
    /// Connects, authorizes and asks for the channels. That the relay has them comes as answers. Over HTTP they come from now
    /// on.
    pub(super) async fn open(
        target: &Target,
        over_http: bool,
        wanted: &[Wanted],
        patience: Duration,
    ) -> Result<Self, Failure> {
        if over_http {
            let channels: Vec<&str> = wanted.iter().map(|wanted| &*wanted.channel).collect();
            let mut connection = EventConnection::open(target, &channels).await?;
            connection.set_patience(patience);
            return Ok(Self::Http(connection));
        }
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

    /// Closes the connection. A failure changes nothing any more.
    pub(super) async fn close(self) {
        match self {
            Self::WebSocket(connection) => connection.close().await,
            Self::Http(connection) => connection.close().await,
        }
    }
}
