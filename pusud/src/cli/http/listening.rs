//! One connection of a listener over HTTP: asks for the events of its channels, and reads them.
//!
//! Never reconnects; it says whether another try could help.

use super::event_stream::{EventStream, Heard, delivery};
use super::request::Requests;
use crate::cli::client::{AUTHORIZE_TIMEOUT, not_decided};
use crate::cli::client_messages::{Answer, Failure};
use crate::cli::connecting::{connected, stream_failure};
use crate::cli::connection_args::Target;
use crate::cli::liveness::{Liveness, PATIENCE};
use crate::cli::relay_stream::RelayStream;
use std::collections::VecDeque;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{timeout, timeout_at};

/// What is read in one go.
const INPUT_BYTES: usize = 64 * 1024;
/// The largest event, as the largest WebSocket message of the library that the commands use.
const EVENT_BYTES_MAX: usize = 64 << 20;

/// A connection whose relay sends events.
pub(in crate::cli) struct EventConnection {
    stream: RelayStream,
    events: EventStream,
    input: Box<[u8]>,
    /// What has arrived and was not asked for yet, each with its id.
    answers: VecDeque<(Answer, Option<Box<str>>)>,
    /// The id of the last one that had one, of those that were asked for.
    id: Option<Box<str>>,
    /// Why nothing comes behind them.
    end: Option<Failure>,
    liveness: Liveness,
}

impl EventConnection {
    /// Connects and asks for channels, with so many of the newest messages, and from behind the event with this id; returns when
    /// the relay has granted them.
    pub(in crate::cli) async fn open(
        target: &Target,
        channels: &[&str],
        last: Option<u32>,
        id: Option<&str>,
    ) -> Result<Self, Failure> {
        let request = Requests::new(target)?.events(channels.iter().copied(), last, id);
        let mut connection = Self {
            stream: connected(target).await?,
            events: EventStream::new(channels, EVENT_BYTES_MAX),
            input: vec![0; INPUT_BYTES].into(),
            answers: VecDeque::new(),
            id: None,
            end: None,
            liveness: Liveness::new(PATIENCE),
        };
        let granted = async {
            connection.ask(&request).await.map_err(|error| broke(stream_failure(error, target)))?;
            while !connection.events.has_begun() {
                connection.read().await?;
            }
            Ok(())
        };
        timeout(AUTHORIZE_TIMEOUT, granted).await.unwrap_or_else(|_| Err(not_decided()))?;
        connection.liveness.heard();
        Ok(connection)
    }

    /// Lets the relay be silent for so long.
    pub(in crate::cli) fn set_patience(&mut self, patience: Duration) {
        self.liveness = Liveness::new(patience);
    }

    /// The next thing the relay says; gives up on one that says nothing for too long, not even that it lives. A dropped
    /// call loses nothing.
    pub(in crate::cli) async fn next_of_a_live_relay(&mut self) -> Result<Answer, Failure> {
        loop {
            if let Some((answer, id)) = self.answers.pop_front() {
                self.id = id.or(self.id.take());
                return Ok(answer);
            }
            if let Ok(read) = timeout_at(self.liveness.due(), self.read()).await {
                self.liveness.heard();
                read?;
            } else if self.liveness.is_asked() {
                return Err(Failure::passing(format!("the relay has been silent for {}", self.liveness.silence())));
            } else {
                // Nothing can be asked here; but whoever could not look for a while does so for as long as elsewhere.
                self.liveness.asked();
            }
        }
    }

    /// The id behind all that it has said, as far as that was asked for: the stream can be taken up again there.
    pub(in crate::cli) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Ends the connection. A relay that does not notice changes nothing any more.
    pub(in crate::cli) async fn close(mut self) {
        const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
        let _ = timeout(CLOSE_TIMEOUT, self.stream.shutdown()).await;
    }

    async fn ask(&mut self, request: &str) -> io::Result<()> {
        self.stream.write_all(request.as_bytes()).await?;
        self.stream.flush().await
    }

    /// Reads once. What arrives before the end is there before the error.
    async fn read(&mut self) -> Result<(), Failure> {
        if let Some(end) = self.end.take() {
            self.id = self.events.last_id().map(Box::from);
            return Err(end);
        }
        let Self { stream, events, input, answers, .. } = self;
        let count = stream.read(input).await.map_err(|error| broke(Failure::passing(error.to_string())))?;
        if count == 0 {
            return Err(events.eof());
        }
        let fed = events.feed(&input[..count], |heard| {
            let (answer, id) = match heard {
                Heard::Granted(channels) => {
                    answers.extend(channels.into_iter().map(|channel| (Answer::Granted(channel), None)));
                    return Ok(());
                }
                Heard::Begins { subscribed, id } => (Answer::Subscribed(subscribed), id),
                Heard::Gap { channel, id } => (Answer::Gap { channel, position: None }, id),
                Heard::Message { whole: false, .. } => {
                    return Err(Failure::lasting(format!(
                        "the relay sent an event of more than {EVENT_BYTES_MAX} bytes"
                    )));
                }
                Heard::Message { data, id, .. } => (delivery(data)?, id),
            };
            answers.push_back((answer, id.map(Box::from)));
            Ok(())
        });
        if let Err(failure) = fed {
            if answers.is_empty() {
                self.id = events.last_id().map(Box::from);
                return Err(failure);
            }
            self.end = Some(failure);
        }
        Ok(())
    }
}

fn broke(failure: Failure) -> Failure {
    Failure { message: format!("the connection to the relay broke: {failure}"), ..failure }
}
