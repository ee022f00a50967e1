//! Requests that leave one after the other on one connection, and their answers, which come in that order.
//!
//! Knows nothing of what is published, nor when to connect again. **Invariants:** it reads while it writes, so that it and
//! the relay never wait for each other. Each request is answered once, or is left in [`Pipeline::unanswered`].

use super::answer::{AnswerReader, Eof, Head, Part};
use super::problem::Refusing;
use crate::cli::client_messages::Failure;
use crate::cli::relay_stream::RelayStream;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, timeout};

/// What is read in one go.
const INPUT_BYTES: usize = 16 * 1024;
/// How long saying goodbye may take, when nothing depends on it any more.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a connection may be idle before another one is to be made for the next request: less than relays and proxies wait
/// before they close it, which they could do while the request is on its way.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// The same where nothing was authorized on it yet.
const IDLE_UNAUTHORIZED_MAX: Duration = Duration::from_secs(5);
/// The status of a publication that was accepted.
const ACCEPTED: u16 = 202;

/// One connection. Each request has something of the caller's with it, which comes back with its answer.
pub(in crate::cli) struct Pipeline<T, S = RelayStream> {
    stream: S,
    out: Vec<u8>,
    /// How much of it has been written.
    written: usize,
    needs_flush: bool,
    /// Whether the relay has let something wait to be written.
    is_held_up: bool,
    /// Why nothing can be written any more. What the relay has said explains more.
    write_error: Option<io::Error>,
    input: Box<[u8]>,
    /// The part of it that is not read yet.
    unread: std::ops::Range<usize>,
    reader: AnswerReader,
    /// The answer that is being read.
    answer: Option<Reading>,
    /// Where in the input it has begun, unless that was left behind.
    began: Option<usize>,
    /// An answer that accepted a request. Nearly all are the same, byte for byte.
    sample: Vec<u8>,
    waiting: VecDeque<T>,
    answered: u64,
    /// Whether the relay has said that it answers nothing more here.
    closes: bool,
    alive_at: Instant,
}

enum Reading {
    Accepting,
    Refusing(Refusing),
}

/// What has come of a request, or of the connection.
pub(in crate::cli) enum Step<T> {
    /// The relay has accepted it.
    Accepted(T),
    /// It has not.
    Refused(T, Refusing),
    /// No more answers come. After an answer that has said so, the requests without one were not handled.
    Closed { announced: bool },
}

impl<T, S: AsyncRead + AsyncWrite + Unpin> Pipeline<T, S> {
    pub(in crate::cli) fn new(stream: S) -> Self {
        Self {
            stream,
            out: Vec::new(),
            written: 0,
            needs_flush: false,
            is_held_up: false,
            write_error: None,
            input: vec![0; INPUT_BYTES].into(),
            unread: 0..0,
            reader: AnswerReader::default(),
            answer: None,
            began: None,
            sample: Vec::new(),
            waiting: VecDeque::new(),
            answered: 0,
            closes: false,
            alive_at: Instant::now(),
        }
    }

    /// How many requests were answered.
    pub(in crate::cli) fn answered(&self) -> u64 {
        self.answered
    }

    /// What came with the requests that have no answer, the oldest first.
    pub(in crate::cli) fn unanswered(&self) -> &VecDeque<T> {
        &self.waiting
    }

    /// The same, for somebody else to answer.
    pub(in crate::cli) fn into_unanswered(self) -> VecDeque<T> {
        self.waiting
    }

    /// When the relay gave its last sign of life, or when it was asked for one.
    pub(in crate::cli) fn alive_at(&self) -> Instant {
        self.alive_at
    }

    /// Whether it has been idle for so long that it is not to be trusted with another request.
    pub(in crate::cli) fn is_stale(&self) -> bool {
        let idle_max = if self.answered == 0 { IDLE_UNAUTHORIZED_MAX } else { IDLE_MAX };
        self.waiting.is_empty() && self.alive_at.elapsed() > idle_max
    }

    /// Whether everything has been given to the system.
    pub(in crate::cli) fn is_written(&self) -> bool {
        self.out.is_empty() && !self.needs_flush
    }

    /// Adds a request, which `write` writes. It leaves with the next [`poll_step`](Self::poll_step).
    pub(in crate::cli) fn push(&mut self, item: T, write: impl FnOnce(&mut Vec<u8>, &T)) {
        if self.waiting.is_empty() {
            self.alive_at = Instant::now();
        }
        write(&mut self.out, &item);
        self.waiting.push_back(item);
    }

