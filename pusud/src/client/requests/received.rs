//! Bytes of one connection over HTTP that have come and are not handled, and the body of the request that is.

use crate::client::Context;
use crate::http::{Body, BodyError, Framing};
use crate::hub::Outbox;
use std::io;
use std::rc::Rc;
use tokio::task::yield_now;

/// How often who has the relay hold much lets others have their turn before the next read.
const GIVE_WAY_MAX: u8 = 8;

/// The bytes, in the order in which they came.
pub(super) struct Received {
    bytes: Vec<u8>,
    /// Up to here they are handled.
    at: usize,
    context: Rc<Context>,
    outbox: Rc<Outbox>,
}

/// Why there is no body.
#[derive(Debug)]
pub(super) enum NoBody {
    /// It is none, or too long.
    Bad(BodyError),
    /// The connection is at its end.
    Gone,
}

impl Received {
    /// Of a connection of which this has come.
    pub(super) fn new(context: Rc<Context>, outbox: Rc<Outbox>, bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0, context, outbox }
    }

    /// What is not handled.
    pub(super) fn unread(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// So much of it is.
    pub(super) fn take(&mut self, len: usize) {
        self.at += len;
        if self.at == self.bytes.len() {
            self.at = 0;
            self.bytes.clear();
        }
    }

    /// What is not handled, for whoever reads on.
    pub(super) fn into_unread(mut self) -> Vec<u8> {
        let unread = self.bytes.split_off(self.at);
        self.bytes.clear();
        unread
    }

    /// Waits for more.
    ///
    /// # Errors
    /// The connection is at its end, or has been closed from this side.
    pub(super) async fn more(&mut self) -> io::Result<()> {
        self.more_beside(0).await
    }

    /// The same, where so many bytes are held besides.
    async fn more_beside(&mut self, held: usize) -> io::Result<()> {
        self.bytes.drain(..std::mem::take(&mut self.at));
        if self.bytes.is_empty() {
            // An idle client holds no memory here.
            self.bytes = Vec::new();
        }
        self.account(held);
        let before = self.bytes.len();
        loop {
            for _ in 0..GIVE_WAY_MAX {
                if self.context.hub.is_relieved() {
                    break;
                }
                yield_now().await;
            }
            let Self { bytes, context, outbox, .. } = self;
            match context.buffer.read(outbox.transport(), |more| bytes.extend_from_slice(more)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => outbox.readable().await?,
                Err(error) => return Err(error),
                Ok(()) if bytes.len() == before => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(()) => break,
            }
        }
        self.account(held);
        self.context.hub.relieve();
        Ok(())
    }

    /// Tells the shard what this client has it hold, so many bytes beside what is here.
    pub(super) fn account(&self, held: usize) {
        self.outbox.incoming.set_unfinished_bytes(self.bytes.len() + held);
    }

    /// A body that has come whole, as nearly all have with their heads; `None` where more of it has to come.
    pub(super) fn try_body(&mut self, framing: Framing, bytes_max: usize) -> Option<Vec<u8>> {
        let Framing::Length(len) = framing else { return None };
        let len = usize::try_from(len).ok().filter(|len| *len <= bytes_max)?;
        let body = self.unread().get(..len)?.to_vec();
        self.take(len);
        Some(body)
    }

    /// Receives a body, of at most `bytes_max`.
    pub(super) async fn body(&mut self, framing: Framing, bytes_max: usize) -> Result<Vec<u8>, NoBody> {
        let mut body = Body::new(framing, bytes_max);
        loop {
            let taken = body.advance(self.unread()).map_err(NoBody::Bad)?;
            self.take(taken);
            if body.is_complete() {
                self.account(0);
                return Ok(body.into_content());
            }
            self.more_beside(body.content().len()).await.map_err(|_| NoBody::Gone)?;
        }
    }

    /// Skips a body that nobody wants, if it has come whole already. False: it has not.
    pub(super) fn skip_body(&mut self, framing: Option<Framing>) -> bool {
        let whole = match framing {
            None => Some(0),
            Some(Framing::Length(len)) => usize::try_from(len).ok().filter(|len| *len <= self.unread().len()),
            Some(Framing::Chunked) => None,
        };
        whole.inspect(|len| self.take(*len)).is_some()
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        self.outbox.incoming.set_unfinished_bytes(0);
    }
}
