//! The key of the network: reading its file, signing and checking.
//!
//! Never shows a key, neither in errors nor in `Debug`. Whether a peer has to know one is decided by the handshake.

use crate::config::is_read_only;
use anyhow::{Context as _, bail, ensure};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use zeroize::Zeroizing;

/// Shortest key, in bytes.
pub(crate) const KEY_BYTES_MIN: usize = 32;
/// A larger file is none with keys.
const FILE_BYTES_MAX: u64 = 16 * 1024;

/// A signature: HMAC-SHA256.
pub(crate) type Signature = [u8; 32];

/// One key, or two while one is being replaced by the other.
#[derive(Clone)]
pub struct Keys {
    /// The first one signs; each of them is accepted.
    keys: Vec<Zeroizing<Vec<u8>>>,
}

impl Keys {
    /// Reads the file that `key` of the settings names: one or two lines with a key each, of at least [`KEY_BYTES_MIN`] bytes. Empty lines are
    /// skipped, and so are white space around a key and a byte order mark.
    ///
    /// Where others may read or write the file it is refused; without `strict` it is warned about.
    ///
    /// # Errors
    /// Names the file and what is wrong with it, and never shows what is in it.
    pub fn load(key: &str, path: &Path, strict: bool) -> anyhow::Result<Self> {
        let text = read_secret(key, path, strict)?;
        let shown = path.display();
        ensure!(
            text.len() as u64 <= FILE_BYTES_MAX,
            "`{key}`: {shown}: expected one or two lines with a key each, found more than {FILE_BYTES_MAX} bytes"
        );
        Self::parse(&text).with_context(|| format!("`{key}`: {shown}"))
    }

    /// The empty key: a signature shows that both sides have seen the same, and not who the other side is.
    pub(crate) fn of_nobody() -> Self {
        Self { keys: vec![Zeroizing::default()] }
    }

    /// Reads the content of such a file.
    ///
    /// # Errors
    /// Not one or two keys, or one of them too short.
    pub fn parse(text: &[u8]) -> anyhow::Result<Self> {
        ensure!(
            !text.starts_with(b"\xff\xfe") && !text.starts_with(b"\xfe\xff"),
            "expected keys in UTF-8, found UTF-16, in which another relay would not write the same key: convert it with \
             `iconv -f UTF-16 -t UTF-8`"
        );
        let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        let mut keys = Vec::new();
        for (at, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let key = line.trim_ascii();
            if key.is_empty() {
                continue;
            }
            ensure!(
                key.len() >= KEY_BYTES_MIN,
                "line {}: expected a key of at least {KEY_BYTES_MIN} bytes, found {}: make one with `openssl rand -hex 32`",
                at + 1,
                key.len()
            );
            keys.push(Zeroizing::new(key.to_vec()));
        }
        match keys.len() {
            1 | 2 => Ok(Self { keys }),
            0 => bail!("expected one or two lines with a key each, found none: make one with `openssl rand -hex 32`"),
            more => bail!("expected one key, or two while one is replaced by the other, found {more}"),
        }
    }

    /// The one that signs.
    pub fn first(&self) -> &[u8] {
        &self.keys[0]
    }

    /// All of them, the one that signs first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(|key| key.as_slice())
    }

    /// Signs what is in `parts`; where one ends and the next begins counts.
    pub fn sign(&self, parts: &[&[u8]]) -> Signature {
        mac(&self.keys[0], parts).finalize().into_bytes().into()
    }

    /// As [`Self::sign`], by each key.
    pub fn sign_by_each(&self, parts: &[&[u8]]) -> Vec<Signature> {
        self.keys.iter().map(|key| mac(key, parts).finalize().into_bytes().into()).collect()
    }

    /// Whether `signature` was made of `parts` with one of the keys. Takes the same time wherever they differ.
    pub fn verify(&self, parts: &[&[u8]], signature: &[u8]) -> bool {
        self.keys.iter().any(|key| mac(key, parts).verify_slice(signature).is_ok())
    }
}

/// Reads a file that nobody else may read, or write; without `strict` that is only warned about. `key` names it in the
/// settings. Of a file that is too large only so much is read that it can be seen.
///
/// # Errors
/// Names the file and what is wrong with it, and never shows what is in it.
pub(crate) fn read_secret(key: &str, path: &Path, strict: bool) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let shown = path.display();
    let mut text = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX as usize + 1));
    let file = File::open(path).with_context(|| format!("`{key}`: cannot open {shown}"))?;
    let metadata = file.metadata().with_context(|| format!("`{key}`: cannot look at {shown}"))?;
    match access::check(path, &metadata, is_read_only(&file)) {
        Ok(()) => {}
        Err(error) if strict => {
            bail!("`{key}`: {shown} {error}, or set `strict_key_permissions: false` if that is as it should be")
        }
        Err(error) => tracing::warn!("`{key}`: {shown} {error} (`strict_key_permissions` is off)"),
    }
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut text).with_context(|| format!("`{key}`: cannot read {shown}"))?;
    Ok(text)
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys([redacted; {}])", self.keys.len())
    }
}