    /// The next answer. Writes what there is room for meanwhile.
    ///
    /// # Errors
    /// The connection broke, or the relay sent what is no answer.
    pub(in crate::cli) fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step<T>, Failure>> {
        loop {
            if let Some(step) = self.step()? {
                return Poll::Ready(Ok(step));
            }
            if let Poll::Ready(Err(error)) = self.poll_write(cx) {
                self.out.clear();
                self.written = 0;
                self.needs_flush = false;
                self.write_error.get_or_insert(error);
            }
            let mut input = ReadBuf::new(&mut self.input);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut input));
            self.unread = 0..input.filled().len();
            self.began = None;
            match read {
                // Where nothing is awaited it does not matter how the relay has left.
                Err(_) if self.waiting.is_empty() => return Poll::Ready(Ok(Step::Closed { announced: false })),
                Err(error) => return Poll::Ready(Err(broke(self.write_error.as_ref().unwrap_or(&error)))),
                Ok(()) if self.unread.is_empty() => return Poll::Ready(self.eof()),
                Ok(()) => self.alive_at = Instant::now(),
            }
        }
    }

    /// Says goodbye.
    pub(in crate::cli) async fn close(mut self) {
        let _ = timeout(CLOSE_TIMEOUT, self.stream.shutdown()).await;
    }

    /// The next answer in the input.
    fn step(&mut self) -> Result<Option<Step<T>>, Failure> {
        if self.closes && self.answer.is_none() {
            return Ok(Some(Step::Closed { announced: true }));
        }
        loop {
            let Self { input, unread, sample, .. } = self;
            let rest = &input[unread.clone()];
            if self.reader.is_between() && self.answer.is_none() {
                if !sample.is_empty()
                    && rest.starts_with(sample)
                    && let Some(item) = self.waiting.pop_front()
                {
                    unread.start += sample.len();
                    self.answered += 1;
                    return Ok(Some(Step::Accepted(item)));
                }
                self.began = Some(unread.start);
            }
            let mut left = rest;
            let part = self.reader.next(&mut left)?;
            unread.start += rest.len() - left.len();
            match (part, &mut self.answer) {
                (None, _) => return Ok(None),
                (Some(Part::Head(head)), _) => self.begin(head),
                (Some(Part::Body(body)), Some(Reading::Refusing(refusing))) => refusing.body(body),
                (Some(Part::Body(_)), _) => {}
                (Some(Part::End), _) => return Ok(Some(self.end())),
            }
        }
    }

    fn begin(&mut self, head: Head) {
        self.closes |= head.closes;
        let accepts = head.status == ACCEPTED;
        self.answer = Some(if accepts { Reading::Accepting } else { Reading::Refusing(Refusing::new(head)) });
    }

    /// The answer is complete.
    fn end(&mut self) -> Step<T> {
        let answer = self.answer.take();
        let Some(item) = self.waiting.pop_front() else {
            // Some servers say why before they close a connection that is idle.
            self.closes = true;
            return Step::Closed { announced: true };
        };
        self.answered += 1;
        match answer {
            Some(Reading::Refusing(refusing)) => Step::Refused(item, refusing),
            _ => {
                if let Some(began) = self.began.take().filter(|_| !self.closes) {
                    self.sample.clear();
                    self.sample.extend_from_slice(&self.input[began..self.unread.start]);
                }
                Step::Accepted(item)
            }
        }
    }

    fn eof(&mut self) -> Result<Step<T>, Failure> {
        match (self.reader.eof(), &self.write_error) {
            (Eof::Complete, _) => Ok(self.end()),
            (_, Some(error)) if !self.waiting.is_empty() => Err(broke(error)),
            (Eof::Between, _) => Ok(Step::Closed { announced: false }),
            (Eof::Cut, _) => Err(Failure::passing("the connection to the relay ended in the middle of an answer")),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.out.len() {
            let written = Pin::new(&mut self.stream).poll_write(cx, &self.out[self.written..]);
            let Poll::Ready(count) = written else {
                self.is_held_up = true;
                return Poll::Pending;
            };
            let count = count?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += count;
            self.needs_flush = true;
            // A relay that holds up its sources lives: it takes something now and then.
            if std::mem::take(&mut self.is_held_up) {
                self.alive_at = Instant::now();
            }
        }
        self.out.clear();
        self.written = 0;
        if self.needs_flush {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.needs_flush = false;
        }
        Poll::Ready(Ok(()))
    }
}

fn broke(error: &io::Error) -> Failure {
    Failure::passing(format!("the connection to the relay broke: {error}"))
}

#[cfg(test)]
mod tests;
