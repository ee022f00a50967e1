//! The file with passwords: YAML as `passwords` has it, alone in a file, read again when it changes.
//!
//! **Invariant:** no message about it contains what stands in it.

use crate::MEASURING_MAX;
use crate::cost::Takes;
use crate::list::{FILE, List};
use crate::measuring::Measuring;
use crate::options::{Entry, Gives, Passwords};
use crate::secret::PLAIN;
use crate::turns::Turns;
use crate::untagged::{self, TAGGED};
use pusu_plugin_api::file::{self, WatchedFile};
use pusu_plugin_api::options::Tree;
use pusu_plugin_api::serde::de::IgnoredAny;
use pusu_plugin_api::{CreateError, Host};
use std::path::Path;
use std::sync::Arc;
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
pub(crate) fn read(path: &Path, others: Takes, turns: &Turns, host: &Host) -> Result<List, CreateError> {
    let path = host.resolve(path);
    let parse = |content: &[u8]| {
        let list = list(content, Measuring::new(MEASURING_MAX, turns), host)?;
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
pub(crate) fn watch(
    path: &Path,
    others: Takes,
    turns: &Arc<Turns>,
    host: &Host,
) -> Result<WatchedFile<List>, CreateError> {
    let (of_list, turns) = (host.clone(), Arc::clone(turns));
    let was_read = AtomicBool::new(false);
    let file = WatchedFile::open(host, FILE.option, host.resolve(path), FILE_BYTES_MAX, move |content: &[u8]| {
        let again = was_read.swap(true, Ordering::Relaxed);
        let measuring = if again { MEASURING_AGAIN_MAX } else { MEASURING_MAX };
        let list = list(content, Measuring::new(measuring, &turns), &of_list)?;
        let takes = others.and(list.takes);
        if again { takes.check_again(&of_list) } else { takes.check(&of_list) }.map(|()| list)
    })?;
    // Hashes too: whoever has them tries passwords on them.
    file.guard(|_| true);
    Ok(file)
}

fn list(content: &[u8], measuring: Measuring<'_>, host: &Host) -> Result<List, String> {
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
    let untagged = untagged::look(text);
    if untagged.as_ref().is_err_and(|error| error.to_string().contains(TAGGED)) {
        // The parser knows where the mapping begins, and not where the tag stands.
        return Err(TAGGED.into());
    }
    let tree: Tree = untagged.and_then(|()| serde_yaml::from_str(text)).map_err(|error| {
        let line = error.location().map_or(String::new(), |at| format!("line {}: ", at.line()));
        format!("{line}a value cannot be read: a key that is a list or a mapping, a number that is too large, a YAML tag, or nested too deeply")
    })?;
    if tree.is_nothing() {
        return Err("the file is empty; write `{}` if no password is meant to be in it".into());
    }
    let passwords: Passwords = tree.read().map_err(|error| error.to_string())?;
    for (number, entry) in (1..).zip(&passwords.0) {
        look(entry).map_err(|text| format!("entry {number}: {text}"))?;
    }
    Ok(passwords)
}

/// Looks for what means something in the settings, and nothing here.
fn look(entry: &Entry) -> Result<(), &'static str> {
    let Entry { password, gives: Gives { name, patterns } } = entry;
    let is_plain = password.starts_with(PLAIN);
    if !is_plain && has_placeholder(password) {
        return Err(
            "`${…}` is replaced by nothing here: write the password itself, or `plain:` before it, if it is meant as \
                    it stands",
        );
    }
    if !is_plain && has_tag(password) {
        return Err(
            "`!env`, `!file`, `!credential` and `!text` mean nothing in this file: write the password itself, or \
                    `plain:` before it, if it is meant as it stands",
        );
    }
    if name.as_ref().is_some_and(|name| has_placeholder(name.as_str())) {
        return Err("`${…}` in a name is replaced by nothing here: write the name itself");
    }
    if name.as_ref().is_some_and(|name| has_tag(name.as_str())) {
        return Err("a tag in a name means nothing in this file: write the name itself");
    }
    if patterns.iter().any(|pattern| has_placeholder(pattern.as_str())) {
        return Err("`${…}` in a pattern is replaced by nothing here: write the pattern itself");
    }
    Ok(())
}

/// Whether it is a tag of the settings and its text, in quotes.
fn has_tag(text: &str) -> bool {
    let behind = |tag: &str| text.strip_prefix(tag).is_some_and(|text| text.starts_with(char::is_whitespace));
    ["!env", "!file", "!credential", "!text"].into_iter().any(behind)
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
    fn what_is_no_tag_is_taken() {
        for (text, wanted) in [
            ("!!str 007: [!!str a]", ("007", 1)),
            ("!!map\n!!str 007: !!seq [a, !!str b]", ("007", 2)),
            ("- !!map {!!int 007: [a]}", ("007", 1)),
            ("'!!env x': [a]", ("!!env x", 1)),
            ("a!!env b !!c: [a] # !!env <x> !<y>", ("a!!env b !!c", 1)),
            ("a !<b> c: ['!<d>', '!!e']", ("a !<b> c", 2)),
            ("? |-\n  !!env x\n: [a]", ("!!env x", 1)),
            ("'plain:!env x': [a]", ("plain:!env x", 1)),
            ("'!environment': [a]", ("!environment", 1)),
            ("'!env': ['!env a']", ("!env", 1)),
        ] {
            let (password, patterns) = wanted;
            assert_eq!(passwords(text), [(password.to_owned(), patterns)], "{text:?}");
        }
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
            ("!!env hunter2: [a]", "a YAML tag means nothing in this file"),
            ("x: [a]\n!!env 'hunter2': [a]", "a YAML tag means nothing in this file"),
            ("- !!binary hunter2: [a]", "a YAML tag means nothing in this file"),
            ("{x: [a], !!file hunter2: [a]}", "a YAML tag means nothing in this file"),
            ("x: [!!env hunter2]", "a YAML tag means nothing in this file"),
            ("x: {name: !!env hunter2, channels: [a]}", "a YAML tag means nothing in this file"),
            ("? !!env hunter2\n: [a]", "a YAML tag means nothing in this file"),
            ("&x !!env hunter2: [a]", "a YAML tag means nothing in this file"),
            ("!<env> hunter2: [a]", "a YAML tag means nothing in this file"),
            ("x: [!<tag:yaml.org,2002:env> hunter2]", "a YAML tag means nothing in this file"),
            ("%TAG !e! tag:x:\n---\n!e!env hunter2: [a]", "a YAML tag means nothing in this file"),
            (
                "x: [a]\n'!env hunter2': [a]",
                "entry 2: `!env`, `!file`, `!credential` and `!text` mean nothing in this file",
            ),
            ("- \"!file hunter2\": [a]", "entry 1: `!env`, `!file`, `!credential` and `!text` mean nothing"),
            ("'!credential hunter2': [a]", "entry 1: `!env`, `!file`, `!credential` and `!text` mean nothing"),
            ("'!text hunter2': [a]", "entry 1: `!env`, `!file`, `!credential` and `!text` mean nothing"),
            ("x: {name: '!env hunter2', channels: [a]}", "entry 1: a tag in a name means nothing in this file"),
            ("x: [a, 'b.${hunter2}.*']", "entry 1: `${…}` in a pattern is replaced by nothing here"),
            ("x: {name: a, channels: ['${hunter2:-b}']}", "entry 1: `${…}` in a pattern is replaced by nothing here"),
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
