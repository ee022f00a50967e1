//! Placeholders such as `${NAME}` and `${NAME:-x}`, which shells and compose files replace and this program does not.
//!
//! `$NAME` is none: hashes of passwords begin in this way (`$argon2id$…`), and a password may have a `$` anywhere.

/// What may stand between the name and a text for the case that there is a variable, or none.
const OPERATORS: [&str; 8] = [":-", "-", ":=", "=", ":?", "?", ":+", "+"];

/// Whether a text holds `${`, a name and `}`, anywhere, also with an operator and another text behind the name.
pub(crate) fn has_placeholder(text: &str) -> bool {
    text.match_indices("${").any(|(at, _)| {
        let behind = &text[at + 2..];
        let name_end = behind.find(|part: char| !part.is_ascii_alphanumeric() && part != '_').unwrap_or(behind.len());
        let (name, rest) = behind.split_at(name_end);
        let has_operator = OPERATORS.iter().any(|operator| rest.starts_with(operator)) && rest.contains('}');
        is_name(name) && (rest.starts_with('}') || has_operator)
    })
}

/// Whether a variable may be called so: letters, digits and `_`, not a digit first.
pub(crate) fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.bytes().all(is_part) && text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_has_a_name_in_braces() {
        for text in ["${NAME}", "a${b_1}c", "${${x}", "$${A}", "${}${A}"] {
            assert!(has_placeholder(text), "{text}");
        }
        for text in [
            "${A:-x}",
            "${A-x}",
            "${A:?no}",
            "${A?}",
            "${A:+x}",
            "${A+x}",
            "${A:=x}",
            "${A=x}",
            "b${A:-}c",
            "${A:-${B:-é}}",
        ] {
            assert!(has_placeholder(text), "{text}");
        }
        for text in
            ["${A:-x", "${A:x}", "${A x}", "${:-x}", "${1:-x}", "${A", "${A:", "$A:-x}", "${A%x}", "$A", "a$NAME"]
        {
            assert!(!has_placeholder(text), "{text}");
        }
        for text in ["", "$", "${", "${}", "${1}", "${a b}", "$NAME", "{NAME}", "$ {A}", "$argon2id$v=19$m=64", "${é}"]
        {
            assert!(!has_placeholder(text), "{text}");
        }
    }
}
