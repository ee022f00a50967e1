//! One connection to a server, from its first byte to its last.
//!
//! Moves bytes between a stream and the values that decide. **Invariant:** it is read whenever there is room for what comes, and
//! given up where there has been none for long, since the server would lose what waits without a word.

use crate::nats::backplane::{Backplane, Next};
use crate::nats::server::{Op, Parser};
use crate::nats::servers::Connected;
use crate::routing::Door;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::Notify;
use tokio::time::{Instant, interval_at, timeout};

/// Time between two PINGs.
const PING: Duration = Duration::from_secs(1);
/// A server of which not a byte was heard for so long is not there.
const SILENT: Duration = Duration::from_secs(3);
/// How long the connection may not be read for want of room.
const ROOM_MAX: Duration = Duration::from_secs(5);

/// What the parts of one conversation share.
pub(super) struct Conversation<D> {
    backplane: Rc<RefCell<Backplane<D>>>,
    heard: Cell<Instant>,
    pinged: Cell<Option<Instant>>,
    /// Nothing is read, for want of room.
    waits_for_room: Cell<bool>,
}

/// Talks until the end, and gives its reason. The backplane knows of the connection already; `leave` is told when the server is about to stop.
pub(super) async fn converse<D: Door, S: AsyncRead + AsyncWrite + Unpin>(
    backplane: Rc<RefCell<Backplane<D>>>,
    connected: Connected<S>,
    leave: &Notify,
) -> String {
    let Connected { stream, parser, .. } = connected;
    let (reader, writer) = tokio::io::split(stream);
    let conversation = Conversation::new(backplane);
    tokio::select! {
        biased;
        end = conversation.read(reader, parser, leave) => end,
        end = conversation.write(writer) => end,
        end = conversation.keep_alive() => end,
    }
}

impl<D: Door> Conversation<D> {
    /// One that begins now.
    pub(super) fn new(backplane: Rc<RefCell<Backplane<D>>>) -> Self {
        let heard = Cell::new(Instant::now());
        Self { backplane, heard, pinged: Cell::new(None), waits_for_room: Cell::new(false) }
    }

    async fn read<S: AsyncRead>(&self, mut reader: ReadHalf<S>, mut parser: Parser, leave: &Notify) -> String {
        loop {
            match self.take_in(&mut parser) {
                Next::GoOn => {}
                Next::Leave => {
                    leave.notify_one();
                    continue;
                }
                Next::End(reason) => return reason,
            }
            self.waits_for_room.set(true);
            let room = poll_fn(|cx| self.backplane.borrow_mut().door().poll_room(cx));
            if timeout(ROOM_MAX, room).await.is_err() {
                return "there was no room for messages for 5 s: clients of this relay are too slow".to_owned();
            }
            self.waits_for_room.set(false);
            match reader.read_buf(&mut parser.room()).await {
                Ok(0) => return "the server has ended the connection".to_owned(),
                Ok(_) => self.heard.set(Instant::now()),
                Err(error) => return error.to_string(),
            }
        }
    }

    /// Takes in what has come.
    pub(super) fn take_in(&self, parser: &mut Parser) -> Next {
        let now = Instant::now();
        let mut backplane = self.backplane.borrow_mut();
        backplane.heard(now);
        let next = loop {
            match parser.next_op() {
                Ok(Some(Op::Pong)) => {
                    if let Some(pinged) = self.pinged.take() {
                        backplane.answered(now.saturating_duration_since(pinged));
                    }
                }
                Ok(Some(op)) => match backplane.handle(op, now) {
                    Next::GoOn => {}
                    next => break next,
                },
                Ok(None) => break Next::GoOn,
                Err(error) => break Next::End(format!("the server has sent {error}")),
            }
        };
        backplane.flush();
        next
    }

    async fn write<S: AsyncWrite>(&self, mut writer: WriteHalf<S>) -> String {
        let to_write = self.backplane.borrow().to_write();
        let mut out = Vec::new();
        loop {
            out.clear();
            self.backplane.borrow_mut().take(&mut out);
            if out.is_empty() {
                if self.backplane.borrow().is_stopped() {
                    // What was written would be thrown away if something unread were left when the socket is closed: so it is
                    // read until the server has ended the connection. An error means that it has.
                    let _ = writer.shutdown().await;
                    return std::future::pending().await;
                }
                to_write.notified().await;
                continue;
            }
            if let Err(error) = self.write_all(&mut writer, &out).await {
                return error.to_string();
            }
        }
    }

    async fn write_all<S: AsyncWrite>(&self, writer: &mut WriteHalf<S>, out: &[u8]) -> io::Result<()> {
        writer.write_all(out).await?;
        writer.flush().await
    }

    /// Asks whether the server is there.
    async fn keep_alive(&self) -> String {
        let mut pings = interval_at(Instant::now() + PING, PING);
        loop {
            pings.tick().await;
            if self.waits_for_room.get() {
                self.heard.set(Instant::now());
            } else if self.heard.get().elapsed() >= SILENT {
                return "nothing has been heard of the server for 3 s".to_owned();
            }
            if self.pinged.get().is_none() {
                let now = Instant::now();
                self.pinged.set(Some(now));
                self.backplane.borrow_mut().ping(now);
            }
        }
    }
}
