//! The table of `make quick`, `tests/quick.txt`: every wing has a row, every path exists, and every name has a test.

use super::wings::Wings;
use crate::harness::{root, run};
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// Path and name of each row, one for each name.
fn rows() -> Vec<(String, String)> {
    let table = fs::read_to_string(root().join("tests/quick.txt")).unwrap();
    let lines = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let names = lines.flat_map(|line| {
        let (path, names) = line.split_once(' ').unwrap_or_else(|| panic!("{line}: a path and names"));
        names.split_whitespace().map(|name| (path.to_owned(), name.to_owned())).collect::<Vec<_>>()
    });
    names.collect()
}

#[test]
fn every_wing_has_a_row_in_the_table_of_quick() {
    let page = fs::read_to_string(root().join("docs/internals/architecture.md")).unwrap();
    let paths: BTreeSet<String> = rows().into_iter().map(|(path, _)| path).collect();
    let wings: BTreeSet<String> = Wings::of_page(&page).names().map(|wing| format!("pusud/src/{wing}/")).collect();
    let missing: Vec<_> = wings.difference(&paths).collect();
    assert!(missing.is_empty() && wings.len() > 10, "no row in tests/quick.txt: {missing:?}");
    for path in &paths {
        assert!(root().join(path).exists(), "{path} does not exist");
        assert!(path.ends_with('/') == root().join(path).is_dir(), "{path}: a folder ends with `/`");
    }
}

#[test]
fn every_name_in_the_table_of_quick_has_a_test() {
    let listed = run(Command::new(std::env::current_exe().unwrap()).args(["--list", "--format", "terse"])).succeeds();
    let rows = rows();
    for (path, name) in &rows {
        let Some(skipped) = name.strip_prefix('-') else {
            assert!(listed.lines().any(|test| test.starts_with(name)), "{path}: no test begins with {name}");
            continue;
        };
        // A unit test: its file has its name.
        let (module, function) = skipped.rsplit_once("::").unwrap_or_else(|| panic!("{name}: a module and a test"));
        let file = root().join("pusud/src").join(module.replace("::", "/"));
        let source = fs::read_to_string(file.with_extension("rs")).or_else(|_| fs::read_to_string(file.join("mod.rs")));
        assert!(source.unwrap().contains(&format!("fn {function}")), "{path}: no test begins with {skipped}");
    }
    assert!(rows.len() > 50, "the table is read wrongly");
}
