//! One client's connection, from its arrival to its end: what happens before it speaks WebSocket, and after.

use super::facts::Facts;
use super::handshake::Upgrade;
use super::requests::{Begun, EventListener, Requests};
use super::session::Session;
use super::upkeep::Upkeep;
use super::wire::Wire;
use super::{Client, Context, Messages};
use crate::admission::{ClientAddress, Forwarding, Pass, Place, Probation};
use crate::frames::Frames;
use crate::hub::{Encrypted, ListenerId, Outbox, Stage, Transport};
use crate::routing::Arrival;
use crate::tls::CertificateFacts;
use std::future::{Future, poll_fn};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::coop;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// How long a closed connection may take to read its close frame and to go, so that the frame is not lost.
const LINGER_MAX: Duration = Duration::from_secs(2);

/// Serves one connection that was let in, until it ends.
///
/// # Errors
/// The connection is gone, or the system is out of memory; its place has been given back.
pub fn serve(context: &Rc<Context>, arrival: Arrival) -> io::Result<impl Future<Output = ()> + use<>> {
    let (outbox, pass, greeting) = take_in(context, arrival)?;
    let Pass { place, probation } = pass;
    let mut member = Member::join(context.clone(), outbox, place);
    // Boxed, so that the waiting task keeps no room for it.
    let arguments = Box::new((probation, greeting));
    // So is what the task consists of: tokio's objects are aligned to 128 bytes, so that the allocator leaves gaps between
    // them. These boxes fit into the gaps, and the task itself takes 128 bytes less.
    Ok(Box::pin(async move {
        let connected = Box::pin(connect(&mut member, arguments)).await;
        if let Some(mut client) = connected {
            Box::pin(client.run()).await;
        }
        member.outbox.finish();
        member.context.hub.unsubscribe_all(member.listener);
        Box::pin(linger(&member.outbox)).await;
    }))
}

/// Takes a connection into this thread's runtime, with an outbox before it.
///
/// # Errors
/// The connection is gone, or the system is out of memory; its place has been given back.
pub fn take_in(context: &Context, arrival: Arrival) -> io::Result<(Rc<Outbox>, Pass, Greeting)> {
    let Arrival { socket, peer, client, pass, forwarding, session, received } = arrival;
    let transport = adopt(socket, peer == ClientAddress::Unix).map(|socket| match session {
        None => Transport::from(socket),
        Some(session) => Transport::encrypted(socket, Encrypted::new(session, context.scratch.clone())),
    });
    let transport = match transport {
        Ok(transport) => transport,
        Err(error) => {
            context.admission.leave(&pass.place);
            return Err(error);
        }
    };
    if client != peer || peer == ClientAddress::Unix {
        transport.set_client(client);
    }
    Ok((Rc::new(Outbox::new(transport)), pass, Greeting { client, forwarding, received }))
}

/// Makes an accepted socket one of this thread's runtime.
///
/// # Errors
/// The connection is gone, or the system is out of memory.
pub(super) fn adopt(socket: std::net::TcpStream, is_unix: bool) -> io::Result<TcpStream> {
    // A Unix socket knows no such delay.
    if !is_unix {
        socket.set_nodelay(true)?;
    }
    TcpStream::from_std(socket)
}

/// What is known of a connection before its request.
pub struct Greeting {
    /// Where the client is, as far as it has been said.
    pub client: ClientAddress,
    /// Whose word on that is taken from the request.
    pub forwarding: Option<Arc<Forwarding>>,
    /// What has come already.
    pub received: Vec<u8>,
}

/// A client's membership of its shard's hub and its place among all connections, which end with it.
struct Member {
    context: Rc<Context>,
    outbox: Rc<Outbox>,
    listener: ListenerId,
    place: Place,
}

impl Member {
    fn join(context: Rc<Context>, outbox: Rc<Outbox>, place: Place) -> Self {
        let listener = context.hub.join(outbox.clone());
        Self { context, outbox, listener, place }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.context.hub.leave(self.listener);
        self.context.admission.leave(&self.place);
    }
}

