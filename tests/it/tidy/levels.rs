//! Import levels: a module of the daemon imports only lower levels and its own folder, and there are no circles.

use super::source::{Finding, Source};
use super::use_paths::use_paths;
use std::collections::{BTreeMap, BTreeSet};

/// The lowest level is values and functions on them, which may be made of each other.
const LOWEST: u32 = 0;

/// The levels of ARCHITECTURE.md, by the start of the path below `pusud/src/`; of several the longest counts. A
/// folder's row is for whatever in it has no row of its own.
const LEVELS: &[(&str, u32)] = &[
    ("main.rs", 6),
    ("cli/", 6),
    ("logging.rs", 5),
    ("relay.rs", 5),
    ("acceptor.rs", 4),
    ("shard.rs", 4),
    ("network/mod.rs", 4),
    ("client/", 3),
    ("network/peer.rs", 3),
    ("hub.rs", 2),
    ("inbox.rs", 1),
    ("outbox.rs", 1),
    ("shard_index.rs", 1),
    ("subscriptions.rs", 1),
    ("authenticator/", 1),
    ("network/interest.rs", 1),
    ("client/handshake.rs", 1),
    ("config.rs", 0),
    ("config/", 0),
    ("limits.rs", 0),
    ("channel.rs", 0),
    ("permission.rs", 0),
    ("message.rs", 0),
    ("frame.rs", 0),
    ("read_buffer.rs", 0),
    ("disconnect.rs", 0),
    ("stats.rs", 0),
    ("shutdown.rs", 0),
    ("network/codec.rs", 0),
    ("network/backoff.rs", 0),
    ("authenticator/library.rs", 0),
];

const ROOT: &str = "pusud/src/";

fn level(file: &str) -> Option<u32> {
    let rows = LEVELS.iter().filter(|(start, _)| file == *start || (start.ends_with('/') && file.starts_with(start)));
    rows.max_by_key(|(start, _)| start.len()).map(|(_, level)| *level)
}

/// The folder that a file's module is or stands in; `None` at the top.
fn folder(file: &str) -> Option<&str> {
    file.split_once('/').map(|(folder, _)| folder)
}

/// The module that a file is: `client/mod.rs` is `client`.
fn module(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

/// Checks all files of the daemon together.
pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let of_daemon = |source: &Source| {
        source.name.strip_prefix(ROOT).filter(|file| *file != "lib.rs" && !source.is_tests).map(str::to_owned)
    };
    let files: BTreeMap<Vec<String>, String> =
        sources.iter().filter_map(of_daemon).map(|file| (module(&file), file)).collect();
    let mut findings = Vec::new();
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources {
        let Some(file) = of_daemon(source) else { continue };
        let Some(own) = level(&file) else {
            findings.push(source.finding(1, "is in no row of the levels: add it to ARCHITECTURE.md and to this test"));
            continue;
        };
        for path in use_paths(source, &module(&file), "pusud") {
            let longest = (1..=path.segments.len()).rev().find_map(|length| files.get(&path.segments[..length]));
            let Some(imported) = longest.filter(|imported| **imported != file) else { continue };
            imports.entry(file.clone()).or_default().insert(imported.clone());
            let same_folder = folder(&file).is_some() && folder(&file) == folder(imported);
            let Some(other) = level(imported).filter(|other| *other >= own && !same_folder) else { continue };
            if (own, other) != (LOWEST, LOWEST) {
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
        check(&sources).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn lower_levels_and_the_own_folder_may_be_imported() {
        let good = [
            ("hub.rs", "use crate::outbox::Outbox; use crate::frame;"),
            ("outbox.rs", "use crate::frame::Frame;"),
            ("frame.rs", "use crate::disconnect::Disconnect;"),
            ("disconnect.rs", ""),
            ("client/mod.rs", "use self::session::Session; use crate::client::wire; mod tests {}"),
            ("client/session.rs", "use super::wire::Wire; use crate::hub::Hub;"),
            ("client/wire.rs", "use crate::outbox::Outbox;"),
            ("main.rs", "use pusud::hub;"),
        ];
        assert_eq!(findings(&good), [""; 0]);
    }

    #[test]
    fn higher_and_equal_levels_are_found() {
        let upward = [("frame.rs", "\nuse crate::{hub::Hub};"), ("hub.rs", "")];
        assert_eq!(findings(&upward), ["pusud/src/frame.rs:2: level 0 imports hub.rs of level 2"]);
        let sideways = [("outbox.rs", "fn f() { crate::subscriptions::g() }"), ("subscriptions.rs", "")];
        assert_eq!(findings(&sideways).len(), 1);
        let into_a_folder = [("outbox.rs", "use crate::client::Client;"), ("client/mod.rs", "")];
        assert_eq!(findings(&into_a_folder).len(), 1);
    }

    #[test]
    fn circles_in_a_folder_are_found() {
        let circle = [
            ("client/session.rs", "use super::wire::A;"),
            ("client/wire.rs", "use crate::client::other::B;"),
            ("client/other.rs", "use super::session::C;"),
        ];
        let found = findings(&circle);
        assert!(found.len() == 1 && found[0].contains("client/other.rs -> client/session.rs"), "{found:?}");
        let family = [("client/mod.rs", "use crate::client::wire::A;"), ("client/wire.rs", "use super::B;")];
        assert_eq!(findings(&family), [""; 0]);
    }

    #[test]
    fn a_file_without_a_level_is_found() {
        assert_eq!(findings(&[("misc.rs", "")]).len(), 1);
    }
}
