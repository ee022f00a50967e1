//! The file with passwords: YAML as `passwords` has it, alone in a file, read again when it changes.
//!
//! **Invariant:** no message about it contains what stands in it.

use crate::MEASURING_MAX;
use crate::cost::Takes;
use crate::list::{FILE, List};
use crate::options::Passwords;
use crate::untagged::{TAGGED, Untagged};
use pusu_plugin_api::file::{self, WatchedFile};
use pusu_plugin_api::options::Tree;
use pusu_plugin_api::serde::de::IgnoredAny;
use pusu_plugin_api::{CreateError, Host};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Longest file, in bytes: some ten thousand passwords.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// How long hashes are measured when the file has changed: meanwhile nobody is told how it is.
const MEASURING_AGAIN_MAX: Duration = Duration::from_secs(1);

/// Reads the file once; `others` is what comparing with other passwords takes.
///
/// # Errors
/// It cannot be read, or is wrong; the text names option, file and entry.
pub(crate) fn read(path: &Path, others: Takes, host: &Host) -> Result<List, CreateError> {
    let path = host.resolve(path);
    let parse = |content: &[u8]| {
        let list = list(content, MEASURING_MAX, host)?;
        others.and(list.takes).check(host).map(|()| list)
    };
    let list = file::read(FILE.option, &path, FILE_BYTES_MAX, parse)?;
    file::warn_of_others(host, FILE.option, &path, true);
    Ok(list)
}

/// Reads the file, and watches it from now on.
///
/// # Errors
/// As [`read`].
pub(crate) fn watch(path: &Path, others: Takes, host: &Host) -> Result<WatchedFile<List>, CreateError> {
    let of_list = host.clone();
    let was_read = AtomicBool::new(false);
    let file = WatchedFile::open(host, FILE.option, host.resolve(path), FILE_BYTES_MAX, move |content: &[u8]| {
        let again = was_read.swap(true, Ordering::Relaxed);
        let list = list(content, if again { MEASURING_AGAIN_MAX } else { MEASURING_MAX }, &of_list)?;
        let takes = others.and(list.takes);
        if again { takes.check_again(&of_list) } else { takes.check(&of_list) }.map(|()| list)
    })?;
    // Hashes too: whoever has them tries passwords on them.
    file.guard(|_| true);
    Ok(file)
}

fn list(content: &[u8], measuring: Duration, host: &Host) -> Result<List, String> {
    List::new(FILE, entries(content)?.0, measuring, host)
}

/// # Errors
/// The text begins with the place in the file.
fn entries(content: &[u8]) -> Result<Passwords, String> {
    let text = std::str::from_utf8(content).map_err(|_| "expected text, found bytes that are not UTF-8")?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // The first pass looks at no value, so what the parser says about syntax can be shown. In the second one it could
    // quote a password.
    serde_yaml::from_str::<IgnoredAny>(text).map_err(|error| format!("not valid YAML: {error}"))?;
    let untagged = serde_yaml::from_str::<Untagged>(text);
    if untagged.as_ref().is_err_and(|error| error.to_string().contains(TAGGED)) {
        // The parser knows where the mapping begins, and not where the tag stands.
        return Err(TAGGED.into());
    }
    let tree: Tree = untagged.and_then(|_| serde_yaml::from_str(text)).map_err(|error| {
        let line = error.location().map_or(String::new(), |at| format!("line {}: ", at.line()));
        format!("{line}a value cannot be read: a key that is a list or a mapping, a number that is too large, a YAML tag, or nested too deeply")
    })?;
    if tree.is_nothing() {
        return Err("the file is empty; write `{}` if no password is meant to be in it".into());
    }
    let passwords: Passwords = tree.read().map_err(|error| error.to_string())?;
    for (number, entry) in (1..).zip(&passwords.0) {
        if has_placeholder(&entry.password) && !entry.password.starts_with("plain:") {
            return Err(format!(
                "entry {number}: `${{…}}` is replaced by nothing here: write the password itself, or `plain:` before it, if it \
                 is meant as it stands"
            ));
        }
        if entry.gives.name.as_ref().is_some_and(|name| has_placeholder(name.as_str())) {
            return Err(format!(
                "entry {number}: `${{…}}` in a name is replaced by nothing here: write the name itself"
            ));
        }
    }
    Ok(passwords)
}

