//! The tables of the pages: a cell holds a few words, and more is a list.

use crate::harness::{pages_below, root};
use std::fs;

/// Where pages are.
const FOLDERS: [&str; 3] = ["docs", "plugins", "pusu-plugin-api"];

/// How many characters a cell of a table may have; more is a list.
const CELL_CHARS_MAX: usize = 250;

/// The lines of a page outside of its fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        !fenced && !is_fence
    })
}

#[test]
fn no_cell_is_a_paragraph() {
    let mut long = Vec::new();
    for page in FOLDERS.iter().flat_map(|folder| pages_below(folder)) {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        for row in prose(&text).filter(|line| line.starts_with('|')) {
            let cells = row.split('|').map(str::trim).filter(|cell| cell.chars().count() > CELL_CHARS_MAX);
            long.extend(cells.map(|cell| format!("{page}: {cell}")));
        }
    }
    assert!(long.is_empty(), "make lists of these:\n{}", long.join("\n"));
}
