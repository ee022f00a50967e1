//! Keys in files: one key, several by name, and files that change while they are in use.

use super::*;
use std::fs::{self, File};
use std::path::Path;

pub(super) fn oct(name: &str, secret: &str) -> Value {
    json!({"kty": "oct", "kid": name, "alg": "HS256", "k": URL_SAFE_NO_PAD.encode(secret)})
}

pub(super) fn named(name: &str) -> String {
    let claims = json!({"exp": NOW + 60, "pusu": {"read": ["a"]}}).to_string();
    signed(&json!({"alg": "HS256", "kid": name}).to_string(), &claims)
}

pub(super) fn with_file(file: &Path) -> Value {
    json!({"jwt_signing_algorithms": ["HS256", "RS256", "ES256"], "jwt_jwks_file": file})
}

#[test]
fn a_file_with_one_key_is_as_good_as_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    for end in ["", "\n", "\r\n"] {
        fs::write(&file, format!("{SECRET}{end}")).unwrap();
        let options = json!({"jwt_signing_algorithms": ["HS256"], "jwt_verification_key_file": file});
        assert!(decide(&made(options), &token(json!({}))).is_ok());
    }
    for mark in ["", "\u{feff}"] {
        fs::write(&file, format!("{mark}{}", keys::RSA)).unwrap();
        made(json!({"jwt_signing_algorithms": ["RS256"], "jwt_verification_key_file": file}));
    }
    for (content, wanted) in [
        (Some(&b"\xff\xfe"[..]), "expected text, found bytes that are not UTF-8"),
        (Some(&b""[..]), "the secret is empty"),
        (Some(&[b'x'; 70_000][..]), "expected a file of at most 65536 bytes, found a longer one"),
        (None, "No such file"),
    ] {
        match content {
            Some(content) => fs::write(&file, content).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        let text = error(json!({"jwt_signing_algorithms": ["HS256"], "jwt_verification_key_file": file}));
        assert!(text.contains(file.to_str().unwrap()) && text.contains(wanted), "{text}");
    }
}

#[test]
fn the_token_names_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let other = "another secret that is long enough to be one";
    let left_out = [
        json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(SECRET)}),
        json!({"kty": "oct", "kid": "short", "k": "c2hvcnQ"}),
        json!({"kty": "oct", "kid": "encryption", "use": "enc", "k": URL_SAFE_NO_PAD.encode(SECRET)}),
        json!({"kty": "oct", "kid": "signing", "key_ops": ["sign"], "k": URL_SAFE_NO_PAD.encode(SECRET)}),
        json!({"kty": "oct", "kid": "elsewhere", "alg": "HS512", "k": URL_SAFE_NO_PAD.encode(SECRET)}),
        json!({"kty": "OKP", "kid": "empty", "crv": "Ed25519", "x": ""}),
        json!({"kty": "EC", "kid": "no point", "crv": "P-256", "x": "AA", "y": "AA"}),
        json!({"kty": "RSA", "kid": "exponent 1", "n": URL_SAFE_NO_PAD.encode([0xff; 256]), "e": "AQ"}),
        json!({"kty": "RSA", "kid": "small", "n": URL_SAFE_NO_PAD.encode([0xff; 128]), "e": "AQAB"}),
        json!({"kty": "AKP", "kid": "of the future", "pub": "AA"}),
    ];
    let good = [
        oct("first", SECRET),
        oct("second", other),
        json!({"kty": "RSA", "kid": "first", "n": URL_SAFE_NO_PAD.encode([0xff; 256]), "e": "AQAB"}),
    ];
    let all: Vec<&Value> = left_out.iter().chain(&good).collect();
    fs::write(&file, json!({"keys": all}).to_string()).unwrap();
    settle(&file);
    let authenticator = made(with_file(&file));
    assert!(decide(&authenticator, &named("first")).is_ok());
    assert_eq!(decide(&authenticator, &named("second")), Err("the token's signature is not good"));
    for name in ["", "third", "First", "short", "encryption", "signing", "elsewhere"] {
        let reason = "the key that the token names (`kid`) is not known";
        assert_eq!(decide(&authenticator, &named(name)), Err(reason), "{name}");
    }
    let nameless = token(json!({}));
    assert_eq!(decide(&authenticator, &nameless), Err("the token's header does not say which key signed it (`kid`)"));
}

