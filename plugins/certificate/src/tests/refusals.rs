//! Clients that are not let in, and what the operator reads of it.

use super::*;

fn refused(authenticator: &CertificateAuthenticator, asked: Asked) -> String {
    let verdict = decide(authenticator, asked);
    assert_eq!(verdict.decision(), Decision::Refuse, "{verdict:?}");
    verdict.reason().to_owned()
}

fn everybody() -> CertificateAuthenticator {
    with(json!([{"read": ["a"]}]))
}

#[test]
fn without_a_verified_certificate_there_is_nothing() {
    assert!(refused(&everybody(), Asked::new(b"")).starts_with("no TLS: "));
    // Attributes alone are no encryption.
    assert!(refused(&everybody(), Asked::new(b"").attr("tls.client.sha256", HASH)).starts_with("no TLS: "));
    let encrypted = || Asked::new(b"").encrypted().attr("tls.version", "1.3").attr("tls.sni", "a");
    assert!(refused(&everybody(), encrypted()).starts_with("no client certificate: "));
    let odd = encrypted().attr("tls.client.sha256", b"\xff").attr("tls.client.not_after", "9999999999");
    assert!(refused(&everybody(), odd).starts_with("no client certificate: "));
}

/// Where somebody stands behind it in a list, a client without a certificate is left to them; one with a bad one is not.
#[test]
fn who_stands_first_abstains_without_a_certificate() {
    let relay = testing::Relay::new();
    relay.set_entry(0, 2, None);
    let options = json!({"certificate_rules": [{"dns": "a", "read": ["a"]}]}).to_string();
    let first: CertificateAuthenticator = relay.create(&options).unwrap();
    let encrypted = || Asked::new(b"").encrypted();
    for asked in [Asked::new(b""), encrypted()] {
        assert_eq!(decide(&first, asked).decision(), Decision::Abstain);
    }
    let known = encrypted().attr("tls.client.sha256", HASH).attr("tls.client.not_after", (NOW + 9).to_string());
    assert!(refused(&first, known.attr("tls.client.subject", "CN=b")).starts_with("no rule matches"));
}

#[test]
fn certificates_end() {
    for (end, reason) in [(NOW, true), (NOW + 1, false), (0, true), (-1, true), (i64::MIN, true), (i64::MAX, false)] {
        let asked = Asked::new(b"").encrypted().attr("tls.client.sha256", HASH);
        let mut asked = asked.attr("tls.client.subject", "CN=a").attr("tls.client.not_after", end.to_string());
        let verdict = everybody().decide(&asked.request(), NOW);
        assert_eq!(verdict.reason() == "the client certificate has expired: CN=a", reason, "{end}: {verdict:?}");
        assert_eq!(verdict.decision() == Decision::Grant, !reason, "{end}: {verdict:?}");
    }
    for end in [None, Some(""), Some("soon"), Some("1e12"), Some("99999999999999999999")] {
        let asked = Asked::new(b"").encrypted().attr("tls.client.sha256", HASH);
        let asked = end.into_iter().fold(asked, |asked, end| asked.attr("tls.client.not_after", end));
        let verdict = decide(&everybody(), asked);
        assert_eq!(verdict.decision(), Decision::Unavailable, "{end:?}");
    }
}

#[test]
fn a_certificate_without_a_rule_is_named_and_described() {
    let authenticator = with(json!([{"common_name": "admin", "read": ["a"]}]));
    let verdict = decide(&authenticator, sensor("s7"));
    assert_eq!(verdict.reason(), "no rule matches CN=s7,OU=Sensors,O=Example");
    let said = format!("{verdict:?}");
    for part in [
        "issuer \\\"CN=Device CA,O=Example\\\"",
        "dns \\\"s7.lab.example.com\\\"",
        "subject \\\"CN=s7,OU=Sensors,O=Example\\\"",
        "serial \\\"1f\\\"",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let name = "x".repeat(900);
    let names = [&[("subject", "CN=a")][..], &[("san.dns", &name[..]); 50]].concat();
    let said = format!("{:?}", decide(&authenticator, client(&names)));
    assert!(said.contains("and 47 more") && said.len() < 4000, "{said}");
}

#[test]
fn who_is_denied_gets_nothing_whatever_the_rules_say() {
    let options = json!({
        "certificate_rules": [{"read": ["a"]}],
        "certificate_denied": [{"serial": ["1e", "1F"], "issuer": "CN=Device CA,*"}, {"dns": "*.lab.example.com"}],
    });
    let authenticator: CertificateAuthenticator = testing::create(&options.to_string()).unwrap();
    let reason = "the client certificate is denied: ";
    assert_eq!(refused(&authenticator, sensor("s7")), format!("{reason}CN=s7,OU=Sensors,O=Example"));
    let other_issuer = [("serial", "1f"), ("issuer", "CN=Other CA")];
    assert_eq!(permissions(&decide(&authenticator, client(&other_issuer))), [("a", Access::READ)]);
    let one_name = [("san.dns", "a.example.com"), ("san.dns", "A.LAB.example.com")];
    assert_eq!(refused(&authenticator, client(&one_name)), format!("{reason}a.example.com"));
    let cut = [("san.dns", "a.example.com"), ("left_out", "1")];
    assert!(refused(&authenticator, client(&cut)).contains("too many names to tell whether it is denied"));
    assert_eq!(permissions(&decide(&everybody(), client(&cut))), [("a", Access::READ)], "nobody is denied there");
}

/// Names that would be more than a name in a pattern.
#[test]
fn forged_names_give_nothing() {
    let authenticator = with(
        json!([{"common_name": "*", "write": ["data.{common_name}.*", "last.{common_name}"]}, {"dns": "*", "write": ["hosts.{dns}"]}]),
    );
    for name in ["*", "a.*", "*.b", "a.b", "a\u{85}"] {
        let reason = refused(&authenticator, client(&[("common_name", name), ("subject", "CN=odd")]));
        assert_eq!(reason, "CN=odd has a rule, and a part of the certificate cannot be filled into its patterns");
    }
    let some =
        decide(&authenticator, client(&[("common_name", "*"), ("san.dns", "*.example.com"), ("san.dns", "a.b")]));
    assert_eq!(permissions(&some), [("hosts.a.b", Access::WRITE)]);
    let said = format!("{some:?}");
    assert!(said.contains("left out: ") && said.contains("has a `*`"), "{said}");
}

#[test]
fn more_patterns_than_a_verdict_has_are_no_verdict() {
    let patterns: Vec<String> = (0..600).map(|number| format!("p{number}.{{dns}}")).collect();
    let authenticator = with(json!([{"read": patterns.clone(), "write": patterns}]));
    assert_eq!(permissions(&decide(&authenticator, client(&[("san.dns", "a")]))).len(), 600);
    let verdict = decide(&authenticator, client(&[("san.dns", "a"), ("san.dns", "b")]));
    assert_eq!(verdict.decision(), Decision::Unavailable);
    assert!(format!("{verdict:?}").contains("more than 1024 patterns"), "{verdict:?}");
}
