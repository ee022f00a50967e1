//! Options: what is taken, and what the operator reads where they are wrong.

use super::*;

#[test]
fn wrong_options_say_what_was_expected() {
    let rule = |rule: Value| json!({"certificate_rules": [{"read": ["a"]}, rule]});
    let denied = |denied: Value| json!({"certificate_rules": [{"read": ["a"]}], "certificate_denied": denied});
    for (options, wanted) in [
        (denied(json!([{}])), "option `certificate_denied`, item 1: expected at least one condition, found none"),
        (
            denied(json!([{"dns": "a"}, {"dns": "a", "read": ["a"]}])),
            "`certificate_denied`, item 2: expected conditions alone",
        ),
        (denied(json!([{"serial": "x"}])), "`certificate_denied`, item 1: `serial`: expected hexadecimal digits"),
        (denied(json!({"serial": "x"})), "option `certificate_denied`: expected a list, found a mapping"),
        (json!({}), "`certificate_rules` is missing"),
        (json!({"certificate_rules": []}), "option `certificate_rules`: expected at least one rule"),
        (json!({"certificate_rules": {"read": ["a"]}}), "option `certificate_rules`: expected a list, found a mapping"),
        (json!({"certificate_rule": []}), "did you mean `certificate_rules`"),
        (rule(json!({})), "option `certificate_rules`, item 2: expected at least one pattern below `read` or `write`"),
        (rule(json!({"common_name": "a"})), "item 2: expected at least one pattern"),
        (rule(json!({"read": [], "write": []})), "item 2: expected at least one pattern"),
        (rule(json!({"cn": "a", "read": ["a"]})), "there is no option `cn`"),
        (rule(json!({"common_nane": "a", "read": ["a"]})), "did you mean `common_name`"),
        (rule(json!({"read": "a"})), "item 2, option `read`: expected a list, found a string"),
        (rule(json!({"read": ["a", ""]})), "option `read`, item 2: expected a pattern of 1 to 255 bytes"),
        (
            rule(json!({"serial": 17, "read": ["a"]})),
            "option `serial`: expected a text or a list of texts (numbers in quotes)",
        ),
        (rule(json!({"dns": [], "read": ["a"]})), "option `dns`: expected at least one, found 0"),
        (rule(json!({"dns": ["a", ""], "read": ["a"]})), "item 2: `dns`: expected a text, found an empty one"),
        (rule(json!({"sha256": "ab", "read": ["a"]})), "item 2: `sha256`: expected 64 hexadecimal digits"),
        (rule(json!({"ip": "10.0.0.0/8", "read": ["a"]})), "item 2: `ip`: expected an IP address"),
        (rule(json!({"write": ["a", "b.{name}"]})), "item 2: `write`, item 2: has an unknown placeholder; there are"),
        (rule(json!({"write": ["b.{common_name}*"]})), "item 2: `write`, item 1: `{common_name}` needs a dot between"),
        (rule(json!({"write": ["b.{dns_part}"]})), "so the rule needs `dns` with one `*` in each text"),
        (rule(json!({"dns": ["a.*", "b"], "write": ["b.{dns_part}"]})), "so the rule needs `dns` with one `*`"),
        (rule(json!({"uri": "a/*/b/*", "write": ["b.{uri_part}"]})), "so the rule needs `uri` with one `*`"),
    ] {
        let text = options.to_string();
        let Err(error) = testing::create::<CertificateAuthenticator>(&text) else { panic!("{options} is wrong") };
        assert!(error.to_string().contains(wanted), "{options}\n  gives {error}\n wanted {wanted}");
        let checked = testing::check::<CertificateAuthenticator>(&text).unwrap_err();
        assert_eq!(checked.to_string(), error.to_string());
    }
}

#[test]
fn good_options_are_checked_without_an_instance() {
    let options = json!({"certificate_rules": [{"email": ["*@a", "*@b"], "read": ["{email_part}.*"], "write": null}]});
    testing::check::<CertificateAuthenticator>(&options.to_string()).unwrap();
}
