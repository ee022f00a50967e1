//! Ends of grants, of which the plugin is told: each once, and why.

use super::{expect_out, in_both_modes};
use crate::harness::{Daemon, Raw, grants_setup, text_message};
use serde_json::json;
use std::collections::HashMap;

in_both_modes!(
    each_end_is_told_once_with_its_reason,
    what_had_ended_before_it_was_given_is_told_of_as_well,
    whoever_leaves_before_the_answer_is_told_of_as_gone,
    nothing_is_told_when_the_relay_stops,
);

fn each_end_is_told_once_with_its_reason(daemon: Daemon) {
    let mut expires = daemon.client_with("subject=expires read=a ttl=600");
    assert_eq!(expires.next_json()["type"], "authorization_expiring");
    expect_out(&mut expires, "expired");
    daemon.wait_for_end(daemon.ticket_of("expires"), "expired");

    let mut client = daemon.client_with("subject=renews read=a");
    let replaced = daemon.ticket_of("renews");
    client.authorize("subject=renews read=*");
    let now = daemon.ticket_after(replaced, "renews");
    daemon.wait_for_end(replaced, "replaced");
    // It gives nothing that the client has not, and was never anything.
    client.authorize("subject=renews read=b");
    let less = daemon.ticket_after(now, "renews");
    daemon.wait_for_end(less, "replaced");
    // What another subject has goes on by itself, though it gives nothing more.
    client.authorize("subject=other read=b");
    let other = daemon.ticket_of("other");
    assert_eq!([now, other].map(|ticket| daemon.notes_like(&format!("ended {ticket} "))), [0, 0]);
    client.close();
    daemon.wait_for_end(now, "closed");
    daemon.wait_for_end(other, "closed");

    let mut twice = daemon.client_with("subject=twice read=a twice");
    twice.expect_no_answer();
    twice.close();
    daemon.wait_for_end(daemon.ticket_of("twice"), "closed");

    let mut denied = daemon.client_with("subject=denied read=a");
    denied.send(json!({"type": "subscribe", "channel": "b"}));
    denied.expect_error("permission_denied");
    daemon.wait_for_end(daemon.ticket_of("denied"), "closed");

    let tickets = ["expires", "twice", "denied"].map(|subject| daemon.ticket_of(subject));
    for ticket in tickets.into_iter().chain([replaced, less, now, other]) {
        assert_eq!(daemon.notes_like(&format!("ended {ticket} ")), 1, "{ticket}");
    }
}

fn what_had_ended_before_it_was_given_is_told_of_as_well(daemon: Daemon) {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "subject=late read=a ended-ago=1000"}));
    expect_out(&mut client, "the authorization has expired");
    daemon.wait_for_end(daemon.ticket_of("late"), "expired");
}

/// In a process the answer is taken there, and may come here when the client has gone.
fn whoever_leaves_before_the_answer_is_told_of_as_gone(daemon: Daemon) {
    const CLIENTS: usize = 300;
    for number in 0..CLIENTS {
        let mut raw = Raw::upgraded(daemon.address());
        let pause = if number % 3 == 0 { "sleep=1" } else { "" };
        raw.send(text_message(&format!(
            r#"{{"type":"authorize","authorization":"{pause} subject=s{number} read=a"}}"#
        )));
    }
    let taken = |notes: &[String]| {
        let mut taken = HashMap::new();
        for note in notes {
            let words: Vec<&str> = note.split(' ').collect();
            match words[..] {
                ["granted", ticket, .., "0"] => *taken.entry(ticket.to_owned()).or_insert(0) += 1,
                ["ended", ticket, why] => {
                    assert_eq!(why, "closed");
                    *taken.entry(ticket.to_owned()).or_insert(0) -= 1;
                }
                _ => {}
            }
        }
        taken
    };
    // All have left, and this one is behind them.
    daemon.client_with("subject=last read=a").close();
    daemon.wait_for_end(daemon.ticket_of("last"), "closed");
    let all = daemon.wait_for_notes("every end", |notes| {
        Some(taken(notes)).filter(|all| all.len() > 1 && all.values().all(|left| *left == 0))
    });
    println!("{} of {CLIENTS} were granted to the plugin's knowledge", all.len() - 1);
}

fn nothing_is_told_when_the_relay_stops(mut daemon: Daemon) {
    let _client = daemon.client_with("subject=alice read=a");
    let ticket = daemon.ticket_of("alice");
    daemon.terminate();
    assert!(daemon.wait().success());
    daemon.wait_for_note("version 1.0.0 is destroyed");
    assert_eq!(daemon.notes_like(&format!("ended {ticket} ")), 0);
}

/// A plugin that blocks where it is told of ends delays these, and nobody who comes.
#[test]
fn whoever_blocks_when_told_of_an_end_delays_no_decision() {
    for isolation in ["thread", "process"] {
        let daemon = grants_setup(isolation, 1).start();
        let gate = daemon.dir().join("gate");
        std::fs::write(&gate, "").unwrap();
        daemon.client_with(&format!("subject=first read=a gate={}", gate.display())).close();
        let first = daemon.ticket_of("first");
        for number in 0..100 {
            daemon.client_with(&format!("subject=s{number} read=a")).close();
        }
        assert_eq!(daemon.notes_like("ended "), 0, "{isolation}");
        std::fs::remove_file(gate).unwrap();
        daemon.wait_for_end(first, "closed");
        daemon.wait_for_notes_like("ended ", 101);
    }
}
