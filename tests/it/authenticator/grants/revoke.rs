//! Grants that the plugin ends: by ticket and by subject, at once, and nothing else with them.

use super::{expect_ended, expect_out, in_both_modes};
use crate::harness::{Client, Daemon, PluginsDir, Setup, grants_file, grants_plugin, many_open_files};
use serde_json::json;

in_both_modes!(
    a_subject_loses_what_it_has_and_nobody_else_does,
    a_ticket_names_one_of_several,
    what_is_on_its_way_is_reached,
    a_subject_has_one_session,
    whoever_renews_its_only_session_keeps_it,
    orders_that_break_a_rule_change_nothing,
    a_thousand_of_a_subject_end_while_others_are_served,
);
#[cfg(unix)]
in_both_modes!(the_plugin_and_the_operator_revoke_at_the_same_time);

fn a_subject_loses_what_it_has_and_nobody_else_does(daemon: Daemon) {
    let mut alice = daemon.client_with("subject=alice read=a write=a");
    let mut both = daemon.client_with("subject=alice read=a read=c write=a");
    both.authorize("subject=bob read=b read=c write=b");
    let mut bob = daemon.client_with("subject=bob read=a");
    alice.subscribe("a");
    bob.subscribe("a");
    for channel in ["a", "b", "c"] {
        both.subscribe(channel);
    }
    daemon.order(&["revoke:alice:out"]);
    expect_out(&mut alice, "out");
    expect_ended(&mut both, "a", "out");
    both.publish("b", json!(1));
    both.expect_publish("b", json!(1));
    bob.expect_no_answer();
    both.publish("a", json!(1));
    assert_eq!(both.expect_error("permission_denied")["channel"], "a");
    both.expect_closed(4502);
    daemon.order(&["revoke:bob", "revoke:nobody"]);
    expect_out(&mut bob, "revoked");
    // It may come again at once.
    daemon.client_with("subject=alice read=a").subscribe("a");
}

fn a_ticket_names_one_of_several(daemon: Daemon) {
    let mut first = daemon.client_with("subject=alice read=a");
    let ticket = daemon.ticket_of("alice");
    let mut second = daemon.client_with("subject=alice read=a read=b");
    second.authorize("subject=carol read=c");
    let of_second = daemon.ticket_after(ticket, "alice");
    second.subscribe("b");
    second.subscribe("c");
    daemon.order(&[&format!("revoke-ticket:{ticket}:no"), "revoke-ticket:999999"]);
    expect_out(&mut first, "no");
    second.expect_no_answer();
    daemon.order(&[&format!("revoke-ticket:{of_second}")]);
    expect_ended(&mut second, "b", "revoked");
    second.expect_no_answer();
    daemon.wait_for_end(of_second, "revoked");
}

fn what_is_on_its_way_is_reached(daemon: Daemon) {
    for round in 0..20 {
        let mut client = daemon.client_with(&format!("subject=s{round} read=a then=revoke:s{round}:out"));
        expect_out(&mut client, "out");
        daemon.wait_for_end(daemon.ticket_of(&format!("s{round}")), "revoked");
    }
}

fn a_subject_has_one_session(daemon: Daemon) {
    let words = "subject=alice do=revoke:alice:elsewhere read=a write=a";
    let mut before = daemon.client_with(words);
    for round in 0..10 {
        let mut now = daemon.client_with(words);
        now.subscribe("a");
        expect_out(&mut before, "elsewhere");
        now.publish("a", json!(round));
        now.expect_publish("a", json!(round));
        before = now;
    }
    before.expect_no_answer();
}

/// The order comes before the answer, and the client is to have what is new: it keeps its subscriptions as if it had
/// renewed an authorization that is about to end.
fn whoever_renews_its_only_session_keeps_it(daemon: Daemon) {
    let words = |round: usize| format!("subject=alice do=revoke:alice read=a write=a ttl={}", 600_000 + round * 1000);
    let mut client = daemon.client_with(&words(0));
    client.subscribe("a");
    for round in 1..30 {
        client.authorize(&words(round));
    }
    client.publish("a", json!(1));
    client.expect_publish("a", json!(1));
    // With less it has less, and is told so after the answer.
    client.authorize("subject=alice do=revoke:alice:less read=b");
    expect_ended(&mut client, "a", "less");
    // The relay asks by itself, and the plugin does the same.
    let ticket = daemon.ticket_of("alice");
    daemon.order(&["recheck:alice"]);
    // Nobody waits for that answer, and so the order may be followed before it comes.
    daemon.wait_for_end_by(ticket, &["replaced", "revoked"]);
    client.subscribe("b");
    client.expect_no_answer();
}

