//! One file of the tree: its lines, and its tokens without the tests in it.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::fmt;
use std::str::FromStr;

/// A parsed source file.
pub(super) struct Source {
    /// Its path from the root of the tree, with `/`.
    pub(super) name: String,
    /// Whether all of it is tests: a module that is declared behind `#[cfg(test)]`.
    pub(super) is_tests: bool,
    pub(super) lines: Vec<String>,
    /// All of its tokens, tests too.
    pub(super) tokens: Vec<TokenTree>,
}

/// What a rule objects to.
#[derive(Debug, PartialEq)]
pub(super) struct Finding {
    file: String,
    line: usize,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

impl Source {
    pub(super) fn parse(name: &str, text: &str) -> Self {
        let stream = TokenStream::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let lines = text.lines().map(str::to_owned).collect();
        Self { name: name.into(), is_tests: false, lines, tokens: stream.into_iter().collect() }
    }

    pub(super) fn finding(&self, line: usize, what: impl Into<String>) -> Finding {
        Finding { file: self.name.clone(), line, what: what.into() }
    }

    /// Calls `visit` with every sequence of tokens that stands between two delimiters, the file's own first, without
    /// the tests. Macros' arguments are tokens like all others, so nothing hides in them.
    pub(super) fn for_each_sequence(&self, visit: &mut dyn FnMut(&[TokenTree])) {
        if !self.is_tests {
            walk(self.tokens.clone(), visit);
        }
    }
}

/// Finds out which of the files are tests.
pub(super) fn mark_tests(sources: &mut [Source]) {
    let tests: Vec<String> = sources.iter().flat_map(declared_tests).collect();
    for source in sources {
        let is_in_folder_of =
            |module: &String| source.name.starts_with(&format!("{}/", module.trim_end_matches(".rs")));
        source.is_tests = tests.iter().any(|module| *module == source.name || is_in_folder_of(module));
    }
}

/// The files of the modules that `source` declares behind `#[cfg(test)]`.
fn declared_tests(source: &Source) -> Vec<String> {
    let (folder, file) = source.name.rsplit_once('/').unwrap_or((".", &source.name));
    let children = match file {
        "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
        _ => format!("{folder}/{}", file.trim_end_matches(".rs")),
    };
    let declared = |at: usize| {
        let mut rest = source.tokens.get(at + 2..).filter(|_| is_cfg_test(&source.tokens[at..]))?;
        let mut path = None;
        while let Some(attribute) = inside(rest.get(1), Delimiter::Bracket).filter(|_| is(rest.first(), "#")) {
            path = path.or_else(|| is(attribute.first(), "path").then(|| attribute.get(2).map(ToString::to_string))?);
            rest = &rest[2..];
        }
        let is_module = is(rest.first(), "mod") && is(rest.get(2), ";");
        let name = rest.get(1).filter(|_| is_module)?;
        Some(
            path.map_or_else(|| format!("{children}/{name}.rs"), |path| format!("{folder}/{}", path.trim_matches('"'))),
        )
    };
    (0..source.tokens.len()).filter_map(declared).collect()
}

fn walk(tokens: Vec<TokenTree>, visit: &mut dyn FnMut(&[TokenTree])) {
    let tokens = without_tests(tokens);
    visit(&tokens);
    for token in tokens {
        if let TokenTree::Group(group) = token {
            walk(group.stream().into_iter().collect(), visit);
        }
    }
}

/// Leaves out what `#[cfg(test)]` stands before: up to the end of the item, which is its `{…}` or its `;`.
fn without_tests(tokens: Vec<TokenTree>) -> Vec<TokenTree> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_cfg_test(&tokens[at..]) {
            at += 2;
            while at < tokens.len() && !is(tokens.get(at), ";") && inside(tokens.get(at), Delimiter::Brace).is_none() {
                at += 1;
            }
        } else {
            kept.push(tokens[at].clone());
        }
        at += 1;
    }
    kept
}

/// Whether `tokens` begin with `#[cfg(test)]`.
pub(super) fn is_cfg_test(tokens: &[TokenTree]) -> bool {
    let attribute = inside(tokens.get(1), Delimiter::Bracket).unwrap_or_default();
    let condition = inside(attribute.get(1), Delimiter::Parenthesis).unwrap_or_default();
    is(tokens.first(), "#") && is(attribute.first(), "cfg") && condition.len() == 1 && is(condition.first(), "test")
}

/// Whether `token` is the identifier or the punctuation `text`.
pub(super) fn is(token: Option<&TokenTree>, text: &str) -> bool {
    match token {
        Some(TokenTree::Ident(ident)) => ident == text,
        Some(TokenTree::Punct(punct)) => text.len() == 1 && text.starts_with(punct.as_char()),
        _ => false,
    }
}

/// The tokens between the delimiters of a group of this kind.
pub(super) fn inside(token: Option<&TokenTree>, delimiter: Delimiter) -> Option<Vec<TokenTree>> {
    match token {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group.stream().into_iter().collect()),
        _ => None,
    }
}

/// The line a token starts in, from 1.
pub(super) fn line_of(token: &TokenTree) -> usize {
    token.span().start().line
}

mod tests {
    use super::*;

    #[test]
    fn files_of_tests_are_found() {
        let declared = |name: &str, text: &str| declared_tests(&Source::parse(name, text));
        assert_eq!(declared("a/mod.rs", "mod x; #[cfg(test)] mod tests;"), ["a/tests.rs"]);
        assert_eq!(declared("a/b.rs", "#[cfg(test)] mod tests;"), ["a/b/tests.rs"]);
        assert_eq!(declared("a/b.rs", "#[cfg(test)]\n#[path = \"b_tests.rs\"]\nmod tests;"), ["a/b_tests.rs"]);
        assert_eq!(declared("a/b.rs", "#[cfg(unix)] mod x; #[cfg(test)] mod tests {} mod y;"), [""; 0]);
    }

    #[test]
    fn the_folder_of_tests_is_tests() {
        let file = |name, text| Source::parse(name, text);
        let mut sources =
            [file("a/mod.rs", "#[cfg(test)] mod tests;"), file("a/tests/mod.rs", "mod b;"), file("a/tests/b.rs", "")];
        mark_tests(&mut sources);
        assert_eq!(sources.map(|source| source.is_tests), [false, true, true]);
    }

    #[test]
    fn tests_are_left_out() {
        let seen = |text: &str| {
            let mut seen = Vec::new();
            Source::parse("a.rs", text).for_each_sequence(&mut |tokens| {
                seen.extend(tokens.iter().filter(|token| is(Some(token), "here")).map(line_of));
            });
            seen
        };
        assert_eq!(seen("here;\n#[cfg(test)]\nmod t { here }\nfn f() { m!(here) }"), [1, 4]);
        assert_eq!(seen("#[cfg(test)]\nuse here;\n#[cfg(not(test))]\nuse here;"), [4]);
    }
}
