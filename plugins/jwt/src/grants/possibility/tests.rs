//! Rules that never give anything, why each is one, and that no rule is called so which gives something.

use super::super::{WrittenRule, give};
use super::*;
use crate::claims;
use crate::members::Members;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::TestRunner;
use pusu_plugin_api::Pattern;
use pusu_plugin_api::options::{Place, from_json};
use serde_json::json;
use std::cell::Cell;

/// A time in 2001.
const NOW_MS: i64 = 1_000_000_000_000;

fn rules(issuers: &[&str], audiences: &[&str], claim: Option<&str>) -> Rules {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    Rules {
        issuers: owned(issuers),
        audiences: owned(audiences),
        leeway_ms: 0,
        require_expiry: false,
        claim: claim.map(ClaimPath::name),
        claim_is_optional: true,
    }
}

fn read(rule: &Value) -> Rule {
    let rule: WrittenRule = from_json(rule.to_string().as_bytes()).unwrap();
    rule.read(&Place::option("jwt_grants").item(0)).unwrap()
}

fn allowed(patterns: &[&str]) -> Allowed {
    let patterns: Vec<Pattern> = patterns.iter().map(|pattern| pattern.parse().unwrap()).collect();
    Allowed::new(Some(&patterns)).unwrap()
}

/// What is said of a rule where tokens are of one issuer, for one audience, and may have a claim with permissions.
fn said(rule: &Value, patterns: &[&str]) -> Result<(), String> {
    let rules = rules(&["https://id.example.com"], &["relay", "https://relay.example.com"], Some("pusu"));
    check(&read(rule), &Tokens { rules: &rules, allowed: &allowed(patterns), now_ms: NOW_MS })
}

#[test]
fn rules_that_never_give_anything_are_named_with_the_reason() {
    let when = |conditions: Value| json!({"when": conditions, "read": ["a"]});
    let equals = |claim: &str, value: Value| json!({"claim": claim, "equals": value});
    let contains = |claim: &str, value: Value| json!({"claim": claim, "contains": value});
    for (rule, wanted) in [
        (when(json!([equals("a", json!("x")), equals("a", json!("y"))])), "its conditions on `a` exclude each other"),
        (when(json!([equals("a", json!([1, 2])), equals("a", json!(["1", 3]))])), "its conditions on `a` exclude"),
        (when(json!([contains("a", json!("x")), equals("a", json!(["y z", true]))])), "its conditions on `a` exclude"),
        (
            when(json!([equals("iss", json!("https://id.example.com")), contains("iss", json!("id"))])),
            "its conditions on `iss` and `jwt_issuer` or `jwt_oidc_issuer` exclude each other",
        ),
        (
            when(contains("iss", json!("other"))),
            "its conditions on `iss` and `jwt_issuer` or `jwt_oidc_issuer` exclude",
        ),
        (when(equals("iss", json!("https://id.example.com/"))), "`iss` would have to equal none of `jwt_issuer`"),
        (when(equals("aud", json!("shop"))), "`aud` would have to equal nothing of `jwt_audience`"),
        (when(equals("exp", json!("1893456000"))), "`exp` is a number of seconds since 1970 in every token"),
        (when(equals("iat", json!(true))), "`iat` is a number of seconds"),
        (when(equals("nbf", json!(1893456000000000_u64))), "`nbf` is a number of seconds"),
        (when(contains("exp", json!("1"))), "`exp` is a number in every token, which contains no text"),
        (when(equals("exp", json!(1000))), "`when`: the time that `exp` should equal has passed, and such a token"),
        (when(equals("exp", json!(["x", 999_913_599.0]))), "the time that `exp` should equal has passed"),
        (
            when(json!([{"claim": "exp", "exists": true}, equals("exp", json!(1000))])),
            "the time that `exp` should equal has passed",
        ),
        (
            when(json!([{"claim": "sub", "exists": true}, equals("sub", json!(7))])),
            "`sub` is a text of at most 1024 bytes in every token",
        ),
        (when(equals("sub", json!(7))), "`sub` is a text of at most 1024 bytes in every token"),
        (when(equals("sub", json!("x".repeat(1025)))), "`sub` is a text of at most 1024 bytes"),
        (when(equals("aud", json!(7))), "`aud` is a text or a list of texts in every token"),
        (
            when(json!([equals("a", json!("x")), {"claim": "a.b", "exists": true}])),
            "`a` would have to be a text, a number or a list, and an object with `a.b` as well",
        ),
        (json!({"read": ["{a}", "{a.b}"]}), "`a` would have to be"),
        (when(contains("pusu", json!("x"))), "`pusu` has the permissions (`jwt_claim`)"),
        (json!({"read": ["{pusu}"]}), "`pusu` has the permissions"),
        (
            when(equals("pusu.role", json!("x"))),
            "a token with `pusu.role` is refused: `pusu` has the permissions (`jwt_claim`), and nothing beside the lists",
        ),
        (when(json!({"claim": "pusu.role", "exists": true})), "a token with `pusu.role` is refused"),
        (when(contains("pusu.read.x", json!("x"))), "a token with `pusu.read.x` is refused"),
        (json!({"read": ["a", "{pusu.role}"]}), "a token with `pusu.role` is refused"),
        (when(equals("pusu.read", json!("x"))), "`pusu.read` is a list in every token, which equals nothing"),
        (json!({"read": ["x", "from.{iss}"]}), "`read`, item 2: gives nothing: no value that `jwt_issuer` or"),
        (
            json!({"when": contains("groups", json!(["a.b", "*"])), "write": ["x.{groups}"]}),
            "`write`, item 1: gives nothing: no value that `when` lets `groups` have",
        ),
        (json!({"when": equals("a", json!(1.5)), "read": ["x.{a}"]}), "no value that `when` lets `a` have"),
        (json!({"when": equals("a", json!("x".repeat(254))), "read": ["x.{a}"]}), "no value that `when` lets `a` have"),
        (
            json!({"read": ["z.{sub}"]}),
            "no channel that its patterns match is among `allowed_channels`; a value has no dot unless the rule says",
        ),
        (json!({"read": ["y.{sub}"], "dots": true}), "no channel that its patterns match is among `allowed_channels`"),
        (json!({"when": equals("a", json!(["x", "y"])), "read": ["z.a.{a}"]}), "is among `allowed_channels`"),
    ] {
        let error = said(&rule, &["a", "z.*.*", "x*", "{iss}"]).and(said(&rule, &["a", "z.*.z"])).unwrap_err();
        assert!(error.contains("gives nothing: ") && error.contains(wanted), "{rule}\n gives {error}\nwanted {wanted}");
    }
    let nobody = rules(&[], &[], None);
    let everything = Allowed::new(None).unwrap();
    for rule in [when(json!({"claim": "aud", "exists": true})), json!({"read": ["x.{aud}"]})] {
        let error = check(&read(&rule), &Tokens { rules: &nobody, allowed: &everything, now_ms: NOW_MS }).unwrap_err();
        assert!(error.contains("a token with `aud` is refused where `jwt_audience` is not set"), "{error}");
    }
}

