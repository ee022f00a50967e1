//! Options: what is taken, and what the operator reads where they are wrong.

use super::*;
use crate::sends::{Attributes, Sends};

fn error(options: Value) -> String {
    match settings(options) {
        Ok(_) => panic!("these options are wrong"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn defaults_are_filled_in() {
    let settings = settings(json!({"http_url": "http://127.0.0.1:8080/"})).unwrap();
    assert_eq!((settings.timeout, settings.max_connections), (Duration::from_secs(2), 16));
    assert_eq!((settings.cache_entries, settings.sends), (10_000, Sends::default()));
    assert_eq!(settings.age_max, Duration::from_secs(60));
    assert!(settings.trust.is_none() && settings.headers.is_empty() && !settings.has_credential);
}

#[test]
fn options_are_taken() {
    let settings = settings(json!({
        "http_url": "http://localhost/",
        "http_timeout": "500ms",
        "http_headers": {"Authorization": "Bearer secret", "x-a": ""},
        "http_max_connections": 1,
        "http_max_connection_age": "5min",
        "http_cache_entries": 0,
        "http_send": ["http.path", "query"],
    }))
    .unwrap();
    assert_eq!((settings.timeout, settings.max_connections), (Duration::from_millis(500), 1));
    assert_eq!(settings.age_max, Duration::from_secs(300));
    let sends = Sends { peer: false, attributes: Attributes::Named(vec!["http.path".to_owned()]), query: true };
    assert_eq!((settings.cache_entries, settings.sends, settings.has_credential), (0, sends, true));
    assert!(!format!("{:?}", settings.headers).contains("secret"), "{:?}", settings.headers);
}

/// Past the relay's own time nobody waits for the answer.
#[test]
fn the_time_of_a_question_ends_before_the_relays() {
    let relay = testing::Relay::new();
    relay.set_entry(0, 1, Some(Duration::from_millis(1500)));
    let of = |more: Value| {
        let mut options = json!({"http_url": "http://127.0.0.1/"});
        options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Settings::of(from_json::<Options>(options.to_string().as_bytes()).unwrap(), &relay.host())
    };
    let text = of(json!({"http_timeout": 1.6})).err().unwrap().to_string();
    assert!(text.contains("option `http_timeout`: expected at most 1s 500ms, since the relay waits"), "{text}");
    assert!(text.contains("found 1s 600ms"), "{text}");
    assert_eq!(of(json!({"http_timeout": 1.5})).unwrap().timeout, Duration::from_millis(1500));
    assert_eq!(of(json!({})).unwrap().timeout, Duration::from_millis(1350), "the default fits");
    relay.set_entry(0, 1, Some(Duration::from_secs(60)));
    assert_eq!(of(json!({})).unwrap().timeout, Duration::from_secs(2));
}

#[test]
fn wrong_options_say_what_was_expected_and_no_secret() {
    let with = |more: Value| {
        let mut options = json!({"http_url": "http://127.0.0.1/"});
        options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        options
    };
    let folder = format!("{}/src", env!("CARGO_MANIFEST_DIR"));
    let no_pem = format!("{folder}/lib.rs");
    let https = |file: &str| json!({"http_url": "https://127.0.0.1/", "http_ca_file": file});
    for (options, wanted) in [
        (json!({"http_url": "hunter2"}), "option `http_url`: expected a URL such as https://"),
        (json!({"http_url": "http://a:hunter2@b/"}), "put them into `http_headers`"),
        (with(json!({"http_timeout": 0})), "option `http_timeout`: expected 10ms to 1m, found 0s"),
        (with(json!({"http_timeout": "2m"})), "option `http_timeout`: expected 10ms to 1m, found 2m"),
        (with(json!({"http_max_connections": 0})), "option `http_max_connections`: expected 1 to 1024, found 0"),
        (with(json!({"http_max_connection_age": 0})), "option `http_max_connection_age`: expected 1s to 1h, found 0s"),
        (with(json!({"http_max_connection_age": true})), "option `http_max_connection_age`: expected a time"),
        (with(json!({"http_headers": {"Accept-Encoding": "gzip"}})), "`accept-encoding` is set by HttpAuthenticator"),
        (with(json!({"http_cache_entries": 1_000_001})), "option `http_cache_entries`: expected 0 to 1000000"),
        (with(json!({"http_send": ["peer", "path"]})), "option `http_send`, item 2: expected `peer`, `attributes`"),
        (with(json!({"http_send": ["http.query"]})), "item 1: expected `peer`, `attributes` (all of them), one of"),
        (with(json!({"http_send": ["peer", "query"]})), "add `http.path` or `attributes`"),
        (with(json!({"http_headers": {"no name": "hunter2"}})), "entry 1: expected the name of an HTTP header"),
        (with(json!({"http_headers": {"a": "1", "Host": "hunter2"}})), "`host` is set by HttpAuthenticator itself"),
        (with(json!({"http_headers": {"content-length": "hunter2"}})), "`content-length` is set"),
        (
            with(json!({"http_headers": {"x-a": "hunter2\r\nx-b: 1"}})),
            "entry 1: `x-a`: expected a line of printable text",
        ),
        (with(json!({"http_ca_file": "/nowhere"})), "option `http_ca_file`: has no meaning without https://"),
        (https("/nowhere/hunter"), "option `http_ca_file`: /nowhere/hunter: No such file"),
        (https(&no_pem), "expected certificates in PEM format (-----BEGIN CERTIFICATE-----), found none"),
    ] {
        let text = error(options);
        assert!(text.contains(wanted) && !text.contains("hunter2"), "{text}\nwanted {wanted}");
    }
}
