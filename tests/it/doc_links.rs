//! The documentation's links: each leads to a file of this source tree, and to a heading where it names one.

use crate::harness::{pages_below, root};
use std::fs;
use std::path::Path;

/// Where pages are.
const FOLDERS: [&str; 3] = ["docs", "plugins", "pusu-plugin-api"];

/// How many characters a cell of a table may have; more is a list.
const CELL_CHARS_MAX: usize = 250;

/// The page whose table of modules is written for a test, too.
const MAP: &str = "docs/internals/architecture.md";

/// The lines of a page outside of its fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        !fenced && !is_fence
    })
}

/// The targets of the links in a line.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// The name that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// What is wrong with a link of `page`, if anything is.
fn fault(page: &Path, target: &str) -> Option<String> {
    if target.starts_with("http://") || target.starts_with("https://") {
        return None;
    }
    let (file, name) = target.split_once('#').unwrap_or((target, ""));
    let file = if file.is_empty() { page.to_owned() } else { page.parent().unwrap().join(file) };
    if !file.exists() {
        return Some(format!("{} leads nowhere: {target}", page.display()));
    }
    let headings = || fs::read_to_string(&file).unwrap();
    let found = name.is_empty() || prose(&headings()).any(|line| line.starts_with('#') && anchor(line) == name);
    (!found).then(|| format!("{} leads to no heading: {target}", page.display()))
}

#[test]
fn every_link_leads_somewhere() {
    let (mut links, mut faults) = (0, Vec::new());
    for page in FOLDERS.iter().flat_map(|folder| pages_below(folder)) {
        let page = root().join(page);
        let text = fs::read_to_string(&page).unwrap();
        for target in prose(&text).flat_map(targets) {
            links += 1;
            faults.extend(fault(&page, target));
        }
    }
    assert!(links > 100, "links are not found any more: {links}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_cell_is_a_paragraph() {
    let mut long = Vec::new();
    for page in FOLDERS.iter().flat_map(|folder| pages_below(folder)).filter(|page| page != MAP) {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        for row in prose(&text).filter(|line| line.starts_with('|')) {
            let cells = row.split('|').map(str::trim).filter(|cell| cell.chars().count() > CELL_CHARS_MAX);
            long.extend(cells.map(|cell| format!("{page}: {cell}")));
        }
    }
    assert!(long.is_empty(), "make lists of these:\n{}", long.join("\n"));
}

#[test]
fn faults_are_found() {
    let page = root().join("docs/internals/reliability.md");
    assert_eq!(fault(&page, "#fuzzing"), None);
    assert_eq!(fault(&page, "../protocol/client.md#7-guarantees"), None);
    assert!(fault(&page, "nowhere.md").unwrap().contains("nowhere.md"));
    assert!(fault(&page, "#nothing").unwrap().contains("no heading"));
    let line = "see [this](a.md) and [that](b.md#c)";
    assert_eq!(targets(line).collect::<Vec<_>>(), ["a.md", "b.md#c"]);
}
