//! The stream under tungstenite: reads come from the client's socket, writes go to its outbox. Neither ever waits.
//!
//! So whatever tungstenite answers by itself (pongs, the echo of a close frame) queues behind what is on its way, and
//! control frames can never cut a half-written publication.

use crate::client::deadlines::Deadlines;
use crate::client::partial_message::Unfinished;
use crate::client::read_buffer::ReadBuffer;
use crate::frames::Frames;
use crate::hub::{Hub, Outbox};
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

/// One client's stream.
pub struct Wire {
    hub: Rc<Hub>,
    outbox: Rc<Outbox>,
    buffer: Rc<ReadBuffer>,
    /// Read from the socket and not yet asked for. A client that sends nothing owns no memory here.
    unread: Vec<u8>,
    unread_at: u32,
    /// How far the frames in `unread` have been walked over and may be asked for.
    walked_to: u32,
    /// How often it has let others have their turn before the next read.
    gave_way: u8,
    /// It does so now.
    gives_way: bool,
    /// Frames are handed out one by one, so that nothing is read ahead of what is handled.
    is_frame_by_frame: bool,
    /// The message that has begun, if one has at the end of what was walked over.
    unfinished: Option<Box<Unfinished>>,
}

/// How often a client lets others have their turn before it reads, while too much is held in all. Those that were
/// disconnected for it let go when their tasks have their turn, and until then who reads on takes as much again.
const GIVE_WAY_MAX: u8 = 16;

/// What is known of a client's next frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextFrame {
    /// Nothing: it may have been read and handed out.
    Unknown,
    /// It is not read yet: what comes next on the socket is its beginning.
    NotRead,
    /// It is read, and begins with this byte.
    Begins(u8),
}

/// What is wrong with a message before it is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// It comes in too many fragments.
    #[error("the message came in more than max_fragments fragments")]
    TooManyFragments,
    /// It takes too long.
    #[error("the message was not complete within message_timeout")]
    TooSlow,
}

impl Wire {
    /// The stream of the client that `outbox` belongs to; `unread` are bytes that came in before.
    pub fn new(hub: Rc<Hub>, outbox: Rc<Outbox>, buffer: Rc<ReadBuffer>, unread: Vec<u8>) -> Self {
        Self {
            hub,
            outbox,
            buffer,
            unread,
            unread_at: 0,
            walked_to: 0,
            gave_way: 0,
            gives_way: false,
            is_frame_by_frame: true,
            unfinished: None,
        }
    }

    /// Whether there is nothing that has been read and not been handed out, and no message has begun.
    pub fn is_at_rest(&self) -> bool {
        self.unread.is_empty() && self.unfinished.is_none()
    }

    /// Ready when the socket has something to read, its end included.
    ///
    /// # Errors
    /// The runtime is stopping; or [`Refused::TooSlow`].
    pub fn poll_readable(&mut self, cx: &mut Context<'_>, deadlines: &Rc<Deadlines<Instant>>) -> Poll<io::Result<()>> {
        if let Some(unfinished) = &mut self.unfinished
            && unfinished.is_late(self.hub.limits().message_timeout, deadlines, cx.waker())
        {
            return Poll::Ready(Err(io::Error::other(Refused::TooSlow)));
        }
        if std::mem::take(&mut self.gives_way) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.outbox.transport().poll_read_ready(cx)
    }

    /// From here on frames are handed out as they come.
    pub fn end_frame_by_frame(&mut self) {
        self.is_frame_by_frame = false;
    }

    /// What is known of the frame behind those that were handed out.
    pub fn next_frame(&self) -> NextFrame {
        match self.unread.get(self.unread_at as usize) {
            _ if !self.is_frame_by_frame || self.unfinished.is_some() => NextFrame::Unknown,
            Some(first) => NextFrame::Begins(*first),
            None => NextFrame::NotRead,
        }
    }

