//! Messages from every relay to every relay while something is wrong between them, and afterwards the account: what did
//! not arrive is what the relays have counted, to the message.

pub(crate) use super::accounts::{Account, peer_of};
use super::accounts::{account, account_over_nats};
use crate::harness::{
    Checker, DEADLINE, Daemon, LATE, Late, Listener, Network, StallWatch, Stalls, stamped, time_without_stalls,
};
use serde_json::Value;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What is published to.
pub(crate) const CHANNEL: &str = "steady";
/// From healing to right interest, not counting the time in which the machine stands still.
const HEALED_MAX: Duration = Duration::from_secs(5);
/// How long a message may be under way between relays that nothing is done to, on a busy machine, counted likewise.
const UNDISTURBED_MAX: Duration = Duration::from_secs(2);
/// By how much later than a link begins or ends its relay may handle what was published before, on a busy machine.
const HANDLED_MAX: Duration = Duration::from_secs(1);

/// How often relays are asked.
const LOOK: Duration = Duration::from_millis(50);

/// What the sources do.
const PUBLISH: u8 = 0;
const REST: u8 = 1;
const END: u8 = 2;

/// How much is published.
#[derive(Clone, Copy)]
pub(crate) struct Flow {
    /// From one message of a source to the next.
    pub(crate) pause: Duration,
    /// In bytes, for each message.
    pub(crate) padding: usize,
}

/// Fifty short messages a second from each source.
pub(crate) const STEADY: Flow = Flow { pause: Duration::from_millis(20), padding: 20 };

/// Sources and listeners at work, one of each on a relay.
pub(crate) struct Traffic {
    phase: Arc<AtomicU8>,
    sources: Vec<(usize, JoinHandle<u64>)>,
    listeners: Vec<(usize, JoinHandle<Checker>)>,
    lasts: Arc<OnceLock<Vec<(usize, u64)>>>,
    flow: Flow,
    stalls: StallWatch,
    before: Vec<Value>,
    began: Instant,
}

/// What all accounts say together.
pub(crate) struct Outcome {
    pub(crate) accounts: Vec<Account>,
    /// The longest that a message was under way to a listener, by relay.
    pub(crate) slowest: Vec<(usize, Duration)>,
    /// What has arrived at each listener, by relay.
    heard: Vec<(usize, Checker)>,
    /// When the machine stood still.
    stalls: Stalls,
    flow: Flow,
}

impl Traffic {
    /// Begins between relays that are linked. A relay with a source has a listener too.
    pub(crate) fn begin(network: &Network, sources: &[usize], listeners: &[usize], flow: Flow) -> Self {
        let (phase, lasts) = (Arc::new(AtomicU8::new(PUBLISH)), Arc::new(OnceLock::new()));
        let listeners = listeners.iter().map(|&at| {
            let mut listener = network.relay(at).listener();
            listener.checker = Checker::of_losses();
            listener.subscribe(CHANNEL);
            let lasts = lasts.clone();
            (at, thread::spawn(move || listen(listener, &lasts)))
        });
        let listeners = listeners.collect();
        wait_until_interest_is_right(network);
        let (before, began) = (network.relays().iter().map(Daemon::asked).collect(), Instant::now());
        let sources = sources.iter().map(|&at| {
            let (source, phase) = (network.relay(at).listener(), phase.clone());
            (at, thread::spawn(move || publish(source, at, flow, &phase)))
        });
        let stalls = StallWatch::begin();
        Self { sources: sources.collect(), phase, listeners, lasts, flow, stalls, before, began }
    }

    /// Has the sources publish nothing more until the end.
    pub(crate) fn rest(&self) {
        self.phase.store(REST, Ordering::Relaxed);
    }

    /// Has each source publish once more, now that everything is well again, and closes the account when that has
    /// arrived everywhere.
    pub(crate) fn end(self, network: &Network) -> Outcome {
        self.phase.store(END, Ordering::Relaxed);
        let lasts: Vec<(usize, u64)> = self.sources.into_iter().map(|(at, thread)| (at, joined(thread))).collect();
        self.lasts.set(lasts.clone()).expect("it ends once");
        let heard: Vec<(usize, Checker)> =
            self.listeners.into_iter().map(|(at, thread)| (at, joined(thread))).collect();
        // A link that has been there for longer than this was there before.
        let meanwhile = self.began.elapsed();
        let after: Vec<Value> = network.relays().iter().map(Daemon::asked).collect();
        let mut accounts = Vec::new();
        for &(from, published) in &lasts {
            for (to, checker) in heard.iter().filter(|(to, _)| *to != from) {
                let (arrived, _) = checker.arrived_of(CHANNEL, from);
                let (counts, statuses) = ([published, arrived], [&*self.before, &*after]);
                accounts.push(match network.is_over_nats() {
                    true => account_over_nats(from, *to, counts, statuses),
                    false => account(from, *to, counts, statuses, meanwhile),
                });
            }
            let (_, own) = heard.iter().find(|(at, _)| *at == from).expect("sources have listeners beside them");
            assert_eq!(own.arrived_of(CHANNEL, from).0, published, "listeners of relay {from} itself miss something");
        }
        let slowest = heard.iter().map(|(at, checker)| (*at, checker.slowest)).collect();
        Outcome { accounts, slowest, heard, stalls: self.stalls.end(), flow: self.flow }
    }
}

