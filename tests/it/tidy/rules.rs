//! The rules that look at one file alone.

use super::source::{Finding, Source, inside, is, line_of};
use proc_macro2::{Delimiter, TokenTree};

const FILE_LINES_MAX: usize = 300;
/// What a file says in its head that may be longer, with the reason behind it.
const LONGER: &str = "// Longer than 300 lines: ";
const FUNCTION_LINES_MAX: usize = 70;
const HEAD_LINES_MAX: usize = 12;

/// The words that no head begins with: the noun comes first.
const QUESTION_WORDS: [&str; 10] = ["How", "What", "Whatever", "When", "Where", "Which", "Who", "Whom", "Whose", "Why"];

/// Where `unsafe` may be written.
const UNSAFE_ALLOWED: [&str; 3] =
    ["pusu-plugin-api/", "pusud/src/authenticator/library.rs", "pusud/src/authenticator/library/"];

/// No file is longer than [`FILE_LINES_MAX`] lines, its tests counted, unless its head says why; and none says so that is
/// not.
pub(super) fn file_length(source: &Source) -> Vec<Finding> {
    let lines = source.lines.len();
    let mut head = source.lines.iter().take_while(|line| line.starts_with("//"));
    let reason = head.find_map(|line| line.strip_prefix(LONGER)).filter(|reason| reason.len() > 10);
    let what = match (lines > FILE_LINES_MAX, reason) {
        (true, None) => {
            format!("{lines} lines, at most {FILE_LINES_MAX}: split it along a noun, or write why: `{LONGER}…`")
        }
        (false, Some(_)) => format!("{lines} lines need no reason"),
        _ => return vec![],
    };
    vec![source.finding(lines, what)]
}

/// No function is longer than [`FUNCTION_LINES_MAX`] lines, from `fn` to the closing brace.
pub(super) fn function_length(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    source.for_each_sequence(&mut |tokens| {
        for (at, token) in tokens.iter().enumerate() {
            let Some(TokenTree::Ident(name)) = tokens.get(at + 1).filter(|_| is(Some(token), "fn")) else { continue };
            let body = tokens[at..].iter().take_while(|token| !is(Some(token), ";")).find_map(|token| match token {
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group),
                _ => None,
            });
            let Some(body) = body else { continue };
            let lines = body.span_close().end().line - line_of(token) + 1;
            if lines > FUNCTION_LINES_MAX {
                let what = format!("`{name}` has {lines} lines, at most {FUNCTION_LINES_MAX}");
                findings.push(source.finding(line_of(token), what));
            }
        }
    });
    findings
}

/// Every file begins with `//!` lines, which name the noun first, and not with an essay.
pub(super) fn module_head(source: &Source) -> Vec<Finding> {
    let mut findings = head_length(source);
    findings.extend(head_names_its_noun(source));
    findings
}

fn head_length(source: &Source) -> Vec<Finding> {
    let head = source.lines.iter().take_while(|line| line.starts_with("//!")).count();
    match head {
        0 if source.is_tests => vec![],
        0 => vec![source.finding(1, "does not begin with `//!`: say what the module owns and what it never does")],
        1..=HEAD_LINES_MAX => vec![],
        // What others build against documents itself at length.
        _ if !source.name.starts_with("pusud/") => vec![],
        _ => vec![source.finding(1, format!("a head of {head} lines, at most {HEAD_LINES_MAX}"))],
    }
}

/// The head of a file names its noun first, and opens with no question word.
fn head_names_its_noun(source: &Source) -> Option<Finding> {
    let head = source.lines.first().and_then(|line| line.strip_prefix("//!")).unwrap_or_default();
    let first = head.split_whitespace().next().unwrap_or_default().split('\'').next().unwrap_or_default();
    let what = || format!("a head that opens with `{first}`: name the noun first");
    QUESTION_WORDS.contains(&first).then(|| source.finding(1, what()))
}

