//! One client's task: from an accepted socket to its end.
//!
//! It answers requests over HTTP until one of them begins a WebSocket or a stream of events. From there on it reads, asks
//! the session what to do, and does it. It is the only task that waits for this client's socket.
//!
//! A client spends nearly all its life waiting for its next message, and there are very many of them: what is only
//! needed on the way there or back is boxed, so that the waiting task stays small.

mod apply;
mod asking;
mod authorizations;
mod connection;
mod context;
mod deadlines;
mod facts;
mod few;
mod framing;
mod handshake;
mod held_subscribe_ok;
mod idempotency;
mod memory;
mod operator;
mod orders;
mod partial_message;
mod publish_rate;
mod publishing;
mod read_buffer;
mod reauthorize;
mod requests;
mod session;
mod shared_permissions;
mod shown;
mod upkeep;
mod uptime;
mod verdicts;
mod wire;
mod writable;

pub use connection::{Greeting, linger, serve, take_in, upgrade};
pub use context::{Common, Context};
pub use framing::{Messages, config, disconnect_after};
pub use handshake::{Hops, Progress, Upgrade, advance};
pub use idempotency::{IdempotencyKeys, idempotency_bytes_max};
pub use memory::{CLIENT_BYTES, client_bytes_max, permissions_bytes_max, seen_bytes_max, shared_bytes_max};
pub use operator::serve_operator;
pub use partial_message::Unfinished;
pub use requests::Paths;
pub use upkeep::run_timers;
pub use verdicts::{Verdicts, verdicts_bytes_max};

use crate::authenticator::Authorization;
use crate::client::held_subscribe_ok::Unconfirmed;
use crate::client::publish_rate::PublishRate;
use crate::hub::{ListenerId, Outbox, Turn};
use facts::Facts;
use publishing::Held;
use session::Session;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll};
use tokio::task::{coop, yield_now};
use tokio_tungstenite::tungstenite::{Error, Message};
use upkeep::Upkeep;

/// A client that has sent so much, in bytes, lets others have their turn before its next message: also where nobody listens
/// to what it publishes, and no room is asked for.
const TURN_BYTES_MAX: u32 = 64 * 1024;
/// A client that speaks WebSocket, or listens to a stream of events.
struct Client {
    context: Rc<Context>,
    outbox: Rc<Outbox>,
    messages: Messages,
    listener: ListenerId,
    /// Bytes of messages since others had their turn.
    turn_bytes: u32,
    /// Authorizations in a row that gave nothing new.
    idle_authorizations: u32,
    session: Session,
    /// `None` for the many who are authorized and whose authorization does not end.
    upkeep: Option<Box<Upkeep>>,
    /// `None` where the settings set none, and for the many that only listen.
    publish_rate: Option<Box<PublishRate>>,
    /// What is left of the client's turn to publish, if it had to wait for one.
    turn: Option<Box<Turn>>,
    facts: Option<Box<Facts>>,
}

/// What has to happen before the client's next message is read.
enum Next {
    Message,
    /// Wait until there is room for this publication.
    Room(Box<Held>),
    /// Wait until the linked relays know of the subscription to this channel, and confirm it and those behind it.
    Confirm(Box<Unconfirmed>),
    /// Wait for the authenticator's verdict.
    Verdict {
        authorization: Authorization,
        again: bool,
    },
    /// Read no more: the connection ends.
    End,
}

impl Client {
    async fn run(&mut self) {
        let mut next = Next::Message;
        loop {
            if !matches!(next, Next::Message | Next::Room(_)) {
                // Others have what is left of it: this may take long.
                self.turn = None;
            }
            next = match next {
                Next::Message => match self.next_message().await {
                    Some(message) => self.handle(message),
                    None => Next::End,
                },
                Next::Room(held) => {
                    let next = Box::pin(self.publish_in_turn(held)).await;
                    self.read_again(next)
                }
                Next::Confirm(first) => {
                    let next = Box::pin(self.confirm(*first)).await;
                    self.read_again(next)
                }
                Next::Verdict { authorization, again } => {
                    let next = Box::pin(self.authorize(authorization, again)).await;
                    self.read_again(next)
                }
                Next::End => return,
            };
            if self.turn_bytes >= TURN_BYTES_MAX {
                self.turn_bytes = 0;
                yield_now().await;
            } else {
                coop::consume_budget().await;
            }
        }
    }

    /// Waits for the next message. `None`: the connection is to end.
    async fn next_message(&mut self) -> Option<Result<Message, Error>> {
        poll_fn(|cx| {
            if self.poll_writing(cx).is_break() {
                return Poll::Ready(None);
            }
            let message = self.messages.poll_next(cx, &self.context.deadlines);
            if message.is_pending() {
                // Others have what is left of it.
                self.turn = None;
            }
            message
        })
        .await
    }

    /// The task has waited for something else than messages: nobody is blamed for what did not come meanwhile.
    fn read_again(&mut self, next: Next) -> Next {
        self.messages.forgive();
        next
    }

    /// Writes what waits for room in the kernel, if there is any now, and lets authorizations end whose time is up.
    /// Break: the connection is to end.
    fn poll_writing(&mut self, cx: &mut TaskContext<'_>) -> ControlFlow<()> {
        // Pending or not, the client is served: the task is woken when there is room.
        let _ = self.outbox.poll_drained(cx);
        if self.outbox.take_suspicion() {
            self.heed_revocations();
            self.answer_questions();
        }
        if self.upkeep.is_some() {
            self.poll_upkeep(cx);
        }
        if self.outbox.is_closing() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
