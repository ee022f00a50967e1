//! The file of revocations (`revocations_file`), which they outlive a restart in: one JSON object, mode 0600.
//!
//! It is written as a whole ([`replace`]): whatever happens, the old one or the new one is there. It has the relay's own key
//! for hashes, where no network has one.

use super::entries::{LIFTED_MAX, REVOCATIONS_MAX};
use super::entry::Entry;
use super::hashing::{HashKeys, KEY_BYTES};
use super::replacing::{followed, replace};
use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::Path;
use zeroize::{Zeroize as _, Zeroizing};

/// A larger file is none of revocations: all of them with the longest subjects take less.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// The layout of the file.
const VERSION: u32 = 1;
/// The way out of a file that cannot be used.
const WAY_OUT: &str = "move it away to begin without revocations, or put back one that the relay has written";
/// What is wrong where it cannot be written, and the way out.
const NOT_WRITABLE: &str =
    "cannot write it; its folder has to be there, and the daemon's user has to be able to write there";

/// What a file keeps.
pub struct Kept {
    /// The relay's own key for hashes.
    pub key: Zeroizing<[u8; KEY_BYTES]>,
    /// The revocations, and the lifts of some.
    pub entries: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Contents {
    version: u32,
    key: String,
    revocations: Vec<Entry>,
}

impl Drop for Contents {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

/// Reads the file, or makes it where there is none.
///
/// # Errors
/// Names the key of the settings and the file, what is wrong with it, and the way out.
pub fn load(path: &Path) -> anyhow::Result<Kept> {
    let kept = open(path).and_then(|file| match file {
        Some(file) => read(file),
        None => Ok(Kept { key: HashKeys::generate(), entries: Vec::new() }),
    });
    // Written once at the start: what cannot be written is found out now, and others may not read it from here on.
    let kept = kept.and_then(|kept| write(path, &kept.key, &kept.entries).map(|()| kept));
    kept.with_context(|| format!("`revocations_file`: {}", path.display()))
}

/// Checks what [`load`] would read, and whether it could write, as far as that is known without writing.
///
/// # Errors
/// As [`load`].
pub fn check(path: &Path) -> anyhow::Result<()> {
    let checked = open(path).and_then(|file| file.map_or(Ok(()), |file| read(file).map(drop)));
    let checked = checked.and_then(|()| check_folder(path).context(NOT_WRITABLE));
    checked.with_context(|| format!("`revocations_file`: {}", path.display()))
}

/// # Errors
/// No file can be made in the folder, which is where the link leads that the path may be.
fn check_folder(path: &Path) -> anyhow::Result<()> {
    let file = followed(path)?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    ensure!(fs::metadata(folder)?.is_dir(), "{} is no folder", folder.display());
    #[cfg(unix)]
    {
        use rustix::fs::{Access, access};
        access(folder, Access::WRITE_OK | Access::EXEC_OK)?;
    }
    // root may write everywhere, and this file system has no files of others.
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{PROC_SUPER_MAGIC, statfs};
        ensure!(statfs(folder)?.f_type != PROC_SUPER_MAGIC, "{} is no folder for files", folder.display());
    }
    Ok(())
}

/// `None`: there is none.
fn open(path: &Path) -> anyhow::Result<Option<File>> {
    // Looked at first: to open a pipe would wait for whoever writes into it.
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => bail!("expected a file, found a folder; {WAY_OUT}"),
        Ok(found) if !found.is_file() => bail!("expected a file, found a pipe or a device; {WAY_OUT}"),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        _ => {}
    }
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) => Err(error).context("cannot open it; the daemon's user has to be able to read and write it"),
    }
}

fn read(file: File) -> anyhow::Result<Kept> {
    let mut text = Zeroizing::new(Vec::new());
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text).context("cannot read it")?;
    ensure!(
        text.len() as u64 <= FILE_BYTES_MAX,
        "expected revocations, found more than {FILE_BYTES_MAX} bytes: is this the right file? {WAY_OUT}"
    );
    // What the parser says may repeat what stands there, which may be anything.
    let mut contents: Contents = serde_json::from_slice(&text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        anyhow::anyhow!("line {line}, column {column}: expected revocations as the relay writes them; {WAY_OUT}")
    })?;
    ensure!(
        contents.version == VERSION,
        "expected version {VERSION}, found version {}: a later pusud has written it; use that, or {WAY_OUT}",
        contents.version
    );
    let held = contents.revocations.iter().filter(|entry| !entry.is_lifted).count();
    if held > REVOCATIONS_MAX || contents.revocations.len() > REVOCATIONS_MAX + LIFTED_MAX {
        bail!("expected at most {REVOCATIONS_MAX} revocations, found {held}; {WAY_OUT}");
    }
    for (at, entry) in contents.revocations.iter().enumerate() {
        entry.whom.check().with_context(|| format!("revocation {}: {WAY_OUT}", at + 1))?;
    }
    let key = key_of(&contents.key).with_context(|| format!("`key`: expected 64 hexadecimal digits; {WAY_OUT}"))?;
    Ok(Kept { key, entries: std::mem::take(&mut contents.revocations) })
}

