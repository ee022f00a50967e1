//! Rules as operators write them, certificates as the relay tells of them, and the verdicts on both.

mod refusals;
mod settings;

use super::*;
use pusu_plugin_api::testing::{self, Asked};
use pusu_plugin_api::{Access, Decision};
use serde_json::{Value, json};

/// The clock of these tests, in seconds since 1970.
const NOW: i64 = 1_700_000_000;
const HASH: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn with(rules: Value) -> CertificateAuthenticator {
    testing::create(&json!({"certificate_rules": rules}).to_string()).expect("these rules are good")
}

/// A client with a certificate that ends in a minute, and with these attributes.
fn client(attributes: &[(&str, &str)]) -> Asked {
    let end = (NOW + 60).to_string();
    let asked = Asked::new(b"anything").encrypted().attr("tls.version", "1.3").attr("tls.client.sha256", HASH);
    let asked = asked.attr("tls.client.not_after", end);
    attributes.iter().fold(asked, |asked, (name, value)| asked.attr(&format!("tls.client.{name}"), value))
}

/// A sensor's certificate as a CA of one's own would make it.
fn sensor(name: &str) -> Asked {
    let subject = format!("CN={name},OU=Sensors,O=Example");
    client(&[
        ("subject", &subject),
        ("common_name", name),
        ("issuer", "CN=Device CA,O=Example"),
        ("serial", "1f"),
        ("key_sha256", &HASH.replace("00", "ab")),
        ("san.dns", &format!("{name}.devices.example.com")),
        ("san.dns", &format!("{name}.lab.example.com")),
        ("san.uri", &format!("spiffe://example.com/sensor/{name}")),
        ("san.ip", "192.0.2.7"),
        ("san.email", &format!("{name}@example.com")),
    ])
}

fn decide(authenticator: &CertificateAuthenticator, mut asked: Asked) -> Verdict {
    authenticator.decide(&asked.request(), NOW)
}

fn permissions(verdict: &Verdict) -> Vec<(&str, Access)> {
    assert_eq!(verdict.decision(), Decision::Grant, "{verdict:?}");
    verdict.permissions().iter().map(|permission| (permission.pattern.as_str(), permission.access)).collect()
}

#[test]
fn rules_that_match_add_up() {
    let authenticator = with(json!([
        {"read": ["news.*"]},
        {"common_name": "sensor-*", "read": ["commands.{common_name}"], "write": ["data.{common_name_part}.*"]},
        {"dns": "*.devices.example.com", "read": ["data.{dns_part}.*"], "write": ["hosts.{dns}"]},
        {"common_name": "admin", "write": ["*"]},
    ]));
    let verdict = decide(&authenticator, sensor("sensor-7"));
    let expected = [
        ("news.*", Access::READ),
        ("commands.sensor-7", Access::READ),
        ("data.7.*", Access::WRITE),
        ("data.sensor-7.*", Access::READ),
        ("hosts.sensor-7.devices.example.com", Access::WRITE),
    ];
    assert_eq!(permissions(&verdict), expected);
    assert_eq!(permissions(&decide(&authenticator, client(&[]))), [("news.*", Access::READ)], "no name at all");
    let both = with(json!([{"read": ["a"]}, {"write": ["a"]}, {"read": ["a"]}]));
    assert_eq!(permissions(&decide(&both, client(&[]))), [("a", Access::READ_WRITE)]);
}

#[test]
fn a_verdict_ends_with_the_certificate_and_names_its_holder() {
    let authenticator = with(json!([{"read": ["a"]}]));
    let verdict = decide(&authenticator, sensor("s"));
    assert_eq!(verdict, verdict.clone().expires_unix_ms((NOW as u64 + 60) * 1000));
    for (attributes, subject) in [
        (&[("subject", "CN=a,O=b"), ("san.uri", "u:a")][..], "CN=a,O=b"),
        (&[("san.dns", "A.example.com"), ("san.uri", "u:a"), ("san.uri", "u:b")], "u:a"),
        (&[("subject", ""), ("san.email", "a@b"), ("san.dns", "A.example.com")], "a.example.com"),
        (&[("subject", &"x".repeat(1025)), ("san.ip", "::1")], "::1"),
        (&[("subject", "CN=a\nb")], &format!("sha256:{HASH}")),
        (&[], &format!("sha256:{HASH}")),
    ] {
        assert_eq!(decide(&authenticator, client(attributes)).subject(), subject);
    }
}

#[test]
fn every_condition_of_a_rule_has_to_be_met() {
    let rule = |conditions: Value| {
        let mut rule = json!({"read": ["a"]});
        rule.as_object_mut().unwrap().extend(conditions.as_object().unwrap().clone());
        decide(&with(json!([rule])), sensor("s7")).decision()
    };
    let colons: Vec<&str> = (0..32).map(|at| &HASH[2 * at..2 * at + 2]).collect();
    for (conditions, decision) in [
        (json!({"common_name": "s7"}), Decision::Grant),
        (json!({"common_name": ["s6", "s7"]}), Decision::Grant),
        (json!({"common_name": ["s6", "s8"]}), Decision::Refuse),
        (json!({"dns": "S7.lab.example.com"}), Decision::Grant),
        (json!({"dns": "s7.*.com", "uri": "spiffe://example.com/*", "email": "*@example.com"}), Decision::Grant),
        (json!({"dns": "s7.*.com", "uri": "spiffe://example.org/*"}), Decision::Refuse),
        (json!({"ip": ["192.0.2.6", "192.0.2.7"]}), Decision::Grant),
        (json!({"ip": "192.0.2.8"}), Decision::Refuse),
        (json!({"subject": "*,OU=Sensors,O=Example"}), Decision::Grant),
        (json!({"subject": "*,OU=Admins,O=Example"}), Decision::Refuse),
        (json!({"issuer": "CN=Device CA,O=Example", "serial": "1F"}), Decision::Grant),
        (json!({"issuer": "CN=Device CA"}), Decision::Refuse),
        (json!({"serial": ["1e", "00:1f"]}), Decision::Grant),
        (json!({"sha256": colons.join(":").to_uppercase()}), Decision::Grant),
        (json!({"key_sha256": HASH}), Decision::Refuse),
    ] {
        assert_eq!(rule(conditions.clone()), decision, "{conditions}");
    }
}

/// The names that a rule is about are filled in, and not others of the same certificate.
#[test]
fn names_beside_the_condition_are_not_filled_in() {
    let authenticator =
        with(json!([{"dns": ["*.devices.example.com", "*.cars.example.com"], "write": ["x.{dns}", "y.{dns_part}.*"]}]));
    let verdict = decide(&authenticator, sensor("s7"));
    assert_eq!(permissions(&verdict), [("x.s7.devices.example.com", Access::WRITE), ("y.s7.*", Access::WRITE)]);
}

/// Whatever a client says beside its certificate.
#[test]
fn the_authorization_does_not_matter() {
    let authenticator = with(json!([{"read": ["a"]}]));
    for authorization in [&b""[..], b"secret", b"\xff"] {
        let mut asked = Asked::new(authorization).encrypted().attr("tls.client.sha256", HASH);
        asked = asked.attr("tls.client.not_after", (NOW + 1).to_string());
        assert_eq!(permissions(&authenticator.decide(&asked.request(), NOW)), [("a", Access::READ)]);
    }
}
