//! Questions that nobody waits for any more.

use super::server::Server;
use super::*;

const ANSWER: &str = r#"{"permissions":[],"subject":"a","cache_seconds":600}"#;

fn ask(authorizer: &Authorizer<Waiting>, authorization: &str) -> (u64, Receiver<Verdict>) {
    authorizer.ask_with(authorization, "", false)
}

#[test]
fn a_question_that_nobody_waits_for_gives_its_connection_up() {
    let server = Server::start();
    let authorizer = authorizer(&server.url, json!({"http_max_connections": 1}));
    let (ticket, verdict) = ask(&authorizer, "a");
    let asked = server.next();
    let next = ask(&authorizer, "b").1;
    authorizer.cancel(ticket);
    assert!(verdict.recv_timeout(DEADLINE).is_err(), "dropped, and not answered");
    let after = server.next();
    assert!(after.body.contains("\"b\"") && after.connection != asked.connection);
    after.answer(ANSWER);
    assert_eq!(next.recv_timeout(DEADLINE).unwrap().subject(), "a");
    // Whoever comes now is asked about anew.
    let again = ask(&authorizer, "a").1;
    server.next().answer(ANSWER);
    assert_eq!(again.recv_timeout(DEADLINE).unwrap().subject(), "a");
}

#[test]
fn questions_that_wait_for_a_connection_are_dropped() {
    let server = Server::start();
    let authorizer = authorizer(&server.url, json!({"http_max_connections": 1}));
    let first = ask(&authorizer, "first").1;
    let asked = server.next();
    // As many as may be under way.
    let waiting: Vec<_> = (1..1024).map(|number| ask(&authorizer, &number.to_string())).collect();
    assert_eq!(authorizer.decision("last"), Decision::Unavailable);
    waiting.iter().for_each(|(ticket, _)| authorizer.cancel(*ticket));
    let last = ask(&authorizer, "last").1;
    asked.answer(ANSWER);
    let after = server.next();
    assert!(after.body.contains("\"last\""), "{}", after.body);
    after.answer(ANSWER);
    for verdict in [first, last] {
        assert_eq!(verdict.recv_timeout(DEADLINE).unwrap().decision(), Decision::Grant);
    }
    assert!(server.is_idle());
}

#[test]
fn a_shared_question_goes_on_as_long_as_one_waits() {
    let server = Server::start();
    let authorizer = authorizer(&server.url, json!({}));
    let waiting: Vec<_> = (0..5).map(|_| ask(&authorizer, "a")).collect();
    let asked = server.next();
    waiting[1..].iter().for_each(|(ticket, _)| authorizer.cancel(*ticket));
    // One that is cancelled twice, or has been answered, changes nothing.
    authorizer.cancel(waiting[1].0);
    asked.answer(ANSWER);
    assert_eq!(waiting[0].1.recv_timeout(DEADLINE).unwrap().subject(), "a");
    authorizer.cancel(waiting[0].0);
    assert!(waiting[1..].iter().all(|(_, verdict)| verdict.try_recv().is_err()), "answered all the same");
    assert_eq!(ask(&authorizer, "a").1.try_recv().unwrap().subject(), "a", "its answer is remembered");
}

/// The relay cancels on another thread than it asks, so that this may come first.
#[test]
fn a_ticket_that_was_cancelled_before_is_not_asked_about() {
    let server = Server::start();
    let authorizer = authorizer(&server.url, json!({"http_max_connections": 1}));
    authorizer.cancel(u64::MAX);
    let verdict = authorizer.ask_as(u64::MAX, "a", "", false);
    assert!(verdict.try_recv().is_err_and(|error| error == std::sync::mpsc::TryRecvError::Disconnected));
    let next = ask(&authorizer, "b").1;
    let asked = server.next();
    assert!(asked.body.contains("\"b\""), "{}", asked.body);
    asked.answer(ANSWER);
    assert_eq!(next.recv_timeout(DEADLINE).unwrap().subject(), "a");
}