fn key_of(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    if text.len() != 2 * KEY_BYTES || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(key)
}

/// Writes the file anew.
///
/// # Errors
/// The system does not let this user write it.
pub(super) fn write(path: &Path, key: &[u8; KEY_BYTES], entries: &[Entry]) -> anyhow::Result<()> {
    let digits = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let contents = Contents { version: VERSION, key: digits, revocations: entries.to_vec() };
    let mut text = Zeroizing::new(serde_json::to_vec(&contents).context("cannot write it as JSON")?);
    text.push(b'\n');
    let written = replace(path, &text);
    written.context(NOT_WRITABLE)
}

#[cfg(test)]
mod tests {
    use super::super::entry::Stamp;
    use super::super::whom::Whom;
    use super::*;

    fn entry(subject: &str) -> Entry {
        let stamp = Stamp { time_ms: u64::MAX - 1, writer: u64::MAX };
        Entry { whom: Whom::Subject(subject.into()), stamp, until_ms: 0, is_lifted: false }
    }

    #[test]
    fn what_was_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("revocations.json");
        let first = load(&path).unwrap();
        assert!(first.entries.is_empty());
        let entries = [entry("alice \"\u{fc}\n"), Entry { is_lifted: true, until_ms: 9, ..entry("b") }];
        write(&path, &first.key, &entries).unwrap();
        let again = load(&path).unwrap();
        assert_eq!((*again.key, &again.entries[..]), (*first.key, &entries[..]));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            load(&path).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn the_check_finds_a_folder_that_takes_no_file_and_writes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("file"), "").unwrap();
        check(&path("r")).unwrap();
        let mut wrong = vec![path("no/where"), path("file/r")];
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("no/where", path("dangling")).unwrap();
            wrong.push(path("dangling"));
            std::os::unix::fs::symlink("r", path("link")).unwrap();
            check(&path("link")).unwrap();
        }
        if cfg!(target_os = "linux") {
            wrong.push("/proc/r".into());
        }
        for path in wrong {
            let error = format!("{:#}", check(&path).unwrap_err());
            assert!(error.starts_with(&format!("`revocations_file`: {}", path.display())), "{error}");
            assert!(load(&path).is_err(), "{error}");
        }
        assert!(!path("r").exists());
        load(&path("r")).unwrap();
        check(&path("r")).unwrap();
    }

    #[test]
    fn a_file_that_is_none_is_an_error_with_a_way_out_that_repeats_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r");
        let key = "ab".repeat(32);
        let long = serde_json::to_string(&entry(&"x".repeat(2000))).unwrap();
        let one = serde_json::to_string(&entry("x")).unwrap();
        let many = vec![one.as_str(); REVOCATIONS_MAX + 1].join(",");
        for (text, part) in [
            (String::new(), "line 1"),
            ("hunter2".into(), "line 1"),
            ("{\"version\":1,\"key\":\"hunter2\",\"revocations\":[]}".into(), "`key`"),
            (format!("{{\"version\":2,\"key\":\"{key}\",\"revocations\":[]}}"), "version 2"),
            (format!("{{\"version\":1,\"key\":\"{key}\",\"revocations\":[{long}]}}"), "revocation 1"),
            (format!("{{\"version\":1,\"key\":\"{key}\",\"revocations\":[{many}]}}"), "found 10001"),
        ] {
            fs::write(&path, text).unwrap();
            let error = format!("{:#}", load(&path).err().unwrap());
            assert!(error.contains("`revocations_file`") && error.contains(part), "{error}");
            assert!(error.contains("move it away") && !error.contains("hunter2"), "{error}");
        }
        let nowhere = format!("{:#}", load(&dir.path().join("no/where")).err().unwrap());
        assert!(nowhere.contains("its folder has to be there"), "{nowhere}");
    }
}
