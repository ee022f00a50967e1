//! Hot and quiet channels on one link: a quiet one loses nothing to a hot one, hot ones share what there is, and all
//! that is lost is counted.
//!
//! Mostly beside a shard that stands still: then more comes than is delivered on any machine, and the link goes on.

use super::traffic::{peer_of, wait_until_all_is_sent, wait_until_interest_is_right};
use crate::harness::{Checker, Client, DEADLINE, Daemon, Listener, Network, many_open_files, stamped};
#[cfg(target_os = "linux")]
use crate::harness::{StoppedThread, not_run, stop_thread};
use serde_json::json;
use std::io::{ErrorKind, Read as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Nobody is a slow consumer here.
const LIMITS: &str =
    "limits: {outbox_bytes: 64 MiB, max_queued_bytes: 1 GiB, outbox_soft_time: 1day, write_deadline: 1day}";
/// Of each message but the last one, in bytes.
const BYTES: usize = 8000;
const QUIET_MESSAGES: usize = 30;

/// Two relays; the second one on so many shards.
fn network(shards: usize) -> Network {
    Network::with(2, |at, setup| setup.shards(if at == 1 { shards } else { 1 }).settings(LIMITS))
}

/// What the first relay has counted of the second one.
fn counted(network: &Network, field: &str) -> u64 {
    let status = network.relay(0).asked();
    peer_of(&status, 1)[field].as_u64().unwrap_or_else(|| panic!("no {field} in {status:#}"))
}

/// A source on the first relay, of a channel that is named after it.
struct Source {
    client: Listener,
    channel: String,
    published: u64,
}

impl Source {
    fn new(network: &Network, channel: &str) -> Self {
        Self { client: network.relay(0).listener(), channel: channel.into(), published: 0 }
    }

    fn publish(&mut self, bytes: usize) {
        self.published += 1;
        self.client.publish(&self.channel, &stamped(0, self.published, bytes));
    }

    /// Until the link's queue is full.
    fn publish_until_some_are_dropped(&mut self, network: &Network) {
        let began = Instant::now();
        while counted(network, "dropped") == 0 {
            assert!(began.elapsed() < 3 * DEADLINE, "nothing is dropped after {} messages", self.published);
            (0..100).for_each(|_| self.publish(BYTES));
        }
    }

    /// Ends with one more message, which arrives at all `listeners`. Gives how many have: each once, and in order.
    fn end(&mut self, listeners: &mut [Listener]) -> u64 {
        self.publish(0);
        let arrived = |listener: &Listener| listener.checker.arrived_of(&self.channel, 0);
        for listener in &mut *listeners {
            let began = Instant::now();
            while arrived(listener).1 < self.published {
                assert!(began.elapsed() < DEADLINE, "{} of {}: {:?}", self.channel, self.published, arrived(listener));
                listener.next(DEADLINE).expect("it reads, and is disconnected");
            }
        }
        let arrived: Vec<u64> = listeners.iter().map(|listener| arrived(listener).0).collect();
        assert!(arrived.iter().all(|count| *count == arrived[0]), "not the same for all: {arrived:?}");
        arrived[0]
    }
}

fn subscribed(relay: &Daemon, channel: &str) -> Listener {
    let mut listener = relay.listener();
    listener.checker = Checker::of_losses();
    listener.subscribe(channel);
    listener
}

/// All that was published on hot channels has arrived, or was dropped for the second relay and counted as that.
fn assert_all_is_counted(network: &Network, published: u64, arrived: u64) {
    let [dropped, lost, too_large] = ["dropped", "lost", "too_large"].map(|field| counted(network, field));
    println!("{published} published, {arrived} arrived, {dropped} dropped");
    assert_eq!((published, lost, too_large), (arrived + dropped, 0, 0));
}

#[cfg(target_os = "linux")]
fn stopped_shard(network: &Network, what: &str) -> Option<StoppedThread> {
    match stop_thread(network.relay(1).pid(), "pusu-shard-0") {
        Ok(stopped) => Some(stopped),
        Err(reason) => {
            not_run(what, reason);
            None
        }
    }
}

/// A relay stopped reading the link when one of its shards had no room, and so nothing came for the others either.
#[cfg(target_os = "linux")]
#[test]
fn a_shard_that_stands_still_holds_up_its_own_channels_alone() {
    let network = network(3);
    let (mut hot, mut source) = (Source::new(&network, "hot"), network.relay(0).client());
    // Twice as many as there are shards: some are on each of them.
    let mut hot_listeners: Vec<Listener> = (0..6).map(|_| subscribed(network.relay(1), "hot")).collect();
    let mut quiet_listeners: Vec<Client> = (0..6).map(|_| network.relay(1).client()).collect();
    for (at, listener) in quiet_listeners.iter_mut().enumerate() {
        listener.subscribe(&format!("quiet.{at}"));
    }
    wait_until_interest_is_right(&network);
    let Some(stopped) = stopped_shard(&network, "a link to a relay of which a shard stands still") else { return };
    let at = Client::first_that_answers(&mut quiet_listeners);

    hot.publish_until_some_are_dropped(&network);
    publish_quietly(&format!("quiet.{at}"), &mut source, &mut quiet_listeners[at]);

    drop(stopped);
    wait_until_all_is_sent(&network);
    let arrived = hot.end(&mut hot_listeners);
    assert_all_is_counted(&network, hot.published, arrived);
}

/// The one that came first had all of the link's queue.
#[cfg(target_os = "linux")]
#[test]
fn two_hot_channels_share_the_queue_of_a_link() {
    let network = network(1);
    let mut sources = ["first", "second"].map(|channel| Source::new(&network, channel));
    let mut listeners = ["first", "second"].map(|channel| subscribed(network.relay(1), channel));
    wait_until_interest_is_right(&network);
    let Some(stopped) = stopped_shard(&network, "two hot channels to a shard that stands still") else { return };
    let [first, second] = &mut sources;
    first.publish_until_some_are_dropped(&network);
    while second.published < first.published {
        second.publish(BYTES);
    }
    let began = Instant::now();
    // All of it is in the queue, or dropped; so is what the network has been linked with.
    while counted(&network, "sent") + counted(&network, "dropped") < first.published + second.published {
        assert!(began.elapsed() < DEADLINE, "{:#}", network.relay(0).asked());
        thread::park_timeout(Duration::from_millis(20));
    }
    drop(stopped);
    wait_until_all_is_sent(&network);
    let [first_listener, second_listener] = &mut listeners;
    let parts = [first.end(std::slice::from_mut(first_listener)), second.end(std::slice::from_mut(second_listener))];
    println!("{parts:?} of {} each", first.published);
    assert!(parts[1] * 4 > parts[0] && parts[0] * 4 > parts[1], "{parts:?}");
    assert_all_is_counted(&network, first.published + second.published, parts[0] + parts[1]);
}

/// With so many listeners a hot channel is delivered more slowly than one source publishes it, so it is held and let go of
/// again and again. The queue was always full of it.
#[test]
fn a_quiet_channel_loses_nothing_beside_a_hot_one() {
    many_open_files();
    for shards in [1, 3] {
        let network = network(shards);
        let mut hot = Source::new(&network, "hot");
        let (mut source, mut quiet) = (network.relay(0).client(), network.relay(1).client());
        let mut listeners: Vec<Listener> = (0..LISTENERS).map(|_| network.relay(1).listener()).collect();
        listeners.iter_mut().for_each(|listener| listener.subscribe("hot"));
        quiet.subscribe("quiet");
        wait_until_interest_is_right(&network);
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            // Also where something here fails.
            let _end = End(&is_over);
            for part in listeners.chunks_mut(LISTENERS / 3) {
                scope.spawn(|| read_side_by_side(part, &is_over));
            }
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    hot.publish(BYTES);
                }
            });
            let began = Instant::now();
            while counted(&network, "dropped") == 0 {
                assert!(began.elapsed() < 3 * DEADLINE, "nothing is dropped: {:#}", network.relay(0).asked());
                thread::park_timeout(Duration::from_millis(20));
            }
            publish_quietly("quiet", &mut source, &mut quiet);
        });
        assert_eq!(counted(&network, "lost"), 0);
    }
}

