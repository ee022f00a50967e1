//! One client's task: from an accepted socket to its end.
//!
//! It reads, asks the session what to do, and does it. It is the only task that waits for this client's socket.

pub mod handshake;
pub mod session;
pub mod wire;

use crate::authenticator::{self, Authenticator, Verdict};
use crate::disconnect::Disconnect;
use crate::frame::{self, Frames};
use crate::hub::Hub;
use crate::limits::Limits;
use crate::message::{self, Reply};
use crate::outbox::Outbox;
use crate::read_buffer::ReadBuffer;
use crate::subscriptions::ListenerId;
use futures_util::StreamExt as _;
use handshake::{Progress, Upgrade};
use session::{Effect, Session};
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::coop;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, error::ProtocolError};
use tracing::{debug, info};
use wire::Wire;

/// How long a closed connection may take to read its close frame and to go, so that the frame is not lost.
const LINGER_MAX: Duration = Duration::from_secs(2);
/// tungstenite's own buffer, which every client keeps; the wire reads in larger pieces.
const TUNGSTENITE_BUFFER_BYTES: usize = 64;

/// What all clients of a shard share.
pub struct Context {
    /// The shard's state.
    pub hub: Rc<Hub>,
    /// Who decides.
    pub authenticator: Authenticator,
    /// What a client may use.
    pub limits: Limits,
    /// The first frame that a client gets.
    pub hello: Frames,
    /// The shard's buffer for reading.
    pub buffer: Rc<ReadBuffer>,
}

impl Context {
    /// The context of a shard of the relay called `name`.
    pub fn new(hub: Rc<Hub>, authenticator: Authenticator, limits: Limits, name: &str) -> Self {
        let hello = Reply::Hello { version: env!("CARGO_PKG_VERSION"), relay: name };
        Self { hub, authenticator, limits, hello: frame::text(&hello.to_json()), buffer: Rc::default() }
    }
}

/// Serves one connection until it ends.
pub async fn serve(context: Rc<Context>, socket: TcpStream, peer: SocketAddr) {
    let outbox = Rc::new(Outbox::new(socket, context.limits.outbox_bytes));
    let member = Member::join(context.hub.clone(), outbox.clone());
    match timeout(context.limits.handshake_timeout, shake_hands(&context, &outbox)).await {
        Ok(Some((upgrade, unread))) => {
            context.hub.send(&outbox, Frames::from(upgrade.response));
            context.hub.send(&outbox, context.hello.clone());
            let wire = Wire::new(context.hub.clone(), outbox.clone(), context.buffer.clone(), unread);
            let client = Client {
                session: Session::default(),
                listener: member.listener,
                path: upgrade.path,
                origin: upgrade.origin,
                peer,
                outbox: outbox.clone(),
                context,
            };
            client.run(wire).await;
        }
        Ok(None) => outbox.finish(),
        Err(_) => {
            debug!(%peer, "no WebSocket handshake within handshake_timeout");
            return;
        }
    }
    drop(member);
    linger(&outbox).await;
}

/// A client's membership of its shard's hub, which ends with it.
struct Member {
    hub: Rc<Hub>,
    listener: ListenerId,
}

impl Member {
    fn join(hub: Rc<Hub>, outbox: Rc<Outbox>) -> Self {
        let listener = hub.join(outbox);
        Self { hub, listener }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.hub.leave(self.listener);
    }
}

/// Reads the upgrade request. `None`: it was refused and answered, or the client has gone. With the upgrade come the
/// bytes that followed it.
async fn shake_hands(context: &Context, outbox: &Rc<Outbox>) -> Option<(Upgrade, Vec<u8>)> {
    let mut received = Vec::new();
    loop {
        let before = received.len();
        read(context, outbox, &mut received).await.ok()?;
        if received.len() == before {
            return None;
        }
        match handshake::advance(&received, context.limits.max_header_bytes) {
            Progress::Partial => {}
            Progress::Accept(upgrade) => {
                let unread = received.split_off(upgrade.request_len);
                return Some((upgrade, unread));
            }
            Progress::Refuse(response) => {
                context.hub.send(outbox, Frames::from(response));
                return None;
            }
        }
    }
}

async fn read(context: &Context, outbox: &Outbox, into: &mut Vec<u8>) -> io::Result<()> {
    loop {
        match context.buffer.read(outbox.socket(), |bytes| into.extend_from_slice(bytes)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => outbox.socket().readable().await?,
            other => return other,
        }
    }
}

/// Sees off a connection that takes no more messages: everything queued leaves, then the peer closes, or time is up.
/// Closing earlier would reset the connection under what the client has still to read.
async fn linger(outbox: &Outbox) {
    let gone = async {
        poll_fn(|cx| outbox.poll_drained(cx)).await;
        outbox.shut_down();
        let discard = ReadBuffer::default();
        let mut open = true;
        while open {
            match discard.read(outbox.socket(), |bytes| open = !bytes.is_empty()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    open = outbox.socket().readable().await.is_ok()
                }
                Err(_) => open = false,
                Ok(()) => coop::consume_budget().await,
            }
        }
    };
    // Past the deadline the connection is closed all the same.
    timeout(LINGER_MAX, gone).await.ok();
}

