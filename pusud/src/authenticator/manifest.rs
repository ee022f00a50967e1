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
    /// It takes options of other names too, and checks them itself.
    pub takes_other_options: bool,
    /// The ids of the host's tables that it cannot do without.
    pub needs: Vec<String>,
    /// `pusu_plugin_abi::F_*` bits.
    pub flags: u32,
    /// As it stands in the file, to be compared with what the system has loaded.
    raw: Box<[u8; abi::MANIFEST_BYTES]>,
}

impl Manifest {
    /// The names of the options it takes, in one line; `*` stands for others.
    pub fn option_names(&self) -> String {
        let others = self.takes_other_options.then_some("*");
        self.options.iter().map(String::as_str).chain(others).collect::<Vec<_>>().join(", ")
    }

    /// Finds and checks the manifest in the bytes of a library.
    ///
    /// # Errors
    /// Why the library does not serve as an authenticator of this daemon; the caller adds which file it is.
    pub(super) fn find(bytes: &[u8]) -> Result<Self> {
        let binary = Binary::parse(bytes)?;
        let address = match binary.export(abi::MANIFEST_SYMBOL)? {
            Some(address) => address,
            None if binary.export(&format!("{}_2", abi::MANIFEST_SYMBOL))?.is_some() => {
                bail!(
                    "is built for a newer plugin ABI alone, this daemon speaks {}; a newer pusud is needed",
                    abi::ABI_MAJOR
                )
            }
            None => bail!(not_a_plugin(abi::MANIFEST_SYMBOL)),
        };
        ensure!(binary.export(abi::ENTRY_SYMBOL)?.is_some(), not_a_plugin(abi::ENTRY_SYMBOL));
        let bytes_at = |bytes: usize| {
            binary
                .bytes_at(address, bytes as u64)
                .with_context(|| format!("has its `{}` outside the file's contents", abi::MANIFEST_SYMBOL))
        };
        check_age(bytes_at(abi::MANIFEST_HEAD_BYTES)?)?;
        let raw = bytes_at(abi::MANIFEST_BYTES)?;
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
        check_flags(fields.flags)?;
        let needs = names(&text("needs", &fields.needs)?);
        check_needs(&needs, fields.flags)?;
        let mut options = names(&text("options", &fields.options)?);
        let named = options.len();
        options.retain(|name| name != OTHER_OPTIONS);
        Ok(Self {
            id,
            abi_minor: fields.abi_minor,
            version: text("version", &fields.version)?,
            sdk: text("sdk", &fields.sdk)?,
            license: text("license", &fields.license)?,
            description: text("description", &fields.description)?,
            takes_other_options: options.len() < named,
            options,
            needs,
            flags: fields.flags,
            raw: raw.try_into().map(Box::new).context("has a manifest of the wrong length")?,
        })
    }

    /// Whether the plugin has the flag (one of `pusu_plugin_abi::F_*`).
    pub fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// Whether bytes are 0 that the ABI keeps for later, or what is set among them.
    pub fn reserved_bytes(&self) -> Result<(), String> {
        let Some(fields) = abi::Manifest::from_bytes(&self.raw[..]) else { return Ok(()) };
        if fields.reserved0 != 0 {
            return Err(format!("`reserved0` in the manifest is {:#x}", fields.reserved0));
        }
        match fields.reserved.iter().position(|&byte| byte != 0) {
            Some(at) => Err(format!("byte {at} of `reserved` in the manifest is {:#04x}", fields.reserved[at])),
            None => Ok(()),
        }
    }

    /// The manifest's bytes as they stand in the file.
    pub(super) fn raw(&self) -> &[u8; abi::MANIFEST_BYTES] {
        &self.raw
    }
}

/// Refuses what was built before ABI 1.0 by name: its manifest is shorter, and only its beginning is laid out as today.
fn check_age(head: &[u8]) -> Result<()> {
    let (Some(size), Some(fingerprint)) = (head.get(8..12), head.get(32..40)) else { return Ok(()) };
    let is_older = size == abi::MANIFEST_BYTES_BEFORE_1_0.to_ne_bytes()
        || fingerprint == abi::fingerprint::BEFORE_1_0.to_ne_bytes();
    ensure!(
        !(head.starts_with(&abi::MAGIC) && is_older),
        "is built with the header or SDK from before ABI 1.0 (it calls itself {}); build it again with the \
         pusu_plugin.h or pusu-plugin-api of this daemon",
        abi::Manifest::text(&head[40..]).map_or_else(|| "nothing readable".to_owned(), |id| format!("{id:?}"))
    );
    Ok(())
}

fn check_flags(flags: u32) -> Result<()> {
    let unknown = flags & abi::CRITICAL_BITS;
    ensure!(
        unknown == 0,
        "has flag bit {}, which this relay does not know and must not ignore; a newer pusud is needed",
        unknown.trailing_zeros()
    );
    Ok(())
}

fn check_needs(needs: &[String], flags: u32) -> Result<()> {
    if let Some(lacking) = needs.iter().find(|id| !abi::HOST_EXTENSIONS.contains(&id.as_str())) {
        bail!(
            "needs `{lacking}`, which this relay does not have (it has {}); a newer pusud may be needed",
            abi::HOST_EXTENSIONS.join(", ")
        );
    }
    ensure!(
        flags & abi::F_GRANTS != 0 || !needs.iter().any(|id| id == abi::EXT_GRANTS),
        "needs `{}`, and has not the flag GRANTS in its manifest, without which there is no such table; add the flag",
        abi::EXT_GRANTS
    );
    Ok(())
}

/// Stands among the names of options for all others.
const OTHER_OPTIONS: &str = "*";

/// The names of a list with commas.
fn names(list: &str) -> Vec<String> {
    list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
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
        raw[616..1384].fill(0);
        tests::put(&mut raw, 40, id.as_bytes());
        tests::put(&mut raw, 616, options.as_bytes());
        Self::check(&raw).unwrap()
    }
}

#[cfg(test)]
mod tests;
