//! Others than the relay's user and root who may read or write a file, as its mode says.
//!
//! The group may read it, which is how an orchestrator gives a secret to a user that is not root. Whose file it is, is the
//! operator's choice. Elsewhere than on Unix nothing is known: access lists are not read.

use crate::host::Host;
use crate::options::Place;
use std::fs::Metadata;
use std::path::Path;

const GROUP_WRITE: u32 = 0o020;
const OTHERS_READ: u32 = 0o004;
const OTHERS_WRITE: u32 = 0o002;

/// Says in the log, once, where others than root and the relay's user may write a file that an option names: whoever does
/// decides what it decides. Where it is a secret, also where everybody may read it. `path` is whole. For
/// [`Check`](crate::Check); [`WatchedFile::guard`](super::WatchedFile::guard) is for everything else.
pub fn warn_of_others(host: &Host, option: &str, path: impl AsRef<Path>, is_secret: bool) {
    let mode = path.as_ref().metadata().ok().and_then(|metadata| mode(&metadata));
    if let Some(what) = mode.and_then(|mode| open_to_others(mode, is_secret)) {
        host.warn(format_args!("{}: {what}", Place::option(option).file(path)));
    }
}

/// Who else may, and the way out, in words that follow on its name.
pub(super) fn open_to_others(mode: u32, is_secret: bool) -> Option<String> {
    let may = |bits| mode & bits != 0;
    let reads = may(OTHERS_READ) && is_secret;
    let (who, does) = match (may(OTHERS_WRITE), may(GROUP_WRITE), reads) {
        (true, _, true) => ("everybody", "read and written"),
        (true, _, false) => ("everybody", "written"),
        (false, _, true) => ("everybody", "read"),
        (false, true, false) => ("its group", "written"),
        (false, false, false) => return None,
    };
    let why = match (reads, does) {
        (true, _) => "and it holds a secret",
        _ => "and whoever writes it decides who is let in",
    };
    let way_out = match is_secret {
        true => "`chmod 600`, or `chmod 640` for the group of the relay's user",
        false => "`chmod go-w`",
    };
    Some(format!("can be {does} by {who} (mode {mode:04o}), {why}: {way_out}"))
}

#[cfg(unix)]
pub(super) fn mode(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    Some(metadata.mode() & 0o7777)
}

#[cfg(not(unix))]
pub(super) fn mode(_metadata: &Metadata) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_says_who_else_may() {
        for (mode, of_secret, of_public) in [
            (0o600, "", ""),
            (0o640, "", ""),
            (0o400, "", ""),
            (0o644, "can be read by everybody (mode 0644), and it holds a secret: `chmod 600`, or", ""),
            (0o444, "can be read by everybody (mode 0444)", ""),
            (0o664, "can be read by everybody (mode 0664)", "can be written by its group (mode 0664), and whoever"),
            (0o660, "can be written by its group (mode 0660), and whoever writes it", "can be written by its group"),
            (0o666, "can be read and written by everybody (mode 0666)", "can be written by everybody (mode 0666), and"),
            (0o622, "can be written by everybody (mode 0622), and whoever", "can be written by everybody (mode 0622)"),
        ] {
            for (is_secret, wanted) in [(true, of_secret), (false, of_public)] {
                let said = open_to_others(mode, is_secret).unwrap_or_default();
                assert!(
                    said.starts_with(wanted) && said.is_empty() == wanted.is_empty(),
                    "{mode:o} {is_secret}: {said}"
                );
                assert!(said.is_empty() || is_secret || said.ends_with(": `chmod go-w`"), "{said}");
            }
        }
    }
}
