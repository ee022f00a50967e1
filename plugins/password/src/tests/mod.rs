//! Options as operators write them, and the permissions that clients then get.

mod costs;
mod empty;
mod files;
mod hashes;
mod names;

use super::*;
use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use pusu_plugin_api::{Access, Decision, testing};

const MAPPING: &str = r#"{"passwords":{"Password1":["valid.*","channels.*"],"Password2":["*"]}}"#;
const LIST: &str = r#"{"passwords":[{"Password1":["valid.*","channels.*"]},{"Password2":["*"]}]}"#;

fn made(options: &str) -> PasswordAuthenticator {
    testing::create(options).expect("these options are good")
}

fn error(options: &str) -> String {
    match testing::create::<PasswordAuthenticator>(options) {
        Ok(_) => panic!("these options are wrong: {options}"),
        Err(error) => error.to_string(),
    }
}

fn ask(authenticator: &PasswordAuthenticator, authorization: &[u8]) -> Verdict {
    authenticator.authorize(&testing::request(authorization))
}

fn permissions(verdict: &Verdict) -> Vec<(&str, Access)> {
    verdict.permissions().iter().map(|permission| (permission.pattern.as_str(), permission.access)).collect()
}

/// A hash with parameters as small as argon2 allows, so that the tests are quick.
fn phc(algorithm: Algorithm, password: &str) -> String {
    let params = Params::new(8, 1, 1, None).unwrap();
    let argon2 = Argon2::new(algorithm, Version::V0x13, params);
    argon2.hash_password_with_salt(password.as_bytes(), b"salt of a test").unwrap().to_string()
}

#[test]
fn both_shapes_of_passwords_give_read_and_write() {
    for options in [MAPPING, LIST] {
        let authenticator = made(options);
        let first = ask(&authenticator, b"Password1");
        assert_eq!(first.decision(), Decision::Grant);
        assert_eq!(permissions(&first), [("valid.*", Access::READ_WRITE), ("channels.*", Access::READ_WRITE)]);
        assert_eq!(first.subject(), "password 1");
        assert_eq!(permissions(&ask(&authenticator, b"Password2")), [("*", Access::READ_WRITE)]);
    }
}

