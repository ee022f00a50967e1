//! Grants that the plugin wants to be asked about again.

use super::{expect_ended, expect_out, in_both_modes};
use crate::harness::{DEADLINE, Daemon, grants_setup};
use serde_json::json;
use std::time::{Duration, Instant};

in_both_modes!(
    each_answer_has_its_effect,
    what_cannot_be_decided_stays_as_it_is,
    a_grant_is_rechecked_once_a_second_at_most,
    an_answer_about_what_has_ended_gives_nothing,
    what_is_rechecked_may_be_ended_by_its_ticket,
);

fn each_answer_has_its_effect(daemon: Daemon) {
    let mut narrowed = daemon.client_with("subject=narrowed read=a read=b again read=a");
    let mut refused = daemon.client_with("subject=refused read=a again refuse=gone");
    let mut abstained = daemon.client_with("subject=abstained read=a again abstain");
    let mut one_of_two = daemon.client_with("subject=one read=a again refuse=gone");
    one_of_two.authorize("subject=two read=b write=b again read=b write=b");
    let mut other = daemon.client_with("subject=other read=a again refuse=gone");
    for client in [&mut narrowed, &mut one_of_two] {
        client.subscribe("a");
        client.subscribe("b");
    }
    let tickets = ["narrowed", "refused", "abstained", "one"].map(|subject| daemon.ticket_of(subject));
    daemon.order(&["recheck:narrowed", "recheck:refused", "recheck:one", "recheck:nobody"]);
    daemon.order(&[&format!("recheck-ticket:{}", tickets[2])]);
    expect_ended(&mut narrowed, "b", "no longer permitted");
    expect_out(&mut refused, "gone");
    expect_out(&mut abstained, "no longer permitted");
    expect_ended(&mut one_of_two, "a", "gone");
    one_of_two.publish("b", json!(1));
    one_of_two.expect_publish("b", json!(1));
    for (ticket, why) in tickets.into_iter().zip(["replaced", "refused", "refused", "refused"]) {
        daemon.wait_for_end(ticket, why);
        let asked = format!(" of {ticket} again 1");
        assert_eq!(daemon.notes().iter().filter(|note| note.ends_with(&asked)).count(), 1, "{ticket}");
    }
    assert_eq!(daemon.notes_like("recheck "), 4);
    // What has taken the place of a grant has a ticket of its own, and ends by that.
    let replaced = daemon.ticket_after(tickets[0], "narrowed");
    daemon.order(&[&format!("revoke-ticket:{}", tickets[0])]);
    narrowed.expect_no_answer();
    daemon.order(&[&format!("revoke-ticket:{replaced}")]);
    expect_out(&mut narrowed, "revoked");
    other.expect_no_answer();
}

fn what_cannot_be_decided_stays_as_it_is(daemon: Daemon) {
    let mut client = daemon.client_with("subject=alice read=a write=a again unavailable");
    client.subscribe("a");
    for asked in 1..=2 {
        daemon.order(&["recheck:alice"]);
        daemon.wait_for_notes_like("recheck ", asked);
        client.publish("a", json!(asked));
        client.expect_publish("a", json!(asked));
    }
    assert_eq!(daemon.notes_like("recheck "), 2, "an answer was given, and that is all that is wanted");
    assert_eq!(daemon.notes_like(&format!("ended {} ", daemon.ticket_of("alice"))), 0);
}

fn a_grant_is_rechecked_once_a_second_at_most(daemon: Daemon) {
    let started = Instant::now();
    let mut client = daemon.client_with("subject=alice read=a");
    client.subscribe("a");
    while daemon.notes_like("recheck ") < 3 {
        assert!(started.elapsed() < DEADLINE, "{} rechecks", daemon.notes_like("recheck "));
        daemon.order(&["recheck:alice"; 5]);
    }
    let within = started.elapsed();
    assert!(within >= Duration::from_secs(3), "three times within {within:?}");
    client.expect_no_answer();
}

/// The client has gone, or has lost the grant, before the answer comes.
fn an_answer_about_what_has_ended_gives_nothing(daemon: Daemon) {
    let held = daemon.dir().join("held");
    std::fs::write(&held, "").unwrap();
    let words = format!("subject=alice read=a again hold={} read=a read=more", held.display());
    let gone = daemon.client_with(&words);
    let of_gone = daemon.ticket_of("alice");
    let mut client = daemon.client_with(&words);
    client.authorize("subject=bob read=b");
    client.subscribe("a");
    let ticket = daemon.ticket_after(of_gone, "alice");
    daemon.order(&["recheck:alice"]);
    daemon.wait_for_notes_like("recheck ", 2);
    gone.close();
    daemon.order(&[&format!("revoke-ticket:{ticket}:out")]);
    expect_ended(&mut client, "a", "out");
    daemon.wait_for_end(ticket, "revoked");
    std::fs::remove_file(held).unwrap();
    let answered = daemon.wait_for_notes("both answers", |notes| {
        let granted: Vec<_> = notes.iter().filter_map(|note| note.strip_prefix("granted ")).collect();
        let of_alice: Vec<_> =
            granted.iter().filter(|note| note.contains(" for alice ")).map(|&note| note.to_owned()).collect();
        (of_alice.len() == 4).then_some(of_alice)
    });
    for note in &answered[2..] {
        // Of those that the plugin was told are taken, it is told that they are nothing.
        if note.ends_with("gives 0") {
            let ticket = note.split(' ').next().unwrap();
            daemon.wait_for_end(ticket.parse().unwrap(), "closed");
        }
    }
    client.send(json!({"type": "subscribe", "channel": "more"}));
    client.expect_error("permission_denied");
}

/// The plugin names the grant that it is asked about, and grants all the same: what it has ended is ended.
fn what_is_rechecked_may_be_ended_by_its_ticket(daemon: Daemon) {
    for round in 0..10 {
        let words = format!("subject=s{round} read=a");
        let mut client = daemon.client_with(&words);
        let ticket = daemon.ticket_of(&format!("s{round}"));
        daemon.order(&[&format!("recheck-ticket:{ticket}"), &format!("revoke-ticket:{ticket}:out")]);
        expect_out(&mut client, "out");
        daemon.wait_for_end(ticket, "revoked");
    }
}

#[test]
fn what_is_not_kept_cannot_be_rechecked_and_can_be_ended() {
    for isolation in ["thread", "process"] {
        let daemon = grants_setup(isolation, 1).start();
        daemon.edit_settings(|text| text.replace("on_swap: reauthorize", "on_swap: keep"));
        let mut daemon = restarted(daemon);
        let mut client = daemon.client_with("subject=alice read=a again refuse=gone");
        daemon.order(&["recheck:alice", "recheck-ticket:1"]);
        daemon.wait_for_note("order recheck alice gives -2");
        daemon.wait_for_note("order recheck-ticket 1 gives -2");
        client.expect_no_answer();
        daemon.order(&["revoke:alice"]);
        expect_out(&mut client, "revoked");
        daemon.assert_alive();
    }
}

fn restarted(mut daemon: Daemon) -> Daemon {
    daemon.terminate();
    assert!(daemon.wait().success());
    daemon.restart();
    daemon
}
