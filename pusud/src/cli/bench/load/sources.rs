//! The sources: one thread that sends all their messages, at a rate or as fast as the listeners read.
//!
//! They begin in the same moment, when everybody is connected: each has sent a message before one sends a second. With a
//! rate, each message is due at a time that follows from its number, however late the ones before were: its latency counts
//! from then, so that a relay which holds up the sources does not look fast for it.

use super::super::checking::Own;
use super::super::clock::nanoseconds;
use super::super::plan::Extent;
use super::super::report::Times;
use super::super::stage::Stage;
use super::source::Source;
use super::timer_slack;
use super::window::Window;
use crate::cli::client_messages::Failure;
use futures_util::FutureExt as _;
use futures_util::future::try_join_all;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

/// Messages of a source that are written in one go.
const BATCH_MESSAGES: u32 = 64;
/// How often a source that waits looks at whether it shall go on.
const TICK: Duration = Duration::from_millis(100);

/// A relay may slow down its sources, but not for ever.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(30);

/// What the sources have done.
pub(crate) struct Sent {
    /// Messages by source.
    pub(crate) by_source: Vec<u64>,
    /// How late messages with a rate left.
    pub(crate) lateness: Times,
    /// When the last one left.
    pub(crate) last: u64,
}

/// Starts the thread; the receiver gets what was sent when the relay has dealt with all of it.
///
/// # Errors
/// When the system gives no thread or no files for it.
pub(crate) fn start(stage: Arc<Stage>) -> io::Result<oneshot::Receiver<Sent>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (done, sent) = oneshot::channel();
    let name = if stage.plan.pairs { "pusud-beside" } else { "pusud-sources" };
    std::thread::Builder::new().name(name.into()).spawn(move || {
        timer_slack::make_smallest();
        let outcome = runtime.block_on(async {
            let mut sources = Sources::connect(&stage).await?;
            if sources.begin().await? {
                sources.publish().await?;
                sources.leave().await?;
            }
            Ok(Sent { by_source: sources.sent, lateness: sources.lateness, last: sources.last })
        });
        match outcome {
            // Nobody waits for what a failed run has sent.
            Ok(sent) => drop(done.send(sent)),
            Err(Trouble { source, failure }) => {
                stage.fail(|| format!("{} {source}: {failure}", stage.plan.who("source")));
            }
        }
    })?;
    Ok(sent)
}

struct Trouble {
    source: usize,
    failure: Failure,
}

struct Sources<'a> {
    stage: &'a Stage,
    connections: Vec<Source>,
    sent: Vec<u64>,
    /// Messages that are written but not flushed, by source.
    queued: Vec<u32>,
    lateness: Times,
    last: u64,
}

impl<'a> Sources<'a> {
    async fn connect(stage: &'a Stage) -> Result<Self, Trouble> {
        let count = stage.plan.sources as usize;
        let mut connections = Vec::with_capacity(count);
        if stage.plan.over_http.publish {
            wait_for_listeners(stage).await;
        }
        for source in 0..count {
            let opened = Source::open(stage).await;
            connections.push(opened.map_err(|failure| Trouble { source, failure })?);
            stage.sources_connected.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Self {
            stage,
            connections,
            sent: vec![0; count],
            queued: vec![0; count],
            lateness: Times::default(),
            last: 0,
        })
    }

    /// Waits until everybody is connected, and answers the relay's pings meanwhile: very many listeners take longer than a
    /// relay waits for a source that says nothing. False: nothing is to be sent.
    async fn begin(&mut self) -> Result<bool, Trouble> {
        loop {
            match timeout(TICK, self.stage.began()).await {
                Ok(began) => return Ok(began),
                Err(_) => self.hear().await?,
            }
        }
    }

    async fn publish(&mut self) -> Result<(), Trouble> {
        match &self.stage.window {
            Some(window) => self.publish_in_window(window).await?,
            None => self.publish_when_due().await?,
        }
        self.flush().await?;
        self.last = self.stage.clock.now();
        self.stage.all_sent();
        Ok(())
    }

    async fn publish_when_due(&mut self) -> Result<(), Trouble> {
        let clock = self.stage.clock;
        let begun = clock.now();
        for (due, source) in (0u64..).map_while(|number| self.stage.plan.due(number)) {
            let due = begun + due;
            if clock.now() < due {
                self.flush().await?;
            }
            while clock.now() < due && !self.stage.is_stopped() {
                self.hear().await?;
                clock.sleep_until(due, TICK).await;
            }
            if !self.goes_on(due) {
                break;
            }
            self.lateness.record(clock.now().saturating_sub(due));
            self.queue(source, due).await?;
            if self.queued[source] == BATCH_MESSAGES {
                self.flush().await?;
                self.hear().await?;
                yield_now().await;
            }
        }
        Ok(())
    }