fn joined<T>(thread: JoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn publish(mut source: Listener, at: usize, flow: Flow, phase: &AtomicU8) -> u64 {
    let mut number = 0;
    loop {
        let phase = phase.load(Ordering::Relaxed);
        if phase != REST {
            number += 1;
            source.publish(CHANNEL, &stamped(at, number, flow.padding));
        }
        if phase == END {
            return number;
        }
        thread::sleep(flow.pause);
    }
}

fn listen(mut listener: Listener, lasts: &OnceLock<Vec<(usize, u64)>>) -> Checker {
    let mut ends = None;
    loop {
        if let Err(ended) = listener.next(Duration::from_millis(50)) {
            panic!("a listener's connection ended: {ended:?}");
        }
        let Some(lasts) = lasts.get() else { continue };
        let missing = |(at, last): &&(usize, u64)| listener.checker.arrived_of(CHANNEL, *at).1 < *last;
        let Some((at, last)) = lasts.iter().find(missing) else { return listener.checker };
        let since: Instant = *ends.get_or_insert_with(Instant::now);
        assert!(since.elapsed() < DEADLINE, "number {last}, the last one of relay {at}, has not arrived");
    }
}

/// Waits until all relays are linked, and know exactly who listens to what. How long it took.
pub(crate) fn wait_until_interest_is_right(network: &Network) -> Duration {
    let began = Instant::now();
    let is_right = |statuses: &[Value], at: usize, peer: usize| {
        let relays = statuses[at]["relays"].as_array().expect("a list");
        let name = format!("relay-{peer}");
        relays.iter().find(|relay| relay["name"] == *name).is_some_and(|relay| {
            // The servers know who listens to what, and say it to nobody.
            let is_known = network.is_over_nats() || relay["interest"] == statuses[peer]["channels"];
            relay["state"] == "linked" && relay["lagging"] == false && is_known
        })
    };
    loop {
        let statuses: Vec<Value> = network.relays().iter().map(Daemon::asked).collect();
        let pairs = (0..statuses.len()).flat_map(|at| (0..statuses.len()).map(move |peer| (at, peer)));
        if pairs.filter(|(at, peer)| at != peer).all(|(at, peer)| is_right(&statuses, at, peer)) {
            return began.elapsed();
        }
        assert!(began.elapsed() < DEADLINE, "the interest is not right: {statuses:#?}");
        thread::park_timeout(LOOK);
    }
}

/// The same, as fast as it is promised. How long it took without the time in which the machine stood still.
pub(crate) fn assert_healed(network: &Network) -> Duration {
    let (_, took) = time_without_stalls(|| wait_until_interest_is_right(network));
    assert!(took < HEALED_MAX, "the interest was right only after {took:?}");
    took
}

/// Waits until nothing waits for another relay any more.
pub(crate) fn wait_until_all_is_sent(network: &Network) {
    let began = Instant::now();
    let waits = |status: Value| {
        // Over servers of NATS there is one queue for all relays.
        let queues = status["relays"].as_array().expect("a list").iter().chain([&status["nats"]]);
        queues.map(|queue| &queue["queue_bytes"]).any(|bytes| !bytes.is_null() && *bytes != 0)
    };
    while network.relays().iter().map(Daemon::asked).any(waits) {
        assert!(began.elapsed() < DEADLINE, "something waits for another relay still");
        thread::park_timeout(LOOK);
    }
}

impl Outcome {
    /// The account of one direction.
    pub(crate) fn of(&self, from: usize, to: usize) -> Account {
        *self.accounts.iter().find(|account| (account.from, account.to) == (from, to)).expect("both were there")
    }

    /// Asserts that everything has arrived between these pairs.
    pub(crate) fn assert_complete(&self, pairs: impl Fn(&Account) -> bool) {
        for account in self.accounts.iter().filter(|account| pairs(account)) {
            assert_eq!(account.arrived, account.published, "{account:?}");
        }
    }

    /// Asserts that nothing was kept from a peer except while the two were not linked, which is within the `fault` (from
    /// its beginning to right interest) and only where their link has ended.
    pub(crate) fn assert_sent_while_linked(&self, fault: Duration) {
        let published = (fault + HANDLED_MAX).div_duration_f64(self.flow.pause).ceil();
        for account in &self.accounts {
            let most = if account.has_ended { published as u64 } else { 0 };
            assert!(account.unlinked <= most, "at most {most} were published while not linked: {account:?}");
        }
    }

    /// Asserts that messages between these pairs (from, to) were not delayed, from a relay to itself included. Gives how
    /// long one was under way at the most, without the time in which the machine stood still; what is not late is not told
    /// apart.
    pub(crate) fn assert_undisturbed(&self, pairs: impl Fn(usize, usize) -> bool) -> Duration {
        let late = self.heard.iter().flat_map(|(to, checker)| checker.late.iter().map(move |late| (*to, late)));
        let late = late.filter(|(to, late)| pairs(late.source, *to));
        let ways = late.map(|(_, Late { sent, arrived, .. })| self.stalls.time_between(*sent, *arrived));
        let slowest = ways.max().unwrap_or(LATE);
        assert!(slowest < UNDISTURBED_MAX, "a message between relays that nothing was done to took {slowest:?}");
        slowest.max(LATE)
    }

    /// Asserts that everybody has heard at least so many messages of a source on another relay, beginning with its first
    /// one and none left out.
    pub(crate) fn assert_heard(&self, source: usize, least: u64) {
        for (at, checker) in &self.heard {
            let (arrived, last) = checker.arrived_of(CHANNEL, source);
            assert!(arrived == last && last >= least, "relay {at}: {arrived} of {least}, the last one is {last}");
        }
    }

    /// In a few words: how many messages, how many of them lost, and the longest way.
    pub(crate) fn told(&self) -> String {
        let sum = |of: fn(&Account) -> u64| self.accounts.iter().map(of).sum::<u64>();
        format!(
            "{} messages between relays, {} arrived, {} lost and counted, {} while not linked",
            sum(|account| account.published),
            sum(|account| account.arrived),
            sum(|account| account.counted),
            sum(|account| account.unlinked),
        )
    }
}
