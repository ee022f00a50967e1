//! Secrets: whatever is asked, none of them is in an answer or in the log.

use crate::harness::{PluginsDir, Setup, operations_request, password_plugin};
use serde_json::json;

const CANARY: &str = "canary-of-the-operations-port";

#[test]
fn no_answer_and_no_line_of_the_log_has_a_secret() {
    let plugins = PluginsDir::with([password_plugin()]);
    let settings = format!("passwords: {{{CANARY}: ['*']}}");
    let setup = Setup::on_shards(1).authenticator("PasswordAuthenticator", plugins).with_operations();
    let daemon = setup.settings(&settings).start();
    let client = daemon.client_with(CANARY);
    let tokens = [daemon.token("read"), daemon.token("operate")];
    let mut answers = Vec::new();
    for target in [
        "/livez?verbose",
        "/readyz?verbose",
        "/api/v1/session",
        "/api/v1/status",
        "/api/v1/clients",
        "/api/v1/channels",
        "/api/v1/revocations",
        "/api/v1/decisions",
        "/api/v1/settings",
    ] {
        let answer = daemon.ask_operations(&operations_request("GET", target).bearer(&tokens[0])).expect(200);
        answers.push((target, answer.head + &answer.body));
    }
    // In the place of something else, too.
    for (target, body) in [
        ("/api/v1/authorize", json!({"authorization": CANARY})),
        ("/api/v1/authorize", json!({"authorization": [CANARY]})),
        ("/api/v1/authorize", json!({CANARY: 1})),
        ("/api/v1/revoke", json!({"whom": {"authorization_hash": CANARY}})),
        ("/api/v1/session", json!({"token": CANARY})),
        ("/api/v1/session", json!({"token": [CANARY]})),
    ] {
        let answer = daemon.change(target, &body);
        answers.push((target, answer.head + &answer.body));
    }
    daemon.edit_settings(|text| text.replace("['*']", CANARY));
    let settings = daemon.ask_operations(&operations_request("GET", "/api/v1/settings").bearer(&tokens[0])).expect(200);
    answers.push(("/api/v1/settings", settings.body));
    for secret in [CANARY, &tokens[0], &tokens[1]] {
        for (target, answer) in &answers {
            assert!(!answer.contains(secret), "{target}: {answer}");
        }
        let log = daemon.log().text();
        assert!(!log.contains(secret), "{log}");
    }
    drop(client);
}