#[test]
fn rules_that_may_give_something_pass() {
    for (rule, patterns) in [
        (json!({"read": ["z.{sub}.*"]}), &["z.*.*"][..]),
        (json!({"read": ["z.{sub}"], "dots": true}), &["z.*.*"]),
        (json!({"read": ["z.{a}"], "when": {"claim": "a", "equals": 3.0}}), &["z.3"]),
        (json!({"read": ["a"], "when": [{"claim": "a", "equals": 3}, {"claim": "a", "equals": 3.0}]}), &["*"]),
        (json!({"read": ["a"], "when": [{"claim": "a", "equals": "x y"}, {"claim": "a", "contains": "y"}]}), &["*"]),
        (json!({"read": ["a"], "when": [{"claim": "a", "contains": "x"}, {"claim": "a", "contains": "y z"}]}), &["*"]),
        (json!({"read": ["a"], "when": [{"claim": "a", "exists": true}, {"claim": "a.b", "equals": 1}]}), &["*"]),
        (json!({"read": ["a"], "when": {"claim": "pusu.read", "contains": "x"}}), &["*"]),
        (json!({"read": ["a"], "when": {"claim": "pusu", "exists": true}}), &["*"]),
        (json!({"read": ["a"], "when": {"claim": "iss", "equals": ["x", "https://id.example.com"]}}), &["*"]),
        (json!({"read": ["a"], "when": {"claim": "aud", "contains": "shop"}}), &["*"]),
        (json!({"read": ["a"], "when": {"claim": "aud", "equals": "relay"}}), &["*"]),
        (json!({"read": ["x.{aud}"]}), &["*"]),
        (json!({"read": ["x.{exp}"], "when": {"claim": "exp", "equals": 1893456000}}), &["x.1893456000"]),
        (json!({"read": ["from.{iss}"], "dots": true}), &["*"]),
        (json!({"read": ["a"], "when": {"claim": "exp", "equals": [1000, 999_913_600]}}), &["*"]),
        (json!({"read": ["a"], "when": {"claim": "iat", "equals": 1000}}), &["*"]),
        (json!({"read": ["x.{pusu.write}"]}), &["*"]),
        (json!({"read": ["a", "z.{sub}"]}), &["a"]),
    ] {
        assert_eq!(said(&rule, patterns), Ok(()), "{rule}");
    }
}

