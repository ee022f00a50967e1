//! Tests that leave something out, say so and pass: nextest has to show what they say.

use std::fs;
use std::path::Path;

/// What makes a test one of these.
const SAYS_SO: [&str; 2] = ["not_run(", "can_drop_packets("];
/// Where these are defined.
const DEFINITIONS: [&str; 2] = ["harness::telling", "network::place"];

/// The functions of the test module `module` that leave something out and that `filter`, the text of nextest's settings,
/// has no `test(…)` for.
pub(super) fn unseen(module: &str, source: &str, filter: &str) -> Vec<String> {
    let shown: Vec<&str> = filter.split("test(").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    let mut function = "";
    let mut unseen = Vec::new();
    for line in source.lines() {
        if let Some((_, rest)) = line.split_once("fn ") {
            function = rest.split(['(', '<']).next().unwrap_or_default();
        }
        let name = format!("{module}::{function}");
        if SAYS_SO.iter().any(|words| line.contains(words)) && !shown.iter().any(|shown| name.contains(shown)) {
            unseen.push(name);
        }
    }
    unseen
}

/// As [`unseen`], for all test modules below `folder`.
pub(super) fn unseen_below(folder: &Path, module: &str, filter: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let inner = if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") };
        if path.is_dir() {
            found.extend(unseen_below(&path, &inner, filter));
        } else if !DEFINITIONS.contains(&&*inner) && !inner.starts_with("tidy") {
            found.extend(unseen(&inner, &fs::read_to_string(&path).unwrap(), filter));
        }
    }
    found
}

#[test]
fn a_test_that_nobody_sees_is_found() {
    let source = "fn seen() {\n not_run(1);\n}\nfn good() {}\n#[test]\nfn bad<T>(t: T) {\n return not_run(1);\n}\n";
    let filter = "filter = 'test(door::seen) + test(network::faults)'";
    assert_eq!(unseen("door", source, filter), ["door::bad"]);
    assert_eq!(unseen("network::faults", source, filter), [""; 0]);
    assert_eq!(unseen("door", source, ""), ["door::seen", "door::bad"]);
}
