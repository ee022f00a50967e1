//! The ledger of one thread: the messages that its listeners have received, read and noted.
//!
//! Owns the checkers and the tally of the thread. Knows of no sockets.

use super::super::load::{Audience, Shown};
use super::super::report::Tally;
use super::super::stage::Stage;
use super::checker::{Checker, Seen};
use super::faults::Fault;
use super::stamp::{Own, Stamp};
use crate::cli::client_messages::{Answer, Failure, Refusal, Said};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The book of one thread.
pub(crate) struct Ledger {
    stage: Arc<Stage>,
    thread: usize,
    listeners: Vec<Entry>,
    audience: Option<Audience>,
    pub(crate) tally: Tally,
}

/// What a message says about the connection itself.
pub(crate) enum News {
    /// The relay refuses something, and will close.
    Refusal(Refusal),
    /// The authorization ends soon.
    Expiring,
}

struct Entry {
    /// Its number among all listeners.
    number: u32,
    channel: u32,
    checker: Checker,
}

impl Ledger {
    /// An empty one.
    pub(crate) fn new(stage: Arc<Stage>, thread: u32) -> Self {
        let plan = &stage.plan;
        let entry =
            |number| Entry { number, channel: plan.channel_of_listener(number), checker: Checker::new(plan.sources) };
        let listeners = plan.listeners_of_thread(thread).map(entry).collect();
        let audience =
            stage.window.as_ref().map(|window| Audience::new(window.clone(), plan.audience_of_thread(thread)));
        Self { thread: thread as usize, listeners, audience, tally: Tally::default(), stage }
    }

    /// Listener number `at` of this thread got a message at `now`, which `understand` reads where it is not written as
    /// expected. Returns what is the listener's own business.
    ///
    /// # Errors
    /// When it is no message of the protocol.
    pub(crate) fn message(
        &mut self,
        at: usize,
        message: &Shown<'_>,
        now: u64,
        understand: impl Fn(&[u8]) -> Result<Said, Failure>,
    ) -> Result<Option<News>, Failure> {
        let form = &self.stage.forms[self.listeners[at].channel as usize];
        if let Some(own) = form.delivery(message.payload) {
            self.deliver(at, own, now);
            return Ok(None);
        }
        if !message.whole {
            // Too large to be an answer: a message of somebody else, or one that says the same in other words, and is
            // missed where it should have been.
            self.tally.foreign += 1;
            return Ok(None);
        }
        match understand(message.payload)? {
            Said::Refusal(refusal) => return Ok(Some(News::Refusal(refusal))),
            Said::Answer(Answer::Expiring) => return Ok(Some(News::Expiring)),
            Said::Answer(Answer::Publication { content, .. }) => {
                match Stamp::decode(content.get().trim_matches('"').as_bytes()) {
                    Some(stamp) if stamp.run != self.stage.plan.run => self.tally.foreign += 1,
                    None => self.tally.foreign += 1,
                    Some(stamp) if stamp.channel == self.listeners[at].channel => self.deliver(at, stamp.own, now),
                    Some(stamp) => self.misdirected(at, stamp),
                }
            }
            Said::Answer(_) => {}
        }
        Ok(None)
    }

    /// Everything that was read in one go has been taken note of.
    pub(crate) fn end_of_batch(&mut self) {
        if let Some(audience) = &mut self.audience {
            audience.wake_sources();
        }
    }

    /// The connection of listener number `at` has ended.
    pub(crate) fn cut(&mut self, at: usize, why: &Failure) {
        let number = self.listeners[at].number;
        let who = self.stage.plan.who("listener");
        self.tally.faults.add(Fault::Cut, 1, || format!("{who} {number}: {why}"));
    }

    /// Adds what has not come of what the sources have sent.
    pub(crate) fn close(mut self, sent: &[u64]) -> Tally {
        for entry in &self.listeners {
            for (source, &sent) in (0u16..).zip(sent) {
                let sent = self.stage.plan.sent_to(entry.channel, source.into(), sent);
                if let Some((count, first)) = entry.checker.lost(source, sent) {
                    self.tally.faults.add(Fault::Lost, count, || self.stage.place(entry, source, first));
                }
            }
        }
        self.tally
    }

    fn deliver(&mut self, at: usize, own: Own, now: u64) {
        let Own { source, sequence, time } = own;
        let entry = &mut self.listeners[at];
        let faults = &mut self.tally.faults;
        match entry.checker.see(source, sequence) {
            Seen::New { skipped } => {
                if let Some(audience) = &mut self.audience {
                    // More than can be on their way cannot have been skipped, whatever a relay makes up.
                    let first = skipped.start.max(sequence.saturating_sub(audience.slots().into()));
                    for sequence in first..=sequence {
                        let number = self.stage.plan.number(entry.channel, sequence);
                        audience.done(source.into(), number, entry.channel);
                    }
                }
            }
            Seen::Late => faults.add(Fault::Reordered, 1, || self.stage.place(entry, source, sequence)),
            Seen::Again => {
                faults.add(Fault::Duplicate, 1, || self.stage.place(entry, source, sequence));
                return;
            }
            Seen::Unknown => {
                faults.add(Fault::Misdirected, 1, || self.stage.place(entry, source, sequence));
                return;
            }
        }
        // This thread alone writes it, so reading and writing need not be one step.
        let received = &self.stage.received[self.thread];
        received.store(received.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        if time >= self.stage.measure_from() {
            self.tally.latency.record(now.saturating_sub(time));
            self.tally.measured += 1;
            self.tally.last = now;
        }
    }

    fn misdirected(&mut self, at: usize, stamp: Stamp) {
        let entry = &self.listeners[at];
        let Own { source, sequence, .. } = stamp.own;
        self.tally.faults.add(Fault::Misdirected, 1, || {
            format!(
                "listener {} of channel {} got message {sequence} of source {source} to channel {}",
                entry.number,
                self.stage.plan.channel_name(entry.channel),
                self.stage.plan.channel_name(stamp.channel)
            )
        });
    }
}

impl Stage {
    /// A message at a listener, in words.
    fn place(&self, entry: &Entry, source: u16, sequence: u64) -> String {
        let channel = self.plan.channel_name(entry.channel);
        format!("message {sequence} of source {source} to channel {channel}, at listener {}", entry.number)
    }
}
