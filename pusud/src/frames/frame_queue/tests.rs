//! Queues whose costs are reckoned, and of which a part is dropped.

use super::*;
use crate::frames::mark::{self, Mark};
use crate::frames::{frame, publication};

#[test]
fn many_small_frames_cost_what_they_take() {
    let before = queued_memory::held();
    let mut queue = FrameQueue::default();
    for _ in 0..1000 {
        queue.push(Frames::from(vec![0x8a, 0]));
    }
    let held = queued_memory::held() - before;
    assert!(held <= queue.cost() + 1000, "{held} bytes are held and {} are counted", queue.cost());
    queue.advance(1999);
    assert!(!queue.is_empty() && queue.cost() == 1);
    queue.advance(1);
    assert!(queue.is_empty() && queue.front().is_none());
    assert_eq!(queued_memory::held(), before);
}

#[test]
fn what_has_begun_to_leave_is_not_dropped() {
    let mut queue = FrameQueue::default();
    (0..3).for_each(|_| queue.push(Frames::from(vec![0; 10]).of_messages(2)));
    queue.advance(4);
    assert_eq!((queue.drop_unsent(), queue.cost()), (Dropped { messages: 4, bytes: 20 }, 6));
    assert_eq!(queue.front().map(<[u8]>::len), Some(6));
    assert!(queue.behind().is_none());
}

#[test]
fn a_short_answer_of_which_half_has_left_is_no_publication() {
    // It was taken for a frame of a WebSocket once, which ends behind the bytes that there are.
    for bytes in [&b":\n\n"[..], b"event: a\ndata: 1\n\n", b"HTTP/1.1 204 No Content\r\n\r\n", b"\n\n\x81\x7f"] {
        let mut queue = FrameQueue::default();
        queue.push(Frames::from(bytes));
        queue.advance(1);
        assert_eq!(queue.half_sent(), Dropped { messages: 0, bytes: bytes.len() - 1 });
    }
}

#[test]
fn publications_of_a_channel_are_dropped_but_for_what_has_begun_to_leave() {
    let before = queued_memory::held();
    let run = |channel, contents: &[&str]| {
        let mut out = Vec::new();
        contents.iter().for_each(|content| publication::push_publish(&mut out, channel, content));
        Frames::from(out)
    };
    let all = [run("a", &["1", "22", "333"]), run("b", &["4"]), run("a", &["5"]), frame::ping()];
    let first = mark::end_of_frame(&all[0], 1);
    for (written, kept) in [
        (0, [&all[1][..], &all[3]].concat()),
        (first, [&all[1][..], &all[3]].concat()),
        (first + 3, [&all[0][first + 3..mark::end_of_frame(&all[0], first + 3)], &all[1], &all[3]].concat()),
    ] {
        let mut queue = FrameQueue::default();
        all.iter().for_each(|frames| queue.push(frames.clone()));
        queue.advance(written);
        let bytes: usize = all.iter().map(|frames| frames.len()).sum();
        assert_eq!(queue.drop_marked(&Mark::of(Some("a"))), bytes - written - kept.len());
        let mut left = queue.front().unwrap().to_vec();
        queue.behind().into_iter().flatten().for_each(|frames| left.extend_from_slice(frames));
        assert_eq!(left, kept, "{written}");
        assert_eq!(queue.bytes as usize, kept.len());
        queue.advance(kept.len());
        assert!(queue.is_empty());
    }
    drop(all);
    assert_eq!(queued_memory::held(), before);
}

#[test]
fn what_does_not_count_still_does_not_when_others_are_dropped() {
    let run = |channel| {
        let mut out = Vec::new();
        publication::push_publish(&mut out, channel, &format!("\"{}\"", "x".repeat(1000)));
        Frames::from(out)
    };
    for written in [0, 5] {
        let mut queue = FrameQueue::default();
        (0..4).for_each(|at| queue.push_free(run(["a", "b"][at % 2])));
        queue.push(run("c"));
        queue.advance(written);
        let (cost, free) = (queue.cost(), queue.free_bytes());
        queue.drop_marked(&Mark::of(Some("b")));
        assert_eq!(queue.free_bytes(), free - 2 * run("b").len(), "{written}");
        // But for one place.
        assert!(queue.cost() - cost <= FRAMES_BYTES, "{written}: {} after {cost}", queue.cost());
        queue.drop_marked(&Mark::of(Some("a")));
        assert!(queue.cost() >= cost && queue.free_bytes() <= run("a").len(), "{written}");
    }
}

#[test]
fn a_part_is_small_where_many_share() {
    let frames = Frames::from(vec![0; 10_000]);
    let queues: Vec<_> = (0..99)
        .map(|_| {
            let mut queue = FrameQueue::default();
            queue.push(frames.clone());
            queue
        })
        .collect();
    assert!(queues[0].part() < 200 && queues[0].cost() == 10_000);
}
