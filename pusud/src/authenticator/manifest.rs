//! The manifest of a plugin, found in a library's bytes without loading it, and checked.
//!
//! **Invariant:** a [`Manifest`] that exists has passed every check: right ABI, right layout, a well-formed id.

use super::binary::Binary;
use anyhow::{Context, Result, bail, ensure};
use pusu_plugin_abi as abi;

/// The name of the authenticator that is built in, which no plugin may take.
pub const BUILT_IN_ID: &str = "None";

/// What a plugin says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// What `authenticator:` in the settings names.
    pub id: String,
    /// The minor version of the ABI it was built with; the major one is the daemon's.
    pub abi_minor: u32,
    /// The plugin's own version.
    pub version: String,
    /// What it was built with, such as `c gcc 12.2.0`.
    pub sdk: String,
    /// SPDX.
    pub license: String,
    /// One line.
    pub description: String,
    /// The names of the options it takes.
    pub options: Vec<String>,
    /// `pusu_plugin_abi::F_*` bits.
    pub flags: u32,
    /// As it stands in the file, to be compared with what the system has loaded.
    raw: Box<[u8; abi::MANIFEST_BYTES]>,
}

impl Manifest {
    /// Finds and checks the manifest in the bytes of a library.
    ///
    /// # Errors
    /// Why the library does not serve as an authenticator of this daemon; the caller adds which file it is.
    pub(super) fn find(bytes: &[u8]) -> Result<Self> {
        let binary = Binary::parse(bytes)?;
        let address = binary.export(abi::MANIFEST_SYMBOL)?.with_context(|| not_a_plugin(abi::MANIFEST_SYMBOL))?;
        ensure!(binary.export(abi::ENTRY_SYMBOL)?.is_some(), not_a_plugin(abi::ENTRY_SYMBOL));
        let raw = binary
            .bytes_at(address, abi::MANIFEST_BYTES as u64)
            .with_context(|| format!("has its `{}` outside the file's contents", abi::MANIFEST_SYMBOL))?;
        ensure!(
            !binary.relocated(address, abi::MANIFEST_BYTES as u64),
            "has a manifest that only loading completes; it has to be constant data without pointers (PUSU_MANIFEST)"
        );
        Self::check(raw)
    }

    /// Checks a manifest's bytes.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub(super) fn check(raw: &[u8]) -> Result<Self> {
        let fields = abi::Manifest::from_bytes(raw).context("has a manifest of the wrong length")?;
        ensure!(
            fields.magic == abi::MAGIC,
            "has a manifest that begins with {:02x?} where {:02x?} is expected; use PUSU_MANIFEST or the SDK",
            fields.magic,
            abi::MAGIC
        );
        ensure!(
            fields.abi_major == abi::ABI_MAJOR,
            "is built for plugin ABI {}.{}, this daemon speaks {}.{}; build it against the pusu-plugin-api (or \
             pusu_plugin.h) of this daemon's major ABI version",
            fields.abi_major,
            fields.abi_minor,
            abi::ABI_MAJOR,
            abi::ABI_MINOR
        );
        ensure!(
            fields.size as usize == abi::MANIFEST_BYTES,
            "has a manifest of {} bytes by its own account, {} are expected; build it again",
            fields.size,
            abi::MANIFEST_BYTES
        );
        ensure!(
            fields.fingerprint == abi::FINGERPRINT,
            "lays out the ABI's structs in another way (fingerprint {:016x}, expected {:016x}); build it with the \
             unchanged pusu_plugin.h, without packing options",
            fields.fingerprint,
            abi::FINGERPRINT
        );
        ensure!(
            fields.kind == abi::KIND_AUTHENTICATOR,
            "is a plugin of kind {}, an authenticator ({}) is expected",
            fields.kind,
            abi::KIND_AUTHENTICATOR
        );
        let id = text("id", &fields.id)?;
        check_id(&id)?;
        Ok(Self {
            id,
            abi_minor: fields.abi_minor,
            version: text("version", &fields.version)?,
            sdk: text("sdk", &fields.sdk)?,
            license: text("license", &fields.license)?,
            description: text("description", &fields.description)?,
            options: text("options", &fields.options)?
                .split(',')
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty())
                .collect(),
            flags: fields.flags,
            raw: raw.try_into().map(Box::new).context("has a manifest of the wrong length")?,
        })
    }

    /// Whether the plugin has the flag (one of `pusu_plugin_abi::F_*`).
    pub fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// The manifest's bytes as they stand in the file.
    pub(super) fn raw(&self) -> &[u8; abi::MANIFEST_BYTES] {
        &self.raw
    }
}

