//! The known name that somebody who wrote an unknown one most likely meant.
//!
//! Only for error messages: nothing is ever decided by likeness.

/// From here on (0 = nothing alike, 1 = equal) a name is worth suggesting.
const LIKENESS_MIN: f64 = 0.8;

/// The one of `known` that is most like `written`, whatever the case of its letters; `None` if none is like it.
pub(crate) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&written, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

/// ` (did you mean ...?)` for an error message, or nothing.
pub fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(written, known).map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_is_alike_and_nothing_else() {
        let known = ["PasswordAuthenticator", "JWTAuthenticator", "passwords"];
        assert_eq!(nearest("PaswordAuthenticator", known), Some("PasswordAuthenticator"));
        assert_eq!(nearest("passwordauthenticator", known), Some("PasswordAuthenticator"));
        assert_eq!(nearest("passwrods", known), Some("passwords"));
        assert_eq!(nearest("zzz", known), None);
        assert_eq!(did_you_mean("zzz", known), "");
    }
}
