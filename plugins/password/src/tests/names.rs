//! Names of passwords: whom a client is known as, so that whoever is thrown out is the one who was meant.

use super::*;
use pusu_plugin_api::testing::Relay;

fn subject(authenticator: &PasswordAuthenticator, password: &str) -> String {
    ask(authenticator, password.as_bytes()).subject().to_owned()
}

#[test]
fn a_name_is_the_subject_wherever_its_entry_stands() {
    let hash = phc(Algorithm::Argon2id, "hashed");
    let named = format!(r#""P":{{"name":"alice","channels":["a"]}},"{hash}":{{"channels":["b"],"name":"bob"}}"#);
    let items = named.replace(r#"},""#, r#"}},{""#);
    for options in [
        format!(r#"{{"passwords":{{{named},"Q":["c"]}}}}"#),
        format!(r#"{{"passwords":{{"Q":["c"],{named}}}}}"#),
        format!(r#"{{"passwords":[{{{items}}},{{"Q":["c"]}}]}}"#),
        format!(r#"{{"passwords":[{{"Q":["c"]}},{{{items}}}]}}"#),
    ] {
        let authenticator = made(&options);
        assert_eq!((subject(&authenticator, "P"), subject(&authenticator, "hashed")), ("alice".into(), "bob".into()));
        assert_eq!(permissions(&ask(&authenticator, b"P")), [("a", Access::READ_WRITE)]);
        assert_eq!(permissions(&ask(&authenticator, b"hashed")), [("b", Access::READ_WRITE)]);
        assert!(["password 1", "password 3"].contains(&subject(&authenticator, "Q").as_str()));
    }
}

#[test]
fn two_passwords_may_have_one_name_and_a_name_counts_before_a_position() {
    let alice = |channel: &str| serde_json::json!({ "name": "alice", "channels": [channel] });
    let twice = serde_json::json!({ "passwords": { "old": alice("a"), "new": alice("b") } }).to_string();
    let twice = made(&twice);
    assert_eq!((subject(&twice, "old"), subject(&twice, "new")), ("alice".into(), "alice".into()));
    let hashes: Vec<String> = (0..3).map(|_| phc(Algorithm::Argon2id, "P")).collect();
    let bob = serde_json::json!({ "name": "bob", "channels": ["c"] });
    let entries = serde_json::json!([{ "P": ["a"] }, { hashes[0].as_str(): alice("b") }, { hashes[1].as_str(): bob }]);
    let authenticator = made(&serde_json::json!({ "passwords": entries }).to_string());
    assert_eq!(subject(&authenticator, "P"), "alice");
    let given = ask(&authenticator, b"P");
    assert_eq!(permissions(&given).iter().map(|(pattern, _)| *pattern).collect::<Vec<_>>(), ["a", "b", "c"]);
}

/// Without that, two lists in one relay would call different people the same.
#[test]
fn positions_say_of_which_entry_they_are_where_there_are_several() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passwords");
    std::fs::write(&file, "of the file: [a]\nnamed: {name: alice, channels: [b]}\n").unwrap();
    let options = format!(r#"{{"passwords":{{"P":["a"]}},"passwords_file":{file:?}}}"#);
    for (index, count, wanted) in
        [(0, 1, ["password 1", "file password 1"]), (1, 3, ["password 1 of entry 2", "file password 1 of entry 2"])]
    {
        let relay = Relay::new();
        relay.set_entry(index, count, None);
        let authenticator: PasswordAuthenticator = relay.create(&options).unwrap();
        assert_eq!(["P", "of the file"].map(|password| subject(&authenticator, password)), wanted);
        assert_eq!(subject(&authenticator, "named"), "alice");
    }
}

#[test]
fn what_is_wrong_with_a_name_is_said_by_position_and_not_shown() {
    let expected = "expected a list of patterns, or `{name: alice, channels: [\"news.*\"]}`, found";
    for (gives, wanted) in [
        (r#"{"name":"","channels":["a"]}"#, ", option `name`: expected a name of 1 to 128 bytes".to_owned()),
        (r#"{"name":"hunter2\u0007","channels":["a"]}"#, ", option `name`: expected a name of 1 to 128 bytes".into()),
        (r#"{"name":7,"channels":["a"]}"#, ", option `name`: expected a name, as text".into()),
        (r#"{"name":"password 7","channels":["a"]}"#, ", option `name`: expected a name of its own".into()),
        (r#"{"name":"a","channels":"hunter2"}"#, ", option `channels`: expected a list, found a string".into()),
        (r#"{"name":"a","channels":["a",""]}"#, ", option `channels`, item 2: expected a pattern".into()),
        (r#"{"name":"a"}"#, format!(": {expected} a mapping without `channels`; there are the keys `name` and")),
        (
            r#"{"channels":["hunter2"]}"#,
            format!(": {expected} a mapping without `name`; there are the keys `name` and"),
        ),
        (r#"{"name":"a","channels":[],"hunter2":1}"#, format!(": {expected} a mapping with another key; there are")),
        (r#"{"name":"a","name":"hunter2","channels":[]}"#, format!(": {expected} a mapping with one of them twice")),
        ("7", format!(": {expected} a number")),
    ] {
        for options in [
            format!(r#"{{"passwords":{{"fine":["a"],"hunter2":{gives}}}}}"#),
            format!(r#"{{"passwords":[{{"fine":["a"]}},{{"hunter2":{gives}}}]}}"#),
        ] {
            let text = error(&options);
            let place = if options.contains("[{") { "item 2, entry 1" } else { "entry 2" };
            assert!(text.starts_with(&format!("option `passwords`, {place}{wanted}")), "{options}\n  gives {text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
    let many = serde_json::json!({ "passwords": { "x": { "name": "a", "channels": vec!["a"; 1024] } } }).to_string();
    assert!(error(&many).contains("entry 1: expected at most 1023 patterns, found 1024"), "{}", error(&many));
}
