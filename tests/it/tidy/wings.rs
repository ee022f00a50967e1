//! The walls of the daemon: a wing uses the wings that the table in docs/internals/architecture.md gives it, which all
//! stand below it there, and of each of them only the face, its `mod.rs`.

use super::source::{Finding, Source};
use super::use_paths::use_paths;
use std::collections::BTreeSet;

const ROOT: &str = "pusud/src/";

/// The wings, from the top down, each with the wings that it may use.
pub(super) struct Wings(Vec<(String, BTreeSet<String>)>);

impl Wings {
    /// Reads the rows `| wing | owns | may use |` of a page.
    pub(super) fn of_page(page: &str) -> Self {
        let table = page.split("| wing | owns | may use |").nth(1).expect("there is the table of wings");
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let words = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let row = |row: &str| {
            let cells: Vec<&str> = row.split('|').collect();
            let wing = words(cells[1]).pop().expect("a row has a wing");
            (wing.trim_end_matches('/').to_owned(), words(cells[3]).into_iter().collect())
        };
        Self(rows.map(row).collect())
    }

    /// What is wrong with the table itself: a wing that uses one which is not below it.
    pub(super) fn faults(&self) -> Vec<String> {
        let names: Vec<&str> = self.0.iter().map(|(wing, _)| wing.as_str()).collect();
        let place = |wing: &str| names.iter().position(|name| *name == wing);
        let fault = |(wing, uses): &(String, BTreeSet<String>)| {
            let not_below = uses.iter().filter(|used| place(used).is_none_or(|used| Some(used) <= place(wing)));
            not_below
                .map(|used| format!("`{wing}` may use `{used}`, which does not stand below it"))
                .collect::<Vec<_>>()
        };
        self.0.iter().flat_map(fault).collect()
    }

    /// The wings, from the top down.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(wing, _)| wing.as_str())
    }

    fn uses(&self, wing: &str) -> Option<&BTreeSet<String>> {
        self.0.iter().find(|(name, _)| name == wing).map(|(_, uses)| uses)
    }
}

/// Checks all files of the daemon together.
pub(super) fn check(sources: &[Source], wings: &Wings) -> Vec<Finding> {
    let file = |source: &Source| source.name.strip_prefix(ROOT).map(str::to_owned);
    let modules: BTreeSet<Vec<String>> = sources.iter().filter_map(file).map(|file| module(&file)).collect();
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| !source.is_tests) {
        let Some(file) = file(source).filter(|file| !["main.rs", "lib.rs"].contains(&file.as_str())) else { continue };
        let own = module(&file);
        let Some(may_use) = wings.uses(&own[0]) else {
            findings.push(source.finding(1, "lies in no wing of the table in docs/internals/architecture.md"));
            continue;
        };
        for path in use_paths(source, &own, "pusud") {
            let Some(other) = path.segments.first().filter(|other| **other != own[0]) else { continue };
            // A name of the crate's root that is no wing is a macro or the like.
            if wings.uses(other).is_none() {
                continue;
            }
            if !may_use.contains(other) {
                findings.push(source.finding(path.line, format!("`{}` may not use `{other}`", own[0])));
            }
            if path.segments.len() > 1 && modules.contains(&path.segments[..2]) {
                let past = path.segments.join("::");
                findings.push(source.finding(path.line, format!("goes past the face of `{other}`: {past}")));
            }
        }
    }
    findings
}

/// The module that a file is: `client/mod.rs` is `client`.
fn module(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

mod tests {
    use super::*;

    const PAGE: &str = "Text.\n\n| wing | owns | may use |\n|---|---|---|\n| `client/` | a | `hub`, `frames` |\n\
        | `hub/` | b | `frames` |\n| `frames/` | c | |\n\nText.";

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> =
            files.iter().map(|(file, text)| Source::parse(&format!("{ROOT}{file}"), text)).collect();
        check(&sources, &Wings::of_page(PAGE)).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn faces_of_wings_below_may_be_used() {
        let good = [
            ("client/mod.rs", "use crate::hub::{self, Hub}; use crate::frames::text;"),
            ("client/wire.rs", "use super::session::A; use crate::client::session::B;"),
            ("client/session.rs", ""),
            ("hub/mod.rs", "mod outbox; pub use outbox::Outbox; fn f() { crate::frames::text() }"),
            ("hub/outbox.rs", "use super::Hub;"),
            ("frames/mod.rs", ""),
            ("lib.rs", "pub mod hub;"),
        ];
        assert_eq!(findings(&good), [""; 0]);
    }

    #[test]
    fn an_import_upwards_is_found() {
        let up = [("frames/mod.rs", "\nuse crate::hub::Hub;"), ("hub/mod.rs", "")];
        assert_eq!(findings(&up), ["pusud/src/frames/mod.rs:2: `frames` may not use `hub`"]);
        let inline = [("hub/mod.rs", "fn f() { crate::client::g() }"), ("client/mod.rs", "")];
        assert_eq!(findings(&inline), ["pusud/src/hub/mod.rs:1: `hub` may not use `client`"]);
    }

    #[test]
    fn an_import_past_a_face_is_found() {
        let past = [("client/mod.rs", "use crate::hub::outbox::Outbox;"), ("hub/outbox.rs", "")];
        let expected = "pusud/src/client/mod.rs:1: goes past the face of `hub`: hub::outbox::Outbox";
        assert_eq!(findings(&past), [expected]);
    }

    #[test]
    fn a_file_outside_of_all_wings_and_a_table_upside_down_are_found() {
        assert_eq!(findings(&[("misc.rs", "")]).len(), 1);
        assert!(Wings::of_page(PAGE).faults().is_empty());
        let upside_down = PAGE.replace("| `frames/` | c | |", "| `frames/` | c | `hub`, `nothing` |");
        assert_eq!(Wings::of_page(&upside_down).faults().len(), 2);
    }
}
