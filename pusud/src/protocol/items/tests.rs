use super::*;
use ItemsForm::{Array, Lines};
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(body: &str, form: ItemsForm) -> Result<Vec<Result<Item<'_>, Malformed>>, ItemsError> {
    parse_items(body, form, &Limits::default())
}

/// The one item that `text` is, in each form.
fn one(text: &str) -> Result<Item<'_>, Malformed> {
    let array = format!("[{text}]");
    let mut items = parse(text, Lines).expect(text);
    let item = items.pop().expect("there is one");
    assert_eq!(parse(&array, Array).expect(text).pop().as_ref(), Some(&item), "{text}");
    assert!(items.is_empty(), "{text}");
    item
}

#[test]
fn good_items() {
    for (text, channel, content) in [
        (r#"{"channel":"a","content":1}"#, "a", "1"),
        (r#" { "content" : [1, 2] , "channel" : "a" } "#, "a", "[1, 2]"),
        (r#"{"channel":"\u0041\"","content":null}"#, "A\"", "null"),
        (r#"{"ch\u0061nnel":"a","content":"\ud800"}"#, "a", r#""\ud800""#),
        (r#"{"channel":"a","content":1e999,"type":1,"type":2,"x":{},"x":[]}"#, "a", "1e999"),
    ] {
        assert_eq!(one(text), Ok(Item { channel: channel.into(), content }), "{text}");
    }
}

#[test]
fn malformed_items() {
    for (text, why, channel) in [
        ("1", "not an object", None),
        ("null", "not an object", None),
        ("[]", "not an object", None),
        (r#""secret""#, "not an object", None),
        ("{}", "field channel is missing", None),
        (r#"{"channel":"a"}"#, "field content is missing", Some("a")),
        (r#"{"content":1}"#, "field channel is missing", None),
        (r#"{"channel":1,"content":1}"#, "field channel is not a string", None),
        (r#"{"channel":null,"content":1}"#, "field channel is not a string", None),
        (r#"{"channel":"","content":1}"#, "empty", None),
        (r#"{"channel":"\n","content":1}"#, "control character", None),
        (r#"{"channel":"\ud800","content":1}"#, "escape that is no character", None),
        (r#"{"\ud800":1,"channel":"a","content":1}"#, "escape that is no character", None),
        (r#"{"channel":"a","channel":"secret","content":1}"#, "field channel is there twice", None),
        (r#"{"channel":"a","content":1,"content":"secret"}"#, "field content is there twice", None),
    ] {
        let error = one(text).expect_err(text);
        assert!(error.reason.contains(why) && !error.reason.contains("secret"), "{text}: {error}");
        assert_eq!(error.channel.as_deref(), channel, "{text}");
    }
}

#[test]
fn bodies_that_are_not_json() {
    for (body, form, why) in [
        ("", Array, "EOF while parsing a value at line 1 column 0"),
        ("[", Array, "EOF while parsing a list at line 1 column 1"),
        ("secret", Array, "expected value at line 1 column 1"),
        (
            "\"secret\nsecret\"",
            Array,
            "control character (\\u0000-\\u001F) found while parsing a string at line 1 column 7",
        ),
        ("[] secret", Array, "trailing characters at line 1 column 4"),
        ("[\n{\"secret\":}]", Array, "expected value at line 2 column 11"),
        ("[1,]", Array, "trailing comma at line 1 column 4"),
        ("[1 2]", Array, "expected `,` or `]` at line 1 column 4"),
        ("{\"secret\":1,}", Array, "key must be a string at line 1 column 13"),
        ("\u{feff}[]", Array, "expected value at line 1 column 1"),
        ("1\n\n{\"secret\": x}\n", Lines, "expected value at line 3 column 12"),
        ("1\r\n2 3", Lines, "trailing characters at line 2 column 3"),
        ("{\"a\":1\n}", Lines, "EOF while parsing an object at line 1 column 6"),
        ("\u{a0}", Lines, "expected value at line 1 column 1"),
        ("1\n\x0c\n2", Lines, "expected value at line 2 column 1"),
    ] {
        let expected = Err(ItemsError::NotJson(why.to_owned()));
        assert_eq!(parse(body, form), expected, "{body:?}");
    }
    for body in ["{\"channel\":\"a\",\"content\":1}", " \"secret\" ", "null", "-1"] {
        assert_eq!(parse(body, Array), Err(ItemsError::NotAnArray), "{body}");
    }
}

#[test]
fn items_come_in_their_order() {
    let a = || Ok(Item { channel: "a".into(), content: "1" });
    let other = || Err(Malformed::new("the item is not an object"));
    assert_eq!(parse(" [ ] ", Array), Ok(vec![]));
    assert_eq!(parse("", Lines), Ok(vec![]));
    assert_eq!(parse(" \n\r\n\t", Lines), Ok(vec![]));
    let text = r#"{"channel":"a","content":1}"#;
    assert_eq!(parse(&format!("\n[{text}\r\n, 2 ,{text}]\n"), Array), Ok(vec![a(), other(), a()]));
    assert_eq!(parse(&format!("{text}\r\n\r\n 2 \n\n{text}"), Lines), Ok(vec![a(), other(), a()]));
}

fn deep(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

#[test]
fn limits_are_told_apart_from_other_mistakes() {
    let limits = Limits { max_channel_bytes: 5, max_json_depth: 3, ..Limits::default() };
    for (text, limit, channel) in [
        (r#"{"channel":"abcde","content":1}"#.to_owned(), None, None),
        (r#"{"channel":"abcdef","content":1}"#.to_owned(), Some(Refusal::MaxChannelBytes), None),
        (r#"{"channel":"a\u0001","content":1}"#.to_owned(), Some(Refusal::MaxChannelBytes), None),
        (format!(r#"{{"channel":"a","content":{}}}"#, deep(3)), None, None),
        (format!(r#"{{"channel":"a","content":{}}}"#, deep(4)), Some(Refusal::MaxJsonDepth), Some("a")),
        (format!(r#"{{"channel":"a","content":1,"x":{}}}"#, deep(32)), None, None),
        (format!(r#"{{"channel":"a","content":1,"x":{}}}"#, deep(33)), Some(Refusal::MaxJsonDepth), None),
        (format!(r#"{{"channel":{},"content":1}}"#, deep(33)), Some(Refusal::MaxJsonDepth), None),
    ] {
        let mut items = parse_items(&text, Lines, &limits).expect("JSON");
        let found = items.pop().expect("there is one");
        assert_eq!(found.is_ok(), limit.is_none(), "{text}: {found:?}");
        let (found_limit, found_channel) = found.map_or_else(|error| (error.limit, error.channel), |_| (None, None));
        assert_eq!((found_limit, found_channel.as_deref()), (limit, channel), "{text}");
    }
}

#[test]
fn contents() {
    for (body, expected) in [
        ("1", Ok("1")),
        (" \r\n[1, 2]\t\n", Ok("[1, 2]")),
        ("\"\\ud800\"", Ok("\"\\ud800\"")),
        ("{\"a\":1,\"a\":2}", Ok("{\"a\":1,\"a\":2}")),
        ("", Err("EOF while parsing a value at line 1 column 0")),
        ("1 2", Err("trailing characters at line 1 column 3")),
        ("{\n\"a\": secret}", Err("expected value at line 2 column 6")),
    ] {
        let expected = expected.map_err(|why: &str| ContentError::NotJson(why.to_owned()));
        assert_eq!(parse_content(body, &Limits::default()), expected, "{body:?}");
    }
    assert_eq!(parse_content(&deep(128), &Limits::default()), Ok(&*deep(128)));
    assert_eq!(parse_content(&deep(129), &Limits::default()), Err(ContentError::TooDeep));
}

/// Nothing here goes one level of the stack deeper for a level of nesting.
#[test]
fn deep_nesting_needs_no_stack() {
    let deep = deep(100_000);
    assert_eq!(parse_content(&deep, &Limits::default()), Err(ContentError::TooDeep));
    let open = "[".repeat(100_000);
    assert!(matches!(parse_content(&open, &Limits::default()), Err(ContentError::NotJson(_))));
    for text in [format!(r#"{{"channel":"a","content":{deep}}}"#), format!(r#"{{"x":{deep}}}"#)] {
        assert_eq!(one(&text).map_err(|error| error.limit), Err(Some(Refusal::MaxJsonDepth)));
    }
    for form in [Array, Lines] {
        let items = parse(&deep, form).expect("JSON");
        assert_eq!(items, [Err(Malformed::new("the item is not an object"))]);
        assert!(matches!(parse(&open, form), Err(ItemsError::NotJson(_))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn what_is_json_has_items(body in r#"(\[|\{|\]|\}|,|:|"channel"|"content"|"a"|1|\n| ){0,14}"#) {
        let value = serde_json::from_str::<Value>(&body);
        match parse(&body, Array) {
            Ok(items) => prop_assert_eq!(value.unwrap().as_array().map(Vec::len), Some(items.len())),
            Err(ItemsError::NotAnArray) => prop_assert!(!value.unwrap().is_array()),
            Err(ItemsError::NotJson(_)) => prop_assert!(value.is_err()),
            Err(ItemsError::TooMany) => prop_assert!(false, "there is room for so few"),
        }
        prop_assert_eq!(parse_content(&body, &Limits::default()).ok(), serde_json::from_str::<Value>(&body).ok().map(|_| body.trim()));
    }

    #[test]
    fn items_read_back(sent in proptest::collection::vec(("[^\\p{Cc}]{1,40}", "\\PC{0,60}"), 0..5)) {
        let written: Vec<Value> = sent.iter().map(|(channel, content)| json!({"channel": channel, "content": [content]})).collect();
        let lines: String = written.iter().map(|item| format!("{item}\n")).collect();
        let array = serde_json::to_string_pretty(&written).unwrap();
        for (body, form) in [(lines, Lines), (array, Array)] {
            let items = parse(&body, form).unwrap().into_iter().map(|item| item.unwrap());
            let read: Vec<Value> = items.map(|item| json!({"channel": item.channel, "content": serde_json::from_str::<Value>(item.content).unwrap()})).collect();
            prop_assert_eq!(&read, &written);
        }
    }
}

#[test]
fn there_are_not_too_many_items() {
    let limits = Limits::default();
    for (count, is_good) in [(ITEMS_MAX, true), (ITEMS_MAX + 1, false)] {
        let array = format!("[{}]", vec!["1"; count].join(","));
        for (body, form) in [(array, ItemsForm::Array), ("1\n".repeat(count), ItemsForm::Lines)] {
            match parse_items(&body, form, &limits) {
                Ok(items) => assert!(is_good && items.len() == count, "{form:?}"),
                Err(error) => assert!(!is_good && error == ItemsError::TooMany, "{form:?}: {error}"),
            }
        }
    }
}
