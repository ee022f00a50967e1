//! Refusals of a server: nobody is certain of what it has not taken.

use super::bench::{ALL, Bench, about, heartbeat};
use crate::nats::backplane::Next;
use crate::nats::server::{Op, ServerError};
use std::time::Duration;

fn linked() -> Bench {
    let mut bench = Bench::joined("own", 1);
    bench.receive(ALL, &heartbeat(2, 1, &about("other", 1)));
    bench.written();
    bench
}

fn refuse(bench: &mut Bench, text: &str) -> Next {
    let error = ServerError::parse(text.as_bytes());
    let now = bench.now;
    bench.backplane.handle(Op::Error(error), now)
}

fn settled(bench: &mut Bench) -> Vec<u64> {
    std::mem::take(&mut bench.home().settled)
}

/// The subscriptions that the server was told of.
fn subscribed(bench: &mut Bench) -> Vec<String> {
    bench.written_all().0.into_iter().filter(|command| command.starts_with("SUB")).collect()
}

const REFUSALS: [&str; 2] = [
    "'Permissions Violation for Subscription to \"pusu.n.c.a%20b\" using queue \"q\"'",
    "'maximum subscriptions exceeded'",
];

#[test]
fn a_subscription_that_the_server_has_not_taken_is_certain_when_it_has() {
    for refusal in REFUSALS {
        let mut bench = linked();
        bench.subscribe("b", 1);
        bench.passed(2, 1, &[]);
        assert_eq!(settled(&mut bench), [1]);
        bench.pass(Duration::from_millis(10));
        bench.subscribe("a b", 2);
        subscribed(&mut bench);
        assert_eq!(refuse(&mut bench, refusal), Next::GoOn);
        bench.passed(2, 2, &[]);
        bench.subscribe("a b", 3);
        bench.subscribe("b", 4);
        assert_eq!(settled(&mut bench), [4], "the other channel is as certain as before");
        bench.pass(Duration::from_millis(900));
        assert_eq!(settled(&mut bench), [0; 0]);
        bench.pass(Duration::from_millis(150));
        assert_eq!(settled(&mut bench), [2, 3], "nobody waits for longer than a second");
        assert_eq!((bench.nats().connection_refusals, subscribed(&mut bench).len()), (1, 0));
        // Now and then it is tried again.
        for beat in 1..32 {
            bench.receive(ALL, &heartbeat(2, 1, &about("other", 1 + beat)));
            bench.pass(Duration::from_secs(1));
        }
        assert_eq!(subscribed(&mut bench).len(), 1, "{refusal}");
        let number = bench.nats().barriers_passed + bench.nats().barriers_expired;
        assert!(bench.peer("other").unwrap().lagging, "nobody has answered the barrier behind it");
        bench.subscribe("a b", 5);
        assert_eq!(settled(&mut bench), [5], "{number}");
        bench.pass(Duration::from_secs(60));
        assert_eq!(subscribed(&mut bench).len(), 0, "it was taken");
    }
}

#[test]
fn a_connection_over_which_no_relay_is_heard_is_none() {
    let mut bench = linked();
    for subject in ["pusu.n.all".to_owned(), bench.subject()] {
        let text = format!("'Permissions Violation for Subscription to \"{subject}\" using queue \"q\"'");
        let Next::End(reason) = refuse(&mut bench, &text) else { panic!("{subject}") };
        assert!(reason.contains("allow its user to publish and to subscribe to `pusu.n.>`"), "{reason}");
    }
    assert_eq!(refuse(&mut bench, "'Permissions Violation for Subscription to \"pusu.n.c.a\"'"), Next::GoOn);
    assert_eq!(refuse(&mut bench, "'Whatever Later Servers Say'"), Next::GoOn);
    assert_eq!(bench.nats().refusals, 4);
}

/// Relays of another cluster come by, again and again, and by turns.
#[test]
fn what_others_do_hides_no_refusal() {
    let mut bench = linked();
    for beat in 0..100 {
        for (boot, name) in [(7, "third"), (8, "fourth")] {
            let about = super::bench::About { cluster: "d".into(), ..about(name, beat) };
            bench.receive(ALL, &heartbeat(boot, 1, &about));
        }
        bench.pass(Duration::from_millis(10));
    }
    refuse(&mut bench, REFUSALS[0]);
    let last = bench.nats().last_error.unwrap();
    assert!(last.contains("does not let this relay subscribe to `pusu.n.c.a%20b`"), "{last}");
    let about = super::bench::About { cluster: "d".into(), ..about("third", 200) };
    bench.receive(ALL, &heartbeat(7, 1, &about));
    assert_eq!(bench.nats().last_error.unwrap(), last);
}