/// Whether somebody believes that a part of it is replaced.
fn has_placeholder(text: &str) -> bool {
    text.split_once("${").is_some_and(|(_, behind)| behind.contains('}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords(text: &str) -> Vec<(String, usize)> {
        let entries = entries(text.as_bytes()).unwrap().0;
        entries.into_iter().map(|entry| (entry.password.to_string(), entry.gives.patterns.len())).collect()
    }

    #[test]
    fn both_shapes_are_read_and_keys_keep_their_text() {
        let wanted = [("a b".to_owned(), 2), ("007".to_owned(), 1), ("plain:x".to_owned(), 0)];
        assert_eq!(passwords("a b: [x, y.*]\n007: [z]\n'plain:x': []\n"), wanted);
        assert_eq!(passwords("\u{feff}- a b: [x, y.*]\n- 007:\n  - z\n- \"plain:x\": []\n"), wanted);
        assert_eq!(passwords("'plain:${x}': [a]\n'${': [b]"), [("plain:${x}".to_owned(), 1), ("${".to_owned(), 1)]);
        assert_eq!(passwords("{}"), []);
        assert_eq!(passwords("[]"), []);
    }

    #[test]
    fn what_is_wrong_has_its_place_and_no_password() {
        for (text, wanted) in [
            ("", "the file is empty"),
            ("# nothing\n", "the file is empty"),
            ("hunter2", "expected a mapping of passwords to lists of patterns, such as"),
            (
                "x: [a]\nhunter2: a",
                "entry 2: expected a list of patterns, or `{name: alice, channels: [\"news.*\"]}`, found a string",
            ),
            ("- x: [a]\n- hunter2: [b, '']", "item 2, entry 1, item 2: expected a pattern of 1 to 255 bytes"),
            ("- hunter2", "item 1: expected one password with its list of patterns"),
            ("? [hunter2]\n: [a]", "line 1: a value cannot be read: a key that is a list"),
            ("x: !hunter2 [a]", "a YAML tag means nothing in this file"),
            ("x: [a]\n!env hunter2: [a]", "a YAML tag means nothing in this file"),
            ("- x: [a]\n- !file hunter2: [a]", "a YAML tag means nothing in this file"),
            ("!text 'hunter2': [a]", "a YAML tag means nothing in this file"),
            ("x: [a]\n'${hunter2}': [b]", "entry 2: `${…}` is replaced by nothing here"),
            ("x: [a]\n'a${hunter2:-b}': [b]", "entry 2: `${…}` is replaced by nothing here"),
            ("x: [a]\ny: {name: '${hunter2}', channels: [b]}", "entry 2: `${…}` in a name is replaced by nothing here"),
            (
                "x: {name: a, channels: [a]}\ny: {name: !env hunter2, channels: [b]}",
                "a YAML tag means nothing in this file",
            ),
            (
                "x: {name: a, hunter2: [a]}",
                "entry 1: expected a list of patterns, or `{name: alice, channels: [\"news.*\"]}`, found a mapping with another key",
            ),
            ("x: [a\nhunter2: [b]", "not valid YAML: "),
            ("x: [a]\n---\nhunter2: [b]", "not valid YAML: "),
        ] {
            let error = entries(text.as_bytes()).err().unwrap_or_else(|| panic!("{text:?} was read"));
            assert!(error.starts_with(wanted) && !error.contains("hunter2"), "{text:?}: {error}");
        }
        assert!(entries(b"\xff: [a]").err().unwrap().contains("not UTF-8"));
    }
}
