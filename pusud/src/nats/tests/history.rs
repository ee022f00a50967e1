//! Channels with history over NATS: what is published with numbers, who takes that and who copies of it, and what a relay does
//! that misses some of it.

use super::bench::{ALL, ALONE, About, Bench, Home, Written, about, heartbeat, payload, publications, sender};
use crate::history::{Logs, Origin, Rule, Settings, push_publications};
use crate::nats::backplane::Next;
use crate::nats::server::{Op, ServerError};
use crate::nats::wire::{self, Message};
use crate::routing::{Batch, Publications, Share};
use std::sync::Arc;
use std::time::Duration;

/// The subscription to what is published with numbers, and the first one to a channel.
const HISTORY: u64 = 3;
const CHANNEL: u64 = 16;

const SUBJECT: &str = "pusu.n.h";

fn origin(boot: u8) -> Origin {
    Origin::of_boot(&[boot; 16])
}

/// A relay whose channels `h.*` have history.
fn joined(name: &str, boot: u8) -> Bench {
    let rule = Rule { channels: vec!["h.*".into()], size: 100, ttl: Duration::from_secs(60), name: None };
    let settings = Settings { rules: vec![rule], ..Settings::default() };
    let logs = Arc::new(Logs::new(settings, origin(boot), 1));
    let mut bench = Bench::of(name, boot, Home { logs: Some(logs), ..Home::default() });
    bench.connect("S1");
    bench.pass(Duration::from_millis(600));
    assert!(bench.backplane.has_joined() && bench.home().is_ready);
    bench.written();
    bench
}

/// What another relay with history says of itself.
fn about_with_history(name: &str) -> About {
    About { has_history: true, ..about(name, 1) }
}

/// One of its own sources publishes to a channel with history.
fn publish(bench: &mut Bench, channel: &str, contents: &[&str]) {
    let logs = bench.home().logs.clone().unwrap();
    let log = logs.log(channel, logs.now()).unwrap();
    let (mut frames, mut batch) = (Vec::new(), Batch::default());
    log.publish(0, contents.iter().copied(), logs.now(), &mut frames, |frames, appended, _| {
        let (messages, share) = (appended.count, Share::LINKS);
        batch.push(&Publications { channel, frames, messages, share, history: Some(&Arc::new(appended)) });
    });
    bench.backplane.publish(&batch, bench.now);
}

/// HISTORY of another relay with publications.
fn numbered(boot: u8, first: u64, contents: &[&str]) -> Vec<u8> {
    payload(|out| {
        wire::history_head(out, sender(boot, 1));
        push_publications(out, "h.a", origin(boot), 1, first, 0, contents.iter().copied());
    })
}

/// PUBLICATIONS of another relay that are copies.
fn copies(boot: u8, first: u64, contents: &[&str]) -> Vec<u8> {
    let mut copies = publications(boot, first, contents);
    copies[18..22].fill(0);
    copies
}

fn to<'a>(written: &'a [Written], subject: &'a str) -> impl Iterator<Item = &'a Written> {
    written.iter().filter(move |written| written.subject == subject)
}

/// What is written for one relay about numbers is given to that, and the other way round, until both have nothing more to say.
fn talk(one: &mut Bench, other: &mut Bench) {
    for turn in 0..40 {
        let (from, to) = if turn % 2 == 0 { (&mut *one, &mut *other) } else { (&mut *other, &mut *one) };
        for written in from.written() {
            let sid = match &*written.subject {
                SUBJECT => HISTORY,
                "pusu.n.all" => ALL,
                subject if subject == to.subject() => ALONE,
                _ => continue,
            };
            to.receive(sid, &written.payload);
        }
    }
}

#[test]
fn it_says_that_it_has_history_and_listens_for_numbers() {
    let mut bench = Bench::joined("plain", 1);
    bench.connect("S1");
    assert!(!bench.written_all().0.iter().any(|command| command.contains(SUBJECT)));
    let mut bench = joined("own", 1);
    bench.connect("S1");
    let (commands, written) = bench.written_all();
    assert!(
        commands.iter().any(|command| command.starts_with("SUB pusu.n.h ") && command.ends_with(" 3")),
        "{commands:?}"
    );
    let says = |written: &Written| matches!(written.message(), Message::Presence(_, about) if about.has_history);
    assert!(written.iter().any(says));
}

