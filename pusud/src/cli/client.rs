//! One connection of a client command to a relay: connect, authorize, send, receive, and say why it ended.
//!
//! Never reconnects; it says whether another try could help.

use super::client_messages::{Answer, Failure, Refusal, Request, Said, ended, understand};
use super::connecting::{CONNECT_TIMEOUT, cannot_connect, connecting, did_not_answer, handshake_failure};
use super::connection_args::Target;
use super::liveness::{Liveness, PATIENCE, seconds};
use super::relay_stream::RelayStream;
use futures_util::{SinkExt as _, StreamExt as _};
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::{self, Bytes, Message};

/// The authenticator may ask a slow service.
pub(super) const AUTHORIZE_TIMEOUT: Duration = Duration::from_secs(60);
/// From a refusal to the close that follows it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait for the relay's half of the close at the end, when nothing depends on it any more.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What is done with a request.
pub(super) enum Sending<'a> {
    /// It is put where a flush finds it.
    Queue(&'a Request<'a>),
    /// What is there leaves.
    Flush,
}

/// A connection whose relay has greeted.
pub(super) struct Connection<S = RelayStream> {
    socket: WebSocketStream<S>,
    /// The relay's name, where it has said it.
    relay: Option<String>,
    /// What the relay refused; the close that follows says how final it is.
    refusal: Option<Refusal>,
    liveness: Liveness,
}

impl Connection {
    /// Connects, waits for the relay's `hello`, and authorizes. What does not greet as a relay is told no secret.
    pub(super) async fn open(target: &Target) -> Result<Self, Failure> {
        Self::open_over(target, connecting(target)).await
    }

    /// Connects and waits for the relay's `hello`, without authorizing.
    pub(super) async fn greet(target: &Target) -> Result<Self, Failure> {
        Self::greet_over(target, connecting(target)).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// As [`open`](Connection::open), over a stream that `connecting` brings about.
    pub(super) async fn open_over(
        target: &Target,
        connecting: impl Future<Output = Result<(WebSocketStream<S>, Response), tungstenite::Error>>,
    ) -> Result<Self, Failure> {
        let mut connection = Self::greet_over(target, connecting).await?;
        timeout(AUTHORIZE_TIMEOUT, connection.authorize(target)).await.map_err(|_| not_decided())??;
        Ok(connection)
    }

    async fn greet_over(
        target: &Target,
        connecting: impl Future<Output = Result<(WebSocketStream<S>, Response), tungstenite::Error>>,
    ) -> Result<Self, Failure> {
        let greet = async {
            let (socket, _response) = connecting.await.map_err(|error| handshake_failure(error, target))?;
            let mut connection = Self { socket, relay: None, refusal: None, liveness: Liveness::new(PATIENCE) };
            match connection.next().await? {
                Answer::Hello(relay) => Ok(Self { relay, ..connection }),
                _ => Err(Failure::lasting("expected `hello` first, found something else: this is no relay of PuSu")),
            }
        };
        let greeted = timeout(CONNECT_TIMEOUT, greet).await.unwrap_or_else(|_| Err(did_not_answer()));
        greeted.map_err(|failure| cannot_connect(failure, target))
    }

    /// The relay's name, where it has said it.
    pub(super) fn relay(&self) -> Option<&str> {
        self.relay.as_deref()
    }

    /// The stream under the connection.
    pub(super) fn stream(&self) -> &S {
        self.socket.get_ref()
    }

    /// Lets the relay be silent for so long.
    pub(super) fn set_patience(&mut self, patience: Duration) {
        self.liveness = Liveness::new(patience);
    }

    /// Asks for the permissions of `target`'s authorization, without waiting for the answer.
    pub(super) async fn ask_for_permissions(&mut self, target: &Target) -> Result<(), Failure> {
        self.send(&permissions_request(target)?).await
    }

    async fn authorize(&mut self, target: &Target) -> Result<(), Failure> {
        self.ask_for_permissions(target).await?;
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

    /// Like [`next`](Self::next), but asks a silent relay whether it lives, and gives up on a dead one. How long it has
    /// been silent is known from call to call, also where calls are dropped.
    pub(super) async fn next_of_a_live_relay(&mut self) -> Result<Answer, Failure> {
        loop {
            if let Ok(answer) = timeout_at(self.liveness.due(), self.next()).await {
                self.liveness.heard();
                return answer;
            }
            if self.liveness.is_asked() {
                let silence = self.liveness.silence();
                return Err(Failure::passing(format!("the relay has been silent for {silence} and answers no ping")));
            }
            self.liveness.asked();
            // Where there is no room for the ping the answer does not come either.
            timeout_at(self.liveness.due(), self.ping(b"alive?")).await.unwrap_or(Ok(()))?;
        }
    }

    /// Like [`queue`](Self::queue) or [`flush`](Self::flush), but gives up on a relay that takes nothing. One that holds up
    /// its sources lives: it takes something now and then.
    pub(super) async fn send_to_a_live_relay(&mut self, what: Sending<'_>) -> Result<(), Failure> {
        let patience = self.liveness.patience();
        let mut held_up = false;
        let sent = {
            let sending = async {
                match what {
                    Sending::Queue(request) => self.queue(request).await,
                    Sending::Flush => self.flush().await,
                }
            };
            let mut sending = pin!(sending);
            let noticed = poll_fn(|cx| {
                let sent = sending.as_mut().poll(cx);
                held_up |= sent.is_pending();
                sent
            });
            timeout(patience, noticed).await
        };
        if held_up {
            self.liveness.heard();
        }
        sent.unwrap_or_else(|_| {
            Err(Failure::passing(format!("the relay has taken nothing of what was sent for {}", seconds(patience))))
        })
    }

    /// Closes the connection. A failure changes nothing any more.
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

/// The authorization has been with the relay for too long.
pub(super) fn not_decided() -> Failure {
    Failure::passing(format!("the relay did not decide on the authorization for {} s", AUTHORIZE_TIMEOUT.as_secs()))
}

/// What asks for the permissions of `target`'s authorization.
pub(super) fn permissions_request(target: &Target) -> Result<Request<'_>, Failure> {
    let authorization = std::str::from_utf8(target.authorization.expose())
        .map_err(|_| Failure::lasting("the authorization is not UTF-8"))?;
    Ok(Request::Authorize { authorization })
}
