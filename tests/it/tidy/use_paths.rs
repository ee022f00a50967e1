//! What a file of a crate names of its own crate: every `crate::a::b` and `super::b`, in imports and elsewhere.

use super::source::{Source, inside, is, line_of};
use proc_macro2::{Delimiter, TokenTree};

/// A path inside the crate, as it is named, and the line where.
#[derive(Debug, PartialEq)]
pub(super) struct UsePath {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
}

/// All paths that start at the crate's root (`crate::`, or the crate's own name in its binary) or at a module above.
pub(super) fn use_paths(source: &Source, module: &[String], crate_name: &str) -> Vec<UsePath> {
    let mut paths = Vec::new();
    source.for_each_sequence(&mut |tokens| {
        for at in 0..tokens.len() {
            // The `::` before it makes it a segment of something else.
            if at > 0 && is(tokens.get(at - 1), ":") {
                continue;
            }
            let root = if is(tokens.get(at), "crate") || is(tokens.get(at), crate_name) {
                Vec::new()
            } else if is(tokens.get(at), "super") {
                module.split_last().map(|(_, parent)| parent.to_vec()).unwrap_or_default()
            } else {
                continue;
            };
            follow(&tokens[at + 1..], root, &mut paths);
        }
    });
    paths
}

/// Follows `::a::b`, into `::{a, b::c}` too.
fn follow(tokens: &[TokenTree], mut path: Vec<String>, paths: &mut Vec<UsePath>) {
    if !(is(tokens.first(), ":") && is(tokens.get(1), ":")) {
        return paths.extend(named(path, tokens));
    }
    if let Some(group) = inside(tokens.get(2), Delimiter::Brace) {
        for tree in group.split(|token| is(Some(token), ",")).filter(|tree| !tree.is_empty()) {
            follow_name(tree, path.clone(), paths);
        }
    } else if is(tokens.get(2), "super") {
        path.pop();
        follow(&tokens[3..], path, paths);
    } else {
        follow_name(&tokens[2..], path, paths);
    }
}

fn follow_name(tokens: &[TokenTree], mut path: Vec<String>, paths: &mut Vec<UsePath>) {
    match tokens.first() {
        Some(TokenTree::Ident(ident)) if ident == "self" => {}
        Some(TokenTree::Ident(ident)) => path.push(ident.to_string()),
        first => return paths.extend(first.map(|token| UsePath { line: line_of(token), segments: path })),
    }
    let line = line_of(&tokens[0]);
    if is(tokens.get(1), ":") && is(tokens.get(2), ":") {
        follow(&tokens[1..], path, paths);
    } else {
        paths.push(UsePath { segments: path, line });
    }
}

fn named(path: Vec<String>, tokens: &[TokenTree]) -> Option<UsePath> {
    tokens.first().filter(|_| !path.is_empty()).map(|token| UsePath { segments: path, line: line_of(token) })
}

mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let source = Source::parse("pusud/src/client/wire.rs", text);
        let module = ["client".to_owned(), "wire".to_owned()];
        use_paths(&source, &module, "pusud").into_iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn paths_are_found_wherever_they_stand() {
        assert_eq!(found("use crate::hub::Hub;"), ["hub::Hub"]);
        assert_eq!(found("pub use crate::{hub::{Hub, self}, frame};"), ["hub::Hub", "hub", "frame"]);
        assert_eq!(found("fn f() { let a = crate::frame::encode(b); }"), ["frame::encode"]);
        assert_eq!(found("fn f(a: &mut crate::hub::Hub) {}"), ["hub::Hub"]);
        assert_eq!(found("use super::session::Session;"), ["client::session::Session"]);
        assert_eq!(found("use super::super::hub::*;"), ["hub"]);
        assert_eq!(found("use pusud::relay;"), ["relay"]);
        assert_eq!(found("info!(\"{}\", crate::stats::now());"), ["stats::now"]);
    }

    #[test]
    fn other_paths_are_left_alone() {
        assert!(found("use tokio::sync::mpsc; use std::{fmt, io}; a::b::c();").is_empty());
        assert!(found("pub(crate) struct A; pub(super) fn f() {}").is_empty());
        assert!(found("#[cfg(test)] mod tests { use crate::hub::Hub; }").is_empty());
    }
}
