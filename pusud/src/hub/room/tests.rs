//! Rooms beside the promises that they make.

use super::*;
use crate::routing::{self, Inbox, InboxSender, ShardIndexView};
use proptest::prelude::*;
use std::sync::Arc;

const ROOM: usize = 1000;

fn alone() -> Outgoing {
    let (sender, _inbox) = routing::inbox();
    Outgoing::of_shard(0, vec![sender], None)
}

fn rooms() -> Rooms {
    Rooms::new(ROOM, 1)
}

fn room_of(waiter: &Waiter) -> Option<usize> {
    match waiter.poll(&Context::from_waker(Waker::noop())) {
        Poll::Ready((_, room)) => Some(room),
        Poll::Pending => None,
    }
}

fn to_few(rooms: &Rooms, bytes: usize) -> Need {
    rooms.need(bytes, 1, ShardSet::default())
}

#[test]
fn who_waits_is_served_first_come_first_served_in_equal_parts() {
    let (mut rooms, outgoing) = (rooms(), alone());
    let need = to_few(&rooms, 100);
    assert!(rooms.is_free(&need, &outgoing));
    (0..10).for_each(|_| rooms.take(&need));
    assert!(!rooms.is_free(&need, &outgoing), "it is full");
    let waiters: Vec<_> = (0..4).map(|_| rooms.wait(need)).collect();
    rooms.grant(Lane::FIRST, usize::MAX, &outgoing);
    assert!(waiters.iter().all(|waiter| room_of(waiter).is_none()));
    rooms.flushed(Lane::FIRST);
    assert!(!rooms.is_free(&need, &outgoing), "others wait");
    rooms.grant(Lane::FIRST, usize::MAX, &outgoing);
    assert_eq!(waiters.iter().map(|waiter| room_of(waiter)).collect::<Vec<_>>(), [Some(ROOM / 4); 4]);
    let late = rooms.wait(need);
    rooms.grant(Lane::FIRST, usize::MAX, &outgoing);
    assert_eq!(room_of(&late), None);
    rooms.give_back(Lane::FIRST, ROOM / 4);
    rooms.grant(Lane::FIRST, usize::MAX, &outgoing);
    assert_eq!(room_of(&late), Some(ROOM / 4), "what one does not use is for the next");
}

#[test]
fn who_gives_up_holds_nobody_up() {
    let (mut rooms, outgoing) = (rooms(), alone());
    let need = to_few(&rooms, 600);
    rooms.take(&need);
    let waiters: Vec<_> = (0..3).map(|_| rooms.wait(need)).collect();
    assert!(waiters[0].give_up().is_none());
    rooms.flushed(Lane::FIRST);
    rooms.grant(Lane::FIRST, usize::MAX, &outgoing);
    assert_eq!(waiters[1].give_up(), Some((Lane::FIRST, 600)), "it was granted and did not take it");
    rooms.give_back(Lane::FIRST, 600);
    rooms.grant(Lane::FIRST, usize::MAX, &outgoing);
    assert_eq!(room_of(&waiters[2]), Some(ROOM));
    assert!(!rooms.anybody_waits());
}

#[test]
fn a_publication_larger_than_the_room_is_alone_in_the_shard_and_starves_nobody() {
    let (mut rooms, outgoing) = (rooms(), alone());
    let many = Lane::of(1000);
    let large = to_few(&rooms, 5 * ROOM);
    let large_to_many = rooms.need(5 * ROOM, 1000, ShardSet::default());
    assert!(rooms.is_free(&large, &outgoing));
    rooms.take(&large);
    assert!(!rooms.is_free(&large_to_many, &outgoing) && !rooms.fits(&large_to_many));
    let waiters = [rooms.wait(large), rooms.wait(large_to_many)];
    rooms.flushed(Lane::FIRST);
    assert!(!rooms.is_free(&large, &outgoing), "somebody waits, in whatever lane");
    rooms.grant(many, usize::MAX, &outgoing);
    rooms.grant(Lane::FIRST, usize::MAX, &outgoing);
    assert_eq!(waiters.each_ref().map(|waiter| room_of(waiter)), [None, Some(large_to_many.cost)]);
    rooms.take_granted(&large_to_many);
    rooms.flushed(many);
    rooms.grant(Lane::FIRST, usize::MAX, &outgoing);
    assert_eq!(room_of(&waiters[0]), Some(large.cost));
}

#[test]
fn lanes_have_rooms_of_their_own_and_very_many_listeners_make_a_publication_dear() {
    let (mut rooms, outgoing) = (rooms(), alone());
    let hot = rooms.need(100, 10 * FAN_OUT_BYTES_MAX / ROOM, ShardSet::default());
    assert_eq!(hot.cost, 10 * 100);
    rooms.take(&hot);
    assert!(!rooms.is_free(&hot, &outgoing) && rooms.is_free(&to_few(&rooms, 100), &outgoing));
}