/// Listeners of the hot channel.
const LISTENERS: usize = 300;

/// One after the other; each is as long as the others, since a short one may find room where they do not.
fn publish_quietly(channel: &str, source: &mut Client, listener: &mut Client) {
    let (content, mut ways) = ("x".repeat(BYTES), Vec::new());
    for number in 0..QUIET_MESSAGES {
        let began = Instant::now();
        source.publish(channel, json!([number, content]));
        listener.expect_publish(channel, json!([number, content]));
        ways.push(began.elapsed());
    }
    ways.sort_unstable();
    println!(
        "{channel}: {:?} for the median, {:?} for the slowest",
        ways[QUIET_MESSAGES / 2],
        ways[QUIET_MESSAGES - 1]
    );
}

/// Reads as fast as can be, and looks at nothing.
fn read_side_by_side(listeners: &mut [Listener], is_over: &AtomicBool) {
    let mut sink = vec![0; 256 * 1024];
    listeners.iter_mut().for_each(|listener| listener.raw().stream().set_nonblocking(true).unwrap());
    while !is_over.load(Ordering::Relaxed) {
        let mut is_quiet = true;
        for listener in &mut *listeners {
            match listener.raw().stream().read(&mut sink) {
                Ok(read) => {
                    assert!(read > 0, "it reads, and is disconnected");
                    is_quiet = false;
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
            }
        }
        if is_quiet {
            thread::park_timeout(Duration::from_millis(1));
        }
    }
}

/// The end of what others do until then.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
