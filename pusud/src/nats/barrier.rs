//! Barriers: subscriptions that wait until the publications of all relays that come later will reach them.
//!
//! The subscription is told to the server, and behind it a question that other relays answer: an answer has passed all servers
//! between, and so has the subscription. One barrier is under way at a time, and the next one takes all that came meanwhile.
//! **Invariant:** each subscription is answered once, at most a second after it has asked; whoever was answered for want of time
//! still has a barrier.

mod figures;
mod list;

use crate::nats::roster::RelayId;
use crate::routing::Ticket;
use figures::Figures;
use list::List;
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
    /// Those whose clients wait no longer: other relays' servers may not know of them yet.
    late: VecDeque<Asked>,
    /// Those whose subscriptions the server has not taken, in the order in which they asked: no barrier helps them.
    held: VecDeque<Waiting>,
    under_way: Option<UnderWay>,
    began: Option<Instant>,
    /// Those that have begun within the last second, in order.
    recent: VecDeque<(u64, Instant)>,
    pause: Duration,
    /// What there has been.
    pub figures: Figures,
}

/// A subscription that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// Its channel.
    pub channel: Rc<str>,
    /// Its number: a channel has another one each time that it is subscribed to.
    pub sid: u64,
}

struct Waiting {
    asked: Asked,
    ticket: Ticket,
    since: Instant,
}

struct UnderWay {
    number: u64,
    /// The network was this one when it began.
    epoch: u64,
    /// In the order in which they asked.
    tickets: Vec<Waiting>,
    subscriptions: Rc<[Asked]>,
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
    pub subscriptions: Rc<[Asked]>,
}

/// Subscriptions that need not wait any more.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// Whom to tell.
    pub tickets: Vec<Ticket>,
    /// Those whose barrier was passed.
    pub subscriptions: Vec<Asked>,
    /// Who has not answered in time.
    pub lagging: BTreeSet<Answerer>,
}

impl Barriers {
    /// A subscription waits from now on.
    pub(super) fn ask(&mut self, asked: Asked, ticket: Ticket, now: Instant) {
        self.waiting.push_back(Waiting { asked, ticket, since: now });
    }

    /// Nobody waits for this one: it has been told to the server again.
    pub(super) fn ask_late(&mut self, asked: Asked) {
        self.late.push_back(asked);
    }

    /// The server has not taken some of them: they wait for as long as they can. What comes later asks in vain too.
    pub(super) fn hold(&mut self, is_refused: impl Fn(u64) -> bool) {
        let is_meant = |waiting: &mut Waiting| is_refused(waiting.asked.sid);
        let under_way = self.under_way.iter_mut().flat_map(|under_way| under_way.tickets.extract_if(.., is_meant));
        let mut held: Vec<Waiting> = under_way.collect();
        let (meant, others) = std::mem::take(&mut self.waiting).into_iter().partition(|one| is_refused(one.asked.sid));
        self.waiting = others;
        held.extend::<VecDeque<Waiting>>(meant);
        self.held.extend(held);
        self.held.make_contiguous().sort_by_key(|waiting| waiting.since);
    }

    /// Whether anything wants a barrier.
    fn is_any(&self) -> bool {
        !self.waiting.is_empty() || !self.late.is_empty()
    }

    fn may_begin_at(&self) -> Option<Instant> {
        self.began.map(|began| began + self.pause.max(PAUSE))
    }

    /// Whether the next one may begin.
    pub(super) fn may_begin(&self, now: Instant) -> bool {
        self.is_any() && self.under_way.is_none() && self.may_begin_at().is_none_or(|at| at <= now)
    }

    /// Begins the next one, which all of these have to answer; `epoch`: which network they are.
    pub(super) fn begin(&mut self, left: BTreeSet<Answerer>, epoch: u64, now: Instant) -> Begun {
        let (mut tickets, mut list) = (Vec::new(), List::default());
        while list.has_room()
            && let Some(waiting) = self.waiting.pop_front()
        {
            list.add(&waiting.asked);
            tickets.push(waiting);
        }
        while list.has_room()
            && let Some(asked) = self.late.pop_front()
        {
            list.add(&asked);
        }
        self.given += 1;
        self.note(now);
        self.pause = PAUSE_PER_ANSWERER.saturating_mul(left.len() as u32);
        let (number, subscriptions): (u64, Rc<[Asked]>) = (self.given, list.all.into());
        let begun = Begun { number, subscriptions: subscriptions.clone() };
        let is_asked_again = false;
        self.under_way = Some(UnderWay { number, epoch, tickets, subscriptions, left, began: now, is_asked_again });
        begun
    }

