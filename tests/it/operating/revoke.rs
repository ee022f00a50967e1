//! `pusud revoke` and `pusud revocations` on one relay: what somebody loses, who is kept out, and the file.

use crate::harness::{Client, DEADLINE, Daemon, Request, Setup, grants_setup, pusud, run};
use serde_json::json;
use std::fs;
use std::time::Instant;

crate::on_1_and_3_shards!(
    a_subject_loses_all_and_is_kept_out_until_it_is_lifted,
    what_another_authorization_gives_stays,
    requests_and_streams_lose_it_too,
);

const ALICE: &str = "subject=alice both=*";

fn refused(daemon: &Daemon, authorization: &str) {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": authorization}));
    client.expect(json!({"type": "authorization_failed", "reason": "revoked"}));
    client.expect_closed(4501);
}

#[track_caller]
fn expect_out(client: &mut Client) {
    client.expect(json!({"type": "authorization_failed", "reason": "revoked"}));
    client.expect_closed(4504);
}

fn a_subject_loses_all_and_is_kept_out_until_it_is_lifted(daemon: Daemon) {
    let mut bobs: Vec<Client> = (0..5).map(|_| daemon.client_with("subject=bob both=*")).collect();
    let mut nobody = daemon.client();
    let mut alices: Vec<Client> = (0..5).map(|_| daemon.client_with(ALICE)).collect();
    alices.iter_mut().chain(&mut bobs).for_each(|client| client.subscribe("a"));
    let said = daemon.operate(&["revoke", "--subject", "alice"]).succeeds();
    assert!(said.starts_with("subject \"alice\" is revoked until it is lifted, here and at no other relay"), "{said}");
    assert_eq!(said.lines().nth(1), Some("5 clients had it"));
    for zero in ["0s", "1ns", "999us"] {
        let zero = daemon.operate(&["revoke", "--subject", "bob", "--for", zero]);
        assert!(zero.status.code() == Some(2) && zero.stderr.contains("longer than nothing"), "{zero:?}");
    }
    alices.iter_mut().for_each(expect_out);
    refused(&daemon, ALICE);
    refused(&daemon, "subject=alice read=nothing");
    nobody.publish("a", json!(1));
    bobs.iter_mut().for_each(|bob| bob.expect_publish("a", json!(1)));
    let list = daemon.operate(&["revocations"]).succeeds();
    assert!(list.contains("subject \"alice\"") && list.lines().count() == 2, "{list}");
    let decision = daemon.last_decision_about("alice");
    assert_eq!((&decision["verdict"], &decision["reason"]), (&json!("refused"), &json!("revoked")), "{decision}");
    daemon.operate(&["revocations", "--lift", "--subject", "bob"]).fails_saying(&["\"bob\" is not revoked"]);
    daemon.operate(&["revocations", "--lift"]).fails_saying(&["which one?"]);
    let said = daemon.operate(&["revocations", "--lift", "--subject", "alice"]).succeeds();
    assert!(said.starts_with("subject \"alice\" is no longer revoked"), "{said}");
    daemon.client_with(ALICE);
    assert_eq!(daemon.operate(&["revocations"]).succeeds(), "nothing is revoked");
}

fn what_another_authorization_gives_stays(daemon: Daemon) {
    let mut both = daemon.client_with("subject=alice read=a read=c");
    both.authorize("subject=bob read=b read=c");
    ["a", "b", "c"].iter().for_each(|channel| both.subscribe(channel));
    // What gives nothing beyond the one before it was never kept.
    let mut twice = daemon.client_with("subject=bob read=*");
    twice.authorize("subject=alice read=a");
    twice.subscribe("a");
    let mut other = daemon.client_with("subject=alice read=a");
    other.authorize("subject=bob read=*");
    other.subscribe("a");
    daemon.operate(&["revoke", "--subject", "alice"]).succeeds();
    both.expect(json!({"type": "subscription_ended", "channel": "a", "reason": "revoked"}));
    let mut source = daemon.client();
    ["a", "b", "c"].iter().for_each(|channel| source.publish(channel, json!(channel)));
    both.expect_publish("b", json!("b"));
    both.expect_publish("c", json!("c"));
    twice.expect_publish("a", json!("a"));
    other.expect_publish("a", json!("a"));
    daemon.operate(&["revoke", "--subject", "bob"]).succeeds();
    [both, twice, other].iter_mut().for_each(expect_out);
}

fn requests_and_streams_lose_it_too(daemon: Daemon) {
    let mut stream = daemon.events_with(ALICE, &["a"]);
    let mut source = daemon.http();
    let request = |who: &str| Request::post("/publish/a", "1").bearer(&format!("subject={who} both=*"));
    source.ask(&request("alice")).expect_accepted();
    stream.expect_publish("a", json!(1));
    daemon.operate(&["revoke", "--subject", "alice"]).succeeds();
    // The verdict that is remembered counts no more, on this connection and on others.
    let problem = source.ask(&request("alice")).expect_problem(401);
    assert!(problem["detail"].as_str().is_some_and(|detail| detail == "revoked"), "{problem}");
    daemon.http().ask(&request("alice")).expect_problem(401);
    daemon.http().ask(&request("bob")).expect_accepted();
    let failed = json!({"type": "authorization_failed", "reason": "revoked"});
    stream.expect_event("authorization_failed", failed);
    stream.expect_end(4504);
    daemon.operate(&["revocations", "--lift", "--subject", "alice"]).succeeds();
    daemon.http().ask(&request("alice")).expect_accepted();
}

