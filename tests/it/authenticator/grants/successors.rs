//! Instances that take the place of another: they adopt what lives, hear of its end, and may end it.

use super::expect_out;
use crate::harness::{Daemon, grants_file, grants_plugin, grants_setup};
use serde_json::json;

fn swap(daemon: &Daemon, version: &str, switches: &[&str]) {
    let name = format!("{version}{}", switches.len());
    let version = format!("-DVERSION=\"{version}\"");
    let switches: Vec<&str> = [&*version].into_iter().chain(switches.iter().copied()).collect();
    daemon.plugins().replace(&grants_file(), &grants_plugin(&name, &switches));
    assert!(daemon.reload().contains("has taken over"));
}

/// `on_swap: keep`, so that a swap alone asks about nothing.
fn keeping(isolation: &str, shards: usize) -> Daemon {
    let mut daemon = grants_setup(isolation, shards).start();
    daemon.edit_settings(|text| text.replace("on_swap: reauthorize", "on_swap: keep"));
    daemon.terminate();
    assert!(daemon.wait().success());
    daemon.restart();
    daemon
}

fn the_next_instance_adopts_what_lives(isolation: &str) {
    for shards in [1, 3] {
        let daemon = keeping(isolation, shards);
        let mut alice = daemon.client_with("subject=alice read=a");
        let bob = daemon.client_with("subject=bob read=b ttl=600000");
        let nobody = daemon.client_with("read=c");
        let [of_alice, of_bob, of_nobody] = ["alice", "bob", ""].map(|subject| daemon.ticket_of(subject));
        let gone = daemon.client_with("subject=gone read=a");
        let of_gone = daemon.ticket_of("gone");
        gone.close();
        daemon.wait_for_end(of_gone, "closed");
        swap(&daemon, "2", &[]);
        let adopted = [
            format!("adopted {of_alice} of alice ends 0 by 2"),
            format!("adopted {of_bob} of bob ends 1 by 2"),
            format!("adopted {of_nobody} of  ends 0 by 2"),
        ];
        adopted.iter().for_each(|line| daemon.wait_for_note(line));
        assert_eq!(daemon.notes_like("adopted "), 3);
        nobody.close();
        daemon.wait_for_end(of_nobody, "closed");
        daemon.order(&["revoke:alice:by"]);
        expect_out(&mut alice, "by");
        daemon.wait_for_end(of_alice, "revoked");
        // The third one is not told of what has ended.
        swap(&daemon, "3", &[]);
        daemon.wait_for_note(&format!("adopted {of_bob} of bob ends 1 by 3"));
        bob.close();
        daemon.wait_for_end(of_bob, "closed");
        let by_third = daemon.notes().iter().filter(|note| note.ends_with(" by 3")).count();
        assert_eq!(by_third, 1);
    }
}

#[test]
fn the_next_instance_adopts_what_lives_in_a_thread() {
    the_next_instance_adopts_what_lives("thread");
}

#[test]
#[cfg(unix)]
fn the_next_instance_adopts_what_lives_in_a_process() {
    the_next_instance_adopts_what_lives("process");
}

/// A plugin may leave `adopted` out: then it hears of what it gave itself, and may give orders while it is made.
#[test]
fn an_instance_that_does_not_adopt_hears_of_its_own_grants() {
    for isolation in ["thread", "process"] {
        let daemon = keeping(isolation, 1);
        let mut alice = daemon.client_with("subject=alice read=a");
        let bob = daemon.client_with("subject=bob read=a");
        let [of_alice, of_bob] = ["alice", "bob"].map(|subject| daemon.ticket_of(subject));
        swap(&daemon, "4", &["-DNO_ADOPTED", "-DCREATE_DOES=\"revoke:alice:new\""]);
        expect_out(&mut alice, "new");
        bob.close();
        daemon.client_with("subject=carol read=a").close();
        daemon.wait_for_end(daemon.ticket_of("carol"), "closed");
        assert_eq!(daemon.notes_like("adopted "), 0, "{isolation}");
        assert_eq!(daemon.notes_like(&format!("ended {of_bob} ")), 0, "{isolation}");
        // Of this one the first instance may have heard, while the second was being made.
        assert!(daemon.notes_like(&format!("ended {of_alice} ")) <= 1, "{isolation}");
    }
}

/// In its place comes the same instance in a new process.
#[test]
#[cfg(unix)]
fn the_next_process_adopts_what_lives() {
    let daemon = grants_setup("process", 3).start();
    let mut alice = daemon.client_with("subject=alice read=a write=a");
    alice.subscribe("a");
    let bobs: Vec<_> = (0..50).map(|_| daemon.client_with("subject=bob read=b ttl=600000")).collect();
    let of_alice = daemon.ticket_of("alice");
    for crash in 1..=3 {
        let mut crashes = daemon.connect();
        crashes.send(json!({"type": "authorize", "authorization": "abort"}));
        crashes.expect_error("authorization_failed");
        crashes.expect_closed(1013);
        daemon.wait_for_notes("all to be adopted", |notes| {
            let adopted = |whom: &str| notes.iter().filter(|note| note.contains(whom)).count();
            (adopted(" of alice ends 0 by ") == crash && adopted(" of bob ends 1 by ") == crash * 50).then_some(())
        });
        alice.publish("a", json!(crash));
        alice.expect_publish("a", json!(crash));
    }
    let of_bob = daemon.ticket_of("bob");
    drop(bobs);
    daemon.wait_for_end(of_bob, "closed");
    daemon.order(&["revoke:alice:out"]);
    expect_out(&mut alice, "out");
    daemon.wait_for_end(of_alice, "revoked");
    assert_eq!(daemon.notes_like("adopted "), 3 * 51);
}
