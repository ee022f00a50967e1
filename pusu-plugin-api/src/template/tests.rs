//! Templates: what is taken, what is filled in, and that no value reaches what is another's.

use super::*;
use proptest::prelude::*;

fn parsed(text: &str) -> Result<Template<String>, String> {
    let named = |name: &str| match name {
        "a" | "b" => Ok(name.to_owned()),
        _ => Err("has an unknown placeholder".to_owned()),
    };
    Template::parse(&text.parse().unwrap(), named)
}

fn filled(text: &str, value: &str, dots: bool) -> Result<String, String> {
    parsed(text).unwrap().fill(|_| dots, |_| Some(value)).map_err(|not| not.to_string())
}

#[test]
fn values_are_filled_in() {
    for (text, value, expected) in [
        ("news", "x", "news"),
        ("a.*.b", "x", "a.*.b"),
        ("users.{a}.*", "x y", "users.x y.*"),
        ("{a}.{b}.{a}", "x", "x.x.x"),
        ("n-{a}-x.*.{b}", "x", "n-x-x.*.x"),
        ("{{x}}.{{{a}}}", "1", "{x}.{1}"),
        ("ä.{a}.ö", "ü", "ä.ü.ö"),
    ] {
        assert_eq!(filled(text, value, false).as_deref(), Ok(expected), "{text}");
        assert_eq!(parsed(text).unwrap().to_string(), text);
    }
    assert_eq!(filled("{a}", "x.y", true).as_deref(), Ok("x.y"));
    let template = parsed("{a}.{b}").unwrap();
    let one_of_them = template.fill(|name| name == "b", |_| Some("x.y")).map_err(|not| not.to_string());
    assert_eq!(one_of_them, Err("`{a}` has a dot".to_owned()));
    assert_eq!(template.placeholders().collect::<Vec<_>>(), ["a", "b"]);
    let pieces = [Piece::Value("a".to_owned()), Piece::Text(".".to_owned()), Piece::Value("b".to_owned())];
    assert_eq!(template.pieces(), pieces);
}

#[test]
fn values_that_could_pass_for_more_are_not_filled_in() {
    let long = "x".repeat(254);
    for (value, dots, why) in [
        ("*", true, "`{a}` has a `*`"),
        ("x*", true, "`{a}` has a `*`"),
        ("x\ny", true, "`{a}` has a control character"),
        ("\u{85}", true, "`{a}` has a control character"),
        ("", true, "`{a}` is empty"),
        ("x.y", false, "`{a}` has a dot"),
        (".", false, "`{a}` has a dot"),
        (&long, true, "it would be longer than 255 bytes"),
    ] {
        assert_eq!(filled("n.{a}", value, dots), Err(why.to_owned()), "{value:?}");
    }
    let template = parsed("n.{a}").unwrap();
    let missing = template.fill(|_| true, |_| None::<&str>).unwrap_err();
    assert_eq!(missing.to_string(), "there is no value for `{a}`");
}

#[test]
fn patterns_that_mix_up_values_are_errors() {
    for (text, expected) in [
        ("users.{a}*", "`{a}` needs a dot between itself and a `*`"),
        ("users.*{a}", "`{a}` needs a dot between"),
        ("users.{a}-*.x", "`{a}` needs a dot between"),
        ("*x-{a}.y", "`{a}` needs a dot between"),
        ("{a}{b}", "`{b}` needs a dot between"),
        ("{a}-{b}", "`{b}` needs a dot between"),
        ("x.{c}", "has an unknown placeholder"),
        ("x.{}", "has an unknown placeholder"),
        ("x.{a", "has a `{` without `}`"),
        ("x.a}", "has a `}` without `{`"),
    ] {
        let error = parsed(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert!(parsed("{a}").unwrap().is_one_channel() && parsed("n-{a}-x").unwrap().is_one_channel());
    for text in ["n", "{a}.*", "{a}.{b}"] {
        assert!(!parsed(text).unwrap().is_one_channel(), "{text}");
    }
}

/// Whether a channel matches a pattern that has at most one `*`.
fn matches(pattern: &str, channel: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == channel,
        Some((start, end)) => {
            channel.strip_prefix(start).is_some_and(|rest| rest.len() >= end.len() && rest.ends_with(end))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    /// With one template for all, no two values share a channel, whatever they are and wherever the pattern ends openly; in
    /// the name of one channel also with dots.
    #[test]
    fn nobody_reaches_what_is_anothers(
        text in "[ab.-]{0,3}\\{a\\}[ab.-]{0,3}\\*?",
        one in "[ab.*-]{1,5}",
        other in "[ab.*-]{1,5}",
        rest in "[ab.-]{0,6}",
    ) {
        let Ok(template) = parsed(&text) else {
            prop_assert!(text.ends_with('*'), "a pattern without `*` and with one placeholder is always good");
            return Ok(());
        };
        let fill = |value: &str| template.fill(|_| template.is_one_channel(), |_| Some(value)).ok();
        if let (Some(mine), Some(others)) = (fill(&one), fill(&other)) {
            let channel = mine.replace('*', &rest);
            prop_assert!(matches(&mine, &channel));
            prop_assert_eq!(matches(&others, &channel), one == other, "{} {} {}", mine, others, channel);
        }
    }
}
