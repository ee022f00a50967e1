//! Conditions, by example and against the definition.

use super::*;
use proptest::prelude::*;

fn fit(property: Property, condition: &str, value: &str) -> Option<Option<String>> {
    let value = comparable(property, value);
    Wildcard::parse(property, condition).unwrap().fit(&value).map(|fit| fit.part.map(str::to_owned))
}

#[test]
fn a_star_stands_for_any_run_and_its_part_is_known() {
    let some = |part: &str| Some(Some(part.to_owned()));
    for (condition, value, expected) in [
        ("sensor-7", "sensor-7", Some(None)),
        ("sensor-7", "Sensor-7", None),
        ("sensor-7", "sensor-77", None),
        ("sensor-*", "sensor-7", some("7")),
        ("sensor-*", "sensor-", some("")),
        ("sensor-*", "xsensor-7", None),
        ("*", "", some("")),
        ("*@example.com", "alice@example.com", some("alice")),
        ("a*a", "a", None),
        ("a*a", "aa", some("")),
        ("a*b*c", "a-b-b-c", Some(None)),
        ("a*b*c", "ac", None),
        ("**", "x", Some(None)),
    ] {
        assert_eq!(fit(Property::CommonName, condition, value), expected, "{condition} {value}");
    }
    assert_eq!(fit(Property::Dns, "*.Example.com", "A.EXAMPLE.com"), some("a"));
    assert_eq!(fit(Property::Uri, "spiffe://a/*", "SPIFFE://a/b"), None);
}

#[test]
fn commas_of_a_distinguished_name_are_told_from_those_in_it() {
    for (condition, value, fits) in [
        ("*,O=Example", "CN=a,O=Example", true),
        ("*,O=Example", "CN=a,OU=b,O=Example", true),
        ("*,O=Example", r"CN=a\,O=Example", false),
        ("*,O=Example", r"CN=a\\,O=Example", true),
        ("*,O=Example", r"CN=a\\\,O=Example", false),
        (r"CN=a\, b,O=*", r"CN=a\, b,O=c", true),
        (r"CN=a\, b,O=*", r"CN=a, b,O=c", false),
        ("CN=a,O=Example", "CN=a,O=Example", true),
        ("*,OU=Sensors,*", r"CN=x\,OU=Sensors\,y,O=Example", false),
        ("*,OU=Sensors,*", "CN=x,OU=Sensors,O=Example", true),
    ] {
        for property in [Property::Subject, Property::Issuer] {
            assert_eq!(fit(property, condition, value).is_some(), fits, "{condition} {value}");
        }
    }
}

#[test]
fn numbers_and_hashes_are_written_in_several_ways() {
    let hash = "0123456789abcdef".repeat(4);
    let colons = "01:23:45:67:89:AB:CD:EF".to_owned() + &":01:23:45:67:89:AB:CD:EF".repeat(3);
    for (property, condition, value) in [
        (Property::Serial, "00:1F:A0", "1fa0"),
        (Property::Serial, "00", "0"),
        (Property::Sha256, &colons, &hash),
        (Property::KeySha256, &hash, &hash),
        (Property::Ip, "2001:DB8:0::1", "2001:db8::1"),
    ] {
        assert_eq!(fit(property, condition, value), Some(None), "{condition}");
    }
    for (property, condition, expected) in [
        (Property::Serial, "1f*", "hexadecimal digits"),
        (Property::Serial, ":", "hexadecimal digits"),
        (Property::Sha256, "abc", "64 hexadecimal digits, as SHA-256 has them, found 3"),
        (Property::Ip, "10.0.0.0/8", "an IP address"),
        (Property::Ip, "10.0.0.*", "without `*`"),
        (Property::CommonName, "", "found an empty one"),
    ] {
        let error = Wildcard::parse(property, condition).unwrap_err();
        assert!(error.contains(expected), "{condition}: {error}");
    }
}

/// The definition, as slow as it may be.
fn matches(wildcard: &[char], value: &[char]) -> bool {
    match (wildcard.split_first(), value.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), _) if matches(rest, value) => true,
        (Some(('*', _)), Some((_, rest))) => matches(wildcard, rest),
        (Some((a, wildcard)), Some((b, value))) => a == b && matches(wildcard, value),
        _ => false,
    }
}

proptest! {
    #[test]
    fn what_fits_is_what_the_definition_says(condition in "[ab*]{1,7}", value in "[ab]{0,9}") {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        let fit = fit(Property::CommonName, &condition, &value);
        prop_assert_eq!(fit.is_some(), matches(&chars(&condition), &chars(&value)));
        if let Some(Some(part)) = fit {
            prop_assert_eq!(condition.replace('*', &part), value);
        }
    }
}