fn orders_that_break_a_rule_change_nothing(daemon: Daemon) {
    let mut client = daemon.client_with("read=a");
    daemon.order(&["revoke:", "recheck:", "not-utf8", "revoke:nobody", "recheck-ticket:999999"]);
    for line in ["revoke  gives -1", "recheck  gives -1", "not-utf8  gives -1", "revoke nobody gives 0"] {
        daemon.wait_for_note(&format!("order {line}"));
    }
    daemon.wait_for_note("order recheck-ticket 999999 gives 0");
    client.expect_no_answer();
}

fn a_thousand_of_a_subject_end_while_others_are_served(daemon: Daemon) {
    many_open_files();
    let mut clients: Vec<Client> = (0..1000).map(|_| daemon.client_with("subject=alice read=a")).collect();
    let mut bob = daemon.client_with("subject=bob read=b write=b");
    clients.iter_mut().for_each(|client| client.subscribe("a"));
    bob.subscribe("b");
    daemon.order(&["revoke:alice:all"]);
    for round in 0..20 {
        bob.publish("b", json!(round));
        bob.expect_publish("b", json!(round));
        daemon.client_with("subject=carol read=a");
    }
    clients.iter_mut().for_each(|client| expect_out(client, "all"));
    let revoked = |notes: &[String]| notes.iter().filter(|note| note.ends_with(" revoked")).count();
    daemon.wait_for_notes("all ends", |notes| (revoked(notes) == 1000).then_some(()));
    bob.expect_no_answer();
}

/// Each grant ends once, whoever comes first, and what the operator has taken back the plugin cannot give again.
#[cfg(unix)]
fn the_plugin_and_the_operator_revoke_at_the_same_time(daemon: Daemon) {
    let words = |round: usize| format!("subject=alice read=a{round}");
    let mut clients: Vec<Client> = (0..20).map(|round| daemon.client_with(&words(round))).collect();
    // One more grant each, of somebody else.
    clients.iter_mut().for_each(|client| client.authorize("subject=bob read=b"));
    clients.iter_mut().for_each(|client| client.subscribe("b"));
    std::thread::scope(|scope| {
        scope.spawn(|| daemon.operate(&["revoke", "--subject", "alice"]).succeeds());
        daemon.order(&["revoke:alice:plugin"]);
    });
    clients.iter_mut().for_each(Client::expect_no_answer);
    let revoked = |notes: &[String]| notes.iter().filter(|note| note.ends_with(" revoked")).count();
    daemon.wait_for_notes("the ends of alice's", |notes| (revoked(notes) == 20).then_some(()));
    let mut again = daemon.connect();
    again.send(json!({"type": "authorize", "authorization": "subject=alice read=a"}));
    again.expect(json!({"type": "authorization_failed", "reason": "revoked"}));
    // The other way about: the plugin ends what is left, and there is nobody whom the operator could reach.
    daemon.order(&["revoke:bob:plugin"]);
    clients.iter_mut().for_each(|client| expect_out(client, "plugin"));
    let said = daemon.operate(&["revoke", "--subject", "bob"]).succeeds();
    assert_eq!(said.lines().nth(1), Some("0 clients had it"));
    daemon.operate(&["revocations", "--lift", "--subject", "alice"]).succeeds();
    daemon.client_with("subject=alice read=a").subscribe("a");
    let ended: Vec<String> = daemon.notes().into_iter().filter(|note| note.starts_with("ended ")).collect();
    let tickets: std::collections::HashSet<&str> = ended.iter().filter_map(|note| note.split(' ').nth(1)).collect();
    assert_eq!(tickets.len(), ended.len(), "a grant has ended twice: {ended:?}");
}

#[test]
fn without_its_flag_a_plugin_has_no_such_table_and_hears_nothing() {
    for isolation in ["thread", "process"] {
        let plugins = PluginsDir::empty();
        plugins.add(&grants_plugin("without", &["-DFLAGS=0"]), &grants_file());
        let setup = Setup::on_shards(1).authenticator("GrantsAuthenticator", plugins);
        let daemon = setup.settings(&format!("isolation: {isolation}")).start();
        daemon.client_with("subject=alice read=a do=revoke:alice").close();
        daemon.wait_for_note("no grants table");
        let mut ends = daemon.client_with("subject=alice read=a ttl=300");
        assert_eq!(ends.next_json()["type"], "authorization_expiring");
        expect_out(&mut ends, "expired");
        assert_eq!(daemon.notes_like("ended "), 0, "{isolation}");
    }
}
