use super::*;
use crate::authenticator::Authorization;
use crate::protocol::{Access, Permission};

fn request(authorization: &str) -> Request {
    Request {
        authorization: Authorization::new(authorization),
        peer: "192.0.2.1:5000".to_owned(),
        encrypted: false,
        again: false,
        recheck: false,
        attributes: vec![("http.path".to_owned(), "/publish".to_owned().into())],
    }
}

fn grant(pattern: &str) -> Grant {
    Grant { permissions: vec![Permission::new(pattern, Access::WRITE)], generation: 1, ..Grant::default() }
}

/// Asks a question that nobody has asked.
fn ask(verdicts: &Arc<Verdicts>, key: Key) -> Question {
    match verdicts.find(key, 1) {
        Found::Unknown(question) => question,
        Found::Remembered(_) | Found::Asked(_) => panic!("it is known"),
    }
}

fn is_known(verdicts: &Arc<Verdicts>, key: Key, generation: u32) -> bool {
    matches!(verdicts.find(key, generation), Found::Remembered(_))
}

#[test]
fn a_question_is_told_from_all_others() {
    let verdicts = Verdicts::new(Arc::default());
    let key = |request: &Request, peer: &str| verdicts.key(request, peer);
    let first = key(&request("a"), "192.0.2.1");
    assert_eq!(first, key(&request("a"), "192.0.2.1"));
    let (mut encrypted, mut elsewhere, mut moved) = (request("a"), request("a"), request("a"));
    encrypted.encrypted = true;
    elsewhere.attributes.push(("http.origin".to_owned(), "https://a.example".to_owned().into()));
    // The same bytes, cut in another place.
    moved.attributes[0] = ("http.pat".to_owned(), "h/publish".to_owned().into());
    for other in [request("b"), encrypted, elsewhere, moved] {
        assert_ne!(first, key(&other, "192.0.2.1"), "{other:?}");
    }
    assert_ne!(first, key(&request("a"), "192.0.2.2"));
    assert_ne!(
        first,
        Verdicts::new(Arc::default()).key(&request("a"), "192.0.2.1"),
        "every relay has a secret of its own"
    );
}

#[test]
fn what_was_granted_is_remembered_until_it_ends() {
    let verdicts = Arc::new(Verdicts::new(Arc::default()));
    let key = verdicts.key(&request("a"), "");
    let remembered = ask(&verdicts, key).grant(grant("news"), Moment::now());
    assert!(remembered.allows(Access::WRITE, "news") && !remembered.allows(Access::READ, "news"));
    assert!(is_known(&verdicts, key, 1));
    assert!(!is_known(&verdicts, key, 2), "another authenticator decides");
    let over = Grant { lifetime: Some(Duration::ZERO), ..grant("news") };
    ask(&verdicts, key).grant(over, Moment::now());
    assert!(!is_known(&verdicts, key, 1), "its time is up");
    ask(&verdicts, key).fail(Outcome::Refused("no".into()));
    assert!(!is_known(&verdicts, key, 1), "what was refused is asked again");
}

#[tokio::test]
async fn who_asks_the_same_meanwhile_waits_for_the_answer() {
    let verdicts = Arc::new(Verdicts::new(Arc::default()));
    let key = verdicts.key(&request("a"), "");
    let outcome = async |verdicts: &Arc<Verdicts>| {
        let Found::Asked(mut asked) = verdicts.find(key, 1) else { panic!("it is being asked") };
        let outcome = asked.wait_for(Option::is_some).await.ok().map(|outcome| outcome.clone());
        outcome.flatten()
    };
    let question = ask(&verdicts, key);
    let (waited, ()) = tokio::join!(outcome(&verdicts), async { question.fail(Outcome::Unavailable) });
    assert!(matches!(waited, Some(Outcome::Unavailable)));
    let question = ask(&verdicts, key);
    let (waited, _) = tokio::join!(outcome(&verdicts), async { question.grant(grant("news"), Moment::now()) });
    assert!(matches!(waited, Some(Outcome::Granted(_))));
    // Whoever gives up leaves the question to the next.
    let other = verdicts.key(&request("b"), "");
    let question = ask(&verdicts, other);
    assert!(matches!(verdicts.find(other, 1), Found::Asked(_)));
    drop(question);
    drop(ask(&verdicts, other));
}

#[test]
fn what_is_remembered_is_bounded_and_the_oldest_goes_first() {
    let verdicts = Arc::new(Verdicts::new(Arc::default()));
    let pattern = "x".repeat(10_000);
    let keys: Vec<Key> = (0..1000).map(|n| verdicts.key(&request(&n.to_string()), "")).collect();
    for key in &keys {
        ask(&verdicts, *key).grant(grant(&pattern), Moment::now());
    }
    let known = keys.iter().filter(|key| is_known(&verdicts, **key, 1)).count();
    assert!((700..900).contains(&known), "{known} of 10 KB each are remembered");
    assert!(is_known(&verdicts, keys[999], 1));
    let tables = verdicts.tables();
    assert_eq!(tables.by_age.len(), tables.remembered.len());
    assert!(tables.bytes <= REMEMBERED_BYTES_MAX);
}

#[test]
fn what_has_ended_goes_by_itself() {
    let verdicts = Arc::new(Verdicts::new(Arc::default()));
    let keys: Vec<Key> = (0..10).map(|n| verdicts.key(&request(&n.to_string()), "")).collect();
    for key in &keys {
        ask(&verdicts, *key).grant(grant("news"), Moment::now());
    }
    verdicts.tidy(1, Uptime::now());
    assert_eq!(verdicts.tables().remembered.len(), 10);
    verdicts.tidy(2, Uptime::now() + 2 * TIDY_INTERVAL);
    let tables = verdicts.tables();
    assert_eq!((tables.remembered.len(), tables.by_age.len(), tables.bytes), (0, 0, 0));
}
