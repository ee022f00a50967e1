//! The settings of `JwtAuthenticator`: the original's, key files that change, and those that would let forgers in.

use super::{claims, expect_accepted, expect_refused, in_seconds, make, start};
use crate::harness::{DEADLINE, Daemon, Finished, PluginsDir, jwt_plugin, pusud, root, run};
use serde_json::{Value, json};
use std::fs;
use std::time::Instant;

/// The three keys of the original file, and nothing else.
const ORIGINAL: &str =
    "jwt_signing_algorithms:\n  - HS256\njwt_verification_key: secret\nallowed_channels:\n  - news.*\n";

#[test]
fn the_settings_of_the_original_work() {
    let token = |patterns: Value| {
        let claims = json!({"exp": in_seconds(600), "pusu": {"read": patterns, "write": patterns}});
        json!({"key": "secret", "algorithm": "HS256", "claims": claims})
    };
    let wanted = [token(json!(["news.*"])), token(json!(["*"])), token(json!(["users.*"]))];
    let (_, tokens) = make(json!({"secret": {"secret": "secret"}}), &wanted);
    let daemon = start(ORIGINAL);
    daemon.log().wait_for("a warning about the short secret", |line| line.contains("6 bytes long").then_some(()));
    for token in &tokens[..2] {
        let mut client = daemon.client_with(token);
        client.subscribe("news.a");
        client.publish("news.a", json!(1));
        client.expect_publish("news.a", json!(1));
        client.publish("users.a", json!(1));
        client.expect_error("permission_denied");
        client.expect_closed(4502);
    }
    expect_refused(&daemon, &tokens[2], "nothing that the token gives is among the channels allowed here");
}

/// Asks with new clients until the token is `accepted` or not any more.
fn wait_until(daemon: &Daemon, token: &str, accepted: bool) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let mut client = daemon.connect();
        client.send(json!({"type": "authorize", "authorization": token}));
        if (client.next_json()["type"] == "authorization_ok") == accepted {
            return;
        }
        assert!(Instant::now() < deadline, "waited in vain for the token to be accepted: {accepted}");
    }
}

#[test]
fn keys_in_a_file_are_rotated_without_a_restart() {
    let kinds = json!({"rsa": "RSA", "p256": "P-256", "p384": "P-384", "ed": "Ed25519"});
    let token = |key: &str, algorithm: &str| json!({"key": key, "algorithm": algorithm, "claims": claims(), "headers": {"kid": key}});
    let wanted = [token("rsa", "PS384"), token("p256", "ES256"), token("p384", "ES384"), token("ed", "EdDSA")];
    let (keys, tokens) = make(kinds, &wanted);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys.json");
    let write = |names: &[&str]| {
        let named = names.iter().map(|name| {
            let mut jwk = keys[*name]["jwk"].clone();
            jwk["kid"] = json!(name);
            jwk
        });
        // Moved into place, so that nobody reads half of it.
        let beside = dir.path().join("keys.json.new");
        fs::write(&beside, json!({"keys": named.collect::<Vec<_>>()}).to_string()).unwrap();
        fs::rename(&beside, &file).unwrap();
    };
    write(&["rsa", "p256", "ed"]);
    let daemon = start(&format!(
        "jwt_signing_algorithms: [PS384, ES256, ES384, EdDSA]\nauthenticator_options:\n  jwt_jwks_file: {file:?}"
    ));
    for accepted in [0, 1, 3] {
        expect_accepted(&daemon, &tokens[accepted]);
    }
    expect_refused(&daemon, &tokens[2], "the key that the token names (`kid`) is not known");
    write(&["p256", "p384"]);
    wait_until(&daemon, &tokens[2], true);
    expect_accepted(&daemon, &tokens[2]);
    expect_refused(&daemon, &tokens[0], "the key that the token names (`kid`) is not known");
    fs::write(&file, "half a fi").unwrap();
    // Whoever asks makes the plugin look at the file.
    let asking = Instant::now() + DEADLINE;
    while !daemon.log().text().contains("what was read before goes on to hold") {
        expect_accepted(&daemon, &tokens[1]);
        assert!(Instant::now() < asking, "nothing in the log about the broken file");
    }
    expect_accepted(&daemon, &tokens[2]);
    write(&["rsa"]);
    wait_until(&daemon, &tokens[0], true);
    expect_refused(&daemon, &tokens[1], "the key that the token names (`kid`) is not known");
}

