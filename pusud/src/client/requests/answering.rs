//! Answers of one connection: gathered in the order of the requests, and sent when they are true.

use super::{Answer, CrossOrigin, Envelope, HttpError, Request, Requests, Then};
use crate::frames::Frames;
use crate::http::Method;
use crate::protocol::Refusal;
use std::future::poll_fn;
use std::task::Poll;

/// Answers that are gathered before they leave, in bytes.
const GATHERED_BYTES_MAX: usize = 16 * 1024;
/// With so much that the client has not taken, in bytes, nothing more of it is read.
const UNTAKEN_BYTES_MAX: usize = 64 * 1024;
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl Requests<'_> {
    /// Gives the answer to a request whose body has been received, or is none.
    pub(super) async fn respond(&mut self, request: &Request, origin: &CrossOrigin, answer: &Answer) -> Then {
        let closes = !request.keeps_alive || self.outbox.is_closing();
        self.push(request, origin, answer, closes).await
    }

    /// The same where nothing of the body has been received; if it has not come whole, the connection is to end: what
    /// follows could not be told from it.
    pub(super) async fn respond_early(&mut self, request: &Request, origin: &CrossOrigin, answer: &Answer) -> Then {
        let is_skipped = self.received.skip_body(request.framing);
        let closes = !request.keeps_alive || !is_skipped || answer.status == 401 || self.outbox.is_closing();
        self.push(request, origin, answer, closes).await
    }

    /// The same where what follows is not known to be a request.
    pub(super) async fn respond_last(&mut self, request: &Request, origin: &CrossOrigin, answer: &Answer) -> Then {
        self.push(request, origin, answer, true).await
    }

    async fn push(&mut self, request: &Request, origin: &CrossOrigin, answer: &Answer, closes: bool) -> Then {
        let envelope = Envelope { headers: origin.headers(), closes, is_head: request.method == Method::Head };
        answer.push(&envelope, &mut self.answers);
        self.send_gathered().await;
        if closes { Then::Close } else { Then::Next }
    }

    /// Sends what has been gathered, if that is much.
    pub(super) async fn send_gathered(&mut self) {
        if self.answers.len() >= GATHERED_BYTES_MAX {
            self.send_answers().await;
        }
    }

    /// Refuses a request for where it comes from.
    pub(super) async fn refuse(&mut self, request: &Request, refusal: Refusal) -> Then {
        let answer = match self.health_check(request) {
            // It is answered wherever it comes from.
            Some(health) => health,
            None => HttpError::turned_away(refusal).to_problem(),
        };
        let origin = CrossOrigin::of(request.origin(), &self.context.limits.allowed_origins);
        self.respond_last(request, &origin, &answer).await
    }

    /// Has the client send its body.
    pub(super) async fn ask_to_continue(&mut self) {
        self.answers.extend_from_slice(CONTINUE);
        self.send_answers().await;
    }

    /// Sends what has been gathered, once it is true, and waits where the client takes too little.
    pub(super) async fn send_answers(&mut self) {
        if std::mem::take(&mut self.needs_fence) {
            let fence = self.context.hub.fence();
            poll_fn(|cx| {
                // Ready or not, what waits for room in the kernel leaves meanwhile.
                let _ = self.outbox.poll_drained(cx);
                // Nobody is there to be told any more.
                if self.outbox.is_broken() { Poll::Ready(()) } else { fence.poll(cx) }
            })
            .await;
        }
        if !self.answers.is_empty() {
            let frames = Frames::from(std::mem::take(&mut self.answers));
            if self.outbox.is_closing() {
                self.outbox.push_last(frames);
            } else {
                self.context.hub.send(&self.outbox, frames);
            }
        }
        if self.outbox.cost() > UNTAKEN_BYTES_MAX {
            poll_fn(|cx| {
                let drained = self.outbox.poll_drained(cx);
                // Whoever takes nothing at all is let go meanwhile, and has its time to go.
                if self.outbox.is_closing() { Poll::Ready(()) } else { drained }
            })
            .await;
        }
    }
}