#[test]
fn numbers_alone_are_published_while_all_take_them() {
    let mut bench = joined("own", 1);
    publish(&mut bench, "h.a", &["1", "2"]);
    bench.receive(ALL, &heartbeat(2, 1, &about_with_history("other")));
    publish(&mut bench, "h.a", &["3"]);
    let written = bench.written();
    assert_eq!((to(&written, SUBJECT).count(), to(&written, "pusu.n.c.h.a").count()), (2, 0));
    assert_eq!(bench.nats().published, 3);
    bench.publish("plain", "1");
    let written = bench.written();
    assert_eq!((to(&written, SUBJECT).count(), to(&written, "pusu.n.c.plain").count()), (0, 1));
}

#[test]
fn relays_that_take_no_numbers_get_copies_until_they_have_stopped() {
    let shorter = About { content_bytes_max: 999, ..about_with_history("other") };
    for other in [about("other", 1), shorter] {
        let mut bench = joined("own", 1);
        bench.receive(ALL, &heartbeat(2, 1, &other));
        publish(&mut bench, "h.a", &["1", "2"]);
        let written = bench.written();
        let copy = to(&written, "pusu.n.c.h.a").next().expect("there is one for the other");
        let (header, message) = wire::parse(&copy.payload).unwrap();
        let Message::Publications { first: 1, contents, .. } = message else { panic!("{message:?}") };
        assert!(header.is_of_copies() && contents.count() == 2 && to(&written, SUBJECT).count() == 1);
        assert_eq!(bench.nats().published, 2, "each counts once");
        // It is silent, and may still hear this one.
        bench.pass(Duration::from_secs(10));
        assert_eq!(bench.peer("other").unwrap().linked_for, None);
        bench.written();
        publish(&mut bench, "h.a", &["3"]);
        assert_eq!(to(&bench.written(), "pusu.n.c.h.a").count(), 1);
        bench.receive(ALL, &payload(|out| wire::goodbye(out, sender(2, 1))));
        publish(&mut bench, "h.a", &["4"]);
        assert_eq!(to(&bench.written(), "pusu.n.c.h.a").count(), 0);
    }
}

#[test]
fn copies_are_for_those_alone_that_take_no_numbers() {
    let mut bench = joined("own", 1);
    bench.subscribe("h.a", 1);
    bench.receive(ALL, &heartbeat(2, 1, &about_with_history("other")));
    bench.receive(ALL, &heartbeat(3, 1, &about("older", 1)));
    bench.receive(CHANNEL, &copies(2, 1, &["1"]));
    bench.receive(HISTORY, &numbered(2, 1, &["1"]));
    bench.receive(CHANNEL, &copies(2, 4, &["4"]));
    bench.receive(CHANNEL, &payload(|out| wire::note(out, sender(2, 1), 0, 9)));
    assert_eq!(bench.home().numbered, [("h.a".to_owned(), vec!["1".to_owned()])]);
    assert!(bench.home().delivered.is_empty());
    let traffic = bench.peer("other").unwrap().traffic;
    assert_eq!((traffic.received, traffic.missed, traffic.late), (1, 0, 0));
    // Of those that have none, and of those whose list is another one.
    bench.receive(CHANNEL, &publications(3, 1, &["\"older\""]));
    bench.receive(CHANNEL, &publications(2, 10, &["\"other list\""]));
    assert_eq!(bench.home().delivered.len(), 2);
    let mut plain = Bench::joined("plain", 4);
    plain.subscribe("h.a", 1);
    plain.receive(ALL, &heartbeat(2, 1, &about_with_history("other")));
    plain.receive(CHANNEL, &copies(2, 1, &["1"]));
    plain.receive(CHANNEL, &copies(2, 3, &["3"]));
    assert_eq!((plain.home().delivered.len(), plain.peer("other").unwrap().traffic.missed), (2, 1));
}

#[test]
fn nothing_of_strangers_is_delivered() {
    let mut bench = joined("own", 1);
    bench.subscribe("h.a", 1);
    bench.receive(HISTORY, &numbered(2, 1, &["1"]));
    bench.receive(CHANNEL, &copies(2, 1, &["1"]));
    bench.receive(ALL, &heartbeat(3, 1, &about("of no history", 1)));
    bench.receive(HISTORY, &numbered(3, 1, &["1"]));
    bench.receive(ALL, &heartbeat(4, 1, &about_with_history("other")));
    // In the name of another relay, cut, no JSON, and where it does not belong.
    let mut forged = numbered(2, 1, &["1"]);
    forged[2..18].fill(4);
    bench.receive(HISTORY, &forged);
    let good = numbered(4, 1, &["1"]);
    for (sid, payload) in
        [(HISTORY, &good[..good.len() - 1]), (HISTORY, &numbered(4, 1, &["{"])), (ALL, &good), (CHANNEL, &good)]
    {
        bench.receive(sid, payload);
    }
    assert!(bench.home().numbered.is_empty() && bench.home().delivered.is_empty());
    assert_eq!(bench.nats().garbage, 4);
    bench.receive(HISTORY, &good);
    assert_eq!(bench.home().numbered.len(), 1);
}

