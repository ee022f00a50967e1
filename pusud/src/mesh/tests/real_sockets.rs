//! Two relays that begin to dial each other in the same moment, over TCP and each on a thread of its own, two hundred
//! times: each time one link remains, and messages cross it once.

use crate::config::PeerAddress;
use crate::frames;
use crate::mesh::{Network, Settings};
use crate::routing::{Batch, Door, Event, PeerState, PeerStatus, Publications, Share, Status, Ticket};
use std::net::TcpListener;
use std::sync::{Barrier, mpsc};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

const ROUNDS: usize = 200;
const MESSAGES: usize = 5;
const CHANNEL: &str = "a";
const DEADLINE: Duration = Duration::from_secs(20);

/// A relay with a listener on one channel.
struct Home(mpsc::Sender<String>);

impl Door for Home {
    fn announce(&mut self, _: &str) {}
    fn withdraw(&mut self, _: &str) {}
    fn has_listeners(&self, channel: &str) -> bool {
        channel == CHANNEL
    }
    fn channels(&self) -> Vec<Box<str>> {
        vec![CHANNEL.into()]
    }
    fn deliver(&mut self, _: &str, content: &str) {
        // The test may have seen enough.
        let _ = self.0.send(content.to_owned());
    }
    fn flush(&mut self) {}
    fn poll_room(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
    fn settled(&mut self, _: Ticket) {}
    fn passed(&mut self, _: Ticket) {}
}

/// A running network, as its relay has it.
struct Side {
    events: UnboundedSender<Event>,
    delivered: mpsc::Receiver<String>,
    ended: oneshot::Receiver<Status>,
}

impl Side {
    /// Starts when all who are at the barrier do.
    fn start(name: &str, listener: TcpListener, other: u16, together: &Barrier) -> Self {
        let (events, inbox) = unbounded_channel();
        let (home, delivered) = mpsc::channel();
        let settings = Settings {
            name: name.into(),
            network_name: "pusu".into(),
            relays: vec![PeerAddress { host: "127.0.0.1".into(), port: other }],
            keys: None,
            encryption: None,
            max_message_bytes: 1000,
        };
        let started = crate::peers::start_now(&settings.name, &settings.network_name).unwrap();
        let network = Network { settings, started, listener, door: Home(home), events: inbox };
        together.wait();
        Self { ended: network.start().unwrap(), events, delivered }
    }

    fn tell(&self, event: Event) {
        assert!(self.events.send(event).is_ok(), "the network has ended");
    }

    fn peers(&self) -> Vec<PeerStatus> {
        let (answer, status) = oneshot::channel();
        self.tell(Event::Status(answer));
        status.blocking_recv().unwrap().peers
    }

    fn wait_until_linked(&self) {
        let began = Instant::now();
        let is_linked = |peer: &PeerStatus| peer.state == PeerState::Linked && peer.interest == 1;
        while !self.peers().iter().all(is_linked) {
            assert!(began.elapsed() < DEADLINE, "{:?}", self.peers());
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn publish(&self, content: &str) {
        let (mut frames, mut batch) = (Vec::new(), Batch::default());
        frames::push_publish(&mut frames, CHANNEL, content);
        batch.push(&Publications {
            channel: CHANNEL,
            frames: &frames,
            messages: 1,
            share: Share::LINKS,
            history: None,
        });
        self.tell(Event::Publications(batch));
    }
}

#[test]
fn both_dial_at_once() {
    let began = Instant::now();
    for round in 0..ROUNDS {
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = [&listeners[0], &listeners[1]].map(|listener| listener.local_addr().unwrap().port());
        let [first, second] = listeners;
        let together = Barrier::new(2);
        let sides = thread::scope(|scope| {
            let other = scope.spawn(|| Side::start("second", second, ports[0], &together));
            [Side::start("first", first, ports[1], &together), other.join().unwrap()]
        });
        sides.iter().for_each(Side::wait_until_linked);
        for number in 0..MESSAGES {
            sides.iter().for_each(|side| side.publish(&number.to_string()));
        }
        for side in &sides {
            let got = |_| side.delivered.recv_timeout(DEADLINE).unwrap();
            let expected: Vec<String> = (0..MESSAGES).map(|number| number.to_string()).collect();
            assert_eq!((0..MESSAGES).map(got).collect::<Vec<_>>(), expected, "round {round}");
        }
        sides.iter().for_each(|side| side.tell(Event::Stop));
        for side in sides {
            let status = side.ended.blocking_recv().expect("the network ends well");
            // The peer is known under the address of the settings alone: this side's own connection has met it too, so
            // that there were two in every round.
            let [peer] = &status.peers[..] else { panic!("one relay is known, not {:?}", status.peers) };
            let traffic = peer.traffic;
            assert_eq!((traffic.sent, traffic.received), (MESSAGES as u64, MESSAGES as u64), "round {round}");
            assert_eq!((traffic.duplicates, traffic.gaps, traffic.resyncs), (0, 0, 0), "round {round}");
            assert_eq!(side.delivered.try_iter().count(), 0, "nothing comes twice, round {round}");
        }
    }
    println!("{ROUNDS} rounds took {:?}", began.elapsed());
}
