//! Hashes in place of passwords: made by others, made by `pusud hash-password`, and refused.

use super::{check, check_with, expect_let_in, expect_refused, start};
use crate::harness::{not_run, pusud, run, run_with_input, script};
use serde_json::{Map, Value};
use std::process::Command;

/// The kinds that `tests/clients/make_hashes.py` knows.
const KINDS: [&str; 14] = [
    "argon2id",
    "argon2i",
    "argon2d",
    "bcrypt-2a",
    "bcrypt-2b",
    "bcrypt-2y",
    "scrypt",
    "scrypt-phc",
    "pbkdf2-sha256",
    "pbkdf2-sha512",
    "pbkdf2-phc",
    "sha256-crypt",
    "sha512-crypt",
    "mosquitto",
];

/// Hashes with the passwords that they are of, each of a kind.
fn made_by_libraries() -> Vec<(String, String)> {
    let password = |kind: &str| format!("the password of {kind}, grün");
    let wanted: Map<String, Value> = KINDS.iter().map(|kind| ((*kind).to_owned(), password(kind).into())).collect();
    let made = run_with_input(&mut script("make_hashes.py"), &Value::Object(wanted).to_string()).succeeds();
    let made: Map<String, Value> = serde_json::from_str(&made).unwrap();
    KINDS.iter().map(|kind| (password(kind), made[*kind].as_str().unwrap().to_owned())).collect()
}

/// `None`: this machine has no such program.
fn output_of(command: &mut Command) -> Option<String> {
    let name = command.get_program().to_owned();
    match command.output() {
        Ok(output) => {
            assert!(output.status.success(), "{name:?}: {}", String::from_utf8_lossy(&output.stderr));
            Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
        }
        Err(error) => {
            not_run(&format!("hashes of {}", name.display()), error);
            None
        }
    }
}

fn made_by_openssl() -> Vec<(String, String)> {
    let of = |kind: &str| {
        let password = format!("openssl {kind}");
        let hash = output_of(Command::new("openssl").args(["passwd", kind, &password]))?;
        Some((password, hash))
    };
    ["-5", "-6"].into_iter().filter_map(of).collect()
}

fn made_by_mosquitto() -> Option<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passwords");
    std::fs::write(&file, "").unwrap();
    let password = "the password of a mosquito";
    output_of(Command::new("mosquitto_passwd").arg("-b").arg(&file).args(["alice", password]))?;
    let line = std::fs::read_to_string(&file).unwrap();
    Some((password.to_owned(), line.trim().strip_prefix("alice:").unwrap().to_owned()))
}

/// Whoever had stolen a bcrypt hash out of the settings was let in, and its owner was not.
#[test]
fn what_other_programs_make_lets_in_the_owner_and_no_thief() {
    let mut made = made_by_libraries();
    made.extend(made_by_openssl());
    made.extend(made_by_mosquitto());
    assert!(made.len() >= KINDS.len());
    let entries: Vec<String> =
        made.iter().enumerate().map(|(at, (_, hash))| format!("  '{hash}': [channel-{at}]")).collect();
    let daemon = start(&format!("passwords:\n{}", entries.join("\n")));
    for (at, (password, hash)) in made.iter().enumerate() {
        println!("{password}: {hash}");
        expect_let_in(&daemon, password, &format!("channel-{at}"));
        expect_refused(&daemon, hash);
        expect_refused(&daemon, &password[..password.len() - 1].replace('ü', "u"));
        expect_refused(&daemon, &format!("{password}\0"));
    }
    let status = daemon.status();
    assert_eq!(status["authenticator"]["failed"], 0, "{status:#}");
}

