//! One source: a connection to publish on, over WebSocket or over HTTP.
//!
//! **Invariant:** over HTTP a message leaves again only where the relay has said that it did not handle it.

use super::super::checking::Own;
use super::super::stage::Stage;
use crate::cli::client::Connection;
use crate::cli::client_messages::{Answer, Failure};
use crate::cli::connecting::connected;
use crate::cli::http::{Pipeline, Step};
use crate::cli::publish::confirm;
use futures_util::FutureExt as _;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;
use tokio::time::timeout;

/// How long the relay may take to answer everything that was sent.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(60);

/// A source that is connected.
pub(super) enum Source {
    WebSocket(Connection),
    Http(Requests),
}

/// The requests of a source.
#[derive(Default)]
pub(super) struct Requests {
    /// None, where the relay has closed it and nothing was awaited.
    pipeline: Option<Pipeline<Message>>,
    /// Messages that a connection which was to end has left.
    left: VecDeque<Message>,
}

/// A message that is on its way.
#[derive(Clone, Copy)]
struct Message {
    channel: u32,
    own: Own,
}

impl Source {
    /// Connects. Over HTTP nothing is authorized before the first message.
    pub(super) async fn open(stage: &Stage) -> Result<Self, Failure> {
        if !stage.plan.over_http.publish {
            return Connection::open(&stage.target).await.map(Self::WebSocket);
        }
        let mut requests = Requests::default();
        requests.connect(stage).await?;
        Ok(Self::Http(requests))
    }

    /// Writes a message, which leaves with the next [`flush`](Self::flush).
    pub(super) async fn queue(&mut self, stage: &Stage, channel: u32, own: Own) -> Result<(), Failure> {
        match self {
            Self::WebSocket(connection) => connection.queue_text(stage.forms[channel as usize].request(own)).await,
            Self::Http(requests) => requests.queue(stage, Message { channel, own }).await,
        }
    }

    /// Sends what was written. A dropped call loses nothing.
    pub(super) async fn flush(&mut self, stage: &Stage) -> Result<(), Failure> {
        match self {
            Self::WebSocket(connection) => connection.flush().await,
            Self::Http(requests) => requests.work(stage, true).await,
        }
    }

    /// Takes what the relay says: pings, that an authorization ends, answers, and why it ends the connection.
    pub(super) async fn hear(&mut self, stage: &Stage) -> Result<(), Failure> {
        match self {
            Self::WebSocket(connection) => {
                while let Some(answer) = connection.next().now_or_never() {
                    if let Answer::Expiring = answer? {
                        connection.ask_for_permissions(&stage.target).await?;
                    }
                }
                Ok(())
            }
            Self::Http(requests) => requests.work(stage, false).await,
        }
    }

    /// Waits until the relay has dealt with everything.
    pub(super) async fn confirm(&mut self, stage: &Stage) -> Result<(), Failure> {
        match self {
            Self::WebSocket(connection) => confirm(connection, &stage.target).await,
            Self::Http(requests) => timeout(CONFIRM_TIMEOUT, requests.finish(stage)).await.unwrap_or_else(|_| {
                let seconds = CONFIRM_TIMEOUT.as_secs();
                Err(Failure::passing(format!("the relay did not answer all requests within {seconds} s")))
            }),
        }
    }

    /// Closes the connection. A failure changes nothing any more.
    pub(super) async fn close(self) {
        match self {
            Self::WebSocket(connection) => connection.close().await,
            Self::Http(Requests { pipeline: Some(pipeline), .. }) => pipeline.close().await,
            Self::Http(_) => {}
        }
    }
}

impl Requests {
    /// Connects where there is no connection, and has leave again what the last one has left.
    async fn connect(&mut self, stage: &Stage) -> Result<&mut Pipeline<Message>, Failure> {
        if self.pipeline.is_none() {
            let mut pipeline = Pipeline::new(connected(&stage.target).await?);
            self.left.drain(..).for_each(|message| push(&mut pipeline, stage, message));
            self.pipeline = Some(pipeline);
        }
        Ok(self.pipeline.as_mut().expect("it has just been made"))
    }

    async fn queue(&mut self, stage: &Stage, message: Message) -> Result<(), Failure> {
        self.pipeline.take_if(|pipeline| pipeline.is_stale());
        push(self.connect(stage).await?, stage, message);
        Ok(())
    }

    /// Reads and writes as far as that goes without waiting; or until everything is written.
    async fn work(&mut self, stage: &Stage, until_written: bool) -> Result<(), Failure> {
        loop {
            let pipeline = self.connect(stage).await?;
            let step = poll_fn(|cx| match pipeline.poll_step(cx) {
                Poll::Ready(step) => Poll::Ready(step.map(Some)),
                Poll::Pending if until_written && !pipeline.is_written() => Poll::Pending,
                Poll::Pending => Poll::Ready(Ok(None)),
            });
            match step.await? {
                None => return Ok(()),
                Some(step) => self.take(stage, step)?,
            }
        }
    }

    async fn finish(&mut self, stage: &Stage) -> Result<(), Failure> {
        loop {
            let pipeline = self.connect(stage).await?;
            if pipeline.unanswered().is_empty() {
                return Ok(());
            }
            let step = poll_fn(|cx| pipeline.poll_step(cx)).await?;
            self.take(stage, step)?;
        }
    }

    fn take(&mut self, stage: &Stage, step: Step<Message>) -> Result<(), Failure> {
        match step {
            Step::Accepted(_) => {}
            Step::Refused(message, refusing) => {
                return Err(refusing.failure(Some(&stage.plan.channel_name(message.channel))));
            }
            Step::Closed { announced } => {
                self.left = self.pipeline.take().map(Pipeline::into_unanswered).unwrap_or_default();
                if !(announced || self.left.is_empty()) {
                    return Err(Failure::passing("the relay closed the connection without an answer"));
                }
            }
        }
        Ok(())
    }
}

fn push(pipeline: &mut Pipeline<Message>, stage: &Stage, message: Message) {
    let form = &stage.forms[message.channel as usize];
    pipeline.push(message, |out, message| form.push_request(message.own, out));
}
