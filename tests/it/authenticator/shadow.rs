//! An authenticator that is tried beside the one that decides: what differs is counted and logged, and nothing that it says
//! has any effect.

use super::list::{does, plugins};
use crate::harness::{Daemon, Setup, grants_file, grants_plugin};
use serde_json::{Value, json};

crate::in_both_isolations!(
    what_differs_is_counted_and_has_no_effect,
    what_nobody_decided_is_not_compared_and_who_is_slower_is_counted,
    grants_of_a_shadow_are_none,
    a_shadow_that_hangs_is_waited_for_by_nobody
);

fn started(isolation: &str, decides: &str, tried: &str) -> Daemon {
    let (more, shadow) = (format!(", isolation: {isolation}"), format!(", isolation: {isolation}, shadow: true"));
    let list = format!("[{}, {}]", does("decides", decides, &more), does("tried", tried, &shadow));
    Setup::on_shards(1).authenticator(&list, plugins()).log_level("debug").start()
}

fn trial(status: &Value) -> &Value {
    let entries = status["authenticator"]["entries"].as_array().unwrap();
    &entries.iter().find(|entry| entry["shadow"] == true).expect("there is a shadow")["trial"]
}

fn what_differs_is_counted_and_has_no_effect(isolation: &str) {
    for (decides, tried, counted, words) in [
        ("grant", "refuse", &["would_refuse"][..], "would refuse what was granted"),
        ("grant", "abstain", &["would_refuse"], "would refuse what was granted"),
        ("grant", "unavailable", &["unavailable"], "could not decide what was decided"),
        ("grant", "grant-b", &["more", "less"], "would permit something else"),
        ("refuse", "grant", &["would_grant"], "would grant what was refused"),
        ("grant", "grant", &["same"], ""),
        ("refuse", "refuse", &["same"], ""),
    ] {
        let daemon = started(isolation, decides, tried);
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": "hunter2-of-the-client"}));
        let answer = client.next_json();
        let wanted = if decides == "grant" { "authorization_ok" } else { "authorization_failed" };
        assert_eq!(answer["type"], wanted, "{decides} {tried}: {answer}");
        let status = daemon.wait_for_status("a comparison", |status| trial(status)["compared"] == 1);
        let trial = trial(&status);
        for what in ["same", "would_grant", "would_refuse", "unavailable", "more", "less"] {
            let expected = u64::from(counted.contains(&what));
            assert_eq!(trial[what], expected, "{decides}, {tried}: {what} in {trial}");
        }
        if !words.is_empty() {
            let line = daemon.log().wait_for(words, |line| line.contains(words).then(|| line.to_owned()));
            assert!(line.contains("\"entry\":\"tried\""), "{line}");
            assert!(decides != "grant" || line.contains("somebody"), "{line}");
        }
        if decides == "grant" {
            client.subscribe("a.1");
            client.send(json!({"type": "subscribe", "channel": "b"}));
            client.expect_error("permission_denied");
        }
        assert!(!daemon.log().text().contains("hunter2"), "the authorization is in the log");
    }
}

/// What nobody could decide is no measure, and one that takes longer would be missed only by those who wait for it.
fn what_nobody_decided_is_not_compared_and_who_is_slower_is_counted(isolation: &str) {
    let daemon = started(isolation, "unavailable", "grant");
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "x"}));
    client.expect_error("authorization_failed");
    let status = daemon.wait_for_status("a question that nobody decided", |status| trial(status)["undecided"] == 1);
    assert_eq!((&trial(&status)["compared"], &trial(&status)["would_grant"]), (&json!(0), &json!(0)));
    let daemon = started(isolation, "grant", "sleep-2s");
    daemon.client_with("x");
    let status = daemon.wait_for_status("a comparison", |status| trial(status)["compared"] == 1);
    let trial = trial(&status);
    assert_eq!((&trial["slower"], &trial["same"]), (&json!(1), &json!(1)), "{trial}");
    assert!(trial["microseconds"].as_u64().unwrap() >= 2_000_000, "{trial}");
}

/// What a shadow grants has ended once it is compared, and it reaches nobody else's grants.
fn grants_of_a_shadow_are_none(isolation: &str) {
    let (plugins, more) = (plugins(), format!(", isolation: {isolation}"));
    plugins.add(&grants_plugin("1", &[]), &grants_file());
    let list = format!("[{}, {{id: GrantsAuthenticator, shadow: true{more}}}]", does("decides", "grant", &more));
    let daemon = Setup::on_shards(1).authenticator(&list, plugins).start();
    // The one that decides calls everybody so.
    let mut client = daemon.client_with("subject=somebody read=a.*");
    client.subscribe("a.1");
    daemon.wait_for_end(daemon.ticket_of("somebody"), "closed");
    daemon.order(&["revoke:somebody:over"]);
    daemon.wait_for_note("order revoke somebody gives 0");
    client.publish("a.1", json!(1));
    client.expect_publish("a.1", json!(1));
}

fn a_shadow_that_hangs_is_waited_for_by_nobody(isolation: &str) {
    let daemon = started(isolation, "grant", "hang");
    let clients: Vec<_> = (0..100).map(|_| daemon.client_with("x")).collect();
    // 64 at the most are under way; whatever came of those, the others were not asked.
    let left_out = trial(&daemon.status())["left_out"].as_u64().unwrap();
    assert!((30..=36).contains(&left_out), "{left_out}");
    assert_eq!(daemon.status()["authenticator"]["ready"], true);
    drop(clients);
}
