//! Where unit tests stand: in the module `tests` of the file that they test, which is its last item; in `x/tests.rs` if
//! `x.rs` gets too long with them; and in a folder `tests/` of the wing if they need several files.

use super::source::{Finding, Source, inside, is, is_cfg_test, line_of};
use proc_macro2::{Delimiter, TokenTree};

/// A module of tests is called `tests`, is the last item where it has its body, and no test stands outside of one.
pub(super) fn places(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    modules(source, &source.tokens, &mut findings);
    source.for_each_sequence(&mut |tokens| {
        for (at, token) in tokens.iter().enumerate().filter(|(_, token)| is(Some(token), "#")) {
            let attribute = inside(tokens.get(at + 1), Delimiter::Bracket).unwrap_or_default();
            if is(attribute.last(), "test") || (is(attribute.first(), "tokio") && is(attribute.get(3), "test")) {
                findings.push(source.finding(line_of(token), "a test outside of a module `tests`"));
            }
        }
    });
    findings
}

fn modules(source: &Source, tokens: &[TokenTree], findings: &mut Vec<Finding>) {
    for at in 0..tokens.len() {
        if let Some(inner) = inside(tokens.get(at), Delimiter::Brace) {
            modules(source, &inner, findings);
        }
        let rest = &tokens[at..];
        if !is_cfg_test(rest) {
            continue;
        }
        let mut rest = &rest[2..];
        while is(rest.first(), "#") {
            if inside(rest.get(1), Delimiter::Bracket).is_some_and(|attribute| is(attribute.first(), "path")) {
                findings.push(source.finding(line_of(&rest[0]), "tests in a file that is named by `#[path]`"));
            }
            rest = &rest[2..];
        }
        let [keyword, name, body, behind @ ..] = rest else { continue };
        if !is(Some(keyword), "mod") {
            continue;
        }
        if !is(Some(name), "tests") {
            findings.push(source.finding(line_of(name), format!("a module of tests is called `tests`, not `{name}`")));
        }
        if inside(Some(body), Delimiter::Brace).is_some() && !behind.is_empty() {
            findings.push(source.finding(line_of(name), "tests stand at the end"));
        }
    }
}

mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        places(&Source::parse("pusud/src/hub/a.rs", text)).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn tests_in_their_places_are_good() {
        for good in [
            "fn f() {} #[cfg(test)] mod tests { #[test] fn g() {} }",
            "#[cfg(test)] mod tests; fn f() {}",
            "mod unix { fn f() {} #[cfg(test)] mod tests {} } fn g() {}",
            "#[cfg(test)] fn sample() {} fn f() {}",
            "#[tokio::main] fn f() {}",
        ] {
            assert_eq!(findings(good), [""; 0], "{good}");
        }
    }

    #[test]
    fn tests_elsewhere_are_found() {
        for bad in [
            "#[cfg(test)] mod examples;",
            "#[cfg(test)] #[path = \"a_tests.rs\"] mod tests;",
            "#[cfg(test)] mod tests {} fn f() {}",
            "mod unix { #[cfg(test)] mod tests {} fn f() {} }",
            "#[test] fn f() {}",
            "#[tokio::test] async fn f() {}",
            "#[tokio::test(start_paused = true)] async fn f() {}",
        ] {
            assert_eq!(findings(bad).len(), 1, "{bad}");
        }
    }
}