/// One password, plain and as a hash: what it gives adds up, as far as a verdict has room.
#[test]
fn entries_of_one_password_add_up_and_too_many_decide_nothing() {
    let patterns = |from: usize, number: usize| {
        (from..from + number).map(|number| format!("\"p{number}\"")).collect::<Vec<_>>().join(",")
    };
    let hash = phc(Algorithm::Argon2id, "Password1");
    let options = |from: usize| {
        format!(r#"{{"passwords":{{"Password1":[{}],"{hash}":[{}]}}}}"#, patterns(0, 600), patterns(from, 600))
    };
    let same = ask(&made(&options(0)), b"Password1");
    assert_eq!((same.decision(), same.permissions().len()), (Decision::Grant, 600));
    assert_eq!(ask(&made(&options(400)), b"Password1").permissions().len(), 1000);
    let too_many = ask(&made(&options(600)), b"Password1");
    assert_eq!(
        (too_many.decision(), too_many.reason()),
        (Decision::Unavailable, "the password gives too many patterns")
    );
}

#[test]
fn an_unknown_password_is_refused() {
    let authenticator = made(MAPPING);
    for wrong in [&b""[..], b"password1", b"Password", b"Password11", b"Password1\0", b"\xff\xfe", &[b'x'; 65536]] {
        let verdict = ask(&authenticator, wrong);
        assert_eq!(verdict.decision(), Decision::Refuse);
        assert_eq!((verdict.reason(), verdict.permissions().len()), ("unknown password", 0));
    }
}

#[test]
fn read_by_default_lets_everyone_read_and_known_passwords_too() {
    let authenticator = made(r#"{"passwords":{"P":["a"]},"allow_read_by_default":true}"#);
    assert_eq!(permissions(&ask(&authenticator, b"")), [("*", Access::READ)]);
    assert_eq!(permissions(&ask(&authenticator, b"P")), [("a", Access::READ_WRITE), ("*", Access::READ)]);
    assert_eq!(permissions(&ask(&made(r#"{"allow_read_by_default":true}"#), b"x")), [("*", Access::READ)]);
}

#[test]
fn the_same_password_twice_adds_up() {
    let hash = phc(Algorithm::Argon2id, "P");
    let options = format!(r#"{{"passwords":[{{"P":["a"]}},{{"Q":["b"]}},{{"P":["c"]}},{{"{hash}":["d"]}}]}}"#);
    let verdict = ask(&made(&options), b"P");
    assert_eq!(verdict.permissions().iter().map(|p| p.pattern.as_str()).collect::<Vec<_>>(), ["a", "c", "d"]);
    assert_eq!(verdict.subject(), "password 1");
}

#[test]
fn argon2_hashes_are_taken_in_place_of_passwords() {
    for algorithm in [Algorithm::Argon2id, Algorithm::Argon2i, Algorithm::Argon2d] {
        let hash = phc(algorithm, "hunter2");
        let authenticator = made(&format!(r#"{{"passwords":{{"{hash}":["a"]}}}}"#));
        assert_eq!(ask(&authenticator, b"hunter2").decision(), Decision::Grant);
        assert_eq!(ask(&authenticator, b"hunter3").decision(), Decision::Refuse);
        assert_eq!(ask(&authenticator, hash.as_bytes()).decision(), Decision::Refuse, "the hash is not the password");
    }
}

#[test]
fn a_hash_made_by_the_reference_implementation_is_taken() {
    let hash = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$pMlwOs/gn+zdvoB/AGiRNA";
    let authenticator = made(&format!(r#"{{"passwords":{{"{hash}":["a"]}}}}"#));
    assert_eq!(ask(&authenticator, b"password").decision(), Decision::Grant);
    assert_eq!(ask(&authenticator, b"Password").decision(), Decision::Refuse);
}

#[test]
fn more_patterns_than_a_verdict_may_hold_are_an_error_at_start() {
    let patterns = vec!["a"; 1024];
    let options = serde_json::json!({ "passwords": { "x": patterns } }).to_string();
    assert!(error(&options).contains("entry 1: expected at most 1023 patterns, found 1024"), "{}", error(&options));
}

#[test]
fn wrong_options_are_named_with_expectation_and_finding_but_without_values() {
    let mapping = "expected a mapping of passwords to lists of patterns, such as `{SomePassword: [\"news.*\"]}`";
    let entry = "expected one password with its list of patterns";
    for (options, wanted) in [
        (r#"{"passwords":"hunter2"}"#, format!("option `passwords`: {mapping}, found a string")),
        (r#"{"passwords":7}"#, format!("option `passwords`: {mapping}, found a number")),
        (
            r#"{"passwords":{"hunter2":"a.*"}}"#,
            "option `passwords`, entry 1: expected a list of patterns, or `{name: alice, channels: [\"news.*\"]}`, found a string"
                .into(),
        ),
        (
            r#"{"passwords":{"x":["a"],"hunter2":["a",7]}}"#,
            "option `passwords`, entry 2, item 2: expected a pattern of 1 to 255 bytes without control characters, found a number"
                .into(),
        ),
        (r#"{"passwords":[{"x":["a"]},"hunter2"]}"#, format!("option `passwords`, item 2: {entry}, such as")),
        (
            r#"{"passwords":[{"x":["a"],"hunter2":["b"]}]}"#,
            format!("option `passwords`, item 1: {entry}, found several"),
        ),
        (r#"{"passwords":[{}]}"#, format!("option `passwords`, item 1: {entry}, found none")),
        (r#"{"passwords":{"":["a"]}}"#, "option `passwords`, entry 1: the password is empty".into()),
        (
            r#"{"passwords":{"hunter2":["a",""]}}"#,
            "option `passwords`, entry 1, item 2: expected a pattern of 1 to 255 bytes".into(),
        ),
        (
            r#"{"allow_read_by_default":"hunter2"}"#,
            "option `allow_read_by_default`: expected a boolean, found a string".into(),
        ),
        (r#"{}"#, "nobody could connect".into()),
        (r#"{"passwords":null}"#, "nobody could connect".into()),
        (r#"{"passwords":[],"allow_read_by_default":false}"#, "nobody could connect".into()),
        (
            r#"{"password":{}}"#,
            "there is no option `password` (did you mean `passwords`?); there are `passwords`, `passwords_file`, `allow_read_by_default`"
                .into(),
        ),
    ] {
        let text = error(options);
        assert!(text.starts_with(&wanted), "{options}\n  gives {text}\n wanted {wanted}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}
