//! Crowds that come and go at random while several sources publish at once: each listener accounts for every message, none twice,
//! each source in order, and none missing that was not told.

use crate::harness::{Client, Daemon, Setup};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

crate::on_1_and_3_shards!(with_history: everybody_has_every_message);

const SOURCES: usize = 4;
const LISTENERS: usize = 16;
const CHANNEL: &str = "h.crowd";
/// Longer than any pause of a source.
const SILENCE: Duration = Duration::from_secs(15);

/// On several shards, each of which publishes and has listeners that leave at any moment:
/// - shard A takes number 5, B takes 6, and C gets 6 first, with a position that says 5 too: whoever left then lost 5, or got it
///   twice. So runs are handed over under the log's lock;
/// - A takes 6 and delivers it while B's 5 waits in A's inbox: position 6 says 5 too. So A's own inbox counts;
/// - somebody joins at 6 while 5 and 6 wait in the inbox of its shard: both came twice. So a join is behind what waits.
fn everybody_has_every_message(daemon: Daemon) {
    let told = run_crowd(&daemon, 1500);
    assert_eq!(told, 0, "nobody has to be told of anything");
    daemon.expect_nobody_disconnected();
}

/// With a ring that is too small for who is away for long.
#[test]
fn who_is_away_too_long_is_told() {
    for shards in [1, 3] {
        let daemon = Setup::on_shards(shards).history(40, "10min").start();
        let told = run_crowd(&daemon, 700);
        assert!(told > 0, "nobody was told");
    }
}

/// Returns how often a listener was told that something is lost.
fn run_crowd(daemon: &Daemon, each: u64) -> usize {
    let [started, ended, told] = [const { AtomicUsize::new(0) }; 3];
    thread::scope(|scope| {
        for number in 0..LISTENERS {
            let (started, ended, told) = (&started, &ended, &told);
            scope.spawn(move || {
                let mut listener = Returning::new(number as u64);
                let mut client = listener.come(daemon);
                started.fetch_add(1, Ordering::Relaxed);
                while !listener.has_all(each, ended.load(Ordering::Relaxed) == SOURCES) {
                    client = listener.visit(daemon, client);
                }
                // Nothing comes a second time.
                while let Some(message) = client.next_json_within(Duration::from_millis(300)) {
                    listener.hear(message);
                }
                told.fetch_add(listener.told, Ordering::Relaxed);
            });
        }
        for source in 0..SOURCES {
            let (started, ended) = (&started, &ended);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(source as u64);
                let mut client = daemon.client();
                let began = Instant::now();
                while started.load(Ordering::Relaxed) < LISTENERS {
                    assert!(began.elapsed() < SILENCE, "the listeners do not come");
                    thread::yield_now();
                }
                for number in 0..each {
                    client.publish(CHANNEL, json!([source, number]));
                    if random.u8(..) < 4 {
                        // Other channels, and a pause in which what was sent is handled.
                        client.publish("h.other", json!(number));
                        client.expect_no_answer();
                    }
                }
                client.expect_no_answer();
                ended.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    told.into_inner()
}

/// A listener over all its connections.
struct Returning {
    random: fastrand::Rng,
    /// `None` before its first visit.
    position: Option<String>,
    /// By source: what comes next.
    next: [u64; SOURCES],
    /// By source: something may be lost before the next one.
    may_be_lost: [bool; SOURCES],
    told: usize,
}

impl Returning {
    fn new(seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self { random, position: None, next: [0; SOURCES], may_be_lost: [false; SOURCES], told: 0 }
    }

    /// Whether it has everything, or was told that the last ones may be lost, and no more come.
    fn has_all(&self, each: u64, is_over: bool) -> bool {
        let mut sources = self.next.iter().zip(self.may_be_lost);
        sources.all(|(&next, may_be_lost)| next == each || may_be_lost && is_over)
    }

    /// Comes with a new connection.
    fn come(&mut self, daemon: &Daemon) -> Client {
        let mut client = daemon.client();
        self.subscribe(&mut client);
        client
    }

    fn subscribe(&mut self, client: &mut Client) {
        let Some(position) = &self.position else {
            self.position = Some(client.subscribe_at(CHANNEL));
            return;
        };
        let joined = client.subscribe_since(CHANNEL, position);
        if joined.recovered == Some(true) {
            for _ in 0..joined.missed.unwrap().min(self.random.u64(..)) {
                self.hear(client.next_json());
            }
        } else {
            self.told += 1;
            self.may_be_lost = [true; SOURCES];
            self.position = joined.position;
        }
    }

    /// Hears some, and leaves or stays.
    fn visit(&mut self, daemon: &Daemon, mut client: Client) -> Client {
        for _ in 0..self.random.u32(1..200) {
            match client.next_json_within(Duration::from_millis(200)) {
                Some(message) => self.hear(message),
                None => break,
            }
        }
        match self.random.u8(..) {
            // It stays.
            0..60 => client,
            60..120 => {
                client.unsubscribe(CHANNEL);
                // What was on its way comes before the answer to a ping, and is heard too.
                client.send_message(tokio_tungstenite::tungstenite::Message::Ping("now".into()));
                while let tokio_tungstenite::tungstenite::Message::Text(text) = client.next_message() {
                    self.hear(serde_json::from_str(&text).unwrap());
                }
                self.subscribe(&mut client);
                client
            }
            120..200 => {
                drop(client);
                self.come(daemon)
            }
            _ => {
                drop(client);
                // Away for some time.
                thread::sleep(Duration::from_millis(self.random.u64(..100)));
                self.come(daemon)
            }
        }
    }

    fn hear(&mut self, message: Value) {
        assert_eq!(message["type"], "publish", "{message}");
        let (source, number): (usize, u64) = serde_json::from_value(message["content"].clone()).unwrap();
        let next = &mut self.next[source];
        match std::mem::take(&mut self.may_be_lost[source]) {
            true => assert!(number >= *next, "{number} of source {source} came a second time"),
            false => assert_eq!(number, *next, "of source {source}"),
        }
        *next = number + 1;
        self.position = Some(message["position"].as_str().unwrap().to_owned());
    }
}
