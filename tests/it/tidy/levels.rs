//! Import levels: a module of the daemon imports nothing from a higher level than its own, and there are no circles.
//! The levels are those of the table in docs/internals/architecture.md; a file that is in none of its rows is an error
//! too.

use super::source::{Finding, Source};
use super::use_paths::use_paths;
use std::collections::{BTreeMap, BTreeSet};

const ROOT: &str = "pusud/src/";

/// Levels by file, or by folder (with `/` at its end) for whatever in it has no row of its own.
pub(super) struct Levels(Vec<(String, u32)>);

impl Levels {
    /// Reads the rows `| level | modules | … |` of a page: `client/{mod,session}` are two files, `cli/` is a folder.
    pub(super) fn of_page(page: &str) -> Self {
        let mut levels = Vec::new();
        for row in page.lines() {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let Some(level) = cells.get(1).and_then(|cell| cell.parse().ok()) else { continue };
            let modules = cells.get(2).expect("a row has modules").split('`').skip(1).step_by(2);
            levels.extend(modules.flat_map(files_of).map(|file| (file, level)));
        }
        Self(levels)
    }

    fn of(&self, file: &str) -> Option<u32> {
        let rows = self.0.iter().filter(|(row, _)| file == row || (row.ends_with('/') && file.starts_with(row)));
        rows.max_by_key(|(row, _)| row.len()).map(|(_, level)| *level)
    }
}

/// The files that a cell's word stands for.
fn files_of(word: &str) -> Vec<String> {
    match word.split_once('{').zip(word.find('}')) {
        Some(((folder, names), end)) => {
            let names = &names[..end - folder.len() - 1];
            names.split(',').map(|name| format!("{folder}{}.rs", name.trim())).collect()
        }
        None if word.ends_with('/') => vec![word.into()],
        None => vec![format!("{word}.rs")],
    }
}

