//! Tokens that are not accepted, one row each, and why.

use super::*;

const ALGORITHM: &str = "the token's algorithm is not accepted";
const SIGNATURE: &str = "the token's signature is not good";
const MALFORMED: &str = "a claim is malformed";
const HEADER: &str = "the token's header is malformed";
const PARTS: &str = "not a token: expected three parts with dots between them";
const BASE64: &str = "a part of the token is not base64url";
const TOO_LONG: &str = "the token is too long";

fn assert_refused(rows: &[(&str, String, &str)]) {
    let authenticator = with(json!({"jwt_require_expiry": false}));
    for (what, token, reason) in rows {
        assert_eq!(decide(&authenticator, token), Err(*reason), "{what}");
    }
}

#[test]
fn what_is_no_token() {
    let good = token(json!({}));
    let (message, signature) = good.rsplit_once('.').unwrap();
    assert_refused(&[
        ("nothing", String::new(), PARTS),
        ("a password", "hunter2".into(), PARTS),
        ("two parts", message.into(), PARTS),
        ("four parts", format!("{good}.x"), PARTS),
        ("five parts, as encrypted tokens have", format!("{good}.x.y"), PARTS),
        ("two dots", "..".into(), HEADER),
        ("a megabyte of dots", ".".repeat(1 << 20), TOO_LONG),
        ("a megabyte of header", format!("{}.e30.x", "e".repeat(1 << 20)), TOO_LONG),
        ("one byte more than a token has", "e".repeat(token::TOKEN_BYTES_MAX + 1), TOO_LONG),
        ("white space around it", format!(" {good}"), BASE64),
        ("a line end behind it", format!("{good}\n"), BASE64),
        ("Bearer before it", format!("Bearer {good}"), BASE64),
        ("base64 with padding", format!("{message}.{signature}="), BASE64),
        ("base64 of the other alphabet", format!("{message}.+/{}", &signature[2..]), BASE64),
        ("bits that base64 leaves over", format!("{message}.{}B", "A".repeat(42)), BASE64),
        ("one character more", format!("{good}x"), SIGNATURE),
        ("not ASCII", format!("{good}é"), BASE64),
    ]);
    let authenticator = with(json!({}));
    let at = UNIX_EPOCH + Duration::from_secs(NOW);
    assert_eq!(authenticator.decider.decide(b"\xff\xfe.\x00.\x80", at), Err(BASE64.into()));
}

#[test]
fn signatures_that_are_not_good() {
    let good = token(json!({}));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    let other = token(json!({"pusu": {"read": ["*"]}}));
    let (other_message, other_signature) = other.rsplit_once('.').unwrap();
    let hs384 = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS384","typ":"JWT"}"#);
    assert_refused(&[
        ("none", format!("{message}."), SIGNATURE),
        ("of another token", format!("{message}.{other_signature}"), SIGNATURE),
        ("another token with this one", format!("{other_message}.{signature}"), SIGNATURE),
        ("a part of it", format!("{message}.{}", &signature[..40]), SIGNATURE),
        ("all zeros", format!("{message}.{}", "A".repeat(43)), SIGNATURE),
        ("the algorithm changed to another HMAC", format!("{hs384}.{payload}.{signature}"), ALGORITHM),
        ("header and payload swapped", format!("{payload}.{header}.{signature}"), HEADER),
    ]);
}

