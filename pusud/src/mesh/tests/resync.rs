//! Two relays that disagree about who listens where, which only a mistake in one of them can bring about: the next CHECK
//! shows it, everything is told anew, and the link goes on.

use super::links::{Connection, node};
use super::simulation::checker::{Checker, Start};
use super::simulation::relay::{self, Relay, name};
use super::simulation::wire::world;
use crate::mesh::wire::{self, Total, kind};
use crate::routing::{PeerState, PeerStatus};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};
use tokio::time::{Instant, sleep};

/// No frames.
const NOTHING: [u8; 0] = [];
/// Between two checks.
const CHECK_INTERVAL: Duration = Duration::from_secs(30);
/// More than a few frames take on the simulated wires.
const EXCHANGE_MAX: Duration = Duration::from_millis(500);

/// Has an end write what its link has to send, and take in what that is on the other side; gives the kinds of the frames.
fn say(connection: &mut Connection, from: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let end = &connection.0[from];
    end.node.mesh.borrow_mut().write(end.id, &mut out);
    let other = &mut connection.0[1 - from];
    other.receive(&out);
    let kinds = other.incoming.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(connection.talk(), None, "nothing of it is refused");
    kinds
}

/// What an end listens to, what the other one knows of that, and how often it had to be told again.
fn interest(connection: &Connection, of: usize) -> (Vec<Rc<str>>, Vec<Rc<str>>, u64) {
    let [own, other] = [of, 1 - of].map(|at| &connection.0[at]);
    let listens = own.node.mesh.borrow().table().iter().cloned().collect();
    let mut mesh = other.node.mesh.borrow_mut();
    let link = mesh.link(other.id).expect("it is up");
    (listens, link.announced.table().iter().cloned().collect(), link.account.traffic.resyncs)
}

#[test]
fn a_total_that_differs_is_answered_with_resync_and_that_with_a_new_snapshot() {
    for asked in [0, 1] {
        let nodes = [node("a", 1), node("b", 2)];
        let mut connection = Connection::new(&nodes[0], &nodes[1]);
        assert_eq!(connection.talk(), None);
        while [0, 1].map(|from| say(&mut connection, from)) != [NOTHING; 2] {}
        let everything = vec![Rc::from("a")];
        assert_eq!(interest(&connection, asked), (everything.clone(), everything.clone(), 0));

        // A check becomes another one on its way.
        let end = &connection.0[asked];
        end.node.mesh.borrow_mut().link(end.id).expect("it is up").owe(|duties| duties.check = true);
        end.node.mesh.borrow_mut().write(end.id, &mut Vec::new());
        let mut check = Vec::new();
        wire::check(&mut check, Total { count: 1, hash: 7 });
        connection.0[1 - asked].receive(&check);
        assert_eq!(connection.talk(), None);
        assert_eq!(say(&mut connection, 1 - asked), [kind::RESYNC]);
        assert_eq!(say(&mut connection, asked), [kind::SNAPSHOT, kind::SNAPSHOT_END]);
        assert_eq!(say(&mut connection, 1 - asked), [kind::ACKNOWLEDGE]);
        assert_eq!([0, 1].map(|from| say(&mut connection, from)), [NOTHING; 2], "that is all");
        assert_eq!(interest(&connection, asked), (everything.clone(), everything.clone(), 1));
        assert_eq!(interest(&connection, 1 - asked), (everything.clone(), everything, 0));

        // The true total is what the other side has.
        let end = &connection.0[asked];
        end.node.mesh.borrow_mut().link(end.id).expect("it is up").owe(|duties| duties.check = true);
        assert_eq!(say(&mut connection, asked), [kind::CHECK]);
        assert_eq!(say(&mut connection, 1 - asked), NOTHING);
        assert!(connection.is_up());
    }
}

fn wanted(relay: &Relay) -> BTreeSet<Box<str>> {
    relay.home.borrow().wanted.clone()
}

/// What a relay says of the only other one.
async fn peer(relay: &Relay, other: usize) -> PeerStatus {
    let peers = relay.status().await.peers;
    peers.into_iter().find(|peer| peer.name == Some(name(other))).unwrap_or_default()
}

/// On the way one channel becomes another: a relay sends what nobody wants, and does not send what somebody does.
async fn a_channel_arrives_as_another() {
    let (world, checker) = (world(7), Rc::new(RefCell::new(Checker::default())));
    let starts = [0, 1].map(|host| Start { host, boot: 1 });
    let [mut listening, publishing] = starts.map(|start| relay::start(&world, start, 2, 0, &checker));
    while peer(&listening, 1).await.state != PeerState::Linked || peer(&publishing, 0).await.state != PeerState::Linked
    {
        sleep(Duration::from_millis(10)).await;
    }
    world.borrow_mut().change(b"told", b"lost");
    let ticket = listening.subscribe("told");
    while !listening.is_settled(ticket) {
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(wanted(&publishing), BTreeSet::from(["lost".into()]));

    let began = Instant::now();
    while wanted(&publishing) != BTreeSet::from(["told".into()]) {
        assert!(began.elapsed() < CHECK_INTERVAL + EXCHANGE_MAX, "the interest is {:?}", wanted(&publishing));
        sleep(Duration::from_millis(10)).await;
    }
    let content = checker.borrow_mut().content(starts[1], "told", 0);
    assert!(publishing.publish("told", &content));
    sleep(EXCHANGE_MAX).await;
    assert_eq!(checker.borrow().last_arrived(starts[1], starts[0], "told"), 1);

    // All is right from here on, and the link is the first one still.
    sleep(CHECK_INTERVAL * 3).await;
    for (relay, other, resyncs) in [(&publishing, 0, 1), (&listening, 1, 0)] {
        let peer = peer(relay, other).await;
        assert_eq!((peer.state, peer.traffic.resyncs), (PeerState::Linked, resyncs), "{peer:?}");
        assert!(peer.linked_for > Some(began.elapsed()), "{peer:?}");
    }
}

#[test]
fn interest_that_has_become_wrong_on_its_way_is_right_after_the_next_check() {
    let runtime =
        Builder::new_current_thread().enable_time().start_paused(true).build_local(LocalOptions::default()).unwrap();
    runtime.block_on(a_channel_arrives_as_another());
}