/// The module that a file is: `client/mod.rs` is `client`.
fn module(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

/// Checks all files of the daemon together.
pub(super) fn check(sources: &[Source], levels: &Levels) -> Vec<Finding> {
    let of_daemon = |source: &Source| {
        source.name.strip_prefix(ROOT).filter(|file| *file != "lib.rs" && !source.is_tests).map(str::to_owned)
    };
    let files: BTreeMap<Vec<String>, String> =
        sources.iter().filter_map(of_daemon).map(|file| (module(&file), file)).collect();
    let mut findings = Vec::new();
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources {
        let Some(file) = of_daemon(source) else { continue };
        let Some(own) = levels.of(&file) else {
            findings.push(source.finding(1, "is in no row of the table of levels in docs/internals/architecture.md"));
            continue;
        };
        for path in use_paths(source, &module(&file), "pusud") {
            let longest = (1..=path.segments.len()).rev().find_map(|length| files.get(&path.segments[..length]));
            let Some(imported) = longest.filter(|imported| **imported != file) else { continue };
            imports.entry(file.clone()).or_default().insert(imported.clone());
            if let Some(other) = levels.of(imported).filter(|other| *other > own) {
                findings.push(source.finding(path.line, format!("level {own} imports {imported} of level {other}")));
            }
        }
    }
    findings.extend(circle(&imports).map(|circle| sources[0].finding(0, format!("a circle: {circle}"))));
    findings
}

/// A circle among the imports, if there is one. A child naming what its parent module holds, and the parent naming the
/// child, is none: they are one module in two files.
fn circle(imports: &BTreeMap<String, BTreeSet<String>>) -> Option<String> {
    fn visit<'a>(
        file: &'a str,
        imports: &'a BTreeMap<String, BTreeSet<String>>,
        path: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<String> {
        if let Some(at) = path.iter().position(|seen| *seen == file) {
            return Some(format!("{} -> {file}", path[at..].join(" -> ")));
        }
        if done.contains(file) {
            return None;
        }
        path.push(file);
        let next = imports.get(file).into_iter().flatten().filter(|next| !is_parent(next, file));
        let found = next.map(|next| visit(next, imports, path, done)).find(Option::is_some).flatten();
        path.pop();
        done.insert(file);
        found
    }
    let mut done = BTreeSet::new();
    imports.keys().find_map(|file| visit(file, imports, &mut Vec::new(), &mut done))
}

fn is_parent(file: &str, of: &str) -> bool {
    file.strip_suffix("mod.rs").is_some_and(|folder| of.starts_with(folder))
}

mod tests {
    use super::*;

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> =
            files.iter().map(|(file, text)| Source::parse(&format!("{ROOT}{file}"), text)).collect();
        check(&sources, &Levels::of_page(PAGE)).iter().map(Finding::to_string).collect()
    }

    const PAGE: &str = "Some text.\n\n| level | modules | what |\n|---|---|---|\n| 6 | `main`, `cli/` | a |\n\
        | 3 | `client/{mod,session}`, `client/other` | b |\n| 2 | `hub`, `client/` | c |\n| 0 | `outbox`, `frame` | d |\n";

    #[test]
    fn the_table_is_read() {
        let levels = Levels::of_page(PAGE);
        for (file, level) in [
            ("main.rs", Some(6)),
            ("cli/run.rs", Some(6)),
            ("client/session.rs", Some(3)),
            ("client/wire.rs", Some(2)),
            ("frame.rs", Some(0)),
            ("misc.rs", None),
        ] {
            assert_eq!(levels.of(file), level, "{file}");
        }
    }

    #[test]
    fn lower_levels_and_the_own_level_may_be_imported() {
        let good = [
            ("hub.rs", "use crate::outbox::Outbox; use crate::frame;"),
            ("outbox.rs", "use crate::frame::Frame;"),
            ("frame.rs", "mod tests {}"),
            ("client/mod.rs", "use self::session::Session; use crate::client::wire;"),
            ("client/session.rs", "use super::wire::Wire; use crate::hub::Hub;"),
            ("client/wire.rs", "use crate::hub::Hub;"),
            ("main.rs", "use pusud::hub;"),
        ];
        assert_eq!(findings(&good), [""; 0]);
    }

    #[test]
    fn higher_levels_are_found() {
        let upward = [("frame.rs", "\nuse crate::{hub::Hub};"), ("hub.rs", "")];
        assert_eq!(findings(&upward), ["pusud/src/frame.rs:2: level 0 imports hub.rs of level 2"]);
        let into_a_folder = [("hub.rs", "fn f() { crate::client::g() }"), ("client/mod.rs", "")];
        assert_eq!(findings(&into_a_folder), ["pusud/src/hub.rs:1: level 2 imports client/mod.rs of level 3"]);
        let in_the_folder = [("client/wire.rs", "use super::session::A;"), ("client/session.rs", "")];
        assert_eq!(findings(&in_the_folder).len(), 1);
    }

    #[test]
    fn circles_are_found() {
        let circle = [("outbox.rs", "use crate::frame::A;"), ("frame.rs", "use crate::outbox::C;")];
        assert_eq!(findings(&circle), ["pusud/src/outbox.rs:0: a circle: frame.rs -> outbox.rs -> frame.rs"]);
        let three = [
            ("client/session.rs", "use super::other::A;"),
            ("client/other.rs", "use crate::client::other_one::B;"),
            ("client/other_one.rs", "use super::session::C;"),
        ];
        assert!(findings(&three).iter().any(|finding| finding.contains("a circle")));
        let family = [("client/mod.rs", "use crate::client::wire::A;"), ("client/wire.rs", "use super::B;")];
        assert!(!findings(&family).iter().any(|finding| finding.contains("a circle")));
    }

    #[test]
    fn a_file_without_a_level_is_found() {
        assert_eq!(findings(&[("misc.rs", "")]).len(), 1);
    }
}
