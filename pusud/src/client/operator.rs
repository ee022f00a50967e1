//! The operator's own session: a client that may do everything and asks nobody, behind a connection that stays inside this
//! process.

use super::authorizations::Moment;
use super::connection::{adopt, linger};
use super::session::Session;
use super::wire::Wire;
use super::{Client, Context, Messages};
use crate::admission::OperatorPlace;
use crate::authenticator::Grant;
use crate::hub::{ListenerId, Outbox, Stage, Transport};
use crate::protocol::{Access, Disconnect, Permission};
use std::io;
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

/// A membership of the shard's hub, which ends with it, as its place does.
struct Member {
    context: Rc<Context>,
    outbox: Rc<Outbox>,
    listener: ListenerId,
    _place: OperatorPlace,
}

impl Drop for Member {
    fn drop(&mut self) {
        self.context.hub.leave(self.listener);
    }
}

/// Serves the operator's session behind `socket` until it ends, and says in `end` why, if the relay has ended it.
///
/// # Errors
/// The connection is gone, or the system is out of memory.
pub fn serve_operator(
    context: &Rc<Context>,
    socket: TcpStream,
    place: OperatorPlace,
    end: Arc<OnceLock<Disconnect>>,
) -> io::Result<impl Future<Output = ()> + use<>> {
    let outbox = Rc::new(Outbox::new(Transport::from(adopt(socket, cfg!(unix))?)));
    let listener = context.hub.join_operator(outbox.clone());
    let member = Member { context: context.clone(), outbox, listener, _place: place };
    Ok(async move {
        let mut client = client(&member);
        client.run().await;
        if let Some(disconnect) = member.outbox.ended_by() {
            // Nobody else says so.
            let _ = end.set(disconnect);
        }
        member.outbox.finish();
        member.context.hub.unsubscribe_all(member.listener);
        linger(&member.outbox).await;
    })
}

fn client(member: &Member) -> Box<Client> {
    let Member { context, outbox, listener, .. } = member;
    outbox.reach(Stage::WebSocket);
    outbox.set_authorized(true);
    outbox.incoming.open();
    let wire = Wire::new(context.hub.clone(), outbox.clone(), context.buffer.clone(), Vec::new());
    let mut messages = Messages::over(wire, context.limits.max_message_bytes);
    messages.read_ahead();
    let mut session = Session::default();
    let everything = Permission::new("*", Access::READ_WRITE);
    session.granted(Grant { permissions: vec![everything], ..Grant::default() }, None, Moment::now());
    context.hub.send(outbox, context.hello.clone());
    Box::new(Client {
        context: context.clone(),
        outbox: outbox.clone(),
        messages,
        listener: *listener,
        turn_bytes: 0,
        idle_authorizations: 0,
        session,
        upkeep: None,
        publish_rate: None,
        turn: None,
        facts: None,
    })
}
