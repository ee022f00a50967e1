//! The text of one file that an option names.
//!
//! A byte order mark at its beginning and one end of line at its end are no part of the text. Links are followed at each
//! look, so that a folder whose links are moved has other texts from then on.

use super::Content;
use crate::config::file_text::{is_utf16, line_at};
use crate::tls;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The longest text of a file, in bytes: the longest that a plugin may hand over, too.
const TEXT_BYTES_MAX: usize = pusu_plugin_abi::TEXT_BYTES_MAX;

/// A file whose text stands in the settings.
#[derive(Clone)]
pub struct TextFile {
    path: PathBuf,
    place: String,
    content: Content,
    open_to_others: Option<String>,
}

impl TextFile {
    /// One that has been read for the key or option `place`.
    pub(super) fn new(path: PathBuf, place: &str, read: Read) -> Self {
        let Read { content, open_to_others } = read;
        Self { path, place: place.to_owned(), content, open_to_others }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The key or option that it was read for first.
    pub fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn content(&self) -> &Content {
        &self.content
    }

    /// Who may read or write it besides root and the daemon's user, and the way out.
    pub(super) fn open_to_others(&self) -> Option<&str> {
        self.open_to_others.as_deref()
    }
}

/// What was read.
pub(super) struct Read {
    pub(super) content: Content,
    pub(super) open_to_others: Option<String>,
}

/// Reads a file.
///
/// # Errors
/// What is wrong with it and the way out, in words that follow on its name and hold nothing of its content.
pub(super) fn read(path: &Path) -> Result<Read, String> {
    let cannot = |error: &io::Error| {
        match error.kind() {
        io::ErrorKind::NotFound => {
            "there is no such file: put it there, or correct the path (relative ones start at the folder of the settings file)"
                .to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            format!("cannot be read: {error}; let the daemon's user read it, and enter the folders above it")
        }
        _ => format!("cannot be read: {error}"),
    }
    };
    // Before it is opened: opening a pipe waits for somebody who writes.
    let metadata = path.metadata().map_err(|error| cannot(&error))?;
    if metadata.is_dir() {
        return Err("is a folder: name one of the files in it".to_owned());
    }
    if !metadata.is_file() {
        return Err(
            "is a pipe, a socket or a device, which cannot be read again: write the text into a file".to_owned()
        );
    }
    let file = File::open(path).map_err(|error| cannot(&error))?;
    let open_to_others = tls::check_key_access(path, &file).map_err(|error| cannot(&error))?.err();
    // With room for all of it: growing would leave parts behind that nobody wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(TEXT_BYTES_MAX + 8));
    file.take(TEXT_BYTES_MAX as u64 + 6).read_to_end(&mut bytes).map_err(|error| cannot(&error))?;
    Ok(Read { content: Arc::new(text(&bytes)?), open_to_others })
}

/// The text in the bytes of a file.
///
/// # Errors
/// As [`read`].
fn text(bytes: &[u8]) -> Result<Zeroizing<String>, String> {
    if is_utf16(bytes) {
        return Err("is no text in UTF-8 but in UTF-16: convert it with `iconv -f UTF-16 -t UTF-8`".to_owned());
    }
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\n").map_or(bytes, |rest| rest.strip_suffix(b"\r").unwrap_or(rest));
    if bytes.is_empty() {
        return Err(
            "is empty: write the text into it (a text that shall be empty is written \"\" in the settings)".to_owned()
        );
    }
    if bytes.len() > TEXT_BYTES_MAX {
        return Err(format!("holds more than {TEXT_BYTES_MAX} bytes: is this the right file?"));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(error) => Err(format!(
            "line {} of it is no text in UTF-8: write bytes that are no text in base64, if the option takes that",
            line_at(&bytes[..error.valid_up_to()])
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn one_end_of_line_is_no_text() {
        for (bytes, expected) in [
            (&b"a"[..], "a"),
            (b"a\n", "a"),
            (b"a\r\n", "a"),
            (b"a\n\n", "a\n"),
            (b"a\r", "a\r"),
            (b" a \n", " a "),
            (b"\xef\xbb\xbfa\n", "a"),
            (b"-----BEGIN\nx\n-----END\n", "-----BEGIN\nx\n-----END"),
            (b"\r\n\n", "\r\n"),
        ] {
            assert_eq!(text(bytes).unwrap().as_str(), expected);
        }
        let longest = vec![b'a'; TEXT_BYTES_MAX];
        assert_eq!(text(&longest).unwrap().len(), TEXT_BYTES_MAX);
        assert_eq!(text(&[&longest[..], b"\r\n"].concat()).unwrap().len(), TEXT_BYTES_MAX);
    }

    #[test]
    fn what_is_no_text_is_named_and_not_shown() {
        for (bytes, expected) in [
            (&b""[..], "is empty: write the text into it"),
            (b"\n", "is empty"),
            (b"\r\n", "is empty"),
            (b"\xef\xbb\xbf\n", "is empty"),
            (b"s3cret\ncaf\xe9", "line 2 of it is no text in UTF-8"),
            (b"\xff\xfes\x003\x00", "UTF-16"),
            (&vec![b's'; TEXT_BYTES_MAX + 1], "holds more than 65536 bytes"),
        ] {
            let error = text(bytes).unwrap_err();
            assert!(error.contains(expected) && !error.contains("s3cret") && !error.contains("sss"), "{error}");
        }
    }

    #[test]
    fn what_is_no_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = |path: &Path| read(path).err().unwrap();
        assert!(error(folder.path()).contains("is a folder: name one of the files in it"));
        assert!(error(&folder.path().join("missing")).contains("there is no such file"));
        let large = folder.path().join("large");
        fs::write(&large, vec![b'a'; 1 << 20]).unwrap();
        assert!(error(&large).contains("more than 65536 bytes"));
        let file = folder.path().join("file");
        fs::write(&file, "text\r\n").unwrap();
        assert_eq!(read(&file).ok().unwrap().content.as_str(), "text");
    }

    #[test]
    #[cfg(unix)]
    fn a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        assert!(read(&pipe).err().unwrap().contains("is a pipe"));
    }
}