#[test]
fn headers_that_are_not_good() {
    let with_header = |header: &str| signed(header, r#"{"pusu":{"read":["a"]}}"#);
    let mut rows = Vec::new();
    for algorithm in ["none", "None", "NONE", "nOnE", "", "hs256", "HS256 ", "HS384", "RS256", "ES512", "PBES2", "dir"]
    {
        rows.push(("another algorithm", with_header(&json!({"alg": algorithm}).to_string()), ALGORITHM));
    }
    for (what, header) in [
        ("no algorithm", r#"{"typ":"JWT"}"#),
        ("a list of algorithms", r#"{"alg":["HS256"]}"#),
        ("no algorithm but null", r#"{"alg":null}"#),
        ("two algorithms", r#"{"alg":"HS256","alg":"HS256"}"#),
        ("a header that is a list", r#"["HS256"]"#),
        ("a header that is a text", r#""HS256""#),
        ("a header that is empty", ""),
        ("two headers", r#"{"alg":"HS256"}{}"#),
        ("a kid that is a number", r#"{"alg":"HS256","kid":1}"#),
        ("a kid that is null", r#"{"alg":"HS256","kid":null}"#),
        ("two kids", r#"{"alg":"HS256","kid":"a","kid":"b"}"#),
    ] {
        rows.push((what, with_header(header), HEADER));
    }
    for crit in [r#"["exp"]"#, r#"["b64"]"#, "[]", "null", "false"] {
        let header = format!(r#"{{"alg":"HS256","b64":false,"crit":{crit}}}"#);
        rows.push(("crit", with_header(&header), "the token's header has `crit`, which is not understood"));
    }
    assert_refused(&rows);
}

/// A key that comes in the token, or a place to fetch one from, is not even looked at.
#[test]
fn keys_of_the_token_are_ignored() {
    let header = json!({
        "alg": "HS256",
        "jwk": {"kty": "oct", "k": URL_SAFE_NO_PAD.encode("attacker")},
        "jku": "http://127.0.0.1:1/keys",
        "x5u": "http://127.0.0.1:1/certificates",
        "kid": "../../../../dev/null",
    });
    let good = signed(&header.to_string(), &json!({"exp": NOW + 1, "pusu": {"read": ["a"]}}).to_string());
    assert!(decide(&with(json!({})), &good).is_ok(), "signed with the operator's key all the same");
    let (message, _) = good.rsplit_once('.').unwrap();
    let key = EncodingKey::from_secret(b"attacker");
    let forged = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    assert_refused(&[("the attacker's key", format!("{message}.{forged}"), SIGNATURE)]);
}

/// Whoever has the public key could sign with it, if it were ever taken for a secret.
#[test]
fn hmac_with_a_public_key() {
    for (algorithm, pem) in
        [("RS256", keys::RSA), ("PS512", keys::RSA), ("ES256", keys::P256), ("EdDSA", keys::ED25519)]
    {
        let authenticator = made(json!({"jwt_signing_algorithms": [algorithm], "jwt_verification_key": pem}));
        for secret in [pem, pem.trim_end(), pem.trim()] {
            let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
            let payload = URL_SAFE_NO_PAD.encode(json!({"exp": NOW + 60, "pusu": {"read": ["*"]}}).to_string());
            let message = format!("{header}.{payload}");
            let key = EncodingKey::from_secret(secret.as_bytes());
            let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
            assert_eq!(decide(&authenticator, &format!("{message}.{signature}")), Err(ALGORITHM));
        }
    }
}

#[test]
fn claims_of_the_wrong_type() {
    let numbers =
        [r#""1700000060""#, "true", "[1700000060]", "{}", "null", "1e400", "1e18", "-1e18", "1700000060000000"];
    let texts = ["7", "true", "[\"a\"]", "{}", "null"];
    let audiences = ["7", "true", "{}", "null", "[7]", "[null]", "[[\"a\"]]"];
    let permissions = [
        "null",
        "[]",
        r#"[["a"],["b"]]"#,
        r#""a""#,
        "7",
        r#"{"read":"a"}"#,
        r#"{"read":null}"#,
        r#"{"read":[7]}"#,
        r#"{"read":[null]}"#,
        r#"{"read":{"a":true}}"#,
        r#"{"write":"*"}"#,
        r#"{"read":["a"],"write":null}"#,
        r#"{"read":["a"],"read":["b"]}"#,
        r#"{"read":["a"],"reads":["b"]}"#,
        r#"{"Read":["a"]}"#,
    ];
    let of = |claims: &[&'static str], values: &[&'static str]| -> Vec<(&str, &str)> {
        claims.iter().flat_map(|claim| values.iter().map(|value| (*claim, *value)).collect::<Vec<_>>()).collect()
    };
    let mut wrong = of(&["exp", "nbf", "iat"], &numbers);
    wrong.extend(of(&["iss", "sub", "jti"], &texts));
    wrong.extend(of(&["aud"], &audiences));
    wrong.extend(of(&["pusu"], &permissions));
    let authenticator = with(json!({"jwt_require_expiry": false, "jwt_audience": "a"}));
    for (claim, value) in wrong {
        let rest = if claim == "pusu" { "" } else { r#","pusu":{"read":["a"]}"# };
        let rest = if claim == "aud" { rest.into() } else { format!(r#"{rest},"aud":"a""#) };
        let payload = format!(r#"{{"{claim}":{value}{rest}}}"#);
        assert_eq!(decide(&authenticator, &signed(r#"{"alg":"HS256"}"#, &payload)), Err(MALFORMED), "{payload}");
    }
}

#[test]
fn payloads_that_are_not_good() {
    let with_payload = |payload: &str| signed(r#"{"alg":"HS256"}"#, payload);
    let mut rows = Vec::new();
    for payload in [
        "",
        "null",
        "7",
        r#""text""#,
        "[]",
        r#"[1700000060,null,null,null,null,null,null,{"read":["*"]}]"#,
        r#"{"pusu":{"read":["a"]}"#,
        r#"{"pusu":{"read":["a"]}} {}"#,
        r#"{"pusu":{"read":["a"]},"pusu":{"read":["*"]}}"#,
        r#"{"pusu":{"read":["a"]},"sub":"a","sub":"b"}"#,
        r#"{"pusu":{"read":["a"]},"exp":1,"exp":1700000060}"#,
        r#"{"pusu":{"read":["\ud800"]}}"#,
    ] {
        rows.push(("not an object of claims", with_payload(payload), MALFORMED));
    }
    for pattern in ["", "a\u{0}", "line\nend", "\u{85}", &"x".repeat(256)] {
        let payload = json!({"pusu": {"read": ["a", pattern]}}).to_string();
        let reason = "the claim `pusu` has a pattern that is none: 1 to 255 bytes without control characters";
        rows.push(("no pattern", with_payload(&payload), reason));
    }
    let nothing = "the token gives access to no channel";
    rows.push(("no permissions", with_payload(r#"{"pusu":{}}"#), nothing));
    rows.push(("empty permissions", with_payload(r#"{"pusu":{"read":[],"write":[]}}"#), nothing));
    let no_claim = "the token has no claim `pusu`, so it gives access to no channel";
    rows.push(("no claim", with_payload(r#"{"sub":"a","read":["*"]}"#), no_claim));
    let long = format!(r#"{{"pusu":{{"read":["*"]}},"sub":"{}"}}"#, "a".repeat(1025));
    rows.push(("a subject that no verdict takes", with_payload(&long), "the claim `sub` is longer than 1024 bytes"));
    let many: Vec<String> = (0..1025).map(|number| format!("{number}")).collect();
    let payload = json!({"pusu": {"read": many}}).to_string();
    rows.push(("more patterns than a verdict holds", with_payload(&payload), "the token has too many patterns"));
    assert_refused(&rows);
}

/// The log says which claim it is, and never its value.
#[test]
fn the_log_names_the_claim() {
    let authenticator = with(json!({"jwt_issuer": "https://id.example.com", "jwt_audience": "relay"}));
    let good = json!({"iss": "https://id.example.com", "aud": "relay", "exp": NOW + 60, "pusu": {"read": ["a"]}});
    for (claim, value, detail) in [
        ("exp", json!("canary"), "exp: expected a number"),
        ("exp", json!((NOW + 60) * 1000), "exp: expected a time in seconds since 1970, found one in milliseconds"),
        ("nbf", json!(NOW * 1000), "nbf: expected a time in seconds since 1970, found one in milliseconds"),
        ("nbf", json!(NOW + 3600), "nbf: is a time to come"),
        ("iat", json!(["canary"]), "iat: expected a number"),
        ("sub", json!(7), "sub: expected a text"),
        ("jti", json!({}), "jti: expected a text"),
        ("iss", json!("canary"), "iss: is not what `jwt_issuer` or `jwt_oidc_issuer` says"),
        ("iss", json!(null), "iss: expected a text"),
        ("aud", json!(7), "aud: expected a text or a list of texts"),
        ("aud", json!("canary"), "aud: has nothing of `jwt_audience`"),
        ("pusu", json!({"canary": 1}), "pusu: expected an object such as"),
        ("pusu", json!({"read": ["canary\n"]}), "pusu: has a pattern that is none"),
    ] {
        let mut claims = good.clone();
        claims[claim] = value;
        let denied = decide_fully(&authenticator, &token(claims)).unwrap_err();
        assert!(denied.detail.starts_with(detail) && !denied.detail.contains("canary"), "{denied:?}\nwanted {detail}");
    }
    for claim in ["exp", "iss", "aud", "pusu"] {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(claim);
        let denied = decide_fully(&authenticator, &signed(r#"{"alg":"HS256"}"#, &claims.to_string())).unwrap_err();
        assert_eq!(denied.detail, format!("{claim}: is missing"));
    }
    let denied = decide_fully(&authenticator, &signed(r#"{"alg":"HS256"}"#, r#"{"exp":1,"exp":2}"#)).unwrap_err();
    assert_eq!(denied.detail, "the payload: expected an object of claims, each name once");
}

/// Where nobody reads it, nesting costs neither stack nor time.
#[test]
fn what_is_ignored_may_be_nested() {
    let nested = format!("{}1{}", "[".repeat(4000), "]".repeat(4000));
    let payload = format!(r#"{{"exp":{},"pusu":{{"read":["a"]}},"x":{nested}}}"#, NOW + 1);
    assert!(decide(&with(json!({})), &signed(r#"{"alg":"HS256"}"#, &payload)).is_ok());
}

/// What is refused says nothing of the token, in reasons and in what `Debug` prints.
#[test]
fn refusals_do_not_quote_the_token() {
    let authenticator = with(json!({}));
    for token in [
        "canary".to_owned(),
        signed(r#"{"alg":"canary"}"#, "{}"),
        signed(r#"{"alg":"HS256","canary":1,"kid":7}"#, "{}"),
        token(json!({"exp": "canary"})),
        token(json!({"pusu": {"canary": []}})),
        token(json!({"iss": "canary", "aud": "canary"})),
    ] {
        let verdict = Verdict::from(decide_fully(&authenticator, &token).unwrap_err());
        assert_eq!(verdict.decision(), Decision::Refuse);
        assert!(!format!("{verdict:?}").contains("canary"), "{verdict:?}");
    }
}