/// Only root and the daemon's user may write the file, and nobody else read it.
#[cfg(unix)]
mod access {
    use crate::config::owner_in_words;
    use std::fs::Metadata;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::Path;

    const OTHERS: u32 = 0o007;
    const GROUP_WRITE: u32 = 0o020;

    /// # Errors
    /// Who else may, and what can be done about it where the file lies.
    pub(super) fn check(path: &Path, file: &Metadata, is_read_only: bool) -> Result<(), String> {
        let me = rustix::process::geteuid().as_raw();
        let mode = file.mode() & 0o7777;
        let shown = path.display();
        let unless_read_only = |command: String| match is_read_only {
            true => {
                " on a read-only mount, where that cannot be changed: mount it so that this user alone may read it (in \
                     Kubernetes `defaultMode: 0400`)"
                    .to_owned()
            }
            false => format!(": `{command}`"),
        };
        if file.uid() != 0 && file.uid() != me && !is_read_only {
            return Err(format!(
                "belongs to {} and has to belong to root or to the daemon's user ({me}): `chown {me} {shown}`",
                owner_in_words(file.uid())
            ));
        }
        if mode & OTHERS != 0 {
            return Err(format!(
                "is open to everybody (mode {mode:04o}){}",
                unless_read_only(format!("chmod o= {shown}"))
            ));
        }
        if mode & GROUP_WRITE != 0 && !is_read_only {
            return Err(format!("can be written by group {}: `chmod g-w {shown}`", file.gid()));
        }
        Ok(())
    }
}

/// Access lists are not read: that nobody else may read the file is for the operator to see to.
#[cfg(not(unix))]
mod access {
    /// # Errors
    /// None.
    pub(super) fn check(_path: &std::path::Path, _file: &std::fs::Metadata, _is_read_only: bool) -> Result<(), String> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &[u8] = b"0123456789abcdef0123456789abcdef";
    const B: &[u8] = b"fedcba9876543210fedcba9876543210";

    fn keys(lines: &[&[u8]]) -> Keys {
        Keys::parse(&lines.join(&b'\n')).unwrap()
    }

    #[test]
    fn either_key_is_accepted_and_the_first_one_signs() {
        let both = keys(&[A, B]);
        assert!(keys(&[A]).verify(&[b"x"], &both.sign(&[b"x"])));
        assert!(!keys(&[B]).verify(&[b"x"], &both.sign(&[b"x"])));
        assert!(both.verify(&[b"x"], &keys(&[B]).sign(&[b"x"])));
    }

    #[test]
    fn everything_signed_counts_and_so_do_the_borders() {
        let keys = keys(&[A]);
        let signature = keys.sign(&[b"ab", b"c"]);
        assert!(keys.verify(&[b"ab", b"c"], &signature));
        for parts in [&[&b"a"[..], b"bc"][..], &[b"abc"], &[b"ab", b"c", b""], &[b"ab", b"d"]] {
            assert!(!keys.verify(parts, &signature));
        }
        assert!(!keys.verify(&[b"ab", b"c"], &signature[..31]));
        assert!(!keys.verify(&[b"ab", b"c"], b""));
    }

    #[test]
    fn files() {
        assert_eq!(Keys::parse(&[b"\r\n ", A, b" \r\n\n", B, b"\n"].concat()).unwrap().keys.len(), 2);
        let marked = [&b"\xef\xbb\xbf"[..], A, b"\r\n"].concat();
        assert!(Keys::parse(&marked).unwrap().verify(&[b"x"], &keys(&[A]).sign(&[b"x"])), "a mark is no part of a key");
        let error = |text: &[u8]| Keys::parse(text).unwrap_err().to_string();
        assert!(error(b" \n\n").contains("found none"));
        assert!(error(&[&b"\xff\xfe"[..], A].concat()).contains("found UTF-16"));
        assert!(error(&[A, A, A].join(&b'\n')).contains("found 3"));
        let short = error(&[A, &B[1..]].join(&b'\n'));
        assert!(short.contains("line 2") && short.contains("found 31"), "{short}");
        assert!(!short.contains("edcba"), "a key is never shown");
        assert_eq!(format!("{:?}", keys(&[A, B])), "Keys([redacted; 2])");
    }

    #[cfg(unix)]
    #[test]
    fn who_may_read_the_file() {
        use std::fs::{Permissions, set_permissions};
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, A).unwrap();
        for (mode, what) in [(0o600, ""), (0o640, ""), (0o604, "open to everybody"), (0o660, "written by group")] {
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            match Keys::load("network_key_file", &path, true) {
                Ok(_) => assert_eq!(what, ""),
                Err(error) => assert!(!what.is_empty() && format!("{error:#}").contains(what), "{error:#}"),
            }
            Keys::load("network_key_file", &path, false).unwrap();
        }
    }
}
