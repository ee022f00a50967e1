use super::*;
use crate::peers::Decoder;

/// A message of this kind, told apart by the text behind it.
fn message(kind: u8, text: &str, bytes: usize) -> Rc<[u8]> {
    let mut message = vec![kind, 0, 0, 0, 1];
    message.extend(text.as_bytes());
    message.resize(message.len() + bytes, b' ');
    message.into()
}

const PUBLICATIONS: u8 = 1;
const ENTRIES: u8 = 4;

fn publish(queue: &mut HistoryQueue, channel: &str, text: &str, bytes: usize) -> bool {
    queue.publish(channel, message(PUBLICATIONS, text, bytes))
}

/// All that is written in one go, and the bytes of it.
fn written(queue: &mut HistoryQueue) -> (Vec<String>, usize) {
    let (mut decoder, mut out, mut all) = (Decoder::default(), Vec::new(), Vec::new());
    queue.write(&mut out);
    decoder.feed(&out);
    while let Some((_, payload)) = decoder.next(usize::MAX).unwrap() {
        all.push(String::from_utf8(payload[5..].to_vec()).unwrap().trim().to_owned());
    }
    (all, out.len())
}

#[test]
fn channels_take_turns_and_each_keeps_its_order() {
    let mut queue = HistoryQueue::default();
    for number in 0..100 {
        assert!(publish(&mut queue, "hot", &format!("hot {number}"), 10_000));
    }
    (0..2).for_each(|number| assert!(publish(&mut queue, "quiet", &format!("quiet {number}"), 10)));
    assert_eq!(written(&mut queue).0, ["hot 0", "hot 1", "quiet 0", "quiet 1", "hot 2", "hot 3"]);
    let mut rest = Vec::new();
    while !queue.is_empty() {
        let (some, bytes) = written(&mut queue);
        assert!(bytes < TURN_BYTES + 11_000);
        rest.extend(some);
    }
    let expected: Vec<_> = (4..100).map(|number| format!("hot {number}")).collect();
    assert_eq!(rest, expected);
    assert!(queue.channels.is_empty() && queue.turns.is_empty() && queue.bytes() == 0);
}

#[test]
fn what_is_held_waits_and_all_else_goes_on() {
    let mut queue = HistoryQueue::default();
    publish(&mut queue, "hot", "1", 10);
    queue.hold("hot");
    publish(&mut queue, "hot", "2", 10);
    publish(&mut queue, "quiet", "a", 10);
    assert_eq!(written(&mut queue).0, ["a"]);
    assert!(written(&mut queue).0.is_empty() && !queue.is_empty());
    queue.go_on("hot");
    publish(&mut queue, "hot", "3", 10);
    assert_eq!(written(&mut queue).0, ["1", "2", "3"]);
    queue.hold("hot");
    queue.go_on("hot");
    publish(&mut queue, "hot", "4", 10);
    assert_eq!(written(&mut queue).0, ["4"]);
    assert!(queue.is_empty() && queue.held.is_empty());
}

/// Who is told of numbers that stand in the queue would take them for lost.
#[test]
fn numbers_of_all_channels_leave_behind_all_that_waits() {
    let mut queue = HistoryQueue::default();
    queue.hold("held");
    publish(&mut queue, "held", "held 1", 10);
    (0..5).for_each(|number| assert!(publish(&mut queue, "hot", &format!("hot {number}"), 10_000)));
    queue.push(message(NUMBERS, "numbers", 10));
    publish(&mut queue, "hot", "hot 5", 10);
    publish(&mut queue, "held", "held 2", 10);
    queue.push(message(ENTRIES, "answer", 10));
    assert_eq!(written(&mut queue).0, ["answer", "held 1", "hot 0", "hot 1", "hot 2", "hot 3"]);
    assert_eq!(written(&mut queue).0, ["hot 4", "numbers", "hot 5"]);
    assert!(written(&mut queue).0.is_empty());
    queue.go_on("held");
    assert_eq!(written(&mut queue).0, ["held 2"]);
}

#[test]
fn a_hot_channel_leaves_room_for_others_and_what_it_lost_is_told_behind_the_rest() {
    const BYTES: usize = 100_000;
    let mut queue = HistoryQueue::default();
    let fill =
        |queue: &mut HistoryQueue, channel: &str| (0..).take_while(|_| publish(queue, channel, "x", BYTES)).count();
    let first = fill(&mut queue, "first");
    assert!((70..90).contains(&first), "{first} are about a half");
    let second = fill(&mut queue, "second");
    assert!((35..45).contains(&second), "{second} are about a quarter");
    assert!(queue.begins_to_drop() && !queue.begins_to_drop());
    assert!(!publish(&mut queue, "first", "y", 1), "no more before those have left");
    let told =
        |queue: &mut HistoryQueue| queue.take_overflowed().iter().map(|name| name.to_string()).collect::<Vec<_>>();
    assert!(publish(&mut queue, "quiet", "quiet", 1) && told(&mut queue).is_empty());
    let mut left = 0;
    let first_told = loop {
        left += written(&mut queue).0.len();
        let told = told(&mut queue);
        if !told.is_empty() {
            break told;
        }
    };
    assert_eq!((first_told, left), (vec!["second".to_owned()], 2 * second + 1), "in turns, with the quiet one");
    assert!(publish(&mut queue, "second", "z", 1), "the room is free again");
    // One that is longer than all of the room is told at once.
    assert!(!publish(&mut queue, "long", "", QUEUE_BYTES_MAX));
    assert_eq!(told(&mut queue), ["long"]);
}
