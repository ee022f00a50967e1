//! Text that strangers chose, on its way to a terminal: escaped so that it steers nothing and stands in the order in which
//! it is read. Into a pipe or a file goes what it is.
//!
//! **Invariant:** what is escaped inside of a JSON text is the same JSON value.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::IsTerminal;

/// `text` as it is written to `out`: escaped if that is a terminal. Ends of lines and tabs stay.
pub(super) fn shown<'a>(text: &'a str, out: &impl IsTerminal) -> Cow<'a, str> {
    if out.is_terminal() { escaped(text) } else { Cow::Borrowed(text) }
}

/// `text` with what steers a terminal written as JSON writes it (`\u009b`).
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) {
            write!(out, "\\u{:04x}", u32::from(c)).expect("writing to a String cannot fail");
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Controls of C0 and C1, DEL, separators of lines and paragraphs, and marks that change the direction of what follows
/// (Unicode Standard Annex 9). All of them have four hexadecimal digits.
fn steers(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}' => true,
        c => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        for (text, expected) in [
            ("plain ä 漢 \u{1f600}\n\tmore\n", "plain ä 漢 \u{1f600}\n\tmore\n"),
            ("\u{1b}[31m\u{9b}31m\u{7f}\r\u{0}", "\\u001b[31m\\u009b31m\\u007f\\u000d\\u0000"),
            ("a\u{202e}b\u{2066}c\u{200f}", "a\\u202eb\\u2066c\\u200f"),
            ("שלום\u{2028}", "שלום\\u2028"),
            ("joined\u{200d}stays", "joined\u{200d}stays"),
        ] {
            assert_eq!(escaped(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn json_keeps_its_value(text in "\\PC{0,20}[\u{7f}-\u{9f}\u{2020}-\u{2070}]{0,5}") {
            let json = serde_json::to_string(&text).unwrap();
            let shown = escaped(&json).into_owned();
            prop_assert!(!shown.contains(steers));
            prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }
    }
}
