//! The bytes of a listener's files, all read at one moment, and the digest that says whether any of them is another one.
//!
//! **Invariant:** credentials are made of these bytes and of nothing that is read later, so that the digest is theirs.

use super::files::Files;
use super::key_access;
use anyhow::anyhow;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The most that a file with certificates or a key may hold.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// The most that a file with lists of revoked certificates may hold: those of large authorities have very many entries.
const CRL_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The bytes of all files.
pub(super) struct Contents {
    /// Certificate and key of each pair.
    pub(super) pairs: Vec<(Content, Content)>,
    pub(super) client_ca: Option<Content>,
    pub(super) crl: Option<Content>,
}

/// The bytes of one file, or the reason why there are none.
pub(super) struct Content {
    pub(super) path: PathBuf,
    /// The reason follows on the name of the file.
    bytes: Result<Zeroizing<Vec<u8>>, String>,
    /// Who may read or write it besides root and the daemon's user, and the way out.
    pub(super) open_to_others: Option<String>,
}

/// A digest of all files' bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct ContentsDigest([u8; 32]);

impl Contents {
    /// Reads all files. One that cannot be read is an error when it is used.
    pub(super) fn read(files: &Files) -> Self {
        let pairs = files.pairs.iter();
        Self {
            pairs: pairs.map(|pair| (Content::of_pem(&pair.certificate), Content::of_pem(&pair.key))).collect(),
            client_ca: files.client_ca.as_deref().map(Content::of_pem),
            crl: files.crl.as_deref().map(|path| Content::read(path, CRL_BYTES_MAX)),
        }
    }

    /// The same for the same bytes, wherever links lead and however often a file was written anew. A file that cannot be
    /// read has another one than before.
    pub(super) fn digest(&self) -> ContentsDigest {
        let mut digest = Sha256::new();
        let pairs = self.pairs.iter().flat_map(|(certificate, key)| [certificate, key]);
        for content in pairs.chain(&self.client_ca).chain(&self.crl) {
            let (kind, bytes): (u8, &[u8]) = match &content.bytes {
                Ok(bytes) => (0, bytes),
                Err(reason) => (1, reason.as_bytes()),
            };
            digest.update([kind]);
            digest.update((bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
            // A `chmod` that makes a key acceptable is a change too.
            digest.update([u8::from(content.open_to_others.is_some())]);
        }
        ContentsDigest(digest.finalize().into())
    }
}

impl Content {
    /// Of a file with certificates or a key.
    pub(super) fn of_pem(path: &Path) -> Self {
        Self::read(path, FILE_BYTES_MAX)
    }

    fn read(path: &Path, bytes_max: u64) -> Self {
        let mut open_to_others = None;
        let bytes = read(path, bytes_max, &mut open_to_others);
        Self { path: path.to_owned(), bytes, open_to_others }
    }

    /// # Errors
    /// Says why it could not be read, without naming the file.
    pub(super) fn bytes(&self) -> anyhow::Result<&[u8]> {
        self.bytes.as_ref().map(|bytes| bytes.as_slice()).map_err(|reason| anyhow!("{reason}"))
    }
}

fn read(path: &Path, bytes_max: u64, open_to_others: &mut Option<String>) -> Result<Zeroizing<Vec<u8>>, String> {
    let cannot = |error: io::Error| format!("cannot be read: {error}");
    // Opening a pipe would wait for somebody to write into it.
    let metadata = path.metadata().map_err(cannot)?;
    if !metadata.is_file() {
        return Err("is no file: a name that leads to a file with PEM in it is expected".to_owned());
    }
    let file = File::open(path).map_err(cannot)?;
    *open_to_others = key_access::check(path, &file).map_err(cannot)?.err();
    // As long as it will get, so that no half of a key is left behind where the buffer was before it grew.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len().min(bytes_max)).unwrap_or(0) + 1));
    (&file).take(bytes_max + 1).read_to_end(&mut bytes).map_err(cannot)?;
    match bytes.len() as u64 > bytes_max {
        true => Err(format!("has more than {bytes_max} bytes")),
        false => Ok(bytes),
    }
}
