//! Channels take turns on a link: a quiet one does not wait for a flood on the same link, and loses nothing to it.

use super::traffic::{peer_of, wait_until_interest_is_right};
use crate::harness::{Client, DEADLINE, Listener, Network, Setup, text_message};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Far above what it takes in an unloaded run.
const QUIET_MAX: Duration = Duration::from_secs(2);
/// The machine that the readers run on may stand still for a while; they are no slow consumers for that.
const LIMITS: &str = "limits: {outbox_bytes: 64 MiB, max_queued_bytes: 1 GiB, outbox_soft_time: 1day, write_deadline: 1day, ping_interval: 0}";

/// Sources on the first of two relays that publish as fast as they can, each to a channel of its own with listeners on
/// the second one.
struct Floods<'a> {
    network: &'a Network,
    is_over: AtomicBool,
    /// The sources rest, and the listeners do not.
    rests: AtomicBool,
    /// What each source has published.
    published: Vec<AtomicU64>,
    /// What has arrived of that at all listeners of each, in bytes.
    arrived: Vec<AtomicU64>,
}

impl Floods<'_> {
    /// So many floods, with so many listeners each, of messages of so many bytes, while `work` is done; on 1 and on 3
    /// shards. More is published than the listeners are sent: some is dropped.
    fn beside([floods, listeners, bytes]: [usize; 3], work: impl Fn(&Floods<'_>)) {
        for shards in [1, 3] {
            let network =
                Network::with(2, |at, _| Setup::on_shards(shards).name(&format!("relay-{at}")).settings(LIMITS));
            let counters = || (0..floods).map(|_| AtomicU64::new(0)).collect();
            let flood = Floods {
                network: &network,
                is_over: AtomicBool::new(false),
                rests: AtomicBool::new(false),
                published: counters(),
                arrived: counters(),
            };
            flood.run(listeners, bytes, &work);
            for relay in network.relays() {
                assert!(!relay.log().text().contains("is cut"), "{}", relay.log().text());
            }
        }
    }

    fn run(&self, listeners: usize, bytes: usize, work: &impl Fn(&Floods<'_>)) {
        let (here, there) = (self.network.relay(0), self.network.relay(1));
        let floods = self.published.len();
        let readers: Vec<Listener> = (0..floods * listeners)
            .map(|at| {
                let mut reader = there.listener();
                reader.subscribe(&channel(at % floods));
                reader
            })
            .collect();
        let sources: Vec<Listener> = (0..floods).map(|_| here.listener()).collect();
        thread::scope(|scope| {
            for (at, mut reader) in readers.into_iter().enumerate() {
                scope.spawn(move || self.read(at % floods, &mut reader));
            }
            for (at, mut source) in sources.into_iter().enumerate() {
                scope.spawn(move || self.publish(at, &mut source, bytes));
            }
            // Also where something here fails.
            let _end = End(&self.is_over);
            self.wait_until_much_waits();
            work(self);
        });
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn publish(&self, at: usize, source: &mut Listener, bytes: usize) {
        let content = "x".repeat(bytes);
        let message = format!(r#"{{"type":"publish","channel":"{}","content":"{content}"}}"#, channel(at));
        let message = text_message(&message);
        while !self.is_over() && !self.rests.load(Ordering::Relaxed) {
            source.raw().send(&message);
            self.published[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Reads as fast as can be, and looks at nothing.
    fn read(&self, at: usize, reader: &mut Listener) {
        let (stream, mut sink) = (reader.raw().stream(), vec![0; 256 * 1024]);
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        while !self.is_over() {
            match stream.read(&mut sink) {
                Ok(read) => {
                    assert!(read > 0, "it reads, and is cut");
                    self.arrived[at].fetch_add(read as u64, Ordering::Relaxed);
                }
                // The sources rest.
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
            }
        }
    }

    /// Until more comes than goes.
    fn wait_until_much_waits(&self) {
        let began = Instant::now();
        while self.counted("dropped") == 0 && self.counted("queue_bytes") < 1024 * 1024 {
            assert!(began.elapsed() < 3 * DEADLINE, "nothing waits: {:#}", self.network.relay(0).asked());
            thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// What the first relay has counted of the second one.
    fn counted(&self, field: &str) -> u64 {
        let status: Value = self.network.relay(0).asked();
        peer_of(&status, 1)[field].as_u64().unwrap()
    }

    fn arrived(&self) -> Vec<u64> {
        self.arrived.iter().map(|arrived| arrived.load(Ordering::Relaxed)).collect()
    }
}

/// The end of the floods.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn channel(at: usize) -> String {
    format!("flood.{at}")
}

/// One message after the other, over the link on which the flood is: none is lost, and how long one takes at the most.
fn slowest_of_fifty(source: &mut Client, listener: &mut Client) -> Duration {
    let mut slowest = Duration::ZERO;
    for number in 0..50 {
        let began = Instant::now();
        source.publish("quiet", json!(number));
        listener.expect_publish("quiet", json!(number));
        slowest = slowest.max(began.elapsed());
    }
    slowest
}

#[test]
fn a_quiet_channel_beside_floods_on_the_same_link() {
    for [floods, listeners, bytes] in [[1, 60, 8000], [2, 30, 40_000]] {
        Floods::beside([floods, listeners, bytes], |flood| {
            let [mut source, mut listener] = [0, 1].map(|at| flood.network.relay(at).client());
            listener.subscribe("quiet");
            let (slowest, dropped) = (slowest_of_fifty(&mut source, &mut listener), flood.counted("dropped"));
            println!("{floods} floods of {bytes} bytes to {listeners}: {slowest:?}, {dropped} of the floods dropped");
            assert!(slowest < QUIET_MAX, "{slowest:?}");
        });
    }
}

/// What they have sent, and what was dropped, is what they have published.
#[test]
fn two_floods_share_a_link() {
    Floods::beside([2, 20, 8000], |flood| {
        let (began, before) = (Instant::now(), flood.arrived());
        let parts = loop {
            let parts: Vec<u64> = flood.arrived().iter().zip(&before).map(|(now, before)| now - before).collect();
            if parts.iter().sum::<u64>() > 500_000_000 {
                break parts;
            }
            assert!(began.elapsed() < 3 * DEADLINE, "{parts:?}");
            thread::park_timeout(Duration::from_millis(10));
        };
        println!("{parts:?} in {:?}", began.elapsed());
        assert!(parts[0] * 4 > parts[1] && parts[1] * 4 > parts[0], "{parts:?}");
    });
}

/// All that it has published is accounted for at the end: what has come, and what the first relay has dropped.
#[test]
fn what_a_flood_loses_is_counted() {
    Floods::beside([1, 40, 8000], |flood| {
        flood.rests.store(true, Ordering::Relaxed);
        wait_until_interest_is_right(flood.network);
        let began = Instant::now();
        let is_sent = || {
            let of =
                |at: usize, field: &str| peer_of(&flood.network.relay(at).asked(), 1 - at)[field].as_u64().unwrap();
            let published = flood.published[0].load(Ordering::Relaxed);
            // What the harness has published to find the relays linked is beside it.
            of(0, "queue_bytes") == 0
                && of(0, "sent") + of(0, "dropped") >= published
                && of(0, "sent") == of(1, "received")
        };
        while !is_sent() {
            let statuses = || flood.network.relays().iter().map(|relay| relay.asked()["relays"].clone());
            let published = &flood.published;
            assert!(began.elapsed() < DEADLINE / 2, "{published:?}: {:#?}", statuses().collect::<Vec<_>>());
            thread::park_timeout(Duration::from_millis(20));
        }
        assert_eq!(["lost", "too_large"].map(|field| flood.counted(field)), [0, 0]);
    });
}
