//! Clients that are authorized already: they hear what the service says now, and nothing from before.

use super::server::{Server, response};
use super::*;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// An answer that may be remembered, and for whom.
fn of(subject: &str) -> String {
    json!({"permissions": [], "subject": subject, "cache_seconds": 600}).to_string()
}

fn subject(verdict: &Receiver<Verdict>) -> String {
    verdict.recv_timeout(DEADLINE).expect("a verdict in time").subject().to_owned()
}

#[test]
fn a_renewal_is_asked_about_and_its_answer_is_remembered() {
    let server = Server::start();
    let authorizer = authorizer(&server.url, json!({}));
    let first = authorizer.ask_from("a", "");
    server.next().answer(&of("first"));
    assert_eq!(subject(&first), "first");
    let renewal = authorizer.renew("a");
    // Those who come meanwhile need not wait.
    assert_eq!(authorizer.ask_from("a", "").try_recv().unwrap().subject(), "first");
    server.next().answer(&of("second"));
    assert_eq!(subject(&renewal), "second");
    assert_eq!(authorizer.ask_from("a", "").try_recv().unwrap().subject(), "second");
    assert!(server.is_idle());
}

/// The service may have decided what it answers before the renewal came.
#[test]
fn a_question_that_was_sent_before_does_not_serve_a_renewal() {
    let server = Server::start();
    let authorizer = authorizer(&server.url, json!({}));
    let first = authorizer.ask_from("a", "");
    let before = server.next();
    let renewal = authorizer.renew("a");
    let after = server.next();
    // Others are content with either.
    let other = authorizer.ask_from("a", "");
    after.answer(&of("new"));
    assert_eq!((subject(&renewal), subject(&other)), ("new".into(), "new".into()));
    before.answer(&of("old"));
    assert_eq!(subject(&first), "old");
    let remembered = authorizer.ask_from("a", "").try_recv().unwrap();
    assert_eq!(remembered.subject(), "new", "the answer to an earlier question has taken its place");
}

#[test]
fn renewals_share_a_question_that_has_not_been_sent() {
    let server = Server::start();
    let authorizer = authorizer(&server.url, json!({"http_max_connections": 1}));
    let _first = authorizer.ask_from("b", "");
    let busy = server.next();
    let renewals: Vec<_> = (0..20).map(|_| authorizer.renew("a")).collect();
    let newcomer = authorizer.ask_from("a", "");
    busy.answer(&of("b"));
    server.next().answer(&of("a"));
    assert!(renewals.iter().chain([&newcomer]).all(|verdict| subject(verdict) == "a"));
    assert!(server.is_idle(), "asked more than once");
}

/// Neither what was remembered nor what an earlier question brings outlives a refusal.
#[test]
fn a_renewal_that_is_refused_ends_what_is_remembered() {
    let server = Server::start();
    let authorizer = authorizer(&server.url, json!({}));
    let first = authorizer.ask_from("a", "");
    server.next().answer(&of("a"));
    subject(&first);
    let unanswered = authorizer.renew("a");
    server.next().answer_raw(&response("500 Internal Server Error", "", ""), true);
    assert_eq!(unanswered.recv_timeout(DEADLINE).unwrap().decision(), Decision::Unavailable);
    assert_eq!(authorizer.ask_from("a", "").try_recv().unwrap().subject(), "a", "that was no decision");
    let (early, late) = (authorizer.renew("a"), server.next());
    let refused = authorizer.renew("a");
    server.next().answer_raw(&response("403 Forbidden", "", ""), true);
    assert_eq!(refused.recv_timeout(DEADLINE).unwrap().decision(), Decision::Refuse);
    // The earlier one, which is still under way, is not for those who come now.
    let next = authorizer.ask_from("a", "");
    let asked = server.next();
    late.answer(&of("old"));
    assert_eq!(subject(&early), "old");
    asked.answer_raw(&response("403 Forbidden", "", ""), true);
    assert_eq!(next.recv_timeout(DEADLINE).unwrap().decision(), Decision::Refuse);
}

#[test]
fn an_answer_is_remembered_while_there_is_time_to_renew() {
    let server = Server::start();
    let authorizer = authorizer(&server.url, json!({}));
    let begun = SystemTime::now();
    let expires = begun + Duration::from_secs(4);
    let seconds = expires.duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let first = authorizer.ask_from("a", "");
    server.next().answer(&format!(r#"{{"permissions":[],"expires":{seconds},"cache_seconds":600}}"#));
    let first = first.recv_timeout(DEADLINE).unwrap();
    let answered = SystemTime::now();
    let deadline = Instant::now() + DEADLINE;
    let mut remembered = begun;
    let asked_again = loop {
        let asked = SystemTime::now();
        let next = authorizer.ask_from("a", "");
        match next.try_recv() {
            Ok(verdict) => {
                assert_eq!(verdict, first);
                remembered = asked;
            }
            Err(_) => break server.next(),
        }
        assert!(Instant::now() < deadline, "remembered beyond its expiry");
        std::thread::yield_now();
    };
    // The answer says its end in milliseconds.
    assert!(begun + Duration::from_millis(1999) <= SystemTime::now(), "forgotten too early");
    let half = expires.duration_since(answered).map_or(answered, |life| answered + life / 2);
    assert!(
        remembered <= half + Duration::from_millis(100),
        "forgotten too late: {remembered:?}, and not until {half:?}"
    );
    asked_again.answer(&of("a"));
}
