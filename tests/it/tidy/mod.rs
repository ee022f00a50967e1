//! The style of the tree, as far as a machine can judge it: lengths, walls between wings, what may not stand in `src/`.
//!
//! Reads the sources of every crate of the workspace. Each rule is a function from one file to its [`Finding`]s, and
//! each has a test of its own on samples that it must object to, so that no rule passes because it sees nothing.

mod quick;
mod rules;
mod source;
mod unit_tests;
mod unseen;
mod use_paths;
mod wings;

use crate::harness::root;
use source::{Finding, Source};
use std::fs;
use std::path::Path;

/// The folders with the sources that the rules are for.
const SOURCE_FOLDERS: [&str; 3] = ["pusud/src", "pusu-plugin-api", "plugins"];

fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for folder in SOURCE_FOLDERS {
        collect(&root().join(folder), &mut sources);
    }
    source::mark_tests(&mut sources);
    assert!(sources.len() > 20, "the sources have moved: found {}", sources.len());
    sources
}

/// All Rust files in `src` folders below `folder`.
fn collect(folder: &Path, sources: &mut Vec<Source>) {
    let mut all = Vec::new();
    collect_all(folder, &mut all);
    sources.extend(all.into_iter().filter(|source| source.name.contains("/src/")));
}

/// All Rust files below `folder`.
fn collect_all(folder: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
        if path.is_dir() && !name.ends_with("/target") {
            collect_all(&path, sources);
        } else if name.ends_with(".rs") {
            sources.push(Source::parse(&name, &fs::read_to_string(&path).unwrap()));
        }
    }
}

fn assert_none(findings: Vec<Finding>) {
    let list: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(findings.is_empty(), "{}", list.join("\n"));
}

fn check(rule: fn(&Source) -> Vec<Finding>) {
    assert_none(sources().iter().flat_map(rule).collect());
}

#[test]
fn files_are_short() {
    let mut all = sources();
    collect_all(&root().join("tests/it"), &mut all);
    assert_none(all.iter().flat_map(rules::file_length).collect());
}

#[test]
fn functions_are_short() {
    check(rules::function_length);
}

#[test]
fn every_module_says_what_it_owns() {
    check(rules::module_head);
}

#[test]
fn nothing_is_unfinished_or_unwrapped() {
    check(rules::forbidden_words);
}

#[test]
fn no_code_is_commented_out() {
    check(rules::commented_out_code);
}

#[test]
fn unsafe_code_stands_where_it_may_and_says_why() {
    check(rules::unsafe_code);
}

#[test]
fn unit_tests_stand_where_they_are_looked_for() {
    check(unit_tests::places);
}

#[test]
fn wings_use_the_faces_of_those_below() {
    let sources: Vec<Source> = sources().into_iter().filter(|source| source.name.starts_with("pusud/src/")).collect();
    let page = fs::read_to_string(root().join("docs/internals/architecture.md")).unwrap();
    let wings = wings::Wings::of_page(&page);
    assert_eq!(wings.faults(), [""; 0]);
    assert_none(wings::check(&sources, &wings));
}

#[test]
fn what_is_not_run_is_shown() {
    let shown = fs::read_to_string(root().join(".config/nextest.toml")).unwrap();
    let filter = shown.lines().find(|line| line.starts_with("filter = ")).expect("there is a filter");
    let unseen = unseen::unseen_below(&root().join("tests/it"), "", filter);
    assert!(unseen.is_empty(), "`.config/nextest.toml` does not show what these have not run: {}", unseen.join(", "));
    // Without any filter there are some, so that they are looked for in the right place.
    assert!(unseen::unseen_below(&root().join("tests/it"), "", "").len() > 5);
}
