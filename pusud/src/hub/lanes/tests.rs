//! Lanes beside the simplest thing that could take their place: one list, first come, first served.

use super::*;
use proptest::prelude::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// An outbox without a socket.
#[derive(Default)]
struct Entry {
    lanes: Cell<u8>,
    is_urgent: Cell<bool>,
    waiting: RefCell<Vec<u32>>,
    sent: RefCell<Vec<u32>>,
}

impl Marked for Rc<Entry> {
    fn mark(&self, lane: Lane) -> bool {
        let bit = 1 << lane.index();
        self.lanes.replace(self.lanes.get() | bit) & bit == 0
    }

    fn is_urgent(&self) -> bool {
        self.is_urgent.get()
    }
}

fn flush(entry: &Rc<Entry>, lane: Lane) -> usize {
    entry.lanes.set(entry.lanes.get() & !(1 << lane.index()));
    let frames = std::mem::take(&mut *entry.waiting.borrow_mut());
    let bytes = frames.len() * 1000;
    entry.sent.borrow_mut().extend(frames);
    bytes
}

#[derive(Debug, Clone)]
enum Step {
    /// A publication goes to the entries from here on, so many of them.
    Publish {
        from: usize,
        listeners: usize,
    },
    /// An entry closes.
    Close(usize),
    Turn,
}

const ENTRIES: usize = 400;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..ENTRIES, prop_oneof![1..20usize, 1..ENTRIES])
            .prop_map(|(from, listeners)| Step::Publish { from, listeners }),
        1 => (0..ENTRIES).prop_map(Step::Close),
        3 => Just(Step::Turn),
    ];
    proptest::collection::vec(step, 0..60)
}

proptest! {
    /// Whatever is pushed leaves in the order of the pushes, once, and all of it; nobody stands twice in a lane; and an
    /// entry that was pushed to in an emptied lane has nothing left of that.
    #[test]
    fn lanes_do_what_one_list_does(steps in steps()) {
        let entries: Vec<_> = (0..ENTRIES).map(|_| Rc::new(Entry::default())).collect();
        let mut expected = vec![Vec::new(); ENTRIES];
        let mut lanes = Lanes::default();
        let mut number = 0;
        for step in steps {
            match step {
                Step::Publish { from, listeners } => {
                    number += 1;
                    for at in (from..from + listeners).map(|at| at % ENTRIES) {
                        entries[at].waiting.borrow_mut().push(number);
                        expected[at].push(number);
                        lanes.mark(&entries[at], Lane::of(listeners));
                    }
                    lanes.published(Lane::of(listeners));
                }
                Step::Close(at) => entries[at].is_urgent.set(true),
                Step::Turn => lanes.take_turn(|entry, lane| flush(&entry, lane)),
            }
            for lane in Lane::all() {
                let marked = &lanes.lists[lane.index()].entries;
                let standing = entries.iter().filter(|entry| entry.lanes.get() & (1 << lane.index()) != 0).count();
                prop_assert_eq!(marked.len(), standing, "as many as say that they stand there, so each once");
            }
            for entry in entries.iter().filter(|entry| entry.lanes.get() == 0) {
                prop_assert!(entry.waiting.borrow().is_empty(), "it stands nowhere, and something waits for it");
            }
        }
        while !lanes.are_empty() {
            lanes.take_turn(|entry, lane| flush(&entry, lane));
        }
        for (entry, expected) in entries.iter().zip(expected) {
            prop_assert_eq!(&*entry.sent.borrow(), &expected);
        }
    }
}

#[test]
fn few_listeners_do_not_wait_behind_many() {
    let many: Vec<_> = (0..10_000).map(|_| Rc::new(Entry::default())).collect();
    let few = Rc::new(Entry::default());
    let mut lanes = Lanes::default();
    many.iter().for_each(|entry| lanes.mark(entry, Lane::of(many.len())));
    lanes.mark(&few, Lane::FIRST);
    let (mut flushed, mut position) = (0, None);
    lanes.take_turn(|entry, lane| {
        flushed += 1;
        if Rc::ptr_eq(&entry, &few) {
            position = Some(flushed);
        }
        flush(&entry, lane)
    });
    assert_eq!((flushed, position), (TURN_ENTRIES_MAX, Some(1)));
}

/// Replies are marked without room and without end: they must not keep a lane from being found flushed.
#[test]
fn replies_without_pause_do_not_hold_a_lane_up() {
    let listener = Rc::new(Entry::default());
    let mut lanes = Lanes::default();
    let many = || (0..2 * TURN_ENTRIES_MAX).map(|_| Rc::new(Entry::default()));
    many().for_each(|entry| lanes.mark(&entry, Lane::FIRST));
    lanes.mark(&listener, Lane::FIRST);
    lanes.published(Lane::FIRST);
    let mut turns = 0;
    while !lanes.are_flushed(Lane::FIRST) {
        lanes.take_turn(|entry, lane| flush(&entry, lane));
        many().for_each(|entry| lanes.mark(&entry, Lane::FIRST));
        turns += 1;
    }
    assert_eq!(turns, 3);
    assert!(!lanes.are_empty());
}

#[test]
fn a_turn_ends_when_enough_bytes_were_written() {
    let entries: Vec<_> = (0..10).map(|_| Rc::new(Entry::default())).collect();
    let mut lanes = Lanes::default();
    entries.iter().for_each(|entry| lanes.mark(entry, Lane::FIRST));
    let mut flushed = 0;
    lanes.take_turn(|entry, lane| {
        flush(&entry, lane);
        flushed += 1;
        TURN_BYTES_MAX / 2
    });
    assert_eq!(flushed, 2);
}