#[tokio::test]
async fn a_full_inbox_holds_up_those_alone_who_publish_to_it_and_keeps_their_order() {
    let (inboxes, mut receivers): (Vec<InboxSender>, Vec<Inbox>) = (0..3).map(|_| routing::inbox()).unzip();
    let index = Arc::new(crate::routing::ShardIndex::default());
    index.announce(1, "full");
    index.announce(2, "free");
    let mut view = ShardIndexView::new(index);
    let [full, free] = ["full", "free"].map(|channel| view.shards_of(channel));
    let mut outgoing = Outgoing::of_shard(0, inboxes.clone(), None);
    let frames = vec![0; routing::SHARE_BYTES_MAX];
    let share = Share::of(Lane::FIRST);
    outgoing.push(
        full,
        &crate::routing::Publications { channel: "full", frames: &frames, messages: 1, share, history: None },
    );
    outgoing.send(None);
    let mut rooms = Rooms::new(ROOM, 3);
    let need = |rooms: &Rooms, members| rooms.need(100, 0, members);
    assert!(!rooms.is_free(&need(&rooms, full), &outgoing) && rooms.is_free(&need(&rooms, free), &outgoing));
    let held_up = [rooms.wait(need(&rooms, full)), rooms.wait(need(&rooms, full))];
    let other = rooms.wait(need(&rooms, free));
    assert!(rooms.grant(Lane::FIRST, usize::MAX, &outgoing).1, "some are held up");
    assert!(room_of(&other).is_some() && held_up.iter().all(|waiter| room_of(waiter).is_none()));
    assert_eq!(rooms.held_up().collect::<Vec<_>>(), [(1, Lane::FIRST)]);
    for item in receivers[1].next().await {
        inboxes[1].release(crate::routing::Weighed::batch(&item).unwrap().by_share());
    }
    assert!(!rooms.is_free(&need(&rooms, full), &outgoing), "those who were held up go before");
    let late = rooms.wait(Need { cost: ROOM, ..need(&rooms, free) });
    rooms.let_on(1, Lane::FIRST);
    rooms.flushed(Lane::FIRST);
    rooms.give_back(Lane::FIRST, rooms.lanes[0].reserved);
    rooms.grant(Lane::FIRST, usize::MAX, &outgoing);
    assert!(held_up.iter().all(|waiter| room_of(waiter).is_some()) && room_of(&late).is_none());
}

#[derive(Debug, Clone)]
enum Step {
    Publish {
        bytes: usize,
        listeners: usize,
    },
    /// Whoever has been granted room, of those who wait, uses it.
    Use,
    GiveUp(usize),
    Empty(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (prop_oneof![1..50usize, 1..4 * ROOM], prop_oneof![Just(1usize), Just(20), Just(300), Just(5000)])
            .prop_map(|(bytes, listeners)| Step::Publish { bytes, listeners }),
        3 => Just(Step::Use),
        1 => (0..9usize).prop_map(Step::GiveUp),
        3 => (0..LANES).prop_map(Step::Empty),
    ];
    proptest::collection::vec(step, 0..120)
}

proptest! {
    /// Between two moments in which all lanes are empty, or in which one lane is emptied, no more than a room is
    /// published in it, but for one publication in all; and in the end everybody who waits has had a turn.
    #[test]
    fn no_more_than_a_room_a_lane_and_one_publication(steps in steps()) {
        let (mut rooms, outgoing) = (rooms(), alone());
        let mut published = [0usize; LANES];
        let mut waiting: Vec<(Need, Rc<Waiter>)> = Vec::new();
        let use_granted = |rooms: &mut Rooms, waiting: &mut Vec<(Need, Rc<Waiter>)>, published: &mut [usize; LANES]| {
            waiting.retain(|(need, waiter)| {
                let Some(room) = room_of(waiter) else { return true };
                rooms.take_granted(need);
                published[need.lane.index()] += need.bytes;
                rooms.give_back(need.lane, room - need.cost);
                false
            });
        };
        for step in steps {
            match step {
                Step::Publish { bytes, listeners } => {
                    let need = rooms.need(bytes, listeners, ShardSet::default());
                    if rooms.is_free(&need, &outgoing) {
                        rooms.take(&need);
                        published[need.lane.index()] += bytes;
                    } else {
                        waiting.push((need, rooms.wait(need)));
                    }
                }
                Step::Use => use_granted(&mut rooms, &mut waiting, &mut published),
                Step::GiveUp(at) if at < waiting.len() => {
                    let (_, waiter) = waiting.remove(at);
                    if let Some((lane, room)) = waiter.give_up() {
                        rooms.give_back(lane, room);
                    }
                }
                Step::GiveUp(_) => {}
                Step::Empty(at) => {
                    let lane = Lane::in_turn(at);
                    rooms.flushed(lane);
                    published[at] = 0;
                }
            }
            for lane in Lane::all() {
                assert!(!rooms.grant(lane, usize::MAX, &outgoing).1, "there is no other inbox");
            }
            let past: Vec<usize> = published.iter().copied().filter(|&bytes| bytes > ROOM).collect();
            prop_assert!(past.len() <= 1, "{published:?}");
            prop_assert!(past.iter().all(|&bytes| bytes <= 4 * ROOM), "one publication alone: {published:?}");
        }
        for turn in 0..LANES * (waiting.len() + 1) {
            use_granted(&mut rooms, &mut waiting, &mut published);
            Lane::all().for_each(|lane| rooms.flushed(lane));
            for at in 0..LANES {
                rooms.grant(Lane::in_turn(turn + at), usize::MAX, &outgoing);
            }
        }
        prop_assert!(waiting.is_empty(), "{} still wait", waiting.len());
    }
}
