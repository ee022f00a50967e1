//! Patterns with placeholders: what is filled in, what is not, and what no value can reach.

use super::*;
use proptest::prelude::*;

fn parsed(text: &str) -> Result<Template, String> {
    Template::parse(&text.parse().unwrap())
}

/// What a pattern gives for these values.
fn filled(text: &str, values: &[(Property, &str)]) -> Vec<Result<String, String>> {
    let mut all = Vec::new();
    let fits = |property| {
        let of_property = values.iter().filter(move |(found, _)| *found == property);
        of_property.map(|&(_, value)| Fit { value, part: value.split('@').next() }).collect()
    };
    parsed(text).unwrap().fill(fits, |one| all.push(one));
    all
}

#[test]
fn values_are_filled_in() {
    use Property::*;
    for (text, values, expected) in [
        ("news", &[][..], &["news"][..]),
        ("a.*.b", &[], &["a.*.b"]),
        ("x.{common_name}.*", &[(CommonName, "a b")], &["x.a b.*"]),
        ("{common_name}.{serial}.*", &[(CommonName, "a"), (Serial, "1f")], &["a.1f.*"]),
        ("n-{serial}-x.*.{key_sha256}", &[(Serial, "1"), (KeySha256, "ab")], &["n-1-x.*.ab"]),
        ("x.{dns}", &[(Dns, "a.b"), (Uri, "c"), (Dns, "d")], &["x.a.b", "x.d"]),
        ("x.{dns}.*", &[(Dns, "a"), (Dns, "d")], &["x.a.*", "x.d.*"]),
        ("{dns}.{common_name}", &[(Dns, "a"), (Dns, "b"), (CommonName, "c")], &["a.c", "b.c"]),
        ("{email}.{email_part}", &[(Email, "a@b"), (Email, "c@d")], &["a@b.a", "c@d.c"]),
        ("x.{ip}", &[(Ip, "192.0.2.1"), (Ip, "2001:db8::1")], &["x.192.0.2.1", "x.2001:db8::1"]),
        ("{{x}}.{{{serial}}}", &[(Serial, "1")], &["{x}.{1}"]),
        ("ä.{common_name}.ö", &[(CommonName, "ü")], &["ä.ü.ö"]),
    ] {
        assert_eq!(
            filled(text, values),
            expected.iter().map(|&text| Ok(text.to_owned())).collect::<Vec<_>>(),
            "{text}"
        );
    }
}

#[test]
fn values_that_could_pass_for_more_are_left_out() {
    use Property::*;
    let long = "x".repeat(254);
    for (text, property, value, why) in [
        ("x.{common_name}", CommonName, "*", "common_name \"*\" has a `*`"),
        ("x.{dns}", Dns, "*.example.com", "has a `*`"),
        ("x.{common_name}", CommonName, "a.b", "has a dot"),
        ("x.{common_name}.*", CommonName, "a.b", "has a dot"),
        ("x.{dns}.*", Dns, "a.b", "dns \"a.b\" has a dot"),
        ("x.{email_part}", Email, "a.b@c", "email_part \"a.b\" has a dot"),
        ("x.{common_name}", CommonName, "a\nb", "\"a\\nb\" has a control character"),
        ("x.{email_part}", Email, "@c", "email_part \"\" is empty"),
        ("x.{common_name}", CommonName, &long, "longer than 255 bytes"),
        ("x.{common_name}", Serial, "1", "there is no common_name"),
        ("x.{dns}", Serial, "1", "there is no dns"),
    ] {
        let all = filled(text, &[(property, value)]);
        let [Err(error)] = &all[..] else { panic!("{text} {value}: {all:?}") };
        assert!(error.starts_with(&format!("`{text}`, since ")) && error.contains(why), "{error}");
    }
    let some = filled("x.{dns}", &[(Dns, "a"), (Dns, "*.b"), (Dns, "c")]);
    assert_eq!(some.iter().filter(|one| one.is_ok()).count(), 2, "{some:?}");
}

#[test]
fn patterns_that_mix_up_values_are_errors() {
    for (text, expected) in [
        ("users.{common_name}*", "`{common_name}` needs a dot between"),
        ("users.*{common_name}", "`{common_name}` needs a dot between"),
        ("users.{common_name}-*.x", "`{common_name}` needs a dot between"),
        ("*x-{serial}.y", "`{serial}` needs a dot between"),
        ("{common_name}{serial}", "`{serial}` needs a dot between"),
        ("{common_name}-{serial}", "`{serial}` needs a dot between"),
        ("a.{dns}.{uri}", "two properties of which a certificate may have several"),
        ("a.{cn}", "there are `{common_name}`, `{dns}`"),
        ("a.{subject}", "unknown placeholder"),
        ("a.{serial_part}", "unknown placeholder"),
        ("a.{}", "unknown placeholder"),
        ("a.{common_name", "`{` without `}`"),
        ("a.common_name}", "`}` without `{`"),
    ] {
        let error = parsed(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
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

    /// With one pattern for all, no two names share a channel, whatever they are and wherever the pattern ends openly.
    #[test]
    fn nobody_reaches_what_is_anothers(
        text in "[ab.-]{0,3}\\{(common_name|dns|email_part)\\}[ab.-]{0,3}\\*?",
        one in "[ab.*-]{1,5}",
        other in "[ab.*-]{1,5}",
        rest in "[ab.-]{0,6}",
    ) {
        let Ok(template) = parsed(&text) else {
            prop_assert!(text.ends_with('*'), "a pattern without `*` and with one placeholder is always good");
            return Ok(());
        };
        let fill = |value: &str| {
            let mut all = Vec::new();
            template.fill(|_| vec![Fit { value, part: Some(value) }], |one| all.extend(one.ok()));
            all
        };
        for (mine, others) in fill(&one).iter().zip(fill(&other)) {
            let channel = mine.replace('*', &rest);
            prop_assert!(matches(mine, &channel));
            prop_assert_eq!(matches(&others, &channel), one == other, "{} {} {}", mine, others, channel);
        }
    }
}
