//! The bundled authenticators in one list: each decides about what is its own, and leaves the rest to the next one.

use super::{claims, damaged, expect_accepted, make};
use crate::harness::{
    DEADLINE, Daemon, PluginsDir, Setup, certificate_plugin, jwt_plugin, password_plugin, pusud, run, write_secret,
};
use serde_json::{Value, json};
use std::fs;
use std::time::Instant;

const SECRET: &str = "a secret that is long enough for HS256";

/// Certificates first, tokens behind them, and passwords last, one of which stands in a file.
fn started() -> Daemon {
    let plugins = PluginsDir::with([certificate_plugin(), jwt_plugin(), password_plugin()]);
    let (key, password) = (plugins.path().join("key"), plugins.path().join("password"));
    write_secret(&key, SECRET);
    write_secret(&password, "the password\n");
    let list = format!(
        "\n- {{id: CertificateAuthenticator, options: {{certificate_rules: [{{common_name: '*', read: ['certificates.*']}}]}}}}\n\
         - id: JwtAuthenticator\n  options: {{jwt_signing_algorithms: [HS256], jwt_verification_key: !file {key:?}}}\n\
         - id: PasswordAuthenticator\n  options:\n    passwords: {{!file {password:?}: ['passwords.*']}}"
    );
    Setup::on_shards(1).authenticator(&list, plugins).start()
}

fn refused(daemon: &Daemon, authorization: &str) -> Value {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": authorization}));
    let reason = client.expect_error("authorization_failed")["reason"].clone();
    client.expect_closed(4501);
    reason
}

fn is_let_in(daemon: &Daemon, authorization: &str) -> bool {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": authorization}));
    client.next_json()["type"] == "authorization_ok"
}

#[test]
fn each_decides_about_its_own() {
    let daemon = started();
    let wanted = json!({"key": "secret", "algorithm": "HS256", "claims": claims()});
    let (_, tokens) = make(json!({"secret": {"secret": SECRET}}), &[wanted]);
    expect_accepted(&daemon, &tokens[0]);
    daemon.client_with("the password").subscribe("passwords.1");
    // A token that is not good is no password either: nobody is asked behind the one whose it is.
    assert_eq!(refused(&daemon, &damaged(&tokens[0])), "the token's signature is not good");
    assert_eq!(refused(&daemon, "another password"), "unknown password");
    let status = daemon.status();
    let decisions = |at: usize| {
        let entry = &status["authenticator"]["entries"][at]["decisions"];
        ["granted", "refused", "abstained"].map(|what| entry[what].as_u64().unwrap())
    };
    assert_eq!([decisions(0), decisions(1), decisions(2)], [[0, 0, 4], [1, 1, 2], [1, 1, 0]]);
}

/// A text of a file that stands in an entry is read again when it changes, and whoever only looks for the relay needs none.
#[test]
fn a_file_in_an_entry_is_read_again_and_needed_by_the_relay_alone() {
    let daemon = started();
    let password = daemon.plugins().path().join("password");
    write_secret(&password, "another\n");
    let began = Instant::now();
    while !is_let_in(&daemon, "another") {
        assert!(began.elapsed() < DEADLINE, "the file is not read again");
    }
    assert_eq!(refused(&daemon, "the password"), "unknown password");
    fs::remove_file(&password).unwrap();
    let settings = daemon.dir().join("settings.yaml");
    run(pusud(&["status", "--config"]).arg(&settings)).succeeds();
    run(pusud(&["check", "--config"]).arg(&settings)).fails_saying(&["authenticator", "there is no such file"]);
    daemon.client_with("another").subscribe("passwords.1");
}
