//! A library's file: opened once and read once, so that what is checked is what is loaded.
//!
//! **Invariant:** nothing below looks at the path again, except where a library has to be loaded in place (image.rs).

use super::image;
use super::ownership::Ownership;
use crate::config::is_read_only;
use anyhow::{Context, Result, anyhow, ensure};
use sha2::{Digest, Sha256};
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest library, in bytes: no real one comes near, and a mistake must not fill the memory.
const LIBRARY_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What else can be done where the ownership is not as it has to be.
const PIN_IT: &str = "; where that is not possible, set `authenticator_sha256` in the settings to the hash of the right \
                      library: then it does not matter who may write the file";
/// The same for a library that is not copied.
const NOT_BY_PINNING: &str = "; `authenticator_sha256` is no way out, because the library looks for others beside itself \
                              ($ORIGIN) and is loaded where it lies";

/// A library's bytes, and where they came from.
pub(super) struct LibraryFile {
    path: PathBuf,
    bytes: Vec<u8>,
    /// Of the open file, not of what the path may mean by now.
    metadata: Metadata,
    /// Nobody could change it through the mount that it was read from.
    is_read_only: bool,
}

impl LibraryFile {
    /// Opens and reads the file.
    ///
    /// # Errors
    /// Not there, not readable, not a regular file, or too large. The caller adds which file it is.
    pub(super) fn read(path: &Path) -> Result<Self> {
        // Asked before opening too, since opening a named pipe waits for somebody to write into it.
        let metadata = std::fs::metadata(path).context("cannot be looked at")?;
        check_kind(&metadata)?;
        let file = File::open(path).context("cannot be opened; let the daemon's user read it")?;
        let metadata = file.metadata().context("cannot be looked at")?;
        check_kind(&metadata)?;
        let is_read_only = is_read_only(&file);
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
        file.take(LIBRARY_BYTES_MAX + 1).read_to_end(&mut bytes).context("cannot be read")?;
        ensure!(bytes.len() as u64 <= LIBRARY_BYTES_MAX, "grew while it was read; copy it anew");
        Ok(Self { path: path.to_owned(), bytes, metadata, is_read_only })
    }

    /// Where the file was found.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What stands in it.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The hash of its bytes in lower-case hexadecimal.
    pub(super) fn sha256(&self) -> String {
        Sha256::digest(&self.bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Makes sure that nobody but root and the daemon's user could have written the file, or put another in its place or
    /// in that of a library that is loaded with it, and gives what is doubtful. With `is_pinned` the hash has been
    /// compared, which is as good for the file itself, where its bytes are what is loaded.
    ///
    /// # Errors
    /// Somebody else could have; with `strict` also if it is doubtful. Both say what can be done about it.
    pub(super) fn check_ownership(&self, strict: bool, is_pinned: bool) -> Result<Vec<String>> {
        let mut ownership = Ownership::new(strict);
        let mut warnings = Vec::new();
        let is_copied = image::is_copied(self);
        if !(is_pinned && is_copied) {
            let way_out = if is_copied { PIN_IT } else { NOT_BY_PINNING };
            match self.check_by(&mut ownership) {
                Ok(found) => warnings.extend(found.into_iter().map(|warning| warning + way_out)),
                Err(error) => return Err(anyhow!("{error:#}{way_out}")),
            }
        }
        #[cfg(unix)]
        warnings.extend(super::siblings::check(&self.path, &self.bytes, &mut ownership)?);
        Ok(warnings)
    }

    /// The part of it that is about this file and the folders above it.
    ///
    /// # Errors
    /// As [`Self::check_ownership`].
    pub(super) fn check_by(&self, ownership: &mut Ownership) -> Result<Vec<String>> {
        ownership.check_file(&self.path, &self.metadata, self.is_read_only)
    }

    /// Compares with the hash that the settings ask for.
    ///
    /// # Errors
    /// It is another one.
    pub(super) fn check_pin(&self, expected: &str) -> Result<()> {
        let found = self.sha256();
        ensure!(
            found.eq_ignore_ascii_case(expected.trim()),
            "has SHA-256 {found}, but `authenticator_sha256` in the settings asks for {expected}; put the right \
             library there, or change `authenticator_sha256` if this one is to be trusted"
        );
        Ok(())
    }
}

fn check_kind(metadata: &Metadata) -> Result<()> {
    ensure!(metadata.is_file(), "is not a regular file");
    ensure!(
        metadata.len() <= LIBRARY_BYTES_MAX,
        "has {} bytes, at most {LIBRARY_BYTES_MAX} are taken; is it a library at all?",
        metadata.len()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_hashes_and_pins() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.so");
        std::fs::write(&path, "abc").unwrap();
        let file = LibraryFile::read(&path).unwrap();
        assert_eq!(file.bytes(), b"abc");
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(file.sha256(), hash);
        file.check_pin(&hash.to_uppercase()).unwrap();
        let error = format!("{:#}", file.check_pin("00ff").unwrap_err());
        assert!(error.contains(hash) && error.contains("00ff"), "{error}");
    }

    #[test]
    fn only_regular_files_of_sensible_size() {
        let dir = tempfile::tempdir().unwrap();
        let refusal = |path: &Path| format!("{:#}", LibraryFile::read(path).err().expect("must be refused"));
        assert!(refusal(dir.path()).contains("not a regular file"));
        assert!(refusal(&dir.path().join("missing.so")).contains("cannot be looked at"));
        let large = dir.path().join("large.so");
        File::create(&large).unwrap().set_len(LIBRARY_BYTES_MAX + 1).unwrap();
        assert!(refusal(&large).contains("268435457 bytes"), "{}", refusal(&large));
    }
}
