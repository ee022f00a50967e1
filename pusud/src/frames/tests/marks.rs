//! Marks tell a channel's frames and events from others; they are counted, and their ends are found.

use super::{channel, made, run};
use crate::frames::event_stream::{self, EventBody};
use crate::frames::mark::{Mark, count_publications, count_publications_behind, end_of_frame};
use crate::frames::publication::{push_gap, push_publish, push_publish_at};
use crate::frames::{Dropped, FrameQueue, Frames, close, ping, text};
use crate::protocol::Disconnect;
use proptest::prelude::*;

#[test]
fn publications_are_known_by_their_mark() {
    let mut frames = Vec::new();
    ["1", "22", &"3".repeat(70_000)].iter().for_each(|content| push_publish(&mut frames, "a\"b", content));
    assert!(Mark::of(None).is_on(&frames) && Mark::of(Some("a\"b")).is_on(&frames));
    assert!(!Mark::of(Some("a\"")).is_on(&frames) && !Mark::of(Some("a")).is_on(&frames));
    let event = |name| event_stream::event_with_id(EventBody::Plain, name, "p", br#"{"channel":"a"}"#);
    let gap_without_id = event_stream::event(EventBody::Plain, "gap", br#"{"channel":"a"}"#);
    assert!(Mark::of(Some("a")).is_on(&event("gap")) && Mark::of(Some("a")).is_on(&gap_without_id));
    for other in [
        ping(),
        close(Disconnect::SlowConsumer),
        text(br#"{"type":"subscribe_ok","channel":"a","position":"p"}"#),
        event("subscribed"),
        event("gaps"),
        Frames::from(&b"id: p"[..]),
    ] {
        assert!(!Mark::of(None).is_on(&other) && !Mark::of(Some("a")).is_on(&other));
        assert_eq!(count_publications(&other), 0);
    }
    let ends = [1, 2].map(|at| end_of_frame(&frames, at));
    assert_eq!((ends[0], end_of_frame(&frames, ends[0])), (ends[1], ends[0]));
    assert_eq!(end_of_frame(&frames, ends[0] + 1), ends[0] + 1 + (ends[0]));
    assert_eq!(end_of_frame(&frames, frames.len()), frames.len());
}

#[test]
fn publications_are_counted_by_their_bytes() {
    for count in [1, 2, 7] {
        let mut frames = Vec::new();
        (0..count).for_each(|n| push_publish(&mut frames, "a", &"1".repeat(1 + 40 * n)));
        assert_eq!(count_publications(&frames), count as u64);
        for body in [EventBody::Chunks, EventBody::Plain] {
            let events = event_stream::publication_events(body, "a", &frames);
            assert_eq!(count_publications(&events), count as u64, "{body:?}");
            assert_eq!(count_publications(&event_stream::comment(body)), 0, "{body:?}");
        }
    }
    assert_eq!(count_publications(&Frames::from(vec![])), 0);
}

#[test]
fn gaps_of_a_channel_are_dropped_with_its_publications() {
    let run = |push: fn(&mut Vec<u8>)| {
        let mut frames = Vec::new();
        push(&mut frames);
        Frames::from(frames)
    };
    let all = [
        run(|out| push_gap(out, "a", "p1")),
        run(|out| push_publish_at(out, "a", "p2", "1")),
        run(|out| push_gap(out, "a\"", "p1")),
        run(|out| push_publish_at(out, "a\"", "p2", "1")),
    ];
    for body in [None, Some(EventBody::Chunks), Some(EventBody::Plain)] {
        let (mut queue, mut kept) = (FrameQueue::default(), Vec::new());
        for (frames, channel) in all.iter().zip(["a", "a", "a\"", "a\""]) {
            let frames = match body {
                Some(body) => event_stream::publication_events(body, channel, frames),
                None => frames.clone(),
            };
            if channel != "a" {
                kept.extend_from_slice(&frames);
            }
            queue.push(frames);
        }
        queue.drop_marked(&Mark::of(Some("a")));
        let mut left = queue.front().unwrap().to_vec();
        queue.behind().into_iter().flatten().for_each(|frames| left.extend_from_slice(frames));
        assert_eq!(left, kept, "{body:?}");
        queue.drop_marked(&Mark::of(None));
        assert!(queue.is_empty(), "{body:?}");
    }
}

/// Who is sent what it has missed of two channels, and may not read one of them any more, is not slow for the other one.
#[test]
fn what_does_not_count_does_not_when_something_is_dropped() {
    let mut queue = FrameQueue::default();
    let frames = |channel| {
        let mut out = Vec::new();
        push_publish(&mut out, channel, &"1".repeat(1000));
        Frames::from(out)
    };
    let counted = frames("b").len() + 64;
    queue.push(frames("b"));
    (0..10).for_each(|_| ["a", "b"].iter().for_each(|channel| queue.push_free(frames(channel))));
    queue.push(frames("b"));
    let before = queue.cost();
    assert!(before <= 2 * counted, "{before}");
    queue.advance(10);
    queue.drop_marked(&Mark::of(Some("a")));
    assert!(queue.cost() <= before, "{}", queue.cost());
    queue.push(frames("b"));
    assert!(queue.cost() <= before + counted, "{}", queue.cost());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn marks_counts_and_ends_agree(channel in channel(), other in channel(), all in made(), cut in any::<prop::sample::Index>()) {
        let (frames, ends) = run(&channel, &all);
        let gaps = all.iter().filter(|made| made.is_gap()).count();
        for body in [None, Some(EventBody::Chunks), Some(EventBody::Plain)] {
            let as_events = |frames: &[u8]| match body {
                Some(body) => event_stream::publication_events(body, &channel, frames).to_vec(),
                None => frames.to_vec(),
            };
            let bytes = as_events(&frames);
            let ends: Vec<_> = ends.iter().map(|end| as_events(&frames[..*end]).len()).collect();
            prop_assert!(Mark::of(None).is_on(&bytes) && Mark::of(Some(&channel)).is_on(&bytes));
            prop_assert_eq!(Mark::of(Some(&other)).is_on(&bytes), channel == other);
            prop_assert_eq!(count_publications(&bytes), (all.len() - gaps) as u64);
            let at = cut.index(bytes.len()) + 1;
            prop_assert_eq!(Some(&end_of_frame(&bytes, at)), ends.iter().find(|end| **end >= at));
            let behind = all.iter().zip(&ends).filter(|(made, end)| !made.is_gap() && **end > at).count() as u64;
            prop_assert_eq!(count_publications_behind(&bytes, at), behind);

            let mut queue = FrameQueue::default();
            queue.push(Frames::from(&bytes[..]).of_messages((all.len() - gaps) as u64));
            queue.advance(at);
            if at < bytes.len() {
                prop_assert_eq!(queue.half_sent(), Dropped { messages: behind, bytes: bytes.len() - at });
                queue.drop_marked(&Mark::of(Some(&channel)));
                prop_assert_eq!(queue.front().map_or(0, <[u8]>::len), end_of_frame(&bytes, at) - at);
            }
        }
    }
}
