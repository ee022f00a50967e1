//! Texts from outside of the settings file, for people: which files and variables there are, and since when.
//!
//! **Invariant:** names alone; a content is never shown.

use pusud::config::Outside;
use pusud::control::OptionFile;
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

/// The rows of `pusud status`, one a file.
pub(super) fn of_status(files: &[OptionFile]) -> Vec<(&'static str, String)> {
    let row = |(n, file): (usize, &OptionFile)| {
        let since = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(file.since));
        let fault = file.fault.as_ref().map_or(String::new(), |fault| format!("; NOT what is there now: {fault}"));
        (if n == 0 { "option files" } else { "" }, format!("{}, read {since}{fault}", file.path))
    };
    files.iter().enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_says_since_when_and_what_is_wrong() {
        let file = |path: &str, fault: Option<&str>| OptionFile {
            path: path.to_owned(),
            since: 1,
            fault: fault.map(str::to_owned),
        };
        assert_eq!(
            of_status(&[file("/run/a", None), file("/run/b", Some("is empty"))]),
            [
                ("option files", "/run/a, read 1970-01-01T00:00:01Z".to_owned()),
                ("", "/run/b, read 1970-01-01T00:00:01Z; NOT what is there now: is empty".to_owned()),
            ]
        );
        assert_eq!(of_status(&[]), []);
    }
}