/// No `unwrap()`, and none of the macros that stand for unfinished work.
pub(super) fn forbidden_words(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    source.for_each_sequence(&mut |tokens| {
        for (at, token) in tokens.iter().enumerate() {
            let next = tokens.get(at + 1);
            let is_macro = ["todo", "dbg", "unimplemented"].iter().find(|name| is(Some(token), name) && is(next, "!"));
            if let Some(name) = is_macro {
                findings.push(source.finding(line_of(token), format!("`{name}!`")));
            }
            let is_call = inside(next, Delimiter::Parenthesis).is_some_and(|arguments| arguments.is_empty());
            if is(Some(token), "unwrap") && at > 0 && is(tokens.get(at - 1), ".") && is_call {
                let what = "`unwrap()`: an invariant is an `expect(\"why it holds\")`, the rest is an error";
                findings.push(source.finding(line_of(token), what));
            }
        }
    });
    for (at, line) in source.lines.iter().enumerate() {
        if ["TODO", "FIXME", "XXX"].iter().any(|word| line.contains(word)) {
            findings.push(source.finding(at + 1, "unfinished work"));
        }
    }
    findings
}

/// Comments are sentences. Documentation may show code, other comments may not be some.
pub(super) fn commented_out_code(source: &Source) -> Vec<Finding> {
    let is_code = |line: &&String| {
        let Some(comment) = line.trim_start().strip_prefix("//") else { return false };
        if comment.starts_with(['/', '!']) {
            return false;
        }
        let comment = comment.trim();
        let starts = ["let ", "use ", "pub ", "fn ", "mod ", "impl ", "#[", "return ", "} else"];
        let begins_as_code = starts.iter().any(|start| comment.starts_with(start));
        let ends_as_code = comment.ends_with([';', '{', '}']) || comment.ends_with("),") || comment.ends_with(");");
        ends_as_code || (begins_as_code && comment.contains(['(', '=', ':']) && !comment.ends_with('.'))
    };
    let numbered = source.lines.iter().enumerate();
    numbered.filter(|(_, line)| is_code(line)).map(|(at, _)| source.finding(at + 1, "commented-out code")).collect()
}

/// `unsafe` stands only where it is allowed, and every block and `impl` says why it is sound in the lines before it.
pub(super) fn unsafe_code(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let allowed = UNSAFE_ALLOWED.iter().any(|place| source.name.starts_with(place));
    source.for_each_sequence(&mut |tokens| {
        for (at, token) in tokens.iter().enumerate().filter(|(_, token)| is(Some(token), "unsafe")) {
            let (line, next) = (line_of(token), tokens.get(at + 1));
            if inside(next, Delimiter::Parenthesis).is_some() {
                continue; // An attribute such as `#[unsafe(no_mangle)]`: what it exports is checked where it is called.
            }
            if !allowed {
                findings.push(source.finding(line, "`unsafe` does not belong here"));
            }
            let needs_reason = is(next, "impl") || inside(next, Delimiter::Brace).is_some();
            if needs_reason && !says_why(&source.lines[..line]) {
                findings.push(source.finding(line, "`unsafe` without a `// SAFETY:` comment right before it"));
            }
        }
    });
    findings
}

/// Whether the statement that the last of `lines` belongs to has a `SAFETY:` comment in it or before it.
fn says_why(lines: &[String]) -> bool {
    let (last, before) = lines.split_last().expect("the line itself");
    let of_statement = before.iter().rev().take_while(|line| {
        let line = line.trim();
        line.starts_with("//") || line.starts_with("#[") || !(line.is_empty() || line.ends_with([';', '}']))
    });
    std::iter::once(last).chain(of_statement).take(15).any(|line| line.contains("SAFETY:"))
}

mod tests {
    use super::*;

    fn objections(rule: fn(&Source) -> Vec<Finding>, name: &str, text: &str) -> usize {
        rule(&Source::parse(name, text)).len()
    }

    #[test]
    fn long_files_are_found() {
        let lines = |head: &str, count: usize| format!("//! Owns a.\n{head}{}", "fn a() {}\n".repeat(count));
        let reason = "// Longer than 300 lines: all of it is one table.\n";
        assert_eq!(objections(file_length, "a.rs", &lines("", 299)), 0);
        assert_eq!(objections(file_length, "a.rs", &lines("", 300)), 1);
        assert_eq!(objections(file_length, "a.rs", &lines(reason, 300)), 0);
        assert_eq!(objections(file_length, "a.rs", &lines(reason, 200)), 1);
        assert_eq!(objections(file_length, "a.rs", &lines("// Longer than 300 lines: \n", 300)), 1);
        assert_eq!(objections(file_length, "a.rs", &format!("{}{reason}", lines("", 300))), 1);
    }

