//! Certificates of issuers: those that sign themselves, and why one is not trusted.

use super::fetched::{key_set, settings, setup, token};
use super::{claims, expect_accepted, make};
use crate::harness::{Authority, PluginsDir, TokenServer, jwt_plugin, pusud, run};
use serde_json::json;
use std::fs;

/// OpenSSL marks certificates that sign themselves as authorities unless it is told otherwise.
#[test]
fn an_issuer_that_signs_its_own_certificate_is_told_how() {
    let (marked, server) = (TokenServer::self_signed(true), TokenServer::self_signed(false));
    let plugins = PluginsDir::with([jwt_plugin()]);
    let file = plugins.path().join("settings.yaml");
    let check = |settings: String| {
        fs::write(&file, format!("authenticator: JwtAuthenticator\nplugins_dir: .\n{settings}")).unwrap();
        run(pusud(&["check", "--config"]).arg(&file))
    };
    for option in ["jwt_jwks_url", "jwt_oidc_issuer"] {
        // It may have signed what the issuer shows.
        let of_marked = settings(&marked, &format!("  {option}: {}\n", marked.url("/keys")));
        let found = check(of_marked.clone());
        let doubt = "certificate 1 names the service, signs itself and is marked as an authority (CA:TRUE)";
        for part in ["option `jwt_jwks_ca_file`", doubt, "basicConstraints=critical,CA:FALSE"] {
            assert!(found.stderr.contains(part), "{part}: {found:?}");
        }
        found.succeeds();
        // Once it is shown, that is known.
        let daemon = setup(&of_marked).start();
        let sure = "which no server may show: make it anew without the rights of an authority";
        daemon.log().wait_for(sure, |line| (line.contains(sure) && line.contains("`jwt_jwks_ca_file`")).then_some(()));
    }
    let leaf = Authority::new("An Authority").issue(&["localhost"]);
    fs::write(plugins.path().join("leaf.pem"), &leaf.certificate_pem).unwrap();
    let of_leaf = "jwt_signing_algorithms: [ES256]\nauthenticator_options: {jwt_jwks_ca_file: leaf.pem, jwt_jwks_url: 'https://localhost/'}\n";
    check(of_leaf.to_owned()).fails_saying(&["is no authority's", "An Authority"]);
    // As it is told, it works.
    let (keys, tokens) = make(json!({"a": "P-256"}), &[token("a", "ES256", claims())]);
    server.serve(&json!({"/keys": {"answer": key_set(&keys, &["a"])}}));
    let good = settings(&server, &format!("  jwt_jwks_url: {}\n", server.url("/keys")));
    check(good.clone()).succeeds();
    expect_accepted(&setup(&good).start(), &tokens[0]);
}

/// As private authorities are made for one host.
#[test]
fn an_authority_with_the_name_of_the_issuer_is_trusted() {
    let server = TokenServer::of_namesake();
    let (keys, tokens) = make(json!({"a": "P-256"}), &[token("a", "ES256", claims())]);
    server.serve(&json!({"/keys": {"answer": key_set(&keys, &["a"])}}));
    let daemon = setup(&settings(&server, &format!("  jwt_jwks_url: {}\n", server.url("/keys")))).start();
    expect_accepted(&daemon, &tokens[0]);
    let doubt = "certificate 1 names the service";
    daemon.log().wait_for(doubt, |line| line.contains(doubt).then_some(()));
}

/// The two authorities have one name, as one has that was made anew.
#[test]
fn why_an_issuer_is_not_trusted_is_said_in_words() {
    let (server, other) = (TokenServer::start(), TokenServer::start());
    let daemon = setup(&settings(&other, &format!("  jwt_jwks_url: {}\n", server.url("/keys")))).start();
    daemon.log().wait_for("the fault", |line| {
        (line.contains("cannot connect over TLS") && line.contains("signed by none of those in `jwt_jwks_ca_file`"))
            .then_some(())
    });
}