#[test]
fn one_authorization_alone() {
    let daemon = Daemon::on_shards(1);
    let mut lost = daemon.client_with("subject=alice read=a");
    let hash = daemon.last_decision_about("alice")["authorization"].as_str().unwrap().to_owned();
    let mut stays = daemon.client_with("subject=alice read=a read=b");
    daemon.operate(&["revoke", "--authorization-hash", &hash]).succeeds();
    expect_out(&mut lost);
    refused(&daemon, "subject=alice read=a");
    stays.expect_no_answer();
    let list = daemon.operate_json(&["revocations"]);
    assert_eq!(list[0]["whom"], json!({"authorization_hash": hash}), "{list:?}");
    let wrong = daemon.operate(&["revoke", "--authorization-hash", "subject=alice"]);
    // It may be an authorization in the place of its hash.
    assert!(!wrong.fails_saying(&["32 hexadecimal digits"]).contains("alice"));
    let mut nobody = daemon.connect();
    nobody.send(json!({"type": "authorize", "authorization": ""}));
    nobody.next_json();
    let last = daemon.operate_json(&["decisions", "--last", "1"]).pop().expect("there is one");
    let said = daemon.operate(&["revoke", "--authorization-hash", last["authorization"].as_str().unwrap()]);
    said.fails_saying(&["the hash of an empty authorization", "revoke the subject"]);
}

#[test]
fn it_ends_by_itself() {
    let daemon = Daemon::on_shards(1);
    daemon.operate(&["revoke", "--subject", "alice", "--for", "1s"]).succeeds();
    let began = Instant::now();
    loop {
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": ALICE}));
        if client.next_json()["type"] == "authorization_ok" {
            break;
        }
        assert!(began.elapsed() < DEADLINE, "it does not end");
    }
    assert!(daemon.operate_json(&["revocations"]).is_empty());
}

/// A decision that was asked for before the revocation and comes behind it.
#[test]
fn a_decision_on_its_way_gives_nothing() {
    let daemon = grants_setup("thread", 1).start();
    let hold = daemon.dir().join("hold");
    fs::write(&hold, "").unwrap();
    let authorization = format!("hold={} subject=alice read=a", hold.display());
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": authorization}));
    let mut request = daemon.raw();
    request.send(crate::harness::events_request("channel=a", &crate::harness::bearer(&authorization)));
    daemon.operate(&["revoke", "--subject", "alice"]).succeeds();
    fs::remove_file(&hold).unwrap();
    client.expect(json!({"type": "authorization_failed", "reason": "revoked"}));
    client.expect_closed(4501);
    let answer = String::from_utf8(request.read_to_end()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("revoked"), "{answer}");
    // The plugin is told that what it has granted has ended.
    daemon.wait_for_end(daemon.ticket_of("alice"), "revoked");
}

fn with_file(shards: usize) -> Daemon {
    Setup::on_shards(shards).settings("revocations_file: revocations.json").start()
}

#[test]
fn it_outlives_a_restart_and_so_does_its_lift() {
    let mut daemon = with_file(1);
    daemon.client_with("subject=bob both=*");
    let hash = daemon.last_decision_about("bob")["authorization"].as_str().unwrap().to_owned();
    let said = daemon.operate(&["revoke", "--subject", "alice"]).succeeds();
    assert!(!said.contains("not kept"), "{said}");
    daemon.operate(&["revoke", "--authorization-hash", &hash]).succeeds();
    daemon.kill();
    daemon.restart();
    refused(&daemon, ALICE);
    // The key of the hashes is the same one.
    refused(&daemon, "subject=bob both=*");
    daemon.operate(&["revocations", "--lift", "--subject", "alice"]).succeeds();
    daemon.kill();
    daemon.restart();
    daemon.client_with(ALICE);
    assert_eq!(daemon.operate_json(&["revocations"]).len(), 1);
}

#[test]
fn a_file_that_cannot_be_used_is_an_error_with_a_way_out() {
    let mut daemon = with_file(1);
    let file = daemon.dir().join("revocations.json");
    daemon.kill();
    let settings = daemon.dir().join("settings.yaml");
    let start = || {
        let checked = run(pusud(&["check", "--config"]).arg(&settings));
        checked.fails_saying(&["`revocations_file`", "revocations.json"]);
        run(pusud(&["run", "--config"]).arg(&settings))
    };
    fs::write(&file, "canary").unwrap();
    let said = start().fails_saying(&["`revocations_file`", "revocations.json", "move it away"]);
    assert!(!said.contains("canary"), "{said}");
    let large = fs::File::create(&file).unwrap();
    large.set_len((64 << 20) + 1).unwrap();
    start().fails_saying(&["`revocations_file`", "more than 67108864 bytes", "move it away"]);
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    start().fails_saying(&["`revocations_file`", "revocations.json"]);
}

#[test]
fn what_cannot_be_saved_is_said_and_holds() {
    let daemon = with_file(1);
    // Something that cannot be replaced stands in the way.
    fs::create_dir(daemon.dir().join("revocations.json.new")).unwrap();
    let said = daemon
        .operate(&["revoke", "--subject", "alice"])
        .fails_saying(&["forgotten at a restart", "`revocations_file`"]);
    assert!(said.contains("it holds"), "{said}");
    refused(&daemon, ALICE);
}