    async fn publish_in_window(&mut self, window: &Window) -> Result<(), Trouble> {
        let clock = self.stage.clock;
        let mut last_sent = clock.now();
        loop {
            let now = clock.now();
            if !self.goes_on(now) {
                return Ok(());
            }
            let mut any = false;
            for _ in 0..BATCH_MESSAGES {
                let (more, goes_on) = self.queue_one_each(window).await?;
                if !goes_on {
                    return Ok(());
                }
                any |= more;
                if !more {
                    break;
                }
            }
            self.flush().await?;
            self.hear().await?;
            if any {
                last_sent = now;
                yield_now().await;
            } else if timeout(TICK, window.changed()).await.is_err()
                && clock.now() - last_sent > nanoseconds(self.stage.plan.patience)
            {
                // Something is lost at the very end of the window; waiting does not bring it back.
                return Ok(());
            }
        }
    }

    /// Writes a message of each source that may send one; whether there was any, and whether it goes on.
    async fn queue_one_each(&mut self, window: &Window) -> Result<(bool, bool), Trouble> {
        let mut any = false;
        for source in 0..self.connections.len() {
            let number = self.sent[source];
            if window.has_room(source as u32, number) {
                let time = self.stage.clock.now();
                if !self.goes_on(time) {
                    return Ok((any, false));
                }
                window.enter(source as u32, number, self.stage.plan.channel_of_message(source as u32, number));
                self.queue(source, time).await?;
                any = true;
            }
        }
        Ok((any, true))
    }

    /// Whether a message of this time is still to be sent.
    fn goes_on(&self, time: u64) -> bool {
        let within = match self.stage.plan.extent {
            Extent::Messages(count) => self.stage.measured.load(Ordering::Relaxed) < count,
            Extent::Duration(duration) => time < self.stage.measure_from() + nanoseconds(duration),
            Extent::Stopped => true,
        };
        within && !self.stage.is_stopped()
    }

    /// Writes the next message of a source.
    async fn queue(&mut self, source: usize, time: u64) -> Result<(), Trouble> {
        let plan = &self.stage.plan;
        let number = self.sent[source];
        let channel = plan.channel_of_message(source as u32, number);
        let own = Own { source: source as u16, sequence: plan.sequence(number), time };
        self.sent[source] += 1;
        self.queued[source] += 1;
        if time >= self.stage.measure_from() {
            self.stage.measured.fetch_add(1, Ordering::Relaxed);
        }
        self.connections[source].queue(self.stage, channel, own).await.map_err(|failure| Trouble { source, failure })
    }

    /// Sends what is queued, of all sources before it waits for those that the relay does not read from.
    async fn flush(&mut self) -> Result<(), Trouble> {
        let mut held_up = Vec::new();
        for (source, connection) in self.connections.iter_mut().enumerate() {
            if std::mem::take(&mut self.queued[source]) > 0 {
                match connection.flush(self.stage).now_or_never() {
                    Some(flushed) => flushed.map_err(|failure| Trouble { source, failure })?,
                    None => held_up.push((source, connection)),
                }
            }
        }
        try_join_all(held_up.into_iter().map(async |(source, connection)| {
            let flushed = timeout(FLUSH_TIMEOUT, connection.flush(self.stage)).await.unwrap_or_else(|_| {
                let seconds = FLUSH_TIMEOUT.as_secs();
                Err(Failure::passing(format!("the relay has not read what was sent for {seconds} s")))
            });
            flushed.map_err(|failure| Trouble { source, failure })
        }))
        .await?;
        Ok(())
    }

    /// Takes what the relay says to the sources.
    async fn hear(&mut self) -> Result<(), Trouble> {
        for (source, connection) in self.connections.iter_mut().enumerate() {
            connection.hear(self.stage).await.map_err(|failure| Trouble { source, failure })?;
        }
        Ok(())
    }

    /// Waits until the relay has dealt with everything, and closes the connections.
    async fn leave(&mut self) -> Result<(), Trouble> {
        for (source, connection) in self.connections.iter_mut().enumerate() {
            connection.confirm(self.stage).await.map_err(|failure| Trouble { source, failure })?;
        }
        for connection in self.connections.drain(..) {
            connection.close().await;
        }
        Ok(())
    }
}

/// Relays do not wait long for the first request of a connection, so sources that speak HTTP come last.
async fn wait_for_listeners(stage: &Stage) {
    while stage.subscribed.load(Ordering::Acquire) < stage.plan.listeners && !stage.is_stopped() {
        sleep(TICK / 10).await;
    }
}
