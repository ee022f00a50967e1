//! Rules as they are written, and what claims get by them.

use super::*;
use crate::claims::Rules;
use crate::patterns::Allowed;
use proptest::prelude::*;
use pusu_plugin_api::CreateError;
use pusu_plugin_api::options::{Place, from_json};
use pusu_plugin_api::testing::Relay;
use serde_json::json;

fn rules(written: Value) -> Result<Vec<Rule>, String> {
    rules_within(written, Allowed::new(None).unwrap())
}

/// What tokens are held against where nothing is said of issuer and audience.
fn any_token() -> Rules {
    Rules {
        issuers: Vec::new(),
        audiences: Vec::new(),
        leeway_ms: 0,
        require_expiry: false,
        claim: None,
        claim_is_optional: true,
    }
}

fn rules_within(written: Value, allowed: Allowed) -> Result<Vec<Rule>, String> {
    let tokens = Tokens { rules: &any_token(), allowed: &allowed, now_ms: 0 };
    let host = Relay::new().host();
    read(written, |rule, place| rule.meant(place, &tokens, &host))
}

/// Reads rules, each by `meant`.
fn read(written: Value, meant: impl Fn(WrittenRule, &Place) -> Result<Rule, CreateError>) -> Result<Vec<Rule>, String> {
    #[derive(pusu_plugin_api::serde::Deserialize)]
    #[serde(crate = "pusu_plugin_api::serde")]
    struct Options {
        jwt_grants: Vec<WrittenRule>,
    }
    let options: Options =
        from_json(json!({"jwt_grants": written}).to_string().as_bytes()).map_err(|error| error.to_string())?;
    let place = Place::option("jwt_grants");
    let meant = |(index, rule): (usize, WrittenRule)| meant(rule, &place.item(index));
    options.jwt_grants.into_iter().enumerate().map(meant).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

fn given(written: Value, claims: Value) -> Given {
    let json = claims.to_string();
    give(&rules(written).unwrap(), &Members::parse(json.as_bytes()).unwrap()).unwrap()
}

#[test]
fn conditions_are_met_to_the_letter() {
    let many: Vec<String> = (0..50).map(|number| format!("role{number}")).collect();
    for (when, claims, expected) in [
        (json!({"claim": "role", "equals": "editor"}), json!({"role": "editor"}), true),
        (json!({"claim": "role", "equals": "editor"}), json!({"role": "Editor"}), false),
        (json!({"claim": "role", "equals": "editor"}), json!({"role": ["editor"]}), false),
        (json!({"claim": "role", "equals": "editor"}), json!({"role": "editor "}), false),
        (json!({"claim": "role", "equals": "editor"}), json!({}), false),
        (json!({"claim": "role", "equals": ["a", "editor"]}), json!({"role": "editor"}), true),
        (json!({"claim": "email_verified", "equals": true}), json!({"email_verified": true}), true),
        (json!({"claim": "email_verified", "equals": true}), json!({"email_verified": "true"}), false),
        (json!({"claim": "email_verified", "equals": true}), json!({"email_verified": 1}), false),
        (json!({"claim": "level", "equals": 3}), json!({"level": 3.0}), true),
        (json!({"claim": "level", "equals": 3}), json!({"level": "3"}), false),
        (json!({"claim": "id", "equals": 9007199254740993_u64}), json!({"id": 9007199254740992_u64}), false),
        (json!({"claim": "scope", "contains": "news"}), json!({"scope": "chat news"}), true),
        (json!({"claim": "scope", "contains": "news"}), json!({"scope": "newsletter"}), false),
        (json!({"claim": "scope", "contains": "news"}), json!({"scope": "chat:news"}), false),
        (json!({"claim": "scope", "contains": "news"}), json!({"scope": ["chat", "news"]}), true),
        (json!({"claim": "scope", "contains": "news"}), json!({"scope": ["chat news"]}), false),
        (json!({"claim": "scope", "contains": "news"}), json!({"scope": [7, null, "news"]}), true),
        (json!({"claim": "scope", "contains": "news"}), json!({"scope": {"news": true}}), false),
        (json!({"claim": "roles", "contains": ["x", "role49"]}), json!({"roles": many}), true),
        (json!({"claim": "a.roles", "contains": "x"}), json!({"a": {"roles": ["x"]}}), true),
        (json!({"claim": "a.roles", "contains": "x"}), json!({"a": ["roles"]}), false),
        (json!({"claim": ["a.b", "c"], "exists": true}), json!({"a.b": {"c": 0}}), true),
        (json!({"claim": "a", "exists": true}), json!({"a": false}), true),
        (json!({"claim": "a", "exists": true}), json!({"a": null}), false),
        (json!({"claim": "a", "exists": true}), json!({"b": 1}), false),
        (
            json!([{"claim": "a", "equals": 1}, {"claim": "https://example.com/b", "contains": "x"}]),
            json!({"a": 1, "https://example.com/b": ["x"]}),
            true,
        ),
        (json!([{"claim": "a", "equals": 1}, {"claim": "b", "exists": true}]), json!({"a": 1}), false),
    ] {
        let given = given(json!([{"when": when, "read": ["news.*"]}]), claims.clone());
        assert_eq!(given.read, if expected { vec!["news.*"] } else { vec![] }, "{when} {claims}");
    }
}

#[test]
fn rules_add_up_and_say_what_they_gave() {
    let written = json!([
        {"read": ["news.*"]},
        {"when": {"claim": "roles", "contains": "editor"}, "read": ["news.*"], "write": ["news.{dept}.*", "log"]},
        {"when": {"claim": "roles", "contains": "owner"}, "write": ["*"]},
        {"write": ["users.{sub}.*"]},
    ]);
    let given = given(written, json!({"roles": ["editor"], "dept": "sports", "sub": "a.b"}));
    assert_eq!((given.read, given.write), (vec!["news.*".into()], vec!["news.sports.*".into(), "log".into()]));
    assert_eq!(
        given.explained,
        [
            "rule 1 gives read `news.*`",
            "rule 2 gives read `news.*`, write `news.{dept}.*`, write `log`",
            "rule 3 gives nothing: `roles` does not contain what `when` wants",
            "rule 4 gives nothing: `{sub}` has a dot, and the rule does not say `dots: true`",
        ]
    );
}

/// Nothing that stands in a claim is in it.
#[test]
fn why_a_rule_gives_nothing_is_said_without_a_value() {
    for (when, claims, why) in [
        (json!({"claim": "a", "equals": "x"}), json!({"a": "canary"}), "`a` does not equal what `when` wants"),
        (json!({"claim": "a", "contains": "x"}), json!({"a": ["canary"]}), "`a` does not contain what `when` wants"),
        (json!({"claim": "a.b", "contains": "x"}), json!({"a": "canary"}), "`a.b` is missing"),
        (json!({"claim": "a", "equals": "x"}), json!({"a": null}), "`a` is missing"),
        (json!({"claim": "a", "exists": true}), json!({"a": null}), "`a` is missing"),
        (
            json!([{"claim": "a", "exists": true}, {"claim": "b", "equals": 1}]),
            json!({"a": "canary", "b": "1"}),
            "`b` does not equal what `when` wants",
        ),
    ] {
        let given = given(json!([{"read": ["x"]}, {"when": when, "read": ["y"]}]), claims);
        assert_eq!(given.explained, ["rule 1 gives read `x`".to_owned(), format!("rule 2 gives nothing: {why}")]);
    }
    let many: Vec<String> = (0..40).map(|number| format!("c{number}")).collect();
    let said = &given(json!([{"read": many}]), json!({})).explained[0];
    assert!(said.starts_with("rule 1 gives read `c0`, ") && said.ends_with("read `c31` and 8 more"), "{said}");
}

/// Here access is given away by accident: a rule with one bad value gives nothing at all, its other patterns included.
#[test]
fn a_value_that_may_not_stand_in_a_name_spoils_its_rule() {
    let long = "x".repeat(250);
    for (value, why) in [
        (json!("*"), "has a `*`"),
        (json!("a*"), "has a `*`"),
        (json!("a\u{0}"), "has a control character"),
        (json!("a\nb"), "has a control character"),
        (json!("\u{85}"), "has a control character"),
        (json!(""), "is empty"),
        (json!("a.b"), "has a dot, and the rule does not say `dots: true`"),
        (json!("."), "has a dot"),
        (json!(["a", "*"]), "has a `*`"),
        (json!(["a", ""]), "is empty"),
        (json!([]), "is an empty list"),
        (json!(null), "is missing"),
        (json!(true), "is no text, no whole number and no list of these"),
        (json!(1.5), "is no text"),
        (json!({"a": "b"}), "is no text"),
        (json!([["a"]]), "is no text"),
        (json!(long), "would be longer than 255 bytes"),
    ] {
        let given = given(json!([{"read": ["news", "users.{sub}.x"]}]), json!({"sub": value}));
        assert_eq!((given.read.len(), given.write.len()), (0, 0), "{value}");
        let [explained] = &given.explained[..] else { panic!("{value}: {:?}", given.explained) };
        assert!(explained.starts_with("rule 1 gives nothing: ") && explained.contains(why), "{value}: {explained}");
    }
    assert_eq!(given(json!([{"read": ["users.{sub}"]}]), json!({})).read.len(), 0);
}

#[test]
fn dots_are_taken_where_the_rule_says_so() {
    let with_dots = json!([{"read": ["users.{email}"], "dots": true}]);
    assert_eq!(given(with_dots.clone(), json!({"email": "a@b.example"})).read, ["users.a@b.example"]);
    for value in ["*", "a.*", "", "a\n"] {
        assert_eq!(given(with_dots.clone(), json!({"email": value})).read.len(), 0, "{value:?}");
    }
    let without = json!([{"read": ["users.{email}"], "dots": false}]);
    assert_eq!(given(without, json!({"email": "a@b.example"})).read.len(), 0);
}

#[test]
fn lists_and_numbers_are_filled_in() {
    let rooms = json!([{"read": ["rooms.{rooms}.*", "users.{id}"]}]);
    let given_rooms = given(rooms, json!({"rooms": ["a", "b", 7], "id": 42}));
    assert_eq!(given_rooms.read, ["rooms.a.*", "rooms.b.*", "rooms.7.*", "users.42"]);
    let both = given(json!([{"read": ["{a}.{b}"]}]), json!({"a": ["x", "y"], "b": ["z", "w"]}));
    assert_eq!(both.explained, ["rule 1 gives nothing: `{a}` and `{b}` both have several values"]);
    assert_eq!(given(json!([{"read": ["{a}.{b}"]}]), json!({"a": ["x", "y"], "b": ["z"]})).read, ["x.z", "y.z"]);
    assert_eq!(given(json!([{"read": ["{{x}}.{a}"]}]), json!({"a": "y"})).read, ["{x}.y"]);
    let nested = json!([{"read": ["{resource_access.pusu.room}"]}]);
    assert_eq!(given(nested, json!({"resource_access": {"pusu": {"room": "r"}}})).read, ["r"]);
    let many: Vec<u32> = (0..3000).collect();
    assert_eq!(given(json!([{"read": ["{a}"]}]), json!({"a": many})).read.len(), 1025, "one more than a verdict has");
}

#[test]
fn rules_that_give_nothing_are_errors() {
    for (rule, wanted) in [
        (json!({}), "item 1: expected at least one pattern below `read` or `write`"),
        (json!({"read": []}), "item 1: expected at least one pattern"),
        (json!({"read": [""]}), "item 1, option `read`, item 1: expected a pattern of 1 to 255 bytes"),
        (json!({"read": ["x".repeat(256)]}), "expected a pattern of 1 to 255 bytes"),
        (json!({"read": "a"}), "option `read`: expected a list, found a string"),
        (json!({"reads": ["a"]}), "there is no option `reads` (did you mean `read`?)"),
        (json!({"read": ["a"], "dots": "yes"}), "option `dots`: expected a boolean, found a string"),
        (json!({"read": ["{}"]}), "`read`, item 1: has a placeholder that is none: expected the name of a claim"),
        (json!({"read": ["{a..b}"]}), "has a placeholder that is none"),
        (json!({"read": ["{sub.x}"]}), "`sub` is a text, a number or a list of texts, in which no claim can stand"),
        (json!({"read": ["a", "{sub"]}), "`read`, item 2: has a `{` without `}`"),
        (json!({"write": ["sub}"]}), "`write`, item 1: has a `}` without `{`"),
        (json!({"read": ["{sub}*"]}), "`{sub}` needs a dot between itself and a `*`"),
        (json!({"read": ["{sub}-{b}"]}), "`{b}` needs a dot between itself and a `*` or another placeholder"),
        (
            json!({"read": ["a"], "when": {"claim": "x"}}),
            "`when`: expected one of `equals`, `contains` and `exists: true`",
        ),
        (json!({"read": ["a"], "when": []}), "option `when`: expected at least one, found 0"),
        (json!({"read": ["a"], "when": {"equals": 1}}), "the option `claim` is missing"),
        (json!({"read": ["a"], "when": {"claim": "x", "exists": false}}), "found `exists: false`"),
        (json!({"read": ["a"], "when": {"claim": "x", "equals": 1, "contains": "y"}}), "found several"),
        (json!({"read": ["a"], "when": {"claim": "x", "equals": {}}}), "expected a text, a number or a boolean"),
        (json!({"read": ["a"], "when": {"claim": "x", "contains": 7}}), "expected a string, found a number"),
        (json!({"read": ["a"], "when": {"claim": "x", "contains": ""}}), "`contains`: expected a text, found an empty"),
        (json!({"read": ["a"], "when": {"claim": "", "exists": true}}), "expected the name of a claim"),
        (
            json!({"read": ["x.{a}"], "when": {"claim": "a", "equals": ["*", "b.c"]}}),
            "gives nothing: no value that `when` lets `a` have may stand in a channel",
        ),
    ] {
        let error = rules(json!([rule])).err().unwrap_or_else(|| panic!("{rule} is taken"));
        assert!(
            error.contains("option `jwt_grants`, item 1") && error.contains(wanted),
            "{rule}\n gives {error}\nwanted {wanted}"
        );
    }
    let allowed = || Allowed::new(Some(&["news.*".parse().unwrap()])).unwrap();
    assert!(rules_within(json!([{"read": ["*.{sub}"]}, {"read": ["{sub}.x", "users.a"]}]), allowed()).is_ok());
    let error = rules_within(json!([{"read": ["news.a"]}, {"read": ["users.{sub}"]}]), allowed()).err().unwrap();
    assert!(
        error.contains("item 2: gives nothing: no channel that its patterns match is among `allowed_channels`"),
        "{error}"
    );
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
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// With one pattern for all, no two values share a channel, whatever they are and wherever the pattern ends openly.
    #[test]
    fn nobody_reaches_what_is_anothers(
        text in "[ab.-]{0,3}\\{sub\\}[ab.-]{0,3}\\*?",
        one in "[ab.*-]{1,5}",
        other in "[ab.*-]{1,5}",
        rest in "[ab.-]{0,6}",
    ) {
        let Ok(rules) = rules(json!([{"read": [text]}])) else { return Ok(()) };
        let fill = |value: &str| {
            let json = json!({"sub": value}).to_string();
            give(&rules, &Members::parse(json.as_bytes()).unwrap()).unwrap().read
        };
        for (mine, others) in fill(&one).iter().zip(fill(&other)) {
            let channel = mine.replace('*', &rest);
            prop_assert!(matches(mine, &channel));
            prop_assert_eq!(matches(&others, &channel), one == other, "{} {} {}", mine, others, channel);
        }
    }
}