#[test]
fn a_hash_is_made_of_standard_input() {
    let made = run_with_input(&mut pusud(&["hash-password"]), "correct horse\n").succeeds();
    let daemon = start(&format!("passwords:\n  '{}': [a]", made.trim()));
    expect_let_in(&daemon, "correct horse", "a");
    expect_refused(&daemon, "correct horse\n");
    for (input, wanted) in [("", "the password is empty"), ("hunter2\nhunter2\n", "found several")] {
        let said = run_with_input(&mut pusud(&["hash-password"]), input).fails_saying(&[wanted]);
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
#[cfg(unix)]
fn a_hash_is_made_of_what_is_typed_twice_without_showing_it() {
    let at_terminal = |typed: &[&str]| {
        let mut command = script("hash_password_at_terminal.py");
        run(command.arg(env!("CARGO_BIN_EXE_pusud")).args(typed))
    };
    let shown = at_terminal(&["correct horse", "correct horse"]).succeeds();
    assert!(!shown.contains("correct horse"), "{shown}");
    let hash = shown.lines().find(|line| line.starts_with("$argon2id$")).unwrap_or_else(|| panic!("no hash: {shown}"));
    let daemon = start(&format!("passwords:\n  '{}': [a]", hash.trim()));
    expect_let_in(&daemon, "correct horse", "a");
    let differs = at_terminal(&["correct horse", "correct hors"]);
    assert!(!differs.status.success() && differs.stdout.contains("the two passwords differ"), "{differs:?}");
    assert!(!differs.stdout.contains("correct") && !differs.stdout.contains("$argon2"), "{differs:?}");
}

/// Each of these was taken for the password itself, or would have hung the relay.
#[test]
fn what_is_no_good_hash_is_refused_by_the_check() {
    let zeros = ".".repeat(86);
    for (password, wanted) in [
        (" $2b$12$hunter2", "entry 2: looks like a hash with a blank, a quotation mark or another sign before it"),
        ("{SSHA}hunter2", "entry 2: looks like a hash of LDAP"),
        ("pbkdf2:sha256:1000$hunter2$hunter2", "entry 2: looks like a hash of Werkzeug"),
        ("$apr1$hunter2$hunter2", "entry 2: looks like Apache's MD5 hash"),
        ("$1$hunter2$hunter2", "entry 2: looks like an MD5-crypt hash"),
        ("$hunter2$hunter2", "entry 2: looks like a hash of an unknown kind"),
        ("$2b$12$hunter2", "entry 2: begins as a bcrypt hash, but has 14 characters"),
        ("$argon2id$v=19$m=2097152,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo", "2048 MiB of memory, and at most 1024 MiB"),
        ("$argon2id$v=19$m=8,t=4294967295,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo", "6 hours, and at most 10 s"),
        (&format!("$6$rounds=999999999$hunter2${zeros}"), "14 minutes, and at most 10 s"),
    ] {
        let said = check(&format!("passwords:\n  fine: [a]\n  '{password}': [b]")).fails_saying(&[wanted]);
        assert!(said.contains("option `passwords`, entry 2: ") && said.contains("pusud hash-password"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let plain = start("passwords:\n  'plain:$1$hunter2$': [a]");
    expect_let_in(&plain, "$1$hunter2$", "a");
    expect_refused(&plain, "plain:$1$hunter2$");
}

/// The memory of comparisons, and hashes that are slow, are told before a relay serves.
#[test]
fn the_check_says_what_comparing_takes() {
    let hash = |memory: u32| format!("$argon2id$v=19$m={memory},t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo");
    let said = check(&format!("passwords:\n  '{}': [a]\n  '{}': [b]", hash(64 * 1024), hash(64)));
    assert!(said.status.success() && !said.stderr.contains("WARN"), "{said:?}");
    let wanted = "comparing passwords takes 64 MiB for a client, and at most 256 MiB for all that come at a time";
    assert!(said.stderr.contains(wanted) && said.stderr.contains("memory_bytes_max=268435456"), "{said:?}");
    let said = check(&format!("passwords:\n  '{}': [a]", hash(300 * 1024)));
    assert!(said.status.success(), "{said:?}");
    assert!(said.stderr.contains(" and 300 MiB (argon2 with m=307200, t=1, p=1)"), "{said:?}");
    assert!(said.stderr.contains("at most 300 MiB for all"), "{said:?}");
    let said = check("passwords: {fine: [a]}");
    assert!(said.status.success() && !said.stderr.contains("comparing passwords"), "{said:?}");
    assert!(!said.stdout.contains("  plugins  "), "{said:?}");
}

/// Every authorization would have timed out, and a warning was all that said so.
#[test]
fn hashes_that_no_authorization_has_time_for_are_refused_by_the_check() {
    let hashes: String =
        (0..40).map(|_| "  - $argon2id$v=19$m=65536,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo: [a]\n").collect();
    let options = format!("passwords:\n{hashes}");
    let said = check_with(&options, "limits: {authorize_call_timeout: 100ms}").fails_saying(&[
        "option `passwords`: an authorization takes about ",
        "the relay waits 100 ms for it (`limits.authorize_call_timeout`), so that nobody could connect",
    ]);
    assert!(!said.contains("aGFzaGhhc2hoYXNo"), "{said}");
    check_with(&options, "limits: {authorize_call_timeout: 1m, authorize_timeout: 1m}").succeeds();
}

/// It stood in a line of the log, beside a sum that it was not in.
#[test]
fn the_memory_of_comparisons_is_in_the_sum_of_the_check() {
    let hash = |memory: u32| format!("'$argon2id$v=19$m={memory},t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo': [a]");
    let options = format!("passwords:\n  {}", hash(300 * 1024));
    let sum_of = |options: &str, more: &str| {
        let text = check_with(options, more).succeeds();
        let row = |name: &str| {
            let line = text.lines().find(|line| line.trim_start().starts_with(name))?;
            line.split_whitespace()
                .zip(line.split_whitespace().skip(1))
                .find(|(_, unit)| *unit == "MiB")?
                .0
                .parse()
                .ok()
        };
        (row("memory at most").unwrap_or(0_usize), row("plugins "))
    };
    let (plain, none) = sum_of("passwords: {fine: [a]}", "");
    assert_eq!(none, None);
    for more in ["", "isolation: process"].into_iter().filter(|more| cfg!(unix) || more.is_empty()) {
        assert_eq!(sum_of(&options, more), (plain + 300, Some(300_usize)), "{more}");
    }
}