/// Makes a client of a connection, or nothing where it only sends requests, or does not become one in time.
async fn connect(member: &mut Member, arguments: Box<(Probation, Greeting)>) -> Option<Box<Client>> {
    let (probation, greeting) = *arguments;
    let Member { context, outbox, listener, place } = member;
    let requests = Requests::new(context.clone(), outbox.clone(), *listener, place, probation, greeting);
    let (messages, session, upkeep, facts) = match Box::pin(requests.serve()).await? {
        Begun::WebSocket { upgrade, unread, probation, authorize_by } => {
            let (messages, facts) =
                speak(context, outbox, upgrade, unread, context.limits.max_unauthorized_message_bytes);
            context.hub.send(outbox, context.hello.clone());
            (messages, Session::default(), Some(Upkeep::until_authorized(probation, authorize_by)), facts)
        }
        Begun::Events(EventListener { messages, session, facts }) => (messages, session, None, facts),
    };
    let mut client = Box::new(Client {
        messages,
        session,
        upkeep,
        publish_rate: None,
        turn: None,
        turn_bytes: 0,
        listener: *listener,
        idle_authorizations: 0,
        facts,
        outbox: outbox.clone(),
        context: context.clone(),
    });
    // A stream of events is authorized already.
    client.mark_changed();
    Some(client)
}

/// Upgrades a connection to WebSocket that was let in with `pass`, with the answer in the outbox; nothing where that does
/// not come about in time. Messages are at most of `message_bytes_max`.
pub async fn upgrade(
    context: &Rc<Context>,
    outbox: &Rc<Outbox>,
    listener: ListenerId,
    pass: Pass,
    greeting: Greeting,
    message_bytes_max: usize,
) -> (Option<Messages>, Place) {
    let Pass { mut place, probation } = pass;
    let requests = Requests::new(context.clone(), outbox.clone(), listener, &mut place, probation, greeting);
    let messages = match requests.serve().await {
        Some(Begun::WebSocket { upgrade, unread, .. }) => {
            Some(speak(context, outbox, upgrade, unread, message_bytes_max).0)
        }
        Some(Begun::Events(_)) | None => None,
    };
    (messages, place)
}

/// Speaks WebSocket from here on, with the answer to the upgrade in the outbox.
fn speak(
    context: &Context,
    outbox: &Rc<Outbox>,
    upgrade: Upgrade,
    unread: Vec<u8>,
    message_bytes_max: usize,
) -> (Messages, Option<Box<Facts>>) {
    outbox.reach(Stage::WebSocket);
    context.hub.send(outbox, Frames::from(upgrade.response));
    outbox.incoming.open();
    let wire = Wire::new(context.hub.clone(), outbox.clone(), context.buffer.clone(), unread);
    (Messages::over(wire, message_bytes_max), upgrade.facts)
}

/// Sees off a connection that takes no more messages: everything queued leaves, then the peer closes, or time is up.
/// Closing earlier would reset the connection under what the client has still to read.
pub async fn linger(outbox: &Outbox) {
    let gone = async {
        poll_fn(|cx| outbox.poll_drained(cx)).await;
        if outbox.is_broken() {
            return;
        }
        outbox.shut_down();
        let mut discard = [0; 1024];
        loop {
            match outbox.socket().try_read(&mut discard) {
                Ok(0) => break,
                Ok(_) => coop::consume_budget().await,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if outbox.socket().readable().await.is_err() {
                        break;
                    }
                }
                Err(_) => break,
            }
        }
    };
    // Past the deadline the connection is closed all the same.
    timeout(LINGER_MAX, gone).await.ok();
}

/// What an authenticator may want to know of the connection itself.
pub(super) fn attributes(transport: &Transport) -> Vec<(String, Zeroizing<String>)> {
    let mut attributes = Vec::new();
    let mut push = |name: &str, value: String| attributes.push((name.to_owned(), Zeroizing::new(value)));
    if let Some(proxy) = transport.proxy() {
        push("proxy.address", proxy.to_string());
    }
    let of_session = transport.with_session(|session| {
        let certificate = session.client_certificate().map(CertificateFacts::from_der);
        (session.version(), session.server_name().map(str::to_owned), certificate)
    });
    if let Some((version, server_name, certificate)) = of_session {
        push("tls.version", version.to_owned());
        if let Some(name) = server_name {
            push("tls.sni", name);
        }
        // One that cannot be read has not been verified either, and so is none.
        if let Some(Ok(facts)) = certificate {
            attributes.extend(facts.attributes().into_iter().map(|(name, value)| (name, Zeroizing::new(value))));
        }
    }
    attributes
}
