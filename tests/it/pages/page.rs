//! One page: its fenced blocks and the rows of its tables, by the heading that they stand below.

use crate::harness::root;
use std::fs;

/// A fenced block.
pub(super) struct Block {
    pub(super) heading: String,
    pub(super) language: String,
    pub(super) text: String,
}

/// The text of a page, by its path from the root.
pub(super) fn text(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// All fenced blocks of a page, in their order. One in a list is taken out of its indentation.
pub(super) fn blocks(page: &str) -> Vec<Block> {
    let text = text(page);
    let (mut heading, mut found) = (String::new(), Vec::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(words) = line.strip_prefix('#') {
            words.trim_start_matches('#').trim().clone_into(&mut heading);
        }
        let unindented = line.trim_start();
        let Some(language) = unindented.strip_prefix("```") else { continue };
        let indent = line.len() - unindented.len();
        let inside = lines.by_ref().take_while(|line| line.trim_start() != "```");
        let inside: String = inside.map(|line| line.get(indent..).unwrap_or("").to_owned() + "\n").collect();
        found.push(Block { heading: heading.clone(), language: language.to_owned(), text: inside });
    }
    found
}

/// The blocks in a language below a heading.
pub(super) fn blocks_below(page: &str, heading: &str, language: &str) -> Vec<String> {
    let found = blocks(page).into_iter().filter(|block| block.heading == heading && block.language == language);
    found.map(|block| block.text).collect()
}

/// The only block in a language below a heading.
pub(super) fn block(page: &str, heading: &str, language: &str) -> String {
    let mut found = blocks_below(page, heading, language);
    assert_eq!(found.len(), 1, "{page}, {heading}: blocks in {language}");
    found.swap_remove(0)
}

/// What a page says below a heading, up to the next heading of any level.
pub(super) fn section(page: &str, heading: &str) -> String {
    let text = text(page);
    let is_heading = |line: &&str| line.starts_with('#');
    let mut below = text.lines().skip_while(|line| !is_heading(line) || line.trim_start_matches('#').trim() != heading);
    assert!(below.next().is_some(), "{page} has no heading {heading:?}");
    below.take_while(|line| !is_heading(line)).map(|line| line.to_owned() + "\n").collect()
}

/// The rows of all tables in a text, without their heads, as cells.
pub(super) fn rows(text: &str) -> Vec<Vec<&str>> {
    let (mut rows, mut is_body) = (Vec::new(), false);
    for line in text.lines() {
        let Some(row) = line.strip_prefix('|') else {
            is_body = false;
            continue;
        };
        if row.starts_with("---") {
            is_body = true;
        } else if is_body {
            rows.push(row.trim_end_matches('|').split('|').map(str::trim).collect());
        }
    }
    rows
}

/// What stands in backticks.
pub(super) fn code(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}
