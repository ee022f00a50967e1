//! Claims as providers issue them: where permissions stand, rules about claims, and tokens for other authenticators.

use super::*;
use pusu_plugin_api::testing::Relay;

#[test]
fn permissions_stand_where_the_operator_says() {
    let permissions = json!({"read": ["news.*"]});
    for (claim, claims) in [
        (json!("https://example.com/pusu"), json!({"https://example.com/pusu": permissions})),
        (json!("resource_access.pusu"), json!({"resource_access": {"pusu": permissions, "shop": {"roles": []}}})),
        (json!(["my.app", "pusu"]), json!({"my.app": {"pusu": permissions}})),
    ] {
        let authenticator = with(json!({"jwt_claim": claim}));
        let mut all = json!({"exp": NOW + 60});
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        let good = signed(r#"{"alg":"HS256"}"#, &all.to_string());
        assert_eq!(permissions_of(&authenticator, &good), [("news.*".to_owned(), Access::READ)], "{claim}");
        // The claim `pusu` is one like any other here.
        let denied = decide_fully(&authenticator, &token(json!({}))).unwrap_err();
        assert_eq!(
            denied.reason,
            "the token does not have the claim that gives permissions, so it gives access to no channel"
        );
        assert!(denied.detail.ends_with(": is missing"), "{denied:?}");
    }
    let authenticator = with(json!({"jwt_claim": "resource_access.pusu"}));
    let odd = token(json!({"resource_access": {"pusu": {"read": "*"}}}));
    let denied = decide_fully(&authenticator, &odd).unwrap_err();
    assert!(denied.detail.starts_with("resource_access.pusu: expected an object such as"), "{denied:?}");
}

fn permissions_of(authenticator: &JwtAuthenticator, token: &str) -> Vec<(String, Access)> {
    let verdict = decide(authenticator, token).unwrap();
    permissions(&verdict).into_iter().map(|(pattern, access)| (pattern.to_owned(), access)).collect()
}

#[test]
fn rules_and_a_claim_add_up_and_allowed_channels_cut_both() {
    let authenticator = with(json!({
        "jwt_claim": "pusu",
        "jwt_grants": [
            {"when": {"claim": "scope", "contains": "news"}, "read": ["news.*", "weather.*"]},
            {"write": ["chat.{sub}.*"]},
        ],
        "allowed_channels": ["news.*", "chat.*"],
    }));
    let good = token(json!({"sub": "alice", "scope": "openid news", "pusu": {"read": ["chat.all"]}}));
    let verdict = decide(&authenticator, &good).unwrap();
    let expected = [("chat.all", Access::READ), ("news.*", Access::READ), ("chat.alice.*", Access::WRITE)];
    assert_eq!((permissions(&verdict), verdict.subject()), (expected.to_vec(), "alice"));
    let printed = format!("{verdict:?}");
    for part in [
        "the claim `pusu` gives its own patterns",
        "rule 1 gives read `news.*`, read `weather.*`",
        "rule 2 gives write `chat.{sub}.*`",
        "the token asks for more than allowed_channels",
    ] {
        assert!(printed.contains(part), "{printed}");
    }
    let without = signed(r#"{"alg":"HS256"}"#, &json!({"exp": NOW + 60, "sub": "bob"}).to_string());
    assert_eq!(permissions_of(&authenticator, &without), [("chat.bob.*".to_owned(), Access::WRITE)]);
}

/// Where rules are and no claim is named, the claim `pusu` gives nothing.
#[test]
fn rules_alone_look_at_no_claim_of_permissions() {
    let rules = json!([{"when": {"claim": "scope", "contains": "news"}, "read": ["news.*"]}]);
    let authenticator = with(json!({"jwt_grants": rules}));
    let denied = decide_fully(&authenticator, &token(json!({"pusu": {"read": ["*"]}}))).unwrap_err();
    assert_eq!(denied.reason, "the token gives access to no channel");
    assert_eq!(denied.detail, "rule 1 gives nothing: `scope` is missing");
    let odd = decide_fully(&authenticator, &token(json!({"scope": "news", "sub": 7}))).unwrap_err();
    assert_eq!(odd.detail, "sub: expected a text");
}

/// The relay takes no verdict with a longer text.
#[test]
fn many_rules_cost_nobody_a_verdict() {
    let rule = |number: u32| json!({"when": {"claim": "scope", "contains": format!("s{number}")}, "read": ["news.*"]});
    let mut rules: Vec<Value> = (0..2000).map(rule).collect();
    rules.insert(0, json!({"read": ["x"]}));
    let authenticator = with(json!({"jwt_grants": rules}));
    let verdict = decide(&authenticator, &token(json!({"scope": "canary"}))).unwrap();
    assert_eq!(permissions(&verdict), [("x", Access::READ)]);
    let printed = format!("{verdict:?}");
    assert!(printed.len() < 66_000 && printed.contains(" more that have no room"), "{}", printed.len());
    assert!(printed.contains("rule 2 gives nothing: `scope` does not contain what `when` wants; rule 3"), "{printed}");
}

#[test]
fn what_is_another_authenticators_is_left_to_it() {
    let options = json!({
        "jwt_signing_algorithms": ["HS256"], "jwt_verification_key": SECRET, "jwt_issuer": "https://id.example.com",
    });
    let relay = Relay::new();
    relay.set_entry(0, 2, None);
    let first: JwtAuthenticator = relay.create(&options.to_string()).unwrap();
    relay.set_entry(1, 2, None);
    let last: JwtAuthenticator = relay.create(&options.to_string()).unwrap();
    let alone = made(options);
    let ours = token(json!({"iss": "https://id.example.com"}));
    let expired = token(json!({"iss": "https://id.example.com", "exp": 1}));
    let anothers = token(json!({"iss": "https://other.example.com"}));
    let nobodys = token(json!({}));
    let long = "x".repeat(20_000);
    for (text, abstained) in [
        (ours.as_str(), false),
        (&expired, false),
        (&nobodys, false),
        (&anothers, true),
        ("", true),
        ("hunter2", true),
        ("a.b.c", true),
        ("a.b", true),
        ("..", true),
        ("e30.e30.x", true),
        (&long, true),
    ] {
        let said = decide(&first, text);
        let is_abstained = said.as_ref().is_ok_and(|verdict| verdict.decision() == Decision::Abstain);
        assert_eq!(is_abstained, abstained, "{text}: {said:?}");
        for other in [&last, &alone] {
            let said = decide(other, text);
            assert_eq!(said.is_ok(), text == ours, "{text}: {said:?}");
        }
    }
}
