//! Values and keys as they arrive, and what is no settings.

use super::*;
use proptest::prelude::*;
use serde_json::json;
use std::path::Path;

fn read(text: &str) -> anyhow::Result<Map<String, Value>> {
    let contents = Default::default();
    parse(text, Place::SETTINGS, &Reading::new(Path::new("/nowhere"), Some(&contents)))
}

#[test]
fn values_arrive_as_written() {
    for (text, expected) in [
        ("", json!({})),
        ("# nothing but a comment\n", json!({})),
        ("---\n", json!({})),
        (
            "a: 1\nb: -1\nc: 1.5\nd: true\ne: ~\nf:\ng: yes",
            json!({"a":1,"b":-1,"c":1.5,"d":true,"e":null,"f":null,"g":"yes"}),
        ),
        (
            "p: {12345: [a], 007: [b], 1.10: [c], 0x10: [d], true: [e], ~: [f]}",
            json!({"p":{"12345":["a"],"007":["b"],"1.10":["c"],"0x10":["d"],"true":["e"],"~":["f"]}}),
        ),
        ("p:\n- 12345:\n  - a.*\n- '*': ['*']", json!({"p":[{"12345":["a.*"]},{"*":["*"]}]})),
        ("a: &x [1, {b: 2}]\nc: *x", json!({"a":[1,{"b":2}],"c":[1,{"b":2}]})),
        ("a: 18446744073709551615\nb: -9223372036854775808", json!({"a":u64::MAX,"b":i64::MIN})),
    ] {
        assert_eq!(Value::Object(read(text).unwrap()), expected, "{text}");
    }
}

#[test]
fn what_is_no_settings_is_refused_with_a_line() {
    let deep = format!("a: {}{}", "[".repeat(200), "]".repeat(200));
    for (text, expected) in [
        ("client_port: 1\nb: 2\nclient_port: 3", "line 3: the key `client_port` stands there twice"),
        ("s3cret: 1\nb: 2\ns3cret: 3", "line 3: a key stands there twice"),
        ("p:\n  s3cret: 1\n  s3cret: 2", "line 3: a key below it stands there twice"),
        ("p: {[s3cret]: 1}", "a key must be text or a number"),
        ("p: {{s3cret: 1}: 1}", "a key must be text or a number"),
        ("- a\n- b", "expected lines of the form `key: value`, found a list"),
        ("s3cret", "expected lines of the form `key: value`, found text"),
        ("a:\n\tb: 1", "this line begins with a tab"),
        ("a: 1\n  b: 2", "not valid YAML: mapping values are not allowed in this context at line 2"),
        ("a: [1, 2", "not valid YAML: did not find expected ',' or ']' at line"),
        ("a: 'open", "not valid YAML: found unexpected end of stream at line 1"),
        ("a: *s3cret", "not valid YAML: unknown anchor at line 1"),
        ("a: 1\n---\nb: 2", "more than one document"),
        ("a:\n  b: !!int s3cret", "a value cannot be read"),
        ("a:\n  b: !s3cret x", "line 2: a YAML tag (`!name`) that means nothing here"),
        ("a: &x {s3cret: 1}\nb:\n  <<: *x", "line 3: `<<` (a merge key, of YAML 1.1) is not supported"),
        ("a: &x {s3cret: 1}\n<<: *x", "line 2: `<<` (a merge key"),
        ("p:\n- '<<': [s3cret]", "`<<` (a merge key"),
        ("a:\n  b: .nan", "line 2: `.nan` and `.inf`"),
        ("a:\n  b: 18446744073709551616", "line 2: a number is too large"),
        (&deep, "line 1: a value cannot be read: nested too deeply"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text:?} gave: {error}");
        assert!(!error.contains("s3cret"), "{text:?} gave away: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn no_text_panics(text in "[-:?,#&*!|>'\"%@~{}\\[\\]<.ab01 \t\n]{0,40}", any in ".{0,20}") {
        let _ = read(&text);
        let _ = read(&format!("{text}\n{any}"));
    }
}
