//! Barriers: subscriptions that wait until the publications of all relays that come later will reach them.
//!
//! The subscription is told to the server, and behind it a question that other relays answer: an answer has passed all servers
//! between, and so has the subscription. One barrier is under way at a time, and the next one takes all that came meanwhile.
//! **Invariant:** each subscription is answered once, at most a second after it has asked.

use crate::nats::roster::RelayId;
use crate::nats::wire::LIST_BYTES_MAX;
use crate::routing::Ticket;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a subscription waits.
const WAIT: Duration = Duration::from_secs(1);
/// When others are asked at the servers from which no answer has come.
const ASKED_AGAIN: Duration = Duration::from_millis(200);
/// Least time between the beginnings of two barriers.
const PAUSE: Duration = Duration::from_millis(1);
/// The same for each that has to answer, since all of them pay for each barrier of all others.
const PAUSE_PER_ANSWERER: Duration = Duration::from_micros(300);

/// Channels of one barrier: the answer has 20 bytes for each.
const CHANNELS_MAX: usize = LIST_BYTES_MAX / 20;
/// Time between two questions to those that lag.
const PROBE: Duration = Duration::from_secs(1);

/// Who has to answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answerer {
    /// One relay.
    Relay(RelayId),
    /// One of the relays at this server.
    Server(Box<str>),
}

/// The barriers of a relay.
#[derive(Default)]
pub(super) struct Barriers {
    given: u64,
    waiting: VecDeque<Waiting>,
    under_way: Option<UnderWay>,
    began: Option<Instant>,
    /// Those that have begun within the last second, in order.
    recent: VecDeque<(u64, Instant)>,
    pause: Duration,
    /// What there has been.
    pub figures: Figures,
}

/// What has become of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Figures {
    /// How many have been answered by all.
    pub passed: u64,
    /// How many were given up.
    pub expired: u64,
    /// How long the last one took.
    pub last: Option<Duration>,
    /// The longest.
    pub longest: Option<Duration>,
}

struct Waiting {
    channel: Rc<str>,
    ticket: Ticket,
    asked: Instant,
}

struct UnderWay {
    number: u64,
    /// In the order in which they asked.
    subscriptions: Vec<Waiting>,
    channels: Rc<[Rc<str>]>,
    left: BTreeSet<Answerer>,
    began: Instant,
    is_asked_again: bool,
}

/// A barrier that begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Begun {
    /// What it is answered with.
    pub number: u64,
    /// What it is about.
    pub channels: Rc<[Rc<str>]>,
}

/// Subscriptions that need not wait any more.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// Whom to tell.
    pub tickets: Vec<Ticket>,
    /// The channels of those whose barrier was passed.
    pub channels: Vec<Rc<str>>,
    /// The channels of those whose barrier was given up.
    pub given_up: Vec<Rc<str>>,
    /// Who has not answered in time.
    pub lagging: BTreeSet<Answerer>,
}

impl Barriers {
    /// A subscription waits from now on.
    pub(super) fn ask(&mut self, channel: &str, ticket: Ticket, now: Instant) {
        self.waiting.push_back(Waiting { channel: channel.into(), ticket, asked: now });
    }

    fn may_begin_at(&self) -> Option<Instant> {
        self.began.map(|began| began + self.pause.max(PAUSE))
    }

    /// Whether the next one may begin.
    pub(super) fn may_begin(&self, now: Instant) -> bool {
        !self.waiting.is_empty() && self.under_way.is_none() && self.may_begin_at().is_none_or(|at| at <= now)
    }

    /// Begins the next one, which all of these have to answer.
    pub(super) fn begin(&mut self, left: BTreeSet<Answerer>, now: Instant) -> Begun {
        let (mut subscriptions, mut channels, mut bytes) = (Vec::new(), Vec::<Rc<str>>::new(), 0);
        let mut known = BTreeSet::new();
        while bytes < LIST_BYTES_MAX - 256
            && channels.len() < CHANNELS_MAX
            && let Some(waiting) = self.waiting.pop_front()
        {
            if known.insert(waiting.channel.clone()) {
                bytes += waiting.channel.len() + 1;
                channels.push(waiting.channel.clone());
            }
            subscriptions.push(waiting);
        }
        self.given += 1;
        self.note(now);
        self.pause = PAUSE_PER_ANSWERER.saturating_mul(left.len() as u32);
        let (number, channels): (u64, Rc<[Rc<str>]>) = (self.given, channels.into());
        let begun = Begun { number, channels: channels.clone() };
        self.under_way = Some(UnderWay { number, subscriptions, channels, left, began: now, is_asked_again: false });
        begun
    }

