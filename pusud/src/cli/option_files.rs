//! Texts from outside of the settings file, for people: which files and variables there are, and since when.
//!
//! **Invariant:** names alone; a content is never shown.

use pusud::config::Outside;
use std::time::{Duration, UNIX_EPOCH};

/// The rows of `pusud check`; none where everything stands in the file.
pub(super) fn of_settings(outside: &Outside) -> Vec<(&'static str, String)> {
    let files = outside.files().iter().enumerate();
    let files = files.map(|(n, file)| {
        let label = if n == 0 { "  texts of files" } else { "" };
        (label, format!("{} ({})", file.path().display(), file.place()))
    });
    let variables = Some(outside.variables().join(", ")).filter(|names| !names.is_empty());
    files.chain(variables.map(|names| ("  texts of variables", names))).collect()
}

/// A file in `pusud status`: when its text was read, and why what is there now does not hold.
pub(super) fn of_status(path: &str, since: u64, fault: Option<&str>) -> String {
    let since = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(since));
    let fault = fault.map_or(String::new(), |fault| format!("; NOT what is there now: {fault}"));
    format!("{path}, read {since}{fault}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_says_since_when_and_what_is_wrong() {
        assert_eq!(of_status("/run/a", 1, None), "/run/a, read 1970-01-01T00:00:01Z");
        assert_eq!(
            of_status("/run/b", 1, Some("is empty")),
            "/run/b, read 1970-01-01T00:00:01Z; NOT what is there now: is empty"
        );
    }
}