fn not_a_plugin(symbol: &str) -> String {
    format!("exports no `{symbol}`; a plugin is made with `export_authenticator!` (Rust) or pusu_plugin.h (C)")
}

fn text(name: &str, field: &[u8]) -> Result<String> {
    let text = abi::Manifest::text(field)
        .with_context(|| format!("has a manifest whose `{name}` is not UTF-8; build it with a valid one"))?;
    ensure!(!text.chars().any(char::is_control), "has a manifest whose `{name}` has control characters: {text:?}");
    ensure!(
        field[text.len()..].iter().all(|&byte| byte == 0),
        "has a manifest with bytes behind the end of its `{name}` {text:?}"
    );
    Ok(text.to_owned())
}

fn check_id(id: &str) -> Result<()> {
    if id == BUILT_IN_ID {
        bail!("calls itself `{BUILT_IN_ID}`, which is the name of the built-in authenticator; give it another id");
    }
    let rest = id.strip_prefix(|first: char| first.is_ascii_alphanumeric());
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    ensure!(
        rest.is_some_and(|rest| rest.chars().all(allowed)),
        "has the id {id:?}; an id is a letter or digit, then letters, digits, dots, underscores and hyphens"
    );
    Ok(())
}

#[cfg(test)]
impl Manifest {
    /// A manifest that no file has.
    pub(super) fn for_test(id: &str, options: &str) -> Self {
        let mut raw = tests::good();
        raw[40..104].fill(0);
        raw[376..888].fill(0);
        tests::put(&mut raw, 40, id.as_bytes());
        tests::put(&mut raw, 376, options.as_bytes());
        Self::check(&raw).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn good() -> Vec<u8> {
        let mut raw = vec![0; abi::MANIFEST_BYTES];
        raw[..8].copy_from_slice(&abi::MAGIC);
        for (at, value) in [(8, 1024), (12, abi::ABI_MAJOR), (16, abi::ABI_MINOR), (20, 1), (24, abi::F_SERIAL)] {
            raw[at..at + 4].copy_from_slice(&u32::to_ne_bytes(value));
        }
        raw[32..40].copy_from_slice(&abi::FINGERPRINT.to_ne_bytes());
        put(&mut raw, 40, b"My.Authenticator-1_a");
        put(&mut raw, 104, b"1.2.3");
        put(&mut raw, 376, b"secrets, users,");
        raw
    }

    pub(super) fn put(raw: &mut [u8], at: usize, text: &[u8]) {
        raw[at..at + text.len()].copy_from_slice(text);
    }

    #[test]
    fn reads_a_good_one() {
        let manifest = Manifest::check(&good()).unwrap();
        assert_eq!(manifest.id, "My.Authenticator-1_a");
        assert_eq!(manifest.version, "1.2.3");
        assert_eq!(manifest.options, ["secrets", "users"]);
        assert!(manifest.has(abi::F_SERIAL) && !manifest.has(abi::F_ASYNC));
        assert_eq!(manifest.raw()[..], good()[..]);
    }

    #[test]
    fn refuses_bad_ones_and_says_why() {
        let cases: [(&str, usize, &[u8], &str); 10] = [
            ("magic", 0, b"X", "begins with"),
            ("size", 8, &[1], "of 1025 bytes"),
            ("abi", 12, &[2], "plugin ABI 2.0, this daemon speaks 1.0"),
            ("kind", 20, &[9], "kind 9"),
            ("fingerprint", 32, &[0, 0], "fingerprint"),
            ("id in other letters", 40, "ä".as_bytes(), "has the id"),
            ("id with a dot first", 40, b".", "has the id"),
            ("id not UTF-8", 40, b"\xff", "`id` is not UTF-8"),
            ("the built-in's id", 40, b"None\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "built-in"),
            ("line break", 104, b"1\n", "control characters"),
        ];
        for (name, at, bytes, expected) in cases {
            let mut raw = good();
            put(&mut raw, at, bytes);
            let error = format!("{:#}", Manifest::check(&raw).expect_err(name));
            assert!(error.contains(expected), "{name}: {error}");
        }
        let mut raw = good();
        put(&mut raw, 100, b"x");
        assert!(format!("{:#}", Manifest::check(&raw).unwrap_err()).contains("behind the end of its `id`"));
    }
}