    /// Reads what comes behind the frames that were handed out, where nothing of it has been read; ready then with what is
    /// known of it, and with `None` at the end of the stream.
    pub fn poll_beginning(&mut self, cx: &mut Context<'_>) -> Poll<Option<NextFrame>> {
        loop {
            if self.next_frame() != NextFrame::NotRead {
                return Poll::Ready(Some(self.next_frame()));
            }
            if std::mem::take(&mut self.gives_way) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if ready!(self.outbox.transport().poll_read_ready(cx)).is_err() {
                return Poll::Ready(None);
            }
            match self.fill() {
                Ok(true) => self.account(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(false) | Err(_) => return Poll::Ready(None),
            }
        }
    }

    /// Reads and drops what comes; ready at the end of the stream.
    pub fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let transport = self.outbox.transport();
        while let Ok(()) = ready!(transport.poll_read_ready(cx)) {
            let mut is_end = true;
            match self.buffer.read(transport, |_| is_end = false) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(()) if !is_end => {
                    // Others have their turn before more is dropped.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(())
    }

    /// The client's task has not read for a while: the time for an unfinished message begins anew.
    pub fn forgive(&mut self) {
        if let Some(unfinished) = &mut self.unfinished {
            unfinished.forgive();
        }
    }

    /// Reads what has come. False: that was the end of the stream.
    fn fill(&mut self) -> io::Result<bool> {
        if self.gave_way < GIVE_WAY_MAX && !self.hub.is_relieved() {
            self.gave_way += 1;
            self.gives_way = true;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.gave_way = 0;
        self.unread.clear();
        (self.unread_at, self.walked_to) = (0, 0);
        let transport = self.outbox.transport();
        let read = self.buffer.read(transport, |bytes| self.unread.extend_from_slice(bytes));
        let half_record = transport.half_record_bytes();
        // Half a record is a sign of life as well, and has the time of a message.
        if read.is_ok() || half_record > 0 {
            self.outbox.incoming.note_activity();
        }
        if read.is_err() && transport.is_encrypted() {
            self.mark_half_record(half_record);
            self.account();
            self.hub.relieve();
        }
        read?;
        Ok(!self.unread.is_empty())
    }

    /// Remembers that a message may have begun in a record of which only this much has come, or that none has.
    fn mark_half_record(&mut self, half_record: usize) {
        if self.unfinished.as_ref().is_none_or(|unfinished| unfinished.is_empty()) {
            self.unfinished = (half_record > 0).then(|| self.unfinished.take().unwrap_or_default());
        }
    }

    /// Walks on over the frames that have been read.
    fn walk(&mut self) -> io::Result<()> {
        let mut fresh = Unfinished::default();
        let unfinished = self.unfinished.as_deref_mut().unwrap_or(&mut fresh);
        let (bytes, limits) = (&self.unread[self.walked_to as usize..], self.hub.limits());
        let walked = unfinished.walk(bytes, limits.max_fragments, self.is_frame_by_frame);
        // What one read takes, and what came with the handshake, is far below 4 GiB.
        self.walked_to += walked as u32;
        if unfinished.is_empty() {
            self.unfinished = None;
        } else if self.unfinished.is_none() {
            self.unfinished = Some(Box::new(fresh));
        }
        if walked == 0 {
            return Err(io::Error::other(Refused::TooManyFragments));
        }
        if self.unfinished.is_none() {
            self.mark_half_record(self.outbox.transport().half_record_bytes());
        }
        Ok(())
    }

    /// Tells the shard what this client has it hold.
    fn account(&self) {
        let limit = self.hub.limits().max_message_bytes;
        let (taken, arrived) =
            self.unfinished.as_ref().map_or((0, 0), |message| (message.bytes(limit), message.bytes(0)));
        let unread = self.unread.len() + self.outbox.transport().half_record_bytes();
        self.outbox.incoming.set_unfinished(unread + taken, unread + arrived);
    }
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.unread_at == self.walked_to {
            if self.walked_to as usize == self.unread.len() && !self.fill()? {
                return Ok(0);
            }
            self.walk()?;
            self.account();
            self.hub.relieve();
            if self.outbox.is_closing() {
                // It was the one that had most: it takes nothing more.
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
        let unread = &self.unread[self.unread_at as usize..self.walked_to as usize];
        let taken = unread.len().min(into.len());
        into[..taken].copy_from_slice(&unread[..taken]);
        self.unread_at += taken as u32;
        if self.unread_at as usize == self.unread.len() {
            self.unread = Vec::new();
            (self.unread_at, self.walked_to) = (0, 0);
            self.account();
        }
        Ok(taken)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.outbox.incoming.set_unfinished_bytes(0);
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hub.send(&self.outbox, Frames::from(bytes));
        Ok(bytes.len())
    }

    /// What was written is in the outbox, and the hub flushes that.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
