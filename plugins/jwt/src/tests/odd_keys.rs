//! Key sets with entries that nobody understands, and with several keys of one name.

use super::key_files::{is_good, named, oct, settle, with_file};
use super::*;
use std::fs;

/// RFC 7517, section 5: one that nobody understands spoils no set.
#[test]
fn an_odd_key_is_left_out_with_a_word_and_the_others_hold() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let odd = |member: &str, value: Value| {
        let mut key = oct("odd", SECRET);
        key[member] = value;
        key.to_string()
    };
    let twice = oct("odd", SECRET).to_string().replacen('{', r#"{"kid":"odd","#, 1);
    for (entry, wanted) in [
        (odd("kid", json!(7)), "key 1: `kid`: expected a text"),
        (odd("kid", json!(null)), "key 1: `kid`: expected a text"),
        (odd("x5c", json!("canary")), "key 1, `odd`: `x5c`: expected a list of texts"),
        (odd("key_ops", json!("verify")), "key 1, `odd`: `key_ops`: expected a list of texts"),
        (odd("use", json!(["sig"])), "key 1, `odd`: `use`: expected a text"),
        (odd("use", json!("enc")), "key 1, `odd`: is not for signatures (`use`)"),
        (odd("alg", json!(5)), "key 1, `odd`: `alg`: expected a text"),
        (odd("alg", json!("RSA-OAEP")), "key 1, `odd`: is for an algorithm that is not known here"),
        (odd("kty", json!("AKP")), "key 1, `odd`: is of a kind that is not known here (`kty`)"),
        (odd("k", json!("canary!")), "key 1, `odd`: is damaged"),
        ("null".into(), "key 1: expected an object"),
        ("7".into(), "key 1: expected an object"),
        (r#"["canary"]"#.into(), "key 1: expected an object"),
        (twice, "key 1: has a member twice, or is damaged"),
        (oct("good", SECRET).to_string(), "key 2 stands there twice"),
        (json!({"kty": "EC", "kid": "odd", "crv": "P-256", "x": "AA"}).to_string(), "key 1, `odd`: has no `y`"),
    ] {
        fs::write(&file, format!(r#"{{"keys":[{entry},{}]}}"#, oct("good", SECRET))).unwrap();
        let relay = testing::Relay::new();
        let authenticator = relay.create::<JwtAuthenticator>(&with_file(&file).to_string()).unwrap();
        assert!(decide(&authenticator, &named("good")).is_ok(), "{entry}");
        let texts: Vec<String> = relay.lines().into_iter().map(|line| line.text).collect();
        let left_out = texts.iter().find(|text| text.contains("left out: ")).unwrap();
        assert!(left_out.contains(wanted) && !left_out.contains("canary"), "{left_out}\nwanted {wanted}");
    }
}

/// A relay needs no private key, and whoever has put one into the file may want to know.
#[test]
fn a_private_key_in_the_file_is_pointed_out_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let rsa = json!({"kty": "RSA", "kid": "mine", "n": URL_SAFE_NO_PAD.encode([0xff; 256]), "e": "AQAB", "d": "canary", "p": 7});
    fs::write(&file, json!({"keys": [oct("good", SECRET), rsa]}).to_string()).unwrap();
    let relay = testing::Relay::new();
    let authenticator = relay.create::<JwtAuthenticator>(&with_file(&file).to_string()).unwrap();
    assert!(decide(&authenticator, &named("good")).is_ok());
    let texts: Vec<String> = relay.lines().into_iter().map(|line| line.text).collect();
    let pointed_out =
        texts.iter().filter(|text| text.contains("key 2, `mine`: has private members (`d`, `p`)")).count();
    assert!(
        pointed_out == 1 && !texts.iter().any(|text| text.contains("canary") || text.contains("left out")),
        "{texts:?}"
    );
}

/// At a rotation that an odd key comes with, the key that is retired is retired.
#[test]
fn a_retired_key_goes_also_when_an_odd_one_comes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    fs::write(&file, json!({"keys": [oct("old", SECRET)]}).to_string()).unwrap();
    let authenticator = made(with_file(&file));
    assert!(is_good(&authenticator, "old"));
    fs::write(&file, json!({"keys": [oct("new", SECRET), {"kid": 7}, null]}).to_string()).unwrap();
    assert!(is_good(&authenticator, "new") && !is_good(&authenticator, "old"));
}

#[test]
fn of_two_keys_with_one_name_both_are_tried() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let other = "another secret that is long enough to be one";
    for keys in [[oct("a", SECRET), oct("a", other)], [oct("a", other), oct("a", SECRET)]] {
        fs::write(&file, json!({"keys": keys}).to_string()).unwrap();
        settle(&file);
        let authenticator = made(with_file(&file));
        assert!(decide(&authenticator, &named("a")).is_ok());
        let good = named("a");
        let forged = format!("{}.{}", good.rsplit_once('.').unwrap().0, "A".repeat(43));
        assert_eq!(decide(&authenticator, &forged), Err("the token's signature is not good"));
    }
}