    /// A question without subscriptions, for those that lag: once nothing has been asked for a second, and nobody waits.
    pub(super) fn probe(&mut self, now: Instant) -> Option<Begun> {
        let is_quiet = self.waiting.is_empty() && self.under_way.is_none();
        if !is_quiet || self.began.is_some_and(|began| began + PROBE > now) {
            return None;
        }
        self.given += 1;
        self.note(now);
        Some(Begun { number: self.given, channels: Rc::default() })
    }

    /// The channels of the barrier with this number, while it is under way.
    pub(super) fn channels(&self, number: u64) -> Option<Rc<[Rc<str>]>> {
        self.under_way
            .as_ref()
            .filter(|under_way| under_way.number == number)
            .map(|under_way| under_way.channels.clone())
    }

    /// The barrier under way, and the servers from which nobody has answered it for a while; once.
    pub(super) fn unanswered(&mut self, now: Instant) -> Option<(Begun, BTreeSet<Box<str>>)> {
        let slow = |under_way: &&mut UnderWay| !under_way.is_asked_again && under_way.began + ASKED_AGAIN <= now;
        let under_way = self.under_way.as_mut().filter(slow)?;
        under_way.is_asked_again = true;
        let servers = under_way.left.iter().filter_map(|answerer| match answerer {
            Answerer::Server(server) => Some(server.clone()),
            Answerer::Relay(_) => None,
        });
        let servers: BTreeSet<_> = servers.collect();
        (!servers.is_empty())
            .then(|| (Begun { number: under_way.number, channels: under_way.channels.clone() }, servers))
    }

    /// Whether an answer to the barrier with this number comes in time.
    pub(super) fn is_in_time(&self, number: u64, now: Instant) -> bool {
        self.recent.iter().any(|(of, began)| *of == number && *began + WAIT > now)
    }

    fn note(&mut self, now: Instant) {
        self.recent.retain(|(_, began)| *began + WAIT > now);
        self.recent.push_back((self.given, now));
        self.began = Some(now);
    }

    /// One has answered the barrier with this number.
    pub(super) fn passed(&mut self, number: u64, answerer: &Answerer) {
        if let Some(under_way) = self.under_way.as_mut().filter(|under_way| under_way.number == number) {
            under_way.left.remove(answerer);
        }
    }

    /// One is gone and is not waited for.
    pub(super) fn gone(&mut self, answerer: &Answerer) {
        if let Some(under_way) = &mut self.under_way {
            under_way.left.remove(answerer);
        }
    }

    /// Those that need not wait any more, all of them where there `is_nobody` to wait for.
    pub(super) fn settle(&mut self, is_nobody: bool, now: Instant) -> Settled {
        let mut settled = Settled::default();
        if let Some(under_way) = self.under_way.take_if(|under_way| under_way.left.is_empty() || is_nobody) {
            let took = now.saturating_duration_since(under_way.began);
            if under_way.left.is_empty() {
                self.figures.passed += 1;
                self.figures.last = Some(took);
                self.figures.longest = self.figures.longest.max(Some(took));
            }
            settled.tickets.extend(under_way.subscriptions.iter().map(|waiting| waiting.ticket));
            settled.channels.extend(under_way.channels.iter().cloned());
        } else if let Some(under_way) = self.under_way.take_if(|under_way| under_way.began + WAIT <= now) {
            self.figures.expired += 1;
            settled.tickets.extend(under_way.subscriptions.iter().map(|waiting| waiting.ticket));
            settled.given_up.extend(under_way.channels.iter().cloned());
            settled.lagging = under_way.left;
        } else if let Some(under_way) = &mut self.under_way {
            // Those that have waited for the barrier before as well.
            let is_over = |waiting: &mut Waiting| waiting.asked + WAIT <= now;
            settled.tickets.extend(under_way.subscriptions.extract_if(.., is_over).map(|waiting| waiting.ticket));
            if !settled.tickets.is_empty() {
                settled.lagging.clone_from(&under_way.left);
            }
        }
        while self.waiting.front().is_some_and(|first| is_nobody || first.asked + WAIT <= now) {
            settled.tickets.extend(self.waiting.pop_front().map(|waiting| waiting.ticket));
        }
        settled
    }

    /// When something has to be done next; `can_begin`: the next one begins once it is time.
    pub(super) fn next_due(&self, can_begin: bool) -> Option<Instant> {
        let expires = self.under_way.iter().flat_map(|under_way| {
            let first = under_way.subscriptions.first().map(|waiting| waiting.asked + WAIT);
            let again = (!under_way.is_asked_again).then(|| under_way.began + ASKED_AGAIN);
            first.into_iter().chain(again).chain([under_way.began + WAIT])
        });
        let may_begin = || self.may_begin_at().unwrap_or_else(Instant::now);
        let begins = (can_begin && !self.waiting.is_empty() && self.under_way.is_none()).then(may_begin);
        let first = self.waiting.front().map(|first| first.asked + WAIT);
        expires.chain(begins).chain(first).min()
    }
}

#[cfg(test)]
mod tests;
