//! docs/internals/reliability.md, held to its word: its table of limits has them all with their defaults and counters,
//! and the tests that it names are there.

use crate::harness::{Daemon, many_open_files, pusud, root, run};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn page() -> String {
    fs::read_to_string(root().join("docs/internals/reliability.md")).unwrap()
}

/// What stands in backticks in `text`.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The rows of the table of limits: keys, defaults, what happens, counter.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let table = page.split("| limit | default |").nth(1).expect("there is the table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// The list behind that table: the keys of a row, and its tests.
fn tests_of_limits(page: &str) -> Vec<(Vec<&str>, Vec<&str>)> {
    let list = page.split("The tests of each limit:\n\n").nth(1).expect("there is the list");
    let items = list.split("\n\n").next().unwrap().split("\n- ");
    let keys_and_tests = |item| code(item).partition(|name: &&str| !name.contains("::"));
    items.map(keys_and_tests).collect()
}

/// All modules of tests below a folder, each with its path, such as `::clients::door`, and its source.
fn modules(folder: &Path, path: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = entries.map(|entry| {
        let name = entry.file_stem().unwrap().to_str().unwrap();
        let module = if name == "mod" { path.to_owned() } else { format!("{path}::{name}") };
        if entry.is_dir() { modules(&entry, &module) } else { vec![(module, fs::read_to_string(&entry).unwrap())] }
    });
    found.flatten().collect()
}

#[test]
fn every_limit_is_there_with_its_default() {
    many_open_files();
    let dir = tempfile::tempdir().unwrap();
    let shown = run(pusud(&["check"]).current_dir(&dir)).succeeds();
    let limits = shown.lines().skip_while(|line| *line != "limits").skip(1);
    let limits = limits.map_while(|line| line.strip_prefix("  ")?.split_once(' '));
    let shown: BTreeSet<_> = limits.map(|(key, value)| (key.to_owned(), value.trim().to_owned())).collect();
    let page = page();
    let mut told = BTreeSet::new();
    for row in rows(&page) {
        let defaults: Vec<_> = row[1].split(", ").collect();
        let keys: Vec<_> = code(row[0]).collect();
        assert_eq!(keys.len(), defaults.len(), "{row:?}");
        told.extend(keys.into_iter().zip(defaults).map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
    assert_eq!(told, shown);
}

#[test]
fn every_counter_is_there() {
    let status = Daemon::on_shards(1).status();
    let counted: BTreeSet<_> = status["refusals"].as_object().unwrap().keys().map(String::as_str).collect();
    let page = page();
    // Rules of listeners that are no limits.
    let of_listeners = ["tls", "proxy_protocol", "trusted_proxies"];
    let told: BTreeSet<_> = rows(&page).iter().flat_map(|row| code(row[3])).chain(of_listeners).collect();
    assert_eq!(told, counted);
}

#[test]
fn the_tests_that_it_names_exist() {
    let page = page();
    let is_name = |text: &&str| text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b':'));
    let named: BTreeSet<_> = code(&page).filter(|text| text.contains("::")).filter(is_name).collect();
    let modules = modules(&root().join("tests/it"), "");
    for name in &named {
        let (module, function) = name.rsplit_once("::").unwrap();
        let (end, head) = (format!("::{module}"), format!("fn {function}("));
        let having = modules.iter().filter(|(path, source)| path.ends_with(&end) && source.contains(&head));
        let having: Vec<&str> = having.map(|(path, _)| path.as_str()).collect();
        assert_eq!(having.len(), 1, "{name} is in {having:?}");
    }
    println!("{} tests are named", named.len());
    assert!(named.len() > 20);
    let tests = tests_of_limits(&page);
    for row in rows(&page) {
        let keys: Vec<_> = code(row[0]).collect();
        let (_, tests) = tests.iter().find(|(of, _)| *of == keys).unwrap_or_else(|| panic!("no tests of {}", row[0]));
        assert!(tests.iter().any(|name| named.contains(name)), "no test of {}", row[0]);
    }
}
