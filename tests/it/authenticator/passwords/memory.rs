//! Comparisons that find no memory: at the start, and while others have it.

use super::{check_with, setup};
use crate::harness::{Client, pusud, run_with_input};
use serde_json::json;

/// The comparison failed, and the time until it did was taken for its cost: 0 ms.
#[test]
fn a_hash_that_there_is_no_memory_for_is_refused_by_the_check() {
    let hash = |kind: &str| format!("passwords:\n  fine: [a]\n  ${kind}$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo: [a]\n");
    for (kind, parameters) in [
        ("argon2id$v=19$m=524288,t=1,p=1", "argon2 with m=524288, t=1, p=1: each comparison takes 512 MiB"),
        ("scrypt$ln=19,r=8,p=1", "scrypt with ln=19, r=8, p=1: each comparison takes 513 MiB"),
    ] {
        for memory in ["512 MiB", "300 MiB"] {
            let said = check_with(&hash(kind), &format!("isolation: process\nisolation_memory: {memory}"))
                .fails_saying(&[
                    &format!("option `passwords`, entry 2: {parameters}, and there is not enough memory for one"),
                    "raise `isolation_memory`; or make the hash anew with `pusud hash-password`",
                ]);
            assert!(!said.contains("aGFzaGhhc2hoYXNo"), "{said}");
        }
        check_with(&hash(kind), "isolation: process\nisolation_memory: 2 GiB").succeeds();
    }
}

/// One of twelve at once was let in, and the others were not, since together they had more memory than their process.
#[test]
fn those_who_come_at_once_wait_for_scarce_memory() {
    let hash = run_with_input(&mut pusud(&["hash-password"]), "correct horse\n").succeeds();
    for memory in ["256 MiB", "320 MiB"] {
        let options = format!("passwords:\n  '{}': [a]", hash.trim());
        let settings = format!(
            "isolation: process\nisolation_memory: {memory}\nlimits: {{authorize_call_timeout: 1m, authorize_timeout: 1m}}"
        );
        let daemon = setup(&options).settings(&settings).start();
        for _ in 0..4 {
            let mut clients: Vec<Client> = (0..12).map(|_| daemon.connect()).collect();
            for client in &mut clients {
                client.send(json!({"type": "authorize", "authorization": "correct horse"}));
            }
            for client in &mut clients {
                client.expect_text(r#"{"type":"authorization_ok"}"#);
            }
        }
        assert_eq!(daemon.status()["authenticator"]["failed"], 0);
    }
}
