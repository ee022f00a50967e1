//! The body of an answer: known as a whole, or events that come one after the other.

use super::activity::Activity;
use hyper::body::{Bytes, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// A body. The connection is idle again when it is dropped.
pub(super) struct Body {
    content: Content,
    activity: Option<Arc<Activity>>,
}

enum Content {
    /// `None`: it has been taken, or there is none.
    Whole(Option<Bytes>),
    Events(mpsc::Receiver<Bytes>),
}

impl Body {
    /// One that is there as a whole.
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { content: Content::Whole((!bytes.is_empty()).then_some(bytes)), activity: None }
    }

    /// One that ends when whoever sends does. The sender notices that nobody takes it any more.
    pub(super) fn events(events: mpsc::Receiver<Bytes>) -> Self {
        Self { content: Content::Events(events), activity: None }
    }

    /// The same, as the answer on a connection.
    pub(super) fn on(mut self, activity: &Arc<Activity>) -> Self {
        activity.is_answering();
        self.activity = Some(activity.clone());
        self
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.content {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Events(events) => events.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.content, Content::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Content::Events(_) => SizeHint::default(),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(activity) = &self.activity {
            activity.is_idle();
        }
    }
}
