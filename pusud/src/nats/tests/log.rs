//! Lines of the log that others can bring about: they say what has happened and to whom, and there are few of them.

use super::bench::{ALL, About, Bench, about, heartbeat, publications, sender};
use std::sync::Mutex;
use std::time::Duration;

/// The subscription to the first channel.
const CHANNEL: u64 = 16;

/// What is logged meanwhile, line by line.
fn logged(work: impl FnOnce()) -> Vec<String> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let writer = Mutex::new(log.reopen().unwrap());
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::WARN);
    tracing::subscriber::with_default(subscriber.with_writer(writer).finish(), work);
    std::fs::read_to_string(log.path()).unwrap().lines().map(str::to_owned).collect()
}

/// One that listens to `a`, and hears these relays.
fn listening(others: &[(u8, &str)]) -> Bench {
    let mut bench = Bench::joined("own", 1);
    bench.subscribe("a", 1);
    for (boot, name) in others {
        bench.receive(ALL, &heartbeat(*boot, 1, &about(name, 1)));
        bench.receive(CHANNEL, &publications(*boot, 1, &["1"]));
    }
    bench
}

/// So many seconds pass, in which other relays are heard.
fn pass(bench: &mut Bench, seconds: u64, beats: &mut u64, others: &[(u8, &str)]) {
    for _ in 0..seconds {
        *beats += 1;
        for (boot, name) in others {
            bench.receive(ALL, &heartbeat(*boot, 1, &about(name, *beats)));
        }
        bench.pass(Duration::from_secs(1));
    }
}

#[test]
fn losses_are_told_once_a_minute_for_each_relay() {
    let others = [(2, "second"), (3, "third")];
    let mut bench = listening(&others);
    let mut beats = 1;
    let lines = logged(|| {
        bench.receive(CHANNEL, &publications(2, 4, &["1"]));
        bench.receive(CHANNEL, &publications(3, 6, &["1"]));
        pass(&mut bench, 5, &mut beats, &others);
    });
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, of) in lines.iter().zip(["relay=second missed=2", "relay=third missed=4"]) {
        assert!(line.contains("WARN") && line.ends_with(of), "{line}");
    }
    let lines = logged(|| {
        for number in 3..23 {
            bench.receive(CHANNEL, &publications(2, 2 * number, &["1"]));
            pass(&mut bench, 2, &mut beats, &others);
        }
    });
    assert_eq!(lines.len(), 0, "{lines:?}");
    let lines = logged(|| pass(&mut bench, 70, &mut beats, &others));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].ends_with("relay=second missed=20"), "{lines:?}");
}

/// Another start of a relay goes on where the one before has ended.
#[test]
fn losses_that_were_told_are_not_told_again_of_its_next_start() {
    let others = [(2, "second")];
    let mut bench = listening(&others);
    let lines = logged(|| {
        bench.receive(CHANNEL, &publications(2, 4, &["1"]));
        pass(&mut bench, 2, &mut 1, &others);
        bench.receive(ALL, &heartbeat(5, 1, &about("second", 1)));
        pass(&mut bench, 70, &mut 1, &[(5, "second")]);
        bench.receive(CHANNEL, &publications(5, 1, &["1"]));
        bench.receive(CHANNEL, &publications(5, 3, &["1"]));
        pass(&mut bench, 2, &mut 71, &[(5, "second")]);
    });
    assert!(lines.len() == 2 && lines[1].ends_with("relay=second missed=1"), "{lines:?}");
}

#[test]
fn garbage_is_told_by_its_subject_and_its_sender_and_not_without_end() {
    let mut bench = listening(&[(2, "second")]);
    let stranger = sender(7, 1).boot.to_string();
    let network = About { network: "m".into(), ..about("third", 1) };
    let garbage = [
        ("pusu.n.c.a\u{1b}", CHANNEL, publications(2, 0, &["1"]), "subject=pusu.n.c.a\\x1b relay=second count=1"),
        ("pusu.n.c.a", CHANNEL, b"text".to_vec(), "subject=pusu.n.c.a count=2"),
        ("pusu.n.all", ALL, publications(7, 1, &["1"]), &format!("subject=pusu.n.all relay={stranger} count=3")),
        ("pusu.n.all", ALL, heartbeat(7, 1, &network), &format!("relay={stranger} count=4")),
        (&"x".repeat(300), CHANNEL, Vec::new(), &format!("subject={}… count=5", "x".repeat(100))),
    ];
    for (subject, sid, payload, end) in &garbage {
        let lines = logged(|| bench.receive_at(subject.as_bytes(), *sid, payload));
        assert!(lines.len() == 1 && lines[0].ends_with(end), "{end}: {lines:?}");
        assert_eq!(
            lines[0].contains("what the relay third of another network (m) says"),
            payload.get(1..2) == Some(&[3])
        );
    }
    let lines = logged(|| {
        for _ in 0..130 {
            (0..10).for_each(|_| bench.receive_at(b"a", CHANNEL, b"text"));
            bench.pass(Duration::from_secs(1));
        }
    });
    let lines: Vec<_> = lines.iter().filter(|line| line.contains("came over NATS")).collect();
    assert!(lines.len() == 2 && lines[1].ends_with("subject=a count=1206"), "{lines:?}");
}
