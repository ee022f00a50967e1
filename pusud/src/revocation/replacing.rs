//! Replacing a file as a whole: it is written beside the old one, which it then takes the place of, so that one of the two is
//! there whatever happens.
//!
//! A symbolic link stays one: what it leads to is replaced.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Most links that lead to each other; Linux follows as many.
const LINKS_MAX: usize = 40;

/// Has `text` stand in the file at `path`, with mode 0600, also after the machine has lost its power.
///
/// # Errors
/// The system does not let this user write there, or symbolic links lead in a circle.
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let path = &followed(path)?;
    let mut beside = OsString::from(path);
    beside.push(".new");
    let beside = Path::new(&beside);
    // Left behind by a process that ended while it wrote: its mode may be another.
    match fs::remove_file(beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(beside)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(beside, path)?;
    keep_name(path)
}

/// Where symbolic links lead to from `path`, whether anything is there or not.
pub(super) fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match fs::read_link(&path) {
            // What it says is seen from its own folder.
            Ok(to) => path = path.parent().map_or_else(|| to.clone(), |folder| folder.join(&to)),
            // There is nothing, or it is no link.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("symbolic links lead in a circle"))
}

/// Has the folder keep what was renamed, where this user may open it and the file system can.
#[cfg(unix)]
fn keep_name(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(folder) = fs::File::open(folder) else { return Ok(()) };
    match folder.sync_all() {
        Err(error) if !matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Err(error),
        _ => Ok(()),
    }
}

/// The system keeps that by itself, or folders cannot be opened.
#[cfg(not(unix))]
fn keep_name(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_stays_one_and_what_it_leads_to_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (path, between, there) = (dir.path().join("r"), dir.path().join("b"), dir.path().join("there"));
        fs::create_dir(&there).unwrap();
        symlink("b", &path).unwrap();
        symlink("there/file", &between).unwrap();
        for text in ["first", "second"] {
            replace(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(there.join("file")).unwrap(), text);
        }
        assert!(
            fs::symlink_metadata(&path).unwrap().is_symlink() && fs::symlink_metadata(&between).unwrap().is_symlink()
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "nothing is left beside it");
    }

    #[test]
    fn links_in_a_circle_are_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (dir.path().join("1"), dir.path().join("2"));
        symlink(&other, &one).unwrap();
        symlink(&one, &other).unwrap();
        assert!(replace(&one, b"").unwrap_err().to_string().contains("circle"));
    }
}