/// Issuers publish a key and sign with it at once: no client pays for a file that has not been read yet.
#[test]
fn a_token_is_not_refused_for_a_key_that_is_new_in_the_file() {
    let token = |key: &str| json!({"key": key, "algorithm": "ES256", "claims": claims(), "headers": {"kid": key}});
    let (keys, tokens) = make(json!({"old": "P-256", "new": "P-256"}), &[token("old"), token("new")]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys.json");
    let write = |name: &str| {
        let mut jwk = keys[name]["jwk"].clone();
        jwk["kid"] = json!(name);
        fs::write(&file, json!({"keys": [jwk]}).to_string()).unwrap();
    };
    write("old");
    let daemon = start(&format!("jwt_signing_algorithms: [ES256]\nauthenticator_options:\n  jwt_jwks_file: {file:?}"));
    for _ in 0..3 {
        // The file has just been looked at for the one, and has the other's key by now.
        write("old");
        expect_accepted(&daemon, &tokens[0]);
        write("new");
        expect_accepted(&daemon, &tokens[1]);
    }
    expect_refused(&daemon, &tokens[0], "the key that the token names (`kid`) is not known");
    // Nobody knows which keys there are.
    fs::write(&file, "half a fi").unwrap();
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": tokens[0]}));
    client.expect_text(r#"{"type":"authorization_failed","reason":"unavailable"}"#);
    client.expect_closed(1013);
    expect_accepted(&daemon, &tokens[1]);
}

fn check(settings: &str) -> Finished {
    let plugins = PluginsDir::with([jwt_plugin()]);
    let file = plugins.path().join("settings.yaml");
    fs::write(&file, format!("authenticator: JwtAuthenticator\nplugins_dir: .\n{settings}")).unwrap();
    run(pusud(&["check", "--config"]).arg(file))
}

#[test]
fn settings_that_would_let_forgers_in_stop_the_start() {
    let (keys, _) = make(json!({"p256": "P-256"}), &[]);
    let pem = keys["p256"]["pem"].as_str().unwrap().replace('\n', "\n  ");
    let with_pem =
        |algorithm: &str| format!("jwt_signing_algorithms: [{algorithm}]\njwt_verification_key: |\n  {pem}\n");
    check(&with_pem("ES256")).succeeds();
    for (settings, parts) in [
        (with_pem("HS256"), &["JwtAuthenticator", "HS256", "never a public key"][..]),
        (with_pem("ES256, HS256"), &["HS256", "never a public key"]),
        (with_pem("none"), &["tokens without a signature"]),
        ("jwt_signing_algorithms: [RS256]\njwt_verification_key: secret\n".into(), &["RS256", "PEM"]),
        ("jwt_verification_key: secret\n".into(), &["jwt_signing_algorithms"]),
        ("jwt_signing_algorithms: [HS256]\n".into(), &["jwt_verification_key", "jwt_jwks_file"]),
        (
            "jwt_signing_algorithms: [HS256]\nauthenticator_options:\n  jwt_jwks_file: /nowhere/keys.json\n".into(),
            &["/nowhere/keys.json", "No such file"],
        ),
    ] {
        check(&settings).fails_saying(parts);
    }
}

/// The command is not run in the folder of the settings.
#[test]
fn relative_paths_start_at_the_settings() {
    let plugins = PluginsDir::with([jwt_plugin()]);
    let file = plugins.path().join("settings.yaml");
    fs::create_dir(plugins.path().join("keys")).unwrap();
    let secret = "a secret that is long enough for HS256";
    fs::write(plugins.path().join("keys/secret"), secret).unwrap();
    let jwk = json!({"keys": [{"kty": "oct", "alg": "HS256", "kid": "a", "k": "YSBzZWNyZXQgdGhhdCBpcyBsb25nIGVub3VnaCBmb3IgSFMyNTY"}]});
    fs::write(plugins.path().join("keys/set.json"), jwk.to_string()).unwrap();
    for isolation in ["thread", "process"] {
        let check = |option: &str| {
            let settings = format!(
                "authenticator: JwtAuthenticator\nplugins_dir: .\nisolation: {isolation}\n\
                 jwt_signing_algorithms: [HS256]\nauthenticator_options:\n  {option}\n"
            );
            fs::write(&file, settings).unwrap();
            run(pusud(&["check", "--config"]).arg(&file))
        };
        check("jwt_verification_key_file: keys/secret").succeeds();
        check("jwt_jwks_file: keys/set.json").succeeds();
        let missing = plugins.path().join("keys/none");
        check("jwt_jwks_file: keys/none").fails_saying(&[missing.to_str().unwrap()]);
    }
}

#[test]
fn the_example_file_is_accepted() {
    let plugins = PluginsDir::with([jwt_plugin()]);
    let example = root().join("plugins/jwt/example.yaml");
    let shown = run(pusud(&["check", "--plugins-dir"]).arg(plugins.path()).arg("--config").arg(&example)).succeeds();
    assert!(shown.contains("JwtAuthenticator"), "{shown}");
    // Every option is explained there, also those that are commented out.
    let text = fs::read_to_string(&example).unwrap();
    for option in ["jwt_verification_key_file", "jwt_jwks_file", "jwt_issuer", "jwt_audience", "jwt_leeway"] {
        assert!(text.contains(&format!("{option}:")), "{option} is not explained");
    }
}
