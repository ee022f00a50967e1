//! The inspection of one library, without running any of it.
//!
//! Reads the file once and looks at its bytes, as loading would; a library for another machine is described too.

use super::binary::Binary;
use super::file::LibraryFile;
use super::linkage::Linkage;
use super::manifest::Manifest;
use anyhow::Result;
use pusu_plugin_abi as abi;
use std::path::{Path, PathBuf};

/// What stands in a library's file.
#[derive(Debug)]
pub struct Inspection {
    /// The file.
    pub path: PathBuf,
    /// Its length.
    pub bytes: usize,
    /// The hash of its bytes in lower-case hexadecimal, as `authenticator_sha256` takes it.
    pub sha256: String,
    /// What machine it is built for, such as `Elf on X86_64 (64 bits)`; `None`: it is no library.
    pub platform: Option<String>,
    /// The libraries it needs.
    pub needed: Vec<String>,
    /// The oldest glibc it runs with, such as `2.34`; `None`: it asks for no version.
    pub glibc_floor: Option<String>,
    /// Whether it looks for the libraries it needs beside itself, so that it has to be loaded where it lies.
    pub needs_its_folder: bool,
    /// Whether it brings the proof of its types' layout, as Rust plugins do by default.
    pub layout_proof: bool,
    /// What it says about itself, or why it does not serve as an authenticator of this daemon.
    pub manifest: Result<Manifest>,
    /// Who else could have written it: warnings, or why it would be refused.
    pub ownership: Result<Vec<String>>,
}

/// Looks at the library in `path`.
///
/// # Errors
/// The file cannot be read at all. A file that does not serve is no error here: the inspection says why.
pub fn inspect(path: &Path) -> Result<Inspection> {
    let file = LibraryFile::read(path)?;
    let binary = Binary::read(file.bytes()).ok();
    let Linkage { needed, glibc_floor } = binary.as_ref().map(Linkage::of).unwrap_or_default();
    let exports = |symbol| binary.as_ref().is_some_and(|binary| matches!(binary.export(symbol), Ok(Some(_))));
    Ok(Inspection {
        path: path.to_owned(),
        bytes: file.bytes().len(),
        sha256: file.sha256(),
        platform: binary.as_ref().map(Binary::platform),
        needed,
        glibc_floor,
        needs_its_folder: binary.as_ref().is_some_and(Binary::needs_its_folder),
        layout_proof: exports(abi_stable::library::ROOT_MODULE_LOADER_NAME),
        manifest: Manifest::find(file.bytes()),
        ownership: file.check_ownership(false, false),
    })
}

impl Inspection {
    /// The plugin's flags in the words of the header: `ASYNC`, `SERIAL`, `NO_SWAP`.
    pub fn flags(&self) -> Vec<&'static str> {
        let known = [(abi::F_ASYNC, "ASYNC"), (abi::F_SERIAL, "SERIAL"), (abi::F_NO_SWAP, "NO_SWAP")];
        let manifest = self.manifest.as_ref().ok();
        known
            .iter()
            .filter(|(flag, _)| manifest.is_some_and(|manifest| manifest.has(*flag)))
            .map(|known| known.1)
            .collect()
    }
}