/// A few texts, numbers and others, so that what is made of them often meets.
fn scalar() -> impl Strategy<Value = Value> {
    select(vec![
        json!("a"),
        json!("b"),
        json!("a.b"),
        json!("a b"),
        json!("*"),
        json!(1),
        json!(1.0),
        json!(-0.0),
        json!(true),
    ])
}

fn condition() -> impl Strategy<Value = Value> {
    let claim = || select(vec!["a", "b", "a.c", "iss", "aud", "sub", "exp"]);
    prop_oneof![
        3 => (claim(), prop::collection::vec(scalar(), 1..3)).prop_map(|(claim, any)| json!({"claim": claim, "equals": any})),
        2 => (claim(), select(vec!["a", "b", "a.b"])).prop_map(|(claim, text)| json!({"claim": claim, "contains": text})),
        1 => claim().prop_map(|claim| json!({"claim": claim, "exists": true})),
    ]
}

fn rule() -> impl Strategy<Value = Value> {
    let patterns = vec![
        "z.{a}",
        "z.{a}.*",
        "{sub}.{a.c}",
        "{iss}",
        "{aud}.x",
        "{exp}",
        "news.*",
        "z.a",
        "{b}.{b}",
        "a{sub}",
        "*.{b}",
    ];
    let patterns = prop::collection::vec(select(patterns), 1..3);
    (prop::collection::vec(condition(), 0..3), patterns, any::<bool>()).prop_map(|(when, read, dots)| {
        let mut rule = json!({"read": read, "dots": dots});
        if !when.is_empty() {
            rule["when"] = json!(when);
        }
        rule
    })
}

fn token() -> impl Strategy<Value = Value> {
    let value = || {
        prop_oneof![
            3 => scalar(),
            1 => prop::collection::vec(scalar(), 0..3).prop_map(|list| json!(list)),
            1 => scalar().prop_map(|inner| json!({"c": inner})),
        ]
    };
    let text = || select(vec![json!("a"), json!("b"), json!("a.b"), json!("a b"), Value::Null]);
    let audience = prop_oneof![text(), Just(json!(["a", "b"])), Just(json!(["a.b", "a"]))];
    let moment = select(vec![json!(2_000_000_000), json!(2e9), Value::Null]);
    (value(), value(), text(), text(), audience, moment).prop_map(|(a, b, iss, sub, aud, exp)| {
        let mut claims = json!({"a": a, "b": b, "iss": iss, "sub": sub, "aud": aud, "exp": exp});
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    })
}

/// Whether a token is accepted and gets something by this rule, as the decider finds out.
fn gives(rule: &Rule, tokens: &Tokens<'_>, token: &Value) -> bool {
    let json = token.to_string();
    let members = Members::parse(json.as_bytes()).unwrap();
    if claims::check(&members, tokens.rules, NOW_MS).is_err() {
        return false;
    }
    let given = give(std::slice::from_ref(rule), &members).unwrap();
    !tokens.allowed.narrow(&given.read).0.is_empty()
}

#[test]
fn no_rule_that_gives_something_is_refused() {
    let texts = || subsequence(vec!["a", "b", "a.b"], 0..3);
    let allowed_ones = subsequence(vec!["*", "z.*", "z.*.*", "a.*", "*.x", "news.a", "1*", "*b"], 1..3);
    let strategy = (rule(), token(), texts(), texts(), allowed_ones, any::<bool>());
    let (given, refused) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(ProptestConfig::with_cases(10_000));
    let ran = runner.run(&strategy, |(written, token, issuers, audiences, patterns, has_claim)| {
        let rules = rules(&issuers, &audiences, has_claim.then_some("a"));
        let tokens = Tokens { rules: &rules, allowed: &allowed(&patterns), now_ms: NOW_MS };
        let rule = read(&written);
        let said = check(&rule, &tokens);
        refused.set(refused.get() + usize::from(said.is_err()));
        if gives(&rule, &tokens, &token) {
            given.set(given.get() + 1);
            prop_assert_eq!(said, Ok(()), "{} {}", written, token);
        }
        Ok(())
    });
    ran.unwrap();
    assert!(given.get() > 100 && refused.get() > 1000, "{given:?} gave something and {refused:?} were refused");
}
