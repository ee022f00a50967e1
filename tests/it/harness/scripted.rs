//! `ScriptedAuthenticator` (`tests/fixtures/scripted_plugin.c`), whose decisions tests write into the authorization.
//!
//! An authorization is a script: words, separated by spaces, done in order.
//!
//! | word | what it does |
//! |---|---|
//! | `read=PATTERN` | grants reading of these channels |
//! | `write=PATTERN` | grants writing |
//! | `both=PATTERN` | grants both |
//! | `option` | grants both for the channel that the option `channel` names |
//! | `expires=MS` | the permissions end so many milliseconds from now |
//! | `subject=NAME` | names whom it is granted to |
//! | `sleep=MS` | waits so long before it goes on |
//! | `attributes=PREFIX` | refuses; the reason is `tls` or `plain`, and the attributes with such names as `NAME=VALUE` |
//! | `refuse=REASON` | refuses, with this reason |
//! | `peer` | refuses, with the client's address as the reason |
//! | `attribute=KEY` | refuses, with this attribute of the request as the reason, or `none` |
//! | `unavailable` | cannot decide (`PUSU_UNAVAILABLE`) |
//! | `abstain` | has no opinion (`PUSU_ABSTAIN`) |
//! | `nonsense` | a decision that the ABI does not know |
//! | `error` | the call fails (`PUSU_ERR`) |
//! | `when=VERSION` | the words behind it are for this version alone, up to the next `when` |
//!
//! No word at all reads the channel `empty`. Any other word is refused. [`ALL`] grants everything.
//!
//! The option `channel` stops the start if it is `refused`. An instance that is destroyed says so in the log.

use super::plugin_files::c_plugin;
use super::root;
use std::path::PathBuf;

/// The authorization that gives read and write access to every channel.
pub(crate) const ALL: &str = "both=*";

/// Where its source is.
const SOURCE: &str = "tests/fixtures/scripted_plugin.c";

/// The plugin itself, version 1.0.0.
pub(crate) fn scripted_plugin() -> PathBuf {
    scripted("scripted_plugin", &[])
}

/// Another version of it, a file of its own.
pub(crate) fn scripted_version(version: &str) -> PathBuf {
    scripted(&format!("scripted_plugin_{version}"), &[&format!("-DVERSION=\"{version}\"")])
}

/// Another version of it that says that it cannot be swapped.
pub(crate) fn scripted_no_swap(version: &str) -> PathBuf {
    let switches = [&*format!("-DVERSION=\"{version}\""), "-DFLAGS=PUSU_F_NO_SWAP"];
    scripted(&format!("scripted_plugin_no_swap_{version}"), &switches)
}

fn scripted(name: &str, switches: &[&str]) -> PathBuf {
    c_plugin(name, SOURCE, switches)
}

#[test]
fn every_word_is_explained() {
    let source = std::fs::read_to_string(root().join(SOURCE)).unwrap();
    let compared = ["starts_with(word, \"", "equals(word, \""].map(|call| source.split(call).skip(1));
    let mut known: Vec<&str> = compared.into_iter().flatten().filter_map(|rest| rest.split('"').next()).collect();
    let rows = include_str!("scripted.rs").lines().filter_map(|line| line.strip_prefix("//! | `")?.split('`').next());
    let mut explained: Vec<&str> = rows.map(|word| word.split_inclusive('=').next().unwrap()).collect();
    known.sort_unstable();
    explained.sort_unstable();
    assert_eq!(explained, known);
    assert!(known.len() > 10, "the words are looked for in the wrong place");
}
