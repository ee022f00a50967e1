//! Comparisons where memory is scarce.

use super::check_with;

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

/// Together they took 256 MiB, whatever their process had, and those that found none failed.
#[test]
fn comparisons_at_a_time_take_half_of_what_their_process_has() {
    let options = "passwords:\n  $argon2id$v=19$m=8192,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo: [a]\n";
    let plugins_with = |memory: &str| {
        let text = check_with(options, &format!("isolation: process\nisolation_memory: {memory}")).succeeds();
        let row = text.lines().find(|line| line.trim_start().starts_with("plugins ")).map(str::to_owned);
        let row = row.unwrap_or_else(|| panic!("no row of the plugins: {text}"));
        let words: Vec<&str> = row.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "MiB").unwrap_or_else(|| panic!("{row}"));
        words[at - 1].parse::<u64>().unwrap()
    };
    let scarce = plugins_with("320 MiB");
    assert!((8..160).contains(&scarce), "{scarce}");
    assert_eq!(plugins_with("4 GiB"), 256);
}