    /// A question without subscriptions, for those that lag: once nothing has been asked for a second, and nobody waits.
    pub(super) fn probe(&mut self, now: Instant) -> Option<Begun> {
        let is_quiet = !self.is_any() && self.under_way.is_none();
        if !is_quiet || self.began.is_some_and(|began| began + PROBE > now) {
            return None;
        }
        self.given += 1;
        self.note(now);
        Some(Begun { number: self.given, subscriptions: Rc::default() })
    }

    /// What the barrier with this number is about, while it is under way.
    pub(super) fn subscriptions(&self, number: u64) -> Option<Rc<[Asked]>> {
        let under_way = self.under_way.as_ref().filter(|under_way| under_way.number == number);
        under_way.map(|under_way| under_way.subscriptions.clone())
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
        let begun = Begun { number: under_way.number, subscriptions: under_way.subscriptions.clone() };
        (!servers.is_empty()).then_some((begun, servers))
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

    /// Of servers only these are waited for.
    pub(super) fn retain_servers(&mut self, is_there: impl Fn(&str) -> bool) {
        if let Some(under_way) = &mut self.under_way {
            under_way.left.retain(|answerer| match answerer {
                Answerer::Server(server) => is_there(server),
                Answerer::Relay(_) => true,
            });
        }
    }

    /// Those that need not wait any more, all of them where there `is_nobody` to wait for; `epoch`: which network it is now.
    pub(super) fn settle(&mut self, is_nobody: bool, epoch: u64, now: Instant) -> Settled {
        let mut settled = Settled::default();
        let is_over = |waiting: &Waiting| is_nobody || waiting.since + WAIT <= now;
        if let Some(under_way) = self.under_way.take_if(|under_way| under_way.left.is_empty() || is_nobody) {
            let took = now.saturating_duration_since(under_way.began);
            if under_way.left.is_empty() {
                self.figures.pass(took);
            }
            if is_nobody || under_way.epoch == epoch {
                settled.tickets.extend(under_way.tickets.iter().map(|waiting| waiting.ticket));
                settled.subscriptions.extend(under_way.subscriptions.iter().cloned());
            } else {
                // Somebody has come, or is elsewhere, and was not asked.
                self.late.extend(under_way.subscriptions.iter().cloned());
                under_way.tickets.into_iter().rev().for_each(|waiting| self.waiting.push_front(waiting));
            }
        } else if let Some(under_way) = self.under_way.take_if(|under_way| under_way.began + WAIT <= now) {
            self.figures.expired += 1;
            settled.tickets.extend(under_way.tickets.iter().map(|waiting| waiting.ticket));
            self.late.extend(under_way.subscriptions.iter().cloned());
            settled.lagging = under_way.left;
        } else if let Some(under_way) = &mut self.under_way {
            // Those that have waited for the barrier before as well.
            let over = under_way.tickets.extract_if(.., |waiting| is_over(waiting));
            settled.tickets.extend(over.map(|waiting| waiting.ticket));
            if !settled.tickets.is_empty() {
                settled.lagging.clone_from(&under_way.left);
            }
        }
        while self.waiting.front().is_some_and(is_over)
            && let Some(waiting) = self.waiting.pop_front()
        {
            settled.tickets.push(waiting.ticket);
            self.late.push_back(waiting.asked);
        }
        while self.held.front().is_some_and(is_over)
            && let Some(waiting) = self.held.pop_front()
        {
            settled.tickets.push(waiting.ticket);
        }
        if is_nobody {
            self.late.clear();
        }
        settled
    }

    /// When something has to be done next; `can_begin`: the next one begins once it is time.
    pub(super) fn next_due(&self, can_begin: bool) -> Option<Instant> {
        let expires = self.under_way.iter().flat_map(|under_way| {
            let first = under_way.tickets.first().map(|waiting| waiting.since + WAIT);
            let again = (!under_way.is_asked_again).then(|| under_way.began + ASKED_AGAIN);
            first.into_iter().chain(again).chain([under_way.began + WAIT])
        });
        let may_begin = || self.may_begin_at().unwrap_or_else(Instant::now);
        let begins = (can_begin && self.is_any() && self.under_way.is_none()).then(may_begin);
        let firsts = self.waiting.front().into_iter().chain(self.held.front()).map(|first| first.since + WAIT);
        expires.chain(begins).chain(firsts).min()
    }
}

#[cfg(test)]
mod tests;
