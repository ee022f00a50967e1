//! Narrowing, by example and against the definition.

use super::*;
use proptest::prelude::*;

fn narrowed(allowed: &[&str], asked: &[&str]) -> (Vec<String>, bool) {
    let asked: Vec<String> = asked.iter().map(|&text| text.to_owned()).collect();
    allowing(allowed).narrow(&asked)
}

fn allowing<S: AsRef<str>>(patterns: &[S]) -> Allowed {
    let patterns: Vec<Pattern> = patterns.iter().map(|pattern| pattern.as_ref().parse().unwrap()).collect();
    Allowed::new(Some(&patterns)).unwrap()
}

#[test]
fn what_is_allowed_stays_and_the_rest_is_narrowed() {
    for (allowed, asked, expected, whole) in [
        (&["*"][..], &["a", "b.*", "*"][..], &["*"][..], true),
        (&["news.*"], &["news.sports", "news.*.local"], &["news.sports", "news.*.local"], true),
        (&["news.*"], &["news."], &["news."], true),
        (&["news.*"], &["news", "weather"], &[], false),
        (&["news.*"], &["*"], &["news.*"], false),
        (&["news.*", "chat.*"], &["*"], &["news.*", "chat.*"], false),
        (&["news.*", "chat.*"], &["news.*", "x"], &["news.*"], false),
        (&["a*"], &["*b"], &["a*b"], false),
        // `aba` begins with `ab` and ends with `ba`, though the two overlap in it.
        (&["ab*"], &["*ba"], &["aba", "ab*ba"], false),
        (&["*.log"], &["a.*"], &["a.log", "a.*.log"], false),
        (&["a*c"], &["a*b*c"], &["a*b*c"], true),
        (&["exact"], &["ex*", "exactly"], &["exact"], false),
        (&["ä*"], &["*ö"], &["ä*ö"], false),
    ] {
        let (granted, is_whole) = narrowed(allowed, asked);
        let mut sorted = (granted.clone(), expected.to_vec());
        sorted.0.sort_unstable();
        sorted.1.sort_unstable();
        assert_eq!(sorted.0, sorted.1, "{asked:?} within {allowed:?}");
        assert_eq!(is_whole, whole, "{asked:?} within {allowed:?}");
    }
}

#[test]
fn a_pattern_covers_what_matches_less() {
    for (wide, narrow, expected) in [
        ("*", "a*b", true),
        ("a*", "a", true),
        ("a*", "a*b", true),
        ("a", "a*", false),
        ("a*b", "a*", false),
        ("*a*", "*b*", false),
        ("**", "*", true),
        ("*", "**", true),
    ] {
        assert_eq!(covers(wide, narrow), expected, "{wide} covers {narrow}");
    }
}

/// Would take longer than the sun burns; stops, and gives nothing that is not allowed.
#[test]
fn patterns_that_are_too_complicated_are_not_granted() {
    let asked = format!("{}x*", "*a".repeat(100));
    let allowed = format!("{}y*", "*a".repeat(100));
    let (granted, whole) = narrowed(&[&allowed], &[&asked]);
    assert!(!whole);
    assert!(granted.iter().all(|pattern| covers(&allowed, pattern) && covers(&asked, pattern)), "{granted:?}");
}

#[test]
fn a_list_without_patterns_is_an_error() {
    let error = Allowed::new(Some(&[])).err().unwrap().to_string();
    assert!(error.starts_with("option `allowed_channels`: expected at least one pattern"), "{error}");
}

/// A pattern matches a name just if it covers the name, which is a pattern without `*`.
fn matches(pattern: &str, name: &str) -> bool {
    covers(pattern, name)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn what_is_narrowed_matches_exactly_what_both_match(
        allowed in prop::collection::vec("[ab*]{1,5}", 1..3),
        asked in prop::collection::vec("[ab*]{1,5}", 1..3),
        names in prop::collection::vec("[ab]{1,8}", 20),
    ) {
        let (granted, whole) = allowing(&allowed).narrow(&asked);
        for name in &names {
            let in_both = allowed.iter().any(|p| matches(p, name)) && asked.iter().any(|p| matches(p, name));
            prop_assert_eq!(granted.iter().any(|p| matches(p, name)), in_both, "{} by {:?}", name, granted);
            if whole {
                prop_assert_eq!(in_both, asked.iter().any(|p| matches(p, name)));
            }
        }
    }
}
