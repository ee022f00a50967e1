//! `pusud publish` over HTTP: each line is a request, and so many may be on their way.
//!
//! **Invariants:** lines leave in their order, and one leaves again only where the relay has said that it did not handle it.
//! Until a connection has its first answer one line alone is on its way, so that what is refused is refused once.

use super::pipeline::{Pipeline, Step};
use super::request::Requests;
use crate::cli::client::AUTHORIZE_TIMEOUT;
use crate::cli::client_messages::Failure;
use crate::cli::connecting::connected;
use crate::cli::connection_args::Target;
use crate::cli::liveness::seconds;
use crate::cli::publish::{BATCH_LINES, encode, read_lines};
use anyhow::Context as _;
use serde_json::value::RawValue;
use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::io::Read;
use std::task::Poll;
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

/// Lines that may be on their way.
const WINDOW_LINES: usize = 64;
/// Their bytes, where they are several.
const WINDOW_BYTES: usize = 1 << 20;
/// A line to publish.
struct Line {
    /// From 1.
    number: u64,
    content: Box<RawValue>,
}

/// Publishes one message; returns when the relay has accepted it.
pub(in crate::cli) async fn publish_one(
    target: &Target,
    patience: Duration,
    channel: &str,
    content: Box<RawValue>,
) -> Result<(), Failure> {
    let mut publisher = Publisher::open(target, patience, channel).await?;
    publisher.lines.push_back(Line { number: 1, content });
    while !publisher.is_done() {
        publisher.send().await?;
        publisher.step().await?;
    }
    publisher.close().await;
    Ok(())
}

/// Publishes the lines of `input`; returns when the relay has accepted all of them.
pub(in crate::cli) async fn publish_lines(
    target: &Target,
    patience: Duration,
    channel: &str,
    json: bool,
    input: impl Read + Send + 'static,
) -> anyhow::Result<()> {
    let mut publisher = Publisher::open(target, patience, channel).await?;
    let mut lines = read_lines(input)?;
    let (mut batch, mut read) = (Vec::new(), 0);
    let mut wrong: Option<anyhow::Error> = None;
    let mut has_ended = false;
    while !(has_ended && publisher.is_done()) {
        let worked = async {
            publisher.send().await?;
            tokio::select! {
                count = lines.recv_many(&mut batch, BATCH_LINES), if !has_ended && publisher.lines.is_empty() => {
                    has_ended = count == 0;
                    Ok(())
                }
                step = publisher.step() => step,
            }
        };
        if let Err(failure) = worked.await {
            let failure = anyhow::Error::new(failure).context(publisher.stopped());
            return Err(match wrong {
                Some(error) => error.context(format!("{failure:#}")),
                None => failure,
            });
        }
        for line in batch.drain(..) {
            read += 1;
            let content = line
                .with_context(|| format!("cannot read line {read} of standard input"))
                .and_then(|line| encode(&line, json).with_context(|| format!("line {read} of standard input")));
            match content {
                Ok(content) => publisher.lines.push_back(Line { number: read, content }),
                // What was read before it counts, and is waited for.
                Err(error) => {
                    wrong = Some(error);
                    has_ended = true;
                    break;
                }
            }
        }
    }
    publisher.close().await;
    wrong.map_or(Ok(()), Err)
}

struct Publisher<'a> {
    target: &'a Target,
    patience: Duration,
    channel: &'a str,
    /// A request, up to the number of bytes in its body.
    head: String,
    pipeline: Option<Pipeline<Line>>,
    /// Lines that have not left.
    lines: VecDeque<Line>,
    /// Bytes of those that are on their way.
    bytes: usize,
    sent: u64,
    accepted: u64,
}

impl<'a> Publisher<'a> {
    async fn open(target: &'a Target, patience: Duration, channel: &'a str) -> Result<Self, Failure> {
        let head = Requests::new(target)?.publish(channel);
        let pipeline = Some(Pipeline::new(connected(target).await?));
        let lines = VecDeque::new();
        Ok(Self { target, patience, channel, head, pipeline, lines, bytes: 0, sent: 0, accepted: 0 })
    }

    /// Whether everything was accepted.
    fn is_done(&self) -> bool {
        self.lines.is_empty() && self.pipeline.as_ref().is_none_or(|pipeline| pipeline.unanswered().is_empty())
    }

