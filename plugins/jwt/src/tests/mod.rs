//! Options as operators write them, tokens as they come, and the verdicts on both.

mod grants;
mod key_files;
mod keys;
mod odd_keys;
mod refusals;
mod settings;

use super::*;
use crate::token::Refusal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use pusu_plugin_api::{Access, Decision, Permission, testing};
use serde_json::{Value, json};
use std::time::{Duration, UNIX_EPOCH};

const SECRET: &str = "a secret that is long enough for HS512, which takes 64 bytes or more";
/// The clock of these tests, in seconds since 1970.
const NOW: u64 = 1_700_000_000;

fn made(options: Value) -> JwtAuthenticator {
    testing::create(&options.to_string()).expect("these options are good")
}

fn error(options: Value) -> String {
    match testing::create::<JwtAuthenticator>(&options.to_string()) {
        Ok(_) => panic!("these options are wrong: {options}"),
        Err(error) => error.to_string(),
    }
}

/// An authenticator that takes HS256 with [`SECRET`] and `more`.
fn with(more: Value) -> JwtAuthenticator {
    let mut options = json!({"jwt_signing_algorithms": ["HS256"], "jwt_verification_key": SECRET});
    options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    made(options)
}

/// A token of these texts, whatever they are, signed with [`SECRET`].
fn signed(header: &str, payload: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

/// A token of these claims, to which an `exp` and `pusu` are added where there are none.
fn token(claims: Value) -> String {
    let mut all = json!({"exp": NOW + 60, "pusu": {"read": ["a"]}});
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    signed(r#"{"alg":"HS256","typ":"JWT"}"#, &all.to_string())
}

fn decide(authenticator: &JwtAuthenticator, token: &str) -> Result<Verdict, Refusal> {
    decide_fully(authenticator, token).map_err(|denied| denied.reason)
}

/// As [`decide`], with what the log says in addition.
fn decide_fully(authenticator: &JwtAuthenticator, token: &str) -> Result<Verdict, claims::Denied> {
    match authenticator.decider.decide(token.as_bytes(), UNIX_EPOCH + Duration::from_secs(NOW))? {
        decider::Outcome::Verdict(verdict) => Ok(verdict),
        decider::Outcome::Later(key) => panic!("keys in files are known at once, {key} is not"),
    }
}

fn permissions(verdict: &Verdict) -> Vec<(&str, Access)> {
    verdict.permissions().iter().map(|permission| (permission.pattern.as_str(), permission.access)).collect()
}

#[test]
fn a_token_gives_what_it_says() {
    let claims = json!({
        "sub": "alice",
        "iat": NOW,
        "nbf": NOW,
        "jti": "1",
        "name": {"of no": "interest"},
        "pusu": {"read": ["news.*", "chat.*"], "write": ["chat.*", "users.alice"]},
    });
    let verdict = decide(&with(json!({})), &token(claims)).unwrap();
    assert_eq!(verdict.decision(), Decision::Grant);
    assert_eq!(verdict.subject(), "alice");
    let expected = [("news.*", Access::READ), ("chat.*", Access::READ_WRITE), ("users.alice", Access::WRITE)];
    assert_eq!(permissions(&verdict), expected);
    assert_eq!(verdict, verdict.clone().expires_unix_ms((NOW + 60) * 1000));
}

#[test]
fn no_token_gives_more_than_the_allowed_channels() {
    let authenticator = with(json!({"allowed_channels": ["news.*", "chat.*"]}));
    let claims = json!({"pusu": {"read": ["*"], "write": ["chat.alice.*", "weather"]}});
    let verdict = decide(&authenticator, &token(claims)).unwrap();
    let expected = [("news.*", Access::READ), ("chat.*", Access::READ), ("chat.alice.*", Access::WRITE)];
    assert_eq!(permissions(&verdict), expected);
    let refused = decide(&authenticator, &token(json!({"pusu": {"read": ["weather"]}})));
    assert_eq!(refused, Err("nothing that the token gives is among the channels allowed here"));
}

#[test]
fn the_leeway_makes_up_for_clocks_and_lengthens_nothing() {
    let expiring = |exp: f64| token(json!({"exp": exp}));
    let now = NOW as f64;
    let ends = |verdict: Result<Verdict, Refusal>, ms: u64| {
        let verdict = verdict.unwrap();
        assert_eq!(verdict, verdict.clone().expires_unix_ms(ms));
    };
    let thirty = with(json!({}));
    ends(decide(&thirty, &expiring(now + 0.5)), NOW * 1000 + 500);
    ends(decide(&thirty, &expiring(now - 29.0)), (NOW + 1) * 1000);
    assert_eq!(decide(&thirty, &expiring(now - 30.0)), Err("the token has expired"));
    let none = with(json!({"jwt_leeway": 0}));
    assert_eq!(decide(&none, &expiring(now)), Err("the token has expired"));
    ends(decide(&none, &expiring(now + 1.0)), (NOW + 1) * 1000);
    assert!(decide(&thirty, &token(json!({"nbf": NOW + 30}))).is_ok());
    assert!(decide(&thirty, &token(json!({"nbf": NOW + 31}))).is_err());
    assert!(decide(&none, &token(json!({"nbf": NOW + 1}))).is_err());
}

#[test]
fn a_token_without_end_is_taken_where_the_settings_say_so() {
    let endless = signed(r#"{"alg":"HS256"}"#, r#"{"pusu":{"read":["a"]}}"#);
    assert_eq!(decide(&with(json!({})), &endless), Err("the token has no `exp`"));
    let lenient = with(json!({"jwt_require_expiry": false}));
    assert_eq!(decide(&lenient, &endless), Ok(Verdict::grant([Permission::read("a")])));
    assert_eq!(decide(&lenient, &token(json!({"exp": NOW - 31}))), Err("the token has expired"), "one that is there");
    assert_eq!(decide(&lenient, &token(json!({"exp": null}))), Err("a claim is malformed"));
}

#[test]
fn issuer_and_audience_are_the_operators() {
    let ours = with(json!({"jwt_issuer": "https://id.example.com", "jwt_audience": ["relay", "relays"]}));
    let from = |iss: Value, aud: Value| token(json!({"iss": iss, "aud": aud}));
    for (iss, aud, good) in [
        (json!("https://id.example.com"), json!("relay"), true),
        (json!("https://id.example.com"), json!(["shop", "relays"]), true),
        (json!("https://id.example.com/"), json!("relay"), false),
        (json!("https://id.example.com"), json!("shop"), false),
        (json!("https://id.example.com"), json!([]), false),
        (json!(["https://id.example.com"]), json!("relay"), false),
    ] {
        assert_eq!(decide(&ours, &from(iss.clone(), aud.clone())).is_ok(), good, "{iss} {aud}");
    }
    assert_eq!(decide(&ours, &token(json!({"aud": "relay"}))), Err("the token is from another issuer"));
    let no_audience = token(json!({"iss": "https://id.example.com"}));
    assert_eq!(decide(&ours, &no_audience), Err("the token is for another audience"));
    // A token for somebody in particular is not for a relay that has no name.
    let nobody = with(json!({}));
    assert_eq!(decide(&nobody, &token(json!({"aud": "relay"}))), Err("the token is for another audience"));
    assert!(decide(&nobody, &token(json!({"iss": "whoever"}))).is_ok());
}

/// Several instances live beside each other, as they do during a swap, and after it.
#[test]
fn instances_have_nothing_in_common() {
    let first = with(json!({}));
    let second = with(json!({"jwt_verification_key": "another secret, just as long as it has to be"}));
    let token = token(json!({}));
    assert!(decide(&first, &token).is_ok() && decide(&second, &token).is_err());
    drop(first);
    assert!(decide(&with(json!({})), &token).is_ok() && decide(&second, &token).is_err());
}
