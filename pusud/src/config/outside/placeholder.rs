//! Placeholders such as `${NAME}`, which other programs replace and this one does not.

/// Whether a text holds `${`, a name and `}`, anywhere.
pub(crate) fn has_placeholder(text: &str) -> bool {
    text.match_indices("${").any(|(at, _)| {
        let behind = &text[at + 2..];
        behind.find('}').is_some_and(|end| is_name(&behind[..end]))
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
        for text in ["", "$", "${", "${}", "${1}", "${a b}", "$NAME", "{NAME}", "$ {A}", "$argon2id$v=19$m=64", "${é}"]
        {
            assert!(!has_placeholder(text), "{text}");
        }
    }
}
