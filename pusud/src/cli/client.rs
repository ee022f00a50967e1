//! One connection of a client command to a relay: connect, authorize, send, receive, and say why it ended.
//!
//! Never reconnects; it says whether another try could help.

use super::connection_args::Target;
use futures_util::{SinkExt as _, StreamExt as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Bytes, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// From the first packet to the relay's `hello`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The authenticator may ask a slow service.
const AUTHORIZE_TIMEOUT: Duration = Duration::from_secs(60);
/// A connection that is silent for this long is asked whether it lives.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the answer to that may take; also from a refusal to the close that follows it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait for the relay's half of the close at the end, when nothing depends on it any more.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Close codes with which the relay says: do not just connect again.
const DO_NOT_RECONNECT: std::ops::RangeInclusive<u16> = 4500..=4999;

/// What a client asks of a relay.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Request<'a> {
    /// Asks for permissions.
    Authorize { authorization: &'a str },
    /// Asks for the messages of a channel.
    Subscribe { channel: &'a str },
    /// Sends a message to a channel.
    Publish { channel: &'a str, content: &'a RawValue },
}

/// What a relay says.
pub(super) enum Answer {
    /// The first thing a relay says.
    Hello,
    /// The authorization was good.
    Authorized,
    /// From now on every message of the channel comes.
    Subscribed(String),
    /// A message of a channel that was subscribed to.
    Publication { channel: String, content: Box<RawValue> },
    /// The answer to a ping, with what the ping held.
    Pong(Bytes),
    /// Something that this version does not know.
    Other,
}

/// Why a connection ended or did not come about.
#[derive(Debug, Error)]
#[error("{message}")]
pub(super) struct Failure {
    message: String,
    /// Whether connecting again could help.
    pub(super) again: bool,
}

impl Failure {
    /// A failure that may be over at the next try.
    pub(super) fn passing(message: impl Into<String>) -> Self {
        Self { message: message.into(), again: true }
    }

    /// A failure that the next try would meet again.
    pub(super) fn lasting(message: impl Into<String>) -> Self {
        Self { message: message.into(), again: false }
    }
}

/// What a relay says, before it is known what it is.
#[derive(Deserialize)]
struct Incoming<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    channel: Option<Cow<'a, str>>,
    // A content of `null` is a content; it must not read as a missing one.
    #[serde(borrow, default, deserialize_with = "present")]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reason: Option<Cow<'a, str>>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// A connection that is authorized.
pub(super) struct Connection<S = MaybeTlsStream<TcpStream>> {
    socket: WebSocketStream<S>,
    /// What the relay refused; the close that follows says how final it is.
    refusal: Option<Refusal>,
}

/// An error that the relay answered with, before it closes.
pub(super) struct Refusal {
    text: String,
    unavailable: bool,
}

/// What a message of the relay is.
pub(super) enum Said {
    Answer(Answer),
    Refusal(Refusal),
}

impl Connection {
    /// Connects, waits for the relay's `hello`, and authorizes. What does not greet as a relay is told no secret.
    pub(super) async fn open(target: &Target) -> Result<Self, Failure> {
        Self::open_over(target, connect_async_with_config(target.url.clone(), None, true)).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// As [`open`](Connection::open), over a stream that `connecting` brings about.
    pub(super) async fn open_over(
        target: &Target,
        connecting: impl Future<Output = Result<(WebSocketStream<S>, Response), tungstenite::Error>>,
    ) -> Result<Self, Failure> {
        let greet = async {
            let (socket, _response) = connecting.await.map_err(handshake_failure)?;
            let mut connection = Self { socket, refusal: None };
            match connection.next().await? {
                Answer::Hello => Ok(connection),
                _ => Err(Failure::lasting("expected `hello` first, found something else: this is no relay of PuSu")),
            }
        };
        let silent = |_| Failure::passing(format!("the relay did not answer for {} s", CONNECT_TIMEOUT.as_secs()));
        let connected = timeout(CONNECT_TIMEOUT, greet).await.map_err(silent).and_then(|greeted| greeted);
        let mut connection = connected.map_err(|failure| Failure {
            message: format!("cannot connect to {}: {failure}", target.name),
            ..failure
        })?;
        timeout(AUTHORIZE_TIMEOUT, connection.authorize(target)).await.map_err(|_| {
            Failure::passing(format!(
                "the relay did not decide on the authorization for {} s",
                AUTHORIZE_TIMEOUT.as_secs()
            ))
        })??;
        Ok(connection)
    }

    async fn authorize(&mut self, target: &Target) -> Result<(), Failure> {
        let authorization = std::str::from_utf8(target.authorization.expose())
            .map_err(|_| Failure::lasting("the authorization is not UTF-8"))?;
        self.send(&Request::Authorize { authorization }).await?;
        loop {
            if matches!(self.next().await?, Answer::Authorized) {
                return Ok(());
            }
        }
    }

    /// Sends at once.
    pub(super) async fn send(&mut self, request: &Request<'_>) -> Result<(), Failure> {
        self.queue(request).await?;
        self.flush().await
    }

    /// Puts a request where [`flush`](Self::flush) finds it.
    pub(super) async fn queue(&mut self, request: &Request<'_>) -> Result<(), Failure> {
        let text = serde_json::to_string(request).map_err(|error| Failure::lasting(error.to_string()))?;
        self.queue_text(text).await
    }

    /// Puts the text of a request where [`flush`](Self::flush) finds it.
    pub(super) async fn queue_text(&mut self, text: String) -> Result<(), Failure> {
        let queued = self.socket.feed(Message::text(text)).await;
        self.or_why(queued).await
    }

    /// Sends what is queued.
    pub(super) async fn flush(&mut self) -> Result<(), Failure> {
        let flushed = self.socket.flush().await;
        self.or_why(flushed).await
    }

    /// Asks for a [`Answer::Pong`] with the same payload, which comes when everything sent before was dealt with.
    pub(super) async fn ping(&mut self, payload: &'static [u8]) -> Result<(), Failure> {
        let sent = self.socket.send(Message::Ping(Bytes::from_static(payload))).await;
        self.or_why(sent).await
    }

    /// The next thing the relay says. A dropped call loses nothing.
    pub(super) async fn next(&mut self) -> Result<Answer, Failure> {
        loop {
            let next = self.socket.next();
            // A relay that refused closes; one that does not shall not hold up the reason.
            let received = match self.refusal {
                None => next.await,
                Some(_) => timeout(ANSWER_TIMEOUT, next).await.unwrap_or(None),
            };
            match received {
                Some(Ok(Message::Text(text))) => {
                    if let Some(answer) = self.understand(text.as_bytes())? {
                        return Ok(answer);
                    }
                }
                Some(Ok(Message::Binary(bytes))) => {
                    if let Some(answer) = self.understand(&bytes)? {
                        return Ok(answer);
                    }
                }
                Some(Ok(Message::Pong(payload))) => return Ok(Answer::Pong(payload)),
                Some(Ok(Message::Ping(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(frame))) => return Err(ended(self.refusal.take(), frame.as_ref())),
                Some(Err(error)) if self.refusal.is_none() => {
                    return Err(Failure::passing(format!("the connection to the relay broke: {error}")));
                }
                Some(Err(_)) | None => return Err(ended(self.refusal.take(), None)),
            }
        }
    }

    /// Like [`next`](Self::next), but asks a silent relay whether it lives, and gives up on a dead one.
    pub(super) async fn next_of_a_live_relay(&mut self) -> Result<Answer, Failure> {
        if let Ok(answer) = timeout(IDLE_TIMEOUT, self.next()).await {
            return answer;
        }
        self.ping(b"alive?").await?;
        timeout(ANSWER_TIMEOUT, self.next()).await.unwrap_or_else(|_| {
            let silence = (IDLE_TIMEOUT + ANSWER_TIMEOUT).as_secs();
            Err(Failure::passing(format!("the relay has been silent for {silence} s and answers no ping")))
        })
    }

    /// Ends the connection in order. Whatever goes wrong with that changes nothing any more.
    pub(super) async fn close(mut self) {
        let goodbye = async {
            if self.socket.close(None).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        let _ = timeout(CLOSE_TIMEOUT, goodbye).await;
    }

    /// What the relay said; `None` is a refusal, whose close is still to come.
    fn understand(&mut self, message: &[u8]) -> Result<Option<Answer>, Failure> {
        match understand(message)? {
            Said::Answer(answer) => Ok(Some(answer)),
            Said::Refusal(refusal) => {
                self.refusal = Some(refusal);
                Ok(None)
            }
        }
    }

    /// The stream under the connection, as far as it was read.
    pub(super) fn into_stream(self) -> S {
        self.socket.into_inner()
    }

    /// A relay that refuses may close before everything is sent. Then what it said explains more than that sending
    /// failed.
    async fn or_why(&mut self, sent: Result<(), tungstenite::Error>) -> Result<(), Failure> {
        let Err(error) = sent else { return Ok(()) };
        let why = async {
            loop {
                if let Err(failure) = self.next().await {
                    return failure;
                }
            }
        };
        let unexplained = || Failure::passing(format!("the connection to the relay broke: {error}"));
        Err(timeout(ANSWER_TIMEOUT, why).await.unwrap_or_else(|_| unexplained()))
    }
}

/// What a message of the relay says.
///
/// # Errors
/// When it is no message of the protocol.
pub(super) fn understand(message: &[u8]) -> Result<Said, Failure> {
    let incoming: Incoming<'_> = serde_json::from_slice(message)
        .map_err(|error| Failure::lasting(format!("the relay sent what is not understood: {error}")))?;
    let channel = incoming.channel.map(Cow::into_owned);
    Ok(Said::Answer(match (incoming.kind.as_ref(), channel, incoming.content) {
        ("hello", ..) => Answer::Hello,
        ("authorization_ok", ..) => Answer::Authorized,
        ("subscribe_ok", Some(channel), _) => Answer::Subscribed(channel),
        ("publish", Some(channel), Some(content)) => Answer::Publication { channel, content: content.to_owned() },
        (kind @ ("authorization_failed" | "permission_denied" | "unknown_message_received"), channel, _) => {
            let reason = incoming.reason.as_deref().unwrap_or_default();
            let channel = channel.map(|channel| format!(" for channel {channel:?}")).unwrap_or_default();
            let text = if reason.is_empty() {
                format!("the relay refused: {kind}{channel}")
            } else {
                format!("the relay refused: {kind}{channel}: {reason}")
            };
            return Ok(Said::Refusal(Refusal { text, unavailable: reason.starts_with("unavailable") }));
        }
        _ => Answer::Other,
    }))
}

/// What it means that the relay closed.
pub(super) fn ended(refusal: Option<Refusal>, close: Option<&CloseFrame>) -> Failure {
    let code = close.map(|frame| u16::from(frame.code));
    let again = match (code, &refusal) {
        (Some(code), _) => !DO_NOT_RECONNECT.contains(&code),
        (None, Some(refusal)) => refusal.unavailable,
        (None, None) => true,
    };
    let what = refusal.map_or_else(|| "the relay closed the connection".to_owned(), |refusal| refusal.text);
    let message = match close {
        Some(frame) if !frame.reason.is_empty() => {
            format!("{what} (close code {}: {})", u16::from(frame.code), frame.reason.as_str())
        }
        Some(frame) => format!("{what} (close code {})", u16::from(frame.code)),
        None => what,
    };
    Failure { message, again }
}

fn handshake_failure(error: tungstenite::Error) -> Failure {
    match error {
        tungstenite::Error::Http(response) => {
            let status = response.status();
            let message = format!("expected a relay, found a server that answers HTTP {status}");
            Failure { message, again: status.is_server_error() || status.as_u16() == 429 }
        }
        tungstenite::Error::Io(error) => Failure::passing(error.to_string()),
        error @ (tungstenite::Error::Url(_) | tungstenite::Error::HttpFormat(_)) => Failure::lasting(error.to_string()),
        error => Failure::passing(error.to_string()),
    }
}