#[test]
fn what_is_missing_is_fetched_and_comes_in_order() {
    let (mut one, mut other) = (joined("one", 1), joined("other", 2));
    one.receive(ALL, &heartbeat(2, 1, &about_with_history("other")));
    other.receive(ALL, &heartbeat(1, 1, &about_with_history("one")));
    talk(&mut one, &mut other);
    publish(&mut one, "h.a", &["1"]);
    publish(&mut one, "h.a", &["2"]);
    let written = one.written();
    assert_eq!(to(&written, SUBJECT).count(), 2);
    other.receive(HISTORY, &written.last().unwrap().payload);
    assert!(other.home().numbered.is_empty());
    talk(&mut one, &mut other);
    let delivered: Vec<String> = other.home().numbered.iter().flat_map(|(_, contents)| contents.clone()).collect();
    assert_eq!(delivered, ["1", "2"]);
    other.receive(HISTORY, &written[0].payload);
    assert_eq!(other.home().numbered.iter().flat_map(|(_, contents)| contents).count(), 2, "it came late");
}

fn refuse_to_hear(bench: &mut Bench) -> Next {
    let text = format!("'Permissions Violation for Subscription to \"{SUBJECT}\"'");
    let now = bench.now;
    bench.backplane.handle(Op::Error(ServerError::parse(text.as_bytes())), now)
}

/// Others would take it for one that hears them.
#[test]
fn a_connection_over_which_no_numbers_are_heard_is_none() {
    let mut bench = joined("own", 1);
    let Next::End(reason) = refuse_to_hear(&mut bench) else { panic!("it stays") };
    assert!(reason.contains("does not let this relay subscribe to `pusu.n.h`"), "{reason}");
    // Without channels that have history it goes on, and others publish copies for it.
    let logs = Arc::new(Logs::new(Settings::default(), origin(2), 1));
    let mut bench = Bench::of("plain", 2, Home { logs: Some(logs), ..Home::default() });
    bench.connect("S1");
    bench.pass(Duration::from_millis(600));
    let says = |bench: &mut Bench| {
        let written = bench.written();
        let mut said = written.iter().filter_map(|written| match written.message() {
            Message::Presence(_, about) => Some(about.has_history),
            _ => None,
        });
        said.next_back()
    };
    assert_eq!(says(&mut bench), Some(true));
    assert_eq!(refuse_to_hear(&mut bench), Next::GoOn);
    bench.pass(Duration::from_secs(2));
    assert_eq!(says(&mut bench), Some(false));
}

#[test]
fn long_runs_are_parted_and_what_is_too_long_is_counted() {
    let mut bench = joined("own", 1);
    let long = format!("\"{}\"", "x".repeat(30_000));
    publish(&mut bench, "h.a", &[&long, &long, &long, "4"]);
    let longest = format!("\"{}\"", "x".repeat(1 << 20));
    publish(&mut bench, "h.a", &[&longest, "6"]);
    let written = bench.written();
    assert!(written.iter().all(|written| written.subject == SUBJECT && written.payload.len() <= 64 * 1024));
    assert_eq!((written.len(), bench.nats().published, bench.nats().too_large), (3, 5, 1));
}

#[test]
fn goodbye_follows_when_others_have_all_numbers() {
    let mut bench = joined("own", 1);
    let is_goodbye = |written: &Written| written.message() == Message::Goodbye;
    let mut alone = joined("alone", 3);
    alone.backplane.stop();
    alone.backplane.heal(alone.now);
    assert!(alone.written().iter().any(is_goodbye) && alone.backplane.is_stopped());
    bench.receive(ALL, &heartbeat(2, 1, &about_with_history("other")));
    bench.backplane.stop();
    bench.backplane.heal(bench.now);
    assert!(!bench.written().iter().any(is_goodbye) && !bench.backplane.is_stopped());
    std::thread::sleep(Duration::from_millis(1010));
    bench.backplane.heal(bench.now);
    assert!(bench.written().iter().any(is_goodbye) && bench.backplane.is_stopped(), "nobody is waited for for long");
}