#[test]
fn a_key_in_a_file_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let other = "another secret that is long enough to be one";
    fs::write(&file, other).unwrap();
    let options = json!({"jwt_signing_algorithms": ["HS256"], "jwt_verification_key_file": file});
    let authenticator = made(options);
    assert_eq!(decide(&authenticator, &token(json!({}))), Err("the token's signature is not good"));
    fs::write(&file, SECRET).unwrap();
    assert!(decide(&authenticator, &token(json!({}))).is_ok(), "no token is refused for a key that is in the file");
    fs::write(&file, keys::RSA).unwrap();
    assert!(authenticator.reload().is_err_and(|error| error.to_string().contains("it is an RSA public key")));
    assert!(decide(&authenticator, &token(json!({}))).is_ok(), "a broken file changes nothing");
    let Condition::Degraded(why) = authenticator.health() else { panic!("the file is broken") };
    assert!(
        why.contains("option `jwt_verification_key_file`: ") && why.contains("what was read before holds"),
        "{why}"
    );
    fs::write(&file, SECRET).unwrap();
    assert!(authenticator.reload().is_ok() && authenticator.health() == Condition::Good);
}

#[test]
fn files_without_a_good_key_are_errors_that_show_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let secret = URL_SAFE_NO_PAD.encode("hunter2");
    for (content, wanted) in [
        (String::new(), "expected a JSON Web Key Set"),
        ("[]".into(), "expected a JSON Web Key Set"),
        ("{}".into(), "expected a JSON Web Key Set"),
        (r#"{"keys":{}}"#.into(), "expected a JSON Web Key Set"),
        (format!(r#"{{"keys":["{secret}"]}}"#), "found none: key 1: expected an object"),
        (r#"{"keys":[]}"#.into(), "expected a key for HS256, RS256, ES256, found none: there is none in it"),
        (json!({"keys": [oct("a", "hunter2")]}).to_string(), "key 1, `a`: is 7 bytes long; expected at least 32"),
        (" ".repeat(1_100_000), "expected a file of at most 1048576 bytes"),
    ] {
        fs::write(&file, content).unwrap();
        let text = error(with_file(&file));
        assert!(text.starts_with("option `jwt_jwks_file`: ") && text.contains(wanted), "{text}\nwanted {wanted}");
        assert!(
            text.contains(file.to_str().unwrap()) && !text.contains("hunter2") && !text.contains(&secret),
            "{text}"
        );
    }
}

/// Has the file look as if it had been written long ago.
pub(super) fn settle(file: &Path) {
    let open = File::options().write(true).open(file).unwrap();
    open.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
}

/// Whether a token that names this key is good after the file has been looked at again.
pub(super) fn is_good(authenticator: &JwtAuthenticator, name: &str) -> bool {
    let Keys::File(file) = &authenticator.decider.keys else { panic!("the keys are in a file") };
    file.reload();
    decide(authenticator, &named(name)).is_ok_and(|verdict| verdict.decision() == Decision::Grant)
}

#[test]
fn a_file_that_changes_is_read_again_and_a_broken_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let of = |name: &str| json!({"keys": [oct(name, SECRET)]}).to_string();
    fs::write(&file, of("a")).unwrap();
    let authenticator = made(with_file(&file));
    assert!(is_good(&authenticator, "a"));
    // The same length, and perhaps the same time as the file system counts it.
    fs::write(&file, of("b")).unwrap();
    assert!(is_good(&authenticator, "b"));
    assert!(!is_good(&authenticator, "a"), "a key that is gone is not good any more");
    for broken in ["", "{", r#"{"keys":[]}"#] {
        fs::write(&file, broken).unwrap();
        assert!(is_good(&authenticator, "b"), "{broken}");
    }
    fs::remove_file(&file).unwrap();
    assert!(is_good(&authenticator, "b"));
    // As careful operators do it.
    let beside = folder.path().join("keys.json.new");
    fs::write(&beside, of("c")).unwrap();
    fs::rename(&beside, &file).unwrap();
    assert!(is_good(&authenticator, "c") && !is_good(&authenticator, "b"));
    // Once it has settled it is not read until it changes.
    settle(&file);
    assert!(is_good(&authenticator, "c"));
    fs::write(&file, of("d")).unwrap();
    assert!(is_good(&authenticator, "d"));
}

/// The file is looked at once a second at most, but not for a token that its keys may be good for.
#[test]
fn a_key_that_is_new_in_the_file_is_known_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let keys = |name: &str, secret: &str| json!({"keys": [oct(name, secret)]}).to_string();
    fs::write(&file, keys("a", SECRET)).unwrap();
    let authenticator = made(with_file(&file));
    assert!(decide(&authenticator, &named("a")).is_ok());
    fs::write(&file, keys("another", SECRET)).unwrap();
    assert!(decide(&authenticator, &named("another")).is_ok());
    fs::write(&file, keys("b", "another secret that is long enough to be one")).unwrap();
    assert_eq!(decide(&authenticator, &named("b")), Err("the token's signature is not good"));
    fs::write(&file, keys("b", SECRET)).unwrap();
    settle(&file);
    assert!(decide(&authenticator, &named("b")).is_ok(), "a new key by an old name");
    assert_eq!(decide(&authenticator, &named("a")), Err("the key that the token names (`kid`) is not known"));
}

/// As long as the file cannot be read, nobody knows what is in it.
#[test]
fn an_unknown_key_is_not_refused_before_the_file_has_been_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let keys = |name: &str| json!({"keys": [oct(name, SECRET)]}).to_string();
    fs::write(&file, keys("a")).unwrap();
    settle(&file);
    let authenticator = made(with_file(&file));
    let unknown = "the key that the token names (`kid`) is not known";
    let is_unavailable = |name: &str| decide(&authenticator, &named(name)).unwrap().decision() == Decision::Unavailable;
    assert_eq!(decide(&authenticator, &named("b")), Err(unknown));
    for broken in [Some("half a fi"), None] {
        match broken {
            Some(text) => fs::write(&file, text).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        assert!(is_unavailable("b") && decide(&authenticator, &named("a")).is_ok());
        let (good, other) = (named("a"), named("b"));
        let forged = format!("{}.{}", good.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
        assert_eq!(decide(&authenticator, &forged), Err("the token's signature is not good"), "a known key decides");
    }
    fs::write(&file, "half a fi").unwrap();
    settle(&file);
    assert!(is_unavailable("b") && is_unavailable("b"), "the broken file has settled");
    fs::write(&file, keys("b")).unwrap();
    settle(&file);
    assert_eq!(decide(&authenticator, &named("c")), Err(unknown));
    assert!(decide(&authenticator, &named("b")).is_ok_and(|verdict| verdict.decision() == Decision::Grant));
}

/// It may have changed without showing it, and strangers do not make the relay read it all the time.
#[test]
fn a_file_that_has_just_changed_is_read_for_few_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    fs::write(&file, json!({"keys": [oct("a", SECRET)]}).to_string()).unwrap();
    // With a date to come it never settles.
    let open = File::options().write(true).open(&file).unwrap();
    open.set_modified(SystemTime::now() + Duration::from_secs(3600)).unwrap();
    let authenticator = made(with_file(&file));
    let decisions: Vec<_> = (0..300).map(|_| decide(&authenticator, &named("b"))).collect();
    let refused = decisions.iter().filter(|decision| decision.is_err()).count();
    // A regular check, once a second, decides too.
    assert!((100..150).contains(&refused), "{refused} of 300 made it read the file");
    let undecided = decisions.into_iter().filter_map(Result::ok);
    assert!(undecided.into_iter().all(|verdict| verdict.decision() == Decision::Unavailable));
}

/// Whoever writes the file decides who is let in, and whoever reads a secret signs as well.
#[test]
#[cfg(unix)]
fn files_that_are_open_to_others_are_said() {
    use pusu_plugin_api::testing::{Relay, check};
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let one = |algorithm: &str| json!({"jwt_signing_algorithms": [algorithm], "jwt_verification_key_file": file});
    let set = json!({"keys": [oct("a", SECRET)]}).to_string();
    for (content, options, mode, wanted) in [
        (SECRET, one("HS256"), 0o604, "can be read by everybody (mode 0604), and it holds a secret: `chmod 600`"),
        (SECRET, one("HS256"), 0o640, ""),
        (keys::RSA, one("RS256"), 0o644, ""),
        (keys::RSA, one("RS256"), 0o646, "can be written by everybody (mode 0646), and whoever writes it decides"),
        (set.as_str(), with_file(&file), 0o604, "can be read by everybody (mode 0604), and it holds a secret"),
        (set.as_str(), with_file(&file), 0o660, "can be written by its group (mode 0660)"),
    ] {
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let relay = Relay::new();
        let authenticator: JwtAuthenticator = relay.create(&options.to_string()).unwrap();
        authenticator.reload().unwrap();
        let said: Vec<_> = relay.lines().into_iter().filter(|line| line.text.contains("can be ")).collect();
        assert_eq!(said.len(), usize::from(!wanted.is_empty()), "{said:?}");
        let place = format!(": {}: {wanted}", file.display());
        assert!(said.iter().all(|line| line.text.contains(&place) && !line.text.contains(SECRET)), "{said:?}");
        check::<JwtAuthenticator>(&options.to_string()).unwrap();
    }
}
