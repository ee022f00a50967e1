//! The pace of a connection: whether it waits for a request, has begun one, sends its body, or takes its answer, and since
//! when.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// The time for a TLS handshake, and for the head of a request from its first byte.
pub(super) const HEAD_TIME_MAX: Duration = Duration::from_secs(5);
/// The time between two requests, and for the next bytes of an answer to be taken.
const IDLE_TIME_MAX: Duration = Duration::from_secs(60);

const IDLE: u64 = 0;
const HEAD: u64 = 1;
const BUSY: u64 = 2;
const ANSWERING: u64 = 3;
const BODY: u64 = 4;
const NEW: u64 = 5;
/// The bits of a phase; the milliseconds stand above them.
const PHASE_BITS: u64 = 3;

/// What the relay waits for on a connection to whose end nobody would lose an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// Another request.
    Another,
    /// The first one.
    First,
    /// The rest of one that has begun.
    Rest,
}

/// What a connection does, shared by those who read, answer and look after it.
pub(super) struct Activity {
    began: Instant,
    /// The phase, and the milliseconds at which it began or went on last.
    now: AtomicU64,
}

impl Activity {
    /// Of a connection whose request is expected at once.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), now: AtomicU64::new(NEW) })
    }

    fn set(&self, phase: u64) {
        // As many milliseconds as fit last for ages.
        let ms = self.began.elapsed().as_millis() as u64;
        self.now.store(ms << PHASE_BITS | phase, Ordering::Relaxed);
    }

    fn phase(&self) -> u64 {
        self.now.load(Ordering::Relaxed) & ((1 << PHASE_BITS) - 1)
    }

    fn at(&self) -> Instant {
        self.began + Duration::from_millis(self.now.load(Ordering::Relaxed) >> PHASE_BITS)
    }

    /// Bytes have come.
    pub(super) fn received(&self) {
        match self.phase() {
            IDLE => self.set(HEAD),
            // Since the beginning.
            NEW => self.now.store(HEAD, Ordering::Relaxed),
            _ => {}
        }
    }

    /// Bytes have been taken.
    fn sent(&self) {
        match self.phase() {
            ANSWERING => self.set(ANSWERING),
            IDLE => self.set(IDLE),
            _ => {}
        }
    }

    /// A request is whole as far as its head goes, and is being answered.
    pub(super) fn is_busy(&self) {
        self.set(BUSY);
    }

    /// Somebody whom the relay does not know yet is to send the body of their request.
    pub(super) fn awaits_body(&self) {
        self.set(BODY);
    }

    /// Its answer is on the way.
    pub(super) fn is_answering(&self) {
        self.set(ANSWERING);
    }

    /// Its answer has been handed to the connection as a whole.
    pub(super) fn is_idle(&self) {
        self.set(IDLE);
    }

    /// What it waits for, and since when; `None`: a request of it is being answered.
    pub(super) fn awaited(&self) -> Option<(Awaited, Instant)> {
        match self.phase() {
            IDLE => Some((Awaited::Another, self.at())),
            NEW => Some((Awaited::First, self.at())),
            HEAD | BODY => Some((Awaited::Rest, self.at())),
            _ => None,
        }
    }

    /// When it is to be closed if nothing happens until then.
    pub(super) fn deadline(&self) -> Instant {
        match self.phase() {
            NEW | HEAD => self.at() + HEAD_TIME_MAX,
            // Whoever answers, or reads a body, has bounds of its own.
            BUSY | BODY => Instant::now() + IDLE_TIME_MAX,
            _ => self.at() + IDLE_TIME_MAX,
        }
    }
}

/// A connection whose bytes are noticed.
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) activity: Arc<Activity>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.received();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if matches!(polled, Poll::Ready(Ok(written)) if written > 0) {
            self.activity.sent();
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_head_has_little_time_and_an_answer_as_long_as_it_is_taken() {
        let activity = Activity::new();
        let left = || activity.deadline() - Instant::now();
        let pass = |seconds| tokio::time::advance(Duration::from_secs(seconds));
        let awaited = || activity.awaited().map(|(awaited, _)| awaited);
        pass(2).await;
        assert_eq!(awaited(), Some(Awaited::First));
        activity.received();
        assert_eq!((left().as_secs(), awaited()), (3, Some(Awaited::Rest)), "bytes do not prolong a head");
        activity.awaits_body();
        assert_eq!((left().as_secs(), awaited()), (60, Some(Awaited::Rest)));
        activity.is_busy();
        pass(1000).await;
        assert_eq!((left().as_secs(), awaited()), (60, None));
        activity.is_answering();
        pass(59).await;
        activity.sent();
        assert_eq!(left().as_secs(), 60);
        activity.is_idle();
        assert_eq!(awaited(), Some(Awaited::Another));
        pass(10).await;
        assert_eq!(left().as_secs(), 50);
        activity.received();
        assert_eq!(left().as_secs(), 5);
    }
}