    #[test]
    fn long_functions_are_found() {
        let function =
            |lines: usize| format!("impl A {{ pub fn f(&self) -> [u8; 2] {{\n{}}} }}", "a();\n".repeat(lines - 2));
        assert_eq!(objections(function_length, "a.rs", &function(70)), 0);
        assert_eq!(objections(function_length, "a.rs", &function(71)), 1);
        let in_test = format!("#[cfg(test)] mod tests {{ {} }}", function(100));
        assert_eq!(objections(function_length, "a.rs", &in_test), 0);
        let declared = format!("trait T {{ fn f(); }}\n{}", "a! {}\n".repeat(100));
        assert_eq!(objections(function_length, "a.rs", &declared), 0);
    }

    #[test]
    fn missing_and_endless_heads_are_found() {
        assert_eq!(objections(module_head, "a.rs", "use a::b;"), 1);
        assert_eq!(objections(module_head, "a.rs", "//! Owns a.\n"), 0);
        assert_eq!(objections(module_head, "pusud/src/a.rs", &"//! And so on.\n".repeat(13)), 1);
        assert_eq!(objections(module_head, "pusu-plugin-api/src/a.rs", &"//! And so on.\n".repeat(13)), 0);
    }

    #[test]
    fn heads_that_open_with_a_question_are_found() {
        for bad in ["//! What a client may do.\n", "//! Who's asked.\n", "//! Whose turn it is.\n", "//!  How fast.\n"]
        {
            assert_eq!(objections(module_head, "pusud/src/a.rs", bad), 1, "{bad}");
        }
        for good in ["//! The queue of frames.\n", "//! Whole frames.\n", "//! It asks what is there.\n"] {
            assert_eq!(objections(module_head, "pusud/src/a.rs", good), 0, "{good}");
        }
    }

    #[test]
    fn unfinished_work_is_found() {
        let in_macro = "fn f() { select! { a = b() => c.unwrap(), } }";
        for bad in ["fn f() { a.unwrap(); }", in_macro, "fn f() { todo!() }", "fn f() { dbg!(a); }", "// TODO: this"] {
            assert_eq!(objections(forbidden_words, "a.rs", bad), 1, "{bad}");
        }
        let good = "fn f() { a.unwrap_or(1); b.expect(\"unwrap()\"); // unwrap()\n }\n#[cfg(test)]\nmod t { fn f() { a.unwrap(); } }";
        assert_eq!(objections(forbidden_words, "a.rs", good), 0);
        assert_eq!(objections(forbidden_words, "a.rs", &format!("{good} fn g() {{ a.unwrap(); }}")), 1);
    }

    #[test]
    fn commented_out_code_is_found() {
        for bad in ["// let a = 1;", "    // a.b(c);", "// if a {", "// }", "// use a::b", "// foo(a),"] {
            assert_eq!(objections(commented_out_code, "a.rs", bad), 1, "{bad}");
        }
        for good in
            ["// Let it be.", "/// let a = 1;", "//! a();", "// Uses `a::b()`.", "a(); // A semicolon; and more"]
        {
            assert_eq!(objections(commented_out_code, "a.rs", good), 0, "{good}");
        }
    }

    #[test]
    fn unsafe_code_is_found() {
        let library = "pusud/src/authenticator/library.rs";
        let reasoned = "fn f() {\n    // SAFETY: it holds.\n    let a =\n        unsafe { b() };\n}";
        assert_eq!(objections(unsafe_code, library, reasoned), 0);
        assert_eq!(objections(unsafe_code, "pusud/src/hub.rs", reasoned), 1);
        let another = "fn f() {\n    // SAFETY: it holds.\n    unsafe { b() };\n    unsafe { c() };\n}";
        assert_eq!(objections(unsafe_code, library, another), 1);
        assert_eq!(objections(unsafe_code, library, "unsafe impl Send for A {}"), 1);
        assert_eq!(objections(unsafe_code, library, "// SAFETY: owns it.\nunsafe impl Send for A {}"), 0);
        assert_eq!(objections(unsafe_code, library, "type F = unsafe extern \"C\" fn();"), 0);
        assert_eq!(objections(unsafe_code, "pusud/src/hub.rs", "unsafe fn f() {}"), 1);
    }
}
