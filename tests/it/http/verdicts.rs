//! Verdicts that are remembered for requests: how often the authenticator is asked, and when it is asked again.

use crate::harness::{
    Daemon, Http, PluginsDir, Request, Setup, bad_plugin, grants_file, grants_plugin, grants_setup, password_plugin,
};
use std::fs;
use std::time::Duration;

/// The word for each question that was granted, in the plugin's notes.
const GRANTED: &str = "granted ";

fn post(authorization: &str) -> Request {
    Request::post("/publish/a", "1").bearer(authorization)
}

/// Daemons on 1 and on 3 shards, with the plugin that takes notes.
fn noting() -> impl Iterator<Item = Daemon> {
    [1, 3].into_iter().map(|shards| grants_setup("thread", shards).start())
}

#[test]
fn one_question_for_many_requests() {
    for daemon in noting() {
        let request = post("write=a subject=alice");
        let mut connections: Vec<Http> = (0..6).map(|_| daemon.http()).collect();
        for http in &mut connections {
            (0..10).for_each(|_| drop(http.ask(&request).expect_accepted()));
            let list = Request::post("/publish", r#"[{"channel":"a","content":1}]"#).bearer("write=a subject=alice");
            http.ask(&list).expect(202);
        }
        daemon.wait_for_notes_like(GRANTED, 1);
        // Another one, and one that says something else of itself.
        for (at, http) in connections.iter_mut().enumerate() {
            http.ask(&post("write=a subject=bob")).expect_accepted();
            http.ask(&request.clone().header("Origin: https://a.example")).expect_accepted();
            http.ask(&request).expect_accepted();
            if at == 0 {
                daemon.wait_for_notes_like(GRANTED, 3);
            }
        }
        // Whoever listens is asked about, each.
        daemon.client_with("write=a subject=alice");
        daemon.wait_for_notes_like(GRANTED, 4);
    }
}

#[test]
fn many_that_ask_at_once_are_one_question() {
    for daemon in noting() {
        let hold = daemon.dir().join("hold");
        fs::write(&hold, "").unwrap();
        let request = post(&format!("hold={} write=a", hold.display()));
        let mut connections: Vec<Http> = (0..30).map(|_| daemon.http()).collect();
        connections.iter_mut().for_each(|http| http.send(&request));
        // Others do not wait for it.
        daemon.http().ask(&post("write=a")).expect_accepted();
        daemon.wait_for_notes_like(GRANTED, 1);
        assert!(connections.iter_mut().all(|http| http.answer_within(Duration::from_millis(1)).is_none()));
        fs::remove_file(&hold).unwrap();
        connections.iter_mut().for_each(|http| drop(http.answer().expect_accepted()));
        daemon.http().ask(&request).expect_accepted();
        daemon.wait_for_notes_like(GRANTED, 2);
    }
}

/// Nothing is remembered of it: who comes later asks again.
#[test]
fn whoever_waits_for_a_refusal_is_refused() {
    for daemon in noting() {
        for (word, status) in [("refuse=why", 401), ("unavailable", 503)] {
            let begin = "not-granted ";
            let before = daemon.notes_like(begin);
            let hold = daemon.dir().join("hold");
            fs::write(&hold, "").unwrap();
            let request = post(&format!("hold={} {word}", hold.display()));
            let mut connections: Vec<Http> = (0..10).map(|_| daemon.http()).collect();
            connections.iter_mut().for_each(|http| http.send(&request));
            daemon.http().ask(&post("write=a")).expect_accepted();
            fs::remove_file(&hold).unwrap();
            connections.iter_mut().for_each(|http| drop(http.answer().expect_problem(status)));
            let asked = daemon.notes_like(begin) - before;
            assert!((1..=10).contains(&asked), "asked {asked} times");
            let before = daemon.notes_like(begin);
            daemon.http().ask(&request).expect_problem(status);
            daemon.wait_for_notes(word, |notes| {
                (notes.iter().filter(|note| note.starts_with(begin)).count() > before).then_some(())
            });
        }
    }
}

#[test]
fn another_authenticator_is_asked_again() {
    for on_swap in ["reauthorize", "keep"] {
        let daemon = grants_setup("thread", 1).start();
        daemon.edit_settings(|text| text.replace("on_swap: reauthorize", &format!("on_swap: {on_swap}")));
        if on_swap == "keep" {
            daemon.reload();
        }
        let mut http = daemon.http();
        (0..3).for_each(|_| drop(http.ask(&post("write=a")).expect_accepted()));
        daemon.wait_for_notes_like(GRANTED, 1);
        daemon.plugins().replace(&grants_file(), &grants_plugin("2", &["-DVERSION=\"2\""]));
        let line = daemon.reload();
        assert!(line.contains("has taken over"), "{line}");
        (0..3).for_each(|_| drop(http.ask(&post("write=a")).expect_accepted()));
        daemon.http().ask(&post("write=a")).expect_accepted();
        daemon.wait_for_notes_like(GRANTED, 2);
    }
}

/// The same instance, which has read its files again. It logs a line for each question.
#[test]
fn an_authenticator_that_has_reloaded_is_asked_again() {
    let plugins = PluginsDir::empty();
    let word = plugins.path().join("word");
    fs::write(&word, "one").unwrap();
    bad_plugin(&plugins, &[&format!("-DWORD_FILE={word:?}"), "-DRELOADS"]);
    let daemon = Setup::on_shards(1).authenticator("BadPlugin", plugins).start();
    let questions = |lines: &[String]| lines.iter().filter(|line| line.contains("forged: another")).count();
    let mut connections = [daemon.http(), daemon.http()];
    for asked in 1..4 {
        let request = Request::post("/publish/a.1", "1").bearer("log");
        connections.iter_mut().for_each(|http| drop(http.ask(&request).expect_accepted()));
        daemon.log().wait("a question", |lines| (questions(lines) == asked).then_some(()));
        let line = daemon.reload();
        assert!(line.contains("the authenticator has reloaded"), "{line}");
    }
}

/// With other options: whoever knew the old password is refused from here on.
#[test]
fn a_password_that_is_taken_away_opens_nothing_more() {
    let plugins = PluginsDir::with([password_plugin()]);
    let settings = "passwords: {first: [a], second: [a]}";
    let daemon = Setup::on_shards(1).authenticator("PasswordAuthenticator", plugins).settings(settings).start();
    let mut connections = ["first", "second"].map(|password| (password, daemon.http()));
    connections.iter_mut().for_each(|(password, http)| drop(http.ask(&post(password)).expect_accepted()));
    daemon.edit_settings(|text| text.replace("first: [a], ", ""));
    let line = daemon.reload();
    assert!(line.contains("has taken over"), "{line}");
    let [(_, first), (_, second)] = &mut connections;
    first.ask(&post("first")).expect_problem(401);
    daemon.http().ask(&post("first")).expect_problem(401);
    second.ask(&post("second")).expect_accepted();
}

#[test]
fn what_the_plugin_has_revoked_is_not_remembered() {
    for isolation in ["thread", "process"] {
        let daemon = grants_setup(isolation, 3).start();
        let request = post("write=a subject=alice");
        let mut connections: Vec<Http> = (0..6).map(|_| daemon.http()).collect();
        for asked in 1..4 {
            connections.iter_mut().for_each(|http| drop(http.ask(&request).expect_accepted()));
            daemon.wait_for_notes("another question", |notes| {
                (notes.iter().filter(|note| note.contains(" for alice gives 0") && note.starts_with(GRANTED)).count()
                    == asked)
                    .then_some(())
            });
            let ticket = daemon.ticket_of("alice");
            daemon.order(&["revoke:alice:over"]);
            daemon.wait_for_end(ticket, "revoked");
        }
    }
}

#[test]
fn a_verdict_ends_when_the_plugin_says() {
    let daemon = grants_setup("thread", 1).start();
    let mut http = daemon.http();
    while daemon.notes_like(GRANTED) < 3 {
        http.ask(&post("write=a ttl=300")).expect_accepted();
    }
    // Such a verdict gives nothing.
    let before = daemon.notes_like(GRANTED);
    (0..3).for_each(|_| drop(daemon.http().ask(&post("write=a ended-ago=5000")).expect_problem(401)));
    daemon.wait_for_notes_like(GRANTED, before + 3);
}