    /// Has as many lines leave as may be on their way. Connects where there is no connection, or none to be trusted.
    async fn send(&mut self) -> Result<(), Failure> {
        if self.lines.is_empty() {
            return Ok(());
        }
        if let Some(pipeline) = &mut self.pipeline
            && pipeline.unanswered().is_empty()
            && (pipeline.is_stale() || has_gone(pipeline).await)
        {
            self.pipeline = None;
        }
        if self.pipeline.is_none() {
            self.pipeline = Some(Pipeline::new(connected(self.target).await?));
        }
        let Some(pipeline) = &mut self.pipeline else { return Ok(()) };
        let window = if pipeline.answered() == 0 { 1 } else { WINDOW_LINES };
        while pipeline.unanswered().len() < window
            && self.lines.front().is_some_and(|line| self.bytes == 0 || self.bytes + len(line) <= WINDOW_BYTES)
            && let Some(line) = self.lines.pop_front()
        {
            self.bytes += len(&line);
            self.sent = self.sent.max(line.number);
            let head = &self.head;
            pipeline.push(line, |out, line| {
                let content = line.content.get();
                out.extend_from_slice(head.as_bytes());
                out.extend_from_slice(format!("{}\r\n\r\n", content.len()).as_bytes());
                out.extend_from_slice(content.as_bytes());
            });
        }
        Ok(())
    }

    /// Waits for what comes next of the relay. A dropped call loses nothing.
    async fn step(&mut self) -> Result<(), Failure> {
        let Some(pipeline) = &mut self.pipeline else { return pending().await };
        let step = loop {
            if pipeline.unanswered().is_empty() {
                break poll_fn(|cx| pipeline.poll_step(cx)).await?;
            }
            // A pipeline that has no answer yet is also waiting for the authenticator.
            let patience = if pipeline.answered() == 0 { self.patience.max(AUTHORIZE_TIMEOUT) } else { self.patience };
            if let Ok(step) = timeout_at(pipeline.alive_at() + patience, poll_fn(|cx| pipeline.poll_step(cx))).await {
                break step?;
            }
            if pipeline.alive_at().elapsed() >= patience {
                return Err(silent(pipeline));
            }
        };
        match step {
            Step::Accepted(line) => {
                self.bytes -= len(&line);
                self.accepted = line.number;
                Ok(())
            }
            Step::Refused(_, refusing) => Err(refusing.failure(Some(self.channel))),
            Step::Closed { announced } => self.closed(announced),
        }
    }

    /// The connection has ended. Idle ones are closed, and some servers answer so many requests and no more.
    fn closed(&mut self, announced: bool) -> Result<(), Failure> {
        let Some(pipeline) = self.pipeline.take() else { return Ok(()) };
        if !(announced || pipeline.unanswered().is_empty()) {
            return Err(Failure::passing("the relay closed the connection without an answer"));
        }
        self.bytes = 0;
        for line in pipeline.into_unanswered().into_iter().rev() {
            self.lines.push_front(line);
        }
        Ok(())
    }

    fn stopped(&self) -> String {
        match self.sent {
            0 => "stopped before the first line".to_owned(),
            sent => {
                format!("stopped after line {sent}; from line {} on, none is known to have arrived", self.accepted + 1)
            }
        }
    }

    async fn close(self) {
        if let Some(pipeline) = self.pipeline {
            pipeline.close().await;
        }
    }
}

fn len(line: &Line) -> usize {
    line.content.get().len()
}

/// Whether the relay has closed a connection on which nothing is awaited.
async fn has_gone(pipeline: &mut Pipeline<Line>) -> bool {
    // The runtime looks at its sockets then.
    yield_now().await;
    poll_fn(|cx| Poll::Ready(pipeline.poll_step(cx).is_ready())).await
}

fn silent(pipeline: &Pipeline<Line>) -> Failure {
    let silence = seconds(Instant::now() - pipeline.alive_at());
    Failure::passing(if pipeline.is_written() {
        format!("the relay has been silent for {silence} and has not answered")
    } else {
        format!("the relay has taken nothing of what was sent for {silence}")
    })
}
