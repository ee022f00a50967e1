//! The width of text on a terminal, in columns: letters of East Asia and pictures take two, and marks that stand over others
//! none.

use std::borrow::Cow;

/// What takes two columns (Unicode Standard Annex 11, W and F), in blocks.
const WIDE: [(u32, u32); 14] = [
    (0x1100, 0x115f),
    (0x2e80, 0x303e),
    (0x3041, 0x4dbf),
    (0x4e00, 0xa4cf),
    (0xa960, 0xa97f),
    (0xac00, 0xd7a3),
    (0xf900, 0xfaff),
    (0xfe30, 0xfe6f),
    (0xff00, 0xff60),
    (0xffe0, 0xffe6),
    (0x1f300, 0x1f64f),
    (0x1f680, 0x1f6ff),
    (0x1f900, 0x1faff),
    (0x20000, 0x3fffd),
];
/// What takes none.
const NONE: [(u32, u32); 7] = [
    (0x300, 0x36f),
    (0x483, 0x489),
    (0x591, 0x5bd),
    (0x64b, 0x65f),
    (0x200b, 0x200f),
    (0x20d0, 0x20f0),
    (0xfe00, 0xfe0f),
];

fn of_letter(c: char) -> usize {
    let is_in = |blocks: &[(u32, u32)]| blocks.iter().any(|&(first, last)| (first..=last).contains(&u32::from(c)));
    match c {
        '\0'..'\u{300}' => 1,
        _ if is_in(&NONE) => 0,
        _ if is_in(&WIDE) => 2,
        _ => 1,
    }
}

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(of_letter).sum()
}

/// The beginning of a text that has room in so many columns.
pub(super) fn fitting(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    let end = text.char_indices().find(|&(_, c)| {
        taken += of_letter(c);
        taken > columns
    });
    end.map_or(text, |(end, _)| &text[..end])
}

/// The lines of a text that has as many columns for each; a word that is longer has several.
pub(super) fn wrapped(text: &str, columns: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(' ');
        let whole = fitting(rest, columns.max(2));
        let line = match rest[whole.len()..].starts_with(' ') || whole.len() == rest.len() {
            true => whole,
            false => whole.rfind(' ').map_or(whole, |end| &whole[..end]),
        };
        rest = &rest[line.len()..];
        (!line.is_empty()).then(|| line.trim_end_matches(' '))
    })
}

/// The beginning of a text that has room in so many columns, and where it is cut it ends with `…`.
pub(super) fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns { text.into() } else { format!("{}…", fitting(text, columns.saturating_sub(1))).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_wrapped_at_its_words_and_nothing_of_it_is_lost() {
        let lines = |text, columns| wrapped(text, columns).collect::<Vec<_>>();
        assert_eq!(lines("one two three", 7), ["one two", "three"]);
        assert_eq!(lines("one two three", 8), ["one two", "three"]);
        assert_eq!(lines("a verylongword b", 6), ["a", "verylo", "ngword", "b"]);
        assert_eq!(lines("日本 語", 4), ["日本", "語"]);
        assert_eq!(lines("", 5), [""; 0]);
    }

    #[test]
    fn letters_take_what_a_terminal_gives_them() {
        for (text, columns) in
            [("", 0), ("abc", 3), ("ländlich", 8), ("漢字", 4), ("한", 2), ("\u{1f600}!", 3), ("a\u{301}", 1)]
        {
            assert_eq!(width(text), columns, "{text}");
        }
        assert_eq!([fitting("漢字", 3), fitting("漢字", 4), fitting("abc", 2)], ["漢", "漢字", "ab"]);
        assert_eq!([cut("漢字", 4), cut("漢字漢", 4), cut("abc", 2)], ["漢字", "漢…", "a…"]);
    }
}