/// A client that speaks WebSocket.
struct Client {
    context: Rc<Context>,
    outbox: Rc<Outbox>,
    listener: ListenerId,
    session: Session,
    peer: SocketAddr,
    path: Box<str>,
    origin: Option<Box<str>>,
}

impl Client {
    async fn run(mut self, wire: Wire) {
        let config = WebSocketConfig::default()
            .read_buffer_size(TUNGSTENITE_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(self.context.limits.max_message_bytes))
            .max_frame_size(Some(self.context.limits.max_message_bytes));
        let mut messages = WebSocketStream::from_raw_socket(wire, Role::Server, Some(config)).await;
        while let Some(message) = self.while_writing(messages.next()).await {
            let next = match message {
                Some(Ok(Message::Text(text))) => {
                    let effect = self.session.handle(message::parse(&text));
                    self.apply(effect).await
                }
                Some(Ok(Message::Binary(bytes))) => {
                    let effect = self.session.handle(message::parse_binary(&bytes));
                    self.apply(effect).await
                }
                // Pings are answered and a close frame is echoed by tungstenite, at its next turn.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_))) => {
                    ControlFlow::Continue(())
                }
                Some(Err(error)) => self.end_after(&error),
                None => ControlFlow::Break(()),
            };
            if next.is_break() {
                break;
            }
            coop::consume_budget().await;
        }
        self.outbox.finish();
    }

    /// Does what a message leads to.
    async fn apply(&mut self, effect: Effect<'_>) -> ControlFlow<()> {
        let hub = &self.context.hub;
        match effect {
            Effect::Publish { channel, content } => {
                hub.publish(&channel, content);
                return match self.while_writing(poll_fn(|cx| hub.poll_room(cx))).await {
                    Some(()) => ControlFlow::Continue(()),
                    None => ControlFlow::Break(()),
                };
            }
            Effect::Subscribe(channel) => {
                hub.subscribe(self.listener, &channel);
                self.reply(&Reply::SubscribeOk { channel: &channel });
            }
            Effect::Unsubscribe(channel) => hub.unsubscribe(self.listener, &channel),
            Effect::Authorize { authorization, again } => return self.authorize(authorization, again).await,
            Effect::End(reply, disconnect) => return self.end(&reply, disconnect),
        }
        ControlFlow::Continue(())
    }

    async fn authorize(&mut self, authorization: authenticator::Authorization, again: bool) -> ControlFlow<()> {
        let mut attributes = vec![("http.path".to_string(), self.path.to_string())];
        attributes.extend(self.origin.iter().map(|origin| ("http.origin".to_string(), origin.to_string())));
        let request = authenticator::Request { authorization, peer: self.peer.to_string(), again, attributes };
        let Some(verdict) = self.while_writing(self.context.authenticator.authorize(request)).await else {
            return ControlFlow::Break(());
        };
        match verdict {
            Verdict::Grant(grant) => {
                debug!(peer = %self.peer, subject = grant.subject, "authorized");
                self.session.granted(grant);
                self.reply(&Reply::AuthorizationOk);
                ControlFlow::Continue(())
            }
            Verdict::Refuse(reason) => {
                info!(peer = %self.peer, reason, "authorization refused");
                let reason = if reason.is_empty() { "refused" } else { &reason };
                self.end(&Reply::AuthorizationFailed { reason }.to_json(), Disconnect::AuthorizationFailed)
            }
            Verdict::Unavailable(reason) => {
                info!(peer = %self.peer, reason, "authorization could not be decided");
                let reply = Reply::AuthorizationFailed { reason: "unavailable" };
                self.end(&reply.to_json(), Disconnect::Unavailable)
            }
        }
    }

    fn reply(&self, reply: &Reply<'_>) {
        self.context.hub.send(&self.outbox, frame::text(&reply.to_json()));
    }

    fn end(&self, reply: &[u8], disconnect: Disconnect) -> ControlFlow<()> {
        self.context.hub.send(&self.outbox, frame::text(reply));
        self.context.hub.close(&self.outbox, disconnect);
        ControlFlow::Break(())
    }

    fn end_after(&self, error: &Error) -> ControlFlow<()> {
        let disconnect = match error {
            // The client has gone without a word.
            Error::Io(_) | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
            Error::Capacity(_) => Some(Disconnect::MessageTooBig),
            Error::Utf8(_) => Some(Disconnect::InvalidUtf8),
            _ => Some(Disconnect::ProtocolError),
        };
        debug!(peer = %self.peer, %error, "the client's connection ends");
        if let Some(disconnect) = disconnect {
            self.context.hub.close(&self.outbox, disconnect);
        }
        ControlFlow::Break(())
    }

    /// Waits for `wanted`, and writes what waits for room in the kernel meanwhile. `None`: the connection is to end.
    async fn while_writing<T>(&self, wanted: impl Future<Output = T>) -> Option<T> {
        let mut wanted = pin!(wanted);
        poll_fn(|cx| {
            // Pending or not, the wait for what is wanted goes on: this is polled again when there is room.
            let _ = self.outbox.poll_drained(cx);
            if self.outbox.is_closing() {
                return Poll::Ready(None);
            }
            wanted.as_mut().poll(cx).map(Some)
        })
        .await
    }
}
