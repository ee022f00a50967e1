//! A shared library's file format: whether it is for this host, whether it is whole, and what it exports.
//!
//! ELF, PE and Mach-O go through one code path (the `object` crate). Works on bytes alone: nothing is opened, loaded or
//! run here.

use anyhow::{Context, Result, bail, ensure};
use object::{
    Architecture, BinaryFormat, Export, ExportTarget, FileKind, NameOrOrdinal, Object, ObjectKind, ObjectSegment, elf,
};

/// A library's bytes, parsed.
pub(super) struct Binary<'data> {
    object: object::File<'data>,
    len: u64,
}

impl<'data> Binary<'data> {
    /// Parses `bytes` and makes sure that this host could load them.
    ///
    /// # Errors
    /// Not a library, not for this system or processor, or cut short (loading that would end the process by SIGBUS).
    pub(super) fn parse(bytes: &'data [u8]) -> Result<Self> {
        let binary = Self::read(bytes)?;
        binary.check_host()?;
        binary.check_whole()?;
        Ok(binary)
    }

    /// Parses `bytes`, for whatever machine they are: to look at, not to load.
    ///
    /// # Errors
    /// Not a library, or its headers are cut short.
    pub(super) fn read(bytes: &'data [u8]) -> Result<Self> {
        if matches!(FileKind::parse(bytes), Ok(FileKind::MachOFat32 | FileKind::MachOFat64)) {
            bail!("is a universal Mach-O file; take this machine's part out of it with `lipo -thin`");
        }
        let object = object::File::parse(bytes)
            .context("is not a whole shared library (cut short, or not a library at all); copy or build it again")?;
        Ok(Self { object, len: bytes.len() as u64 })
    }

    /// The file, for linkage.rs.
    pub(super) fn object(&self) -> &object::File<'data> {
        &self.object
    }

    /// What machine it is built for, in words: `Elf on X86_64 (64 bits)`.
    pub(super) fn platform(&self) -> String {
        let bits = if self.object.is_64() { 64 } else { 32 };
        format!("{:?} on {:?} ({bits} bits)", self.object.format(), self.object.architecture())
    }

    fn check_host(&self) -> Result<()> {
        let (format, architecture) = (self.object.format(), self.object.architecture());
        let host_architecture = host_architecture();
        ensure!(
            format == HOST_FORMAT
                && host_architecture.is_none_or(|host| host == architecture)
                && self.object.is_64() == cfg!(target_pointer_width = "64")
                && self.object.is_little_endian() == cfg!(target_endian = "little"),
            "is built for {}, this daemon for {HOST_FORMAT:?} on {} ({} bits); build it for this machine",
            self.platform(),
            std::env::consts::ARCH,
            usize::BITS,
        );
        let kind = self.object.kind();
        ensure!(
            kind == ObjectKind::Dynamic,
            "is no shared library but {kind:?}; link it as one (`cdylib`, `cc -shared`)"
        );
        Ok(())
    }

    fn check_whole(&self) -> Result<()> {
        for segment in self.object.segments() {
            let (offset, size) = segment.file_range();
            let end = offset.checked_add(size).context("has a segment that ends nowhere; build it again")?;
            ensure!(
                end <= self.len,
                "is cut short: it has {} bytes, but one of its segments ends at byte {end}; copy it again",
                self.len
            );
        }
        Ok(())
    }

    /// The address of an exported symbol, by its name in C; `None`: it is not exported.
    ///
    /// # Errors
    /// The table of exports is broken.
    pub(super) fn export(&self, name: &str) -> Result<Option<u64>> {
        for export in self.object.exports().context("has a broken table of exports")? {
            let export = export.context("has a broken table of exports")?;
            if let ExportTarget::Address { address } = export.target()
                && self.c_name(&export) == Some(name.as_bytes())
            {
                return Ok(Some(address));
            }
        }
        Ok(None)
    }

    /// Mach-O puts an underscore before the names of C.
    fn c_name<'export>(&self, export: &'export Export<'data>) -> Option<&'export [u8]> {
        match export.name() {
            NameOrOrdinal::Name(name) if self.object.format() == BinaryFormat::MachO => name.strip_prefix(b"_"),
            NameOrOrdinal::Name(name) => Some(name),
            NameOrOrdinal::Ordinal(_) => None,
        }
    }

    /// The `len` bytes that stand in the file for `address`; `None`: they are not all in it.
    pub(super) fn bytes_at(&self, address: u64, len: u64) -> Option<&'data [u8]> {
        self.object.segments().find_map(|segment| segment.data_range(address, len).ok().flatten())
    }

    /// Whether loading writes into the `len` bytes at `address`, as far as the format tells.
    pub(super) fn relocated(&self, address: u64, len: u64) -> bool {
        let Some(mut relocations) = self.object.dynamic_relocations() else { return false };
        relocations.any(|(at, _)| at >= address && at - address < len)
    }

    /// Whether the library looks for others relative to where it lies itself (`$ORIGIN` in what an ELF says it needs, or
    /// where).
    pub(super) fn needs_its_folder(&self) -> bool {
        let tags = [elf::DT_RPATH, elf::DT_RUNPATH, elf::DT_NEEDED, elf::DT_AUXILIARY, elf::DT_FILTER];
        self.dynamic_strings(&tags).iter().any(|path| {
            path.windows(7).any(|part| part == b"$ORIGIN") || path.windows(9).any(|part| part == b"${ORIGIN}")
        })
    }

    /// The strings with these tags in the dynamic table of an ELF; other formats have none.
    pub(super) fn dynamic_strings(&self, tags: &[elf::DynamicTag]) -> Vec<&'data [u8]> {
        match &self.object {
            object::File::Elf32(file) => elf_strings(file, tags),
            object::File::Elf64(file) => elf_strings(file, tags),
            _ => Vec::new(),
        }
    }
}

fn elf_strings<'data, Elf>(file: &object::read::elf::ElfFile<'data, Elf>, tags: &[elf::DynamicTag]) -> Vec<&'data [u8]>
where
    Elf: object::read::elf::FileHeader<Endian = object::Endianness>,
{
    let Ok(table) = file.elf_dynamic_table() else { return Vec::new() };
    let entries = table.iter().filter(|entry| tags.contains(&entry.tag));
    entries.filter_map(|entry| table.string(entry).ok()).collect()
}

const HOST_FORMAT: BinaryFormat = if cfg!(windows) {
    BinaryFormat::Pe
} else if cfg!(target_vendor = "apple") {
    BinaryFormat::MachO
} else {
    BinaryFormat::Elf
};

/// `None`: a processor this list does not know; then the system's loader is the one to refuse a foreign library.
fn host_architecture() -> Option<Architecture> {
    Some(match std::env::consts::ARCH {
        "x86_64" if cfg!(target_pointer_width = "32") => Architecture::X86_64_X32,
        "x86_64" => Architecture::X86_64,
        "x86" => Architecture::I386,
        "aarch64" => Architecture::Aarch64,
        "arm" => Architecture::Arm,
        "riscv64" => Architecture::Riscv64,
        "riscv32" => Architecture::Riscv32,
        "powerpc64" => Architecture::PowerPc64,
        "powerpc" => Architecture::PowerPc,
        "s390x" => Architecture::S390x,
        "loongarch64" => Architecture::LoongArch64,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        format!("{:#}", Binary::parse(bytes).err().expect("must be refused"))
    }

    /// The header of a 64-bit little-endian ELF shared library for `machine`, and nothing behind it.
    fn elf_header(machine: u16) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        bytes[16..18].copy_from_slice(&3u16.to_le_bytes());
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[20] = 1;
        bytes[52] = 64;
        bytes
    }

    #[test]
    fn what_is_no_library_is_refused() {
        for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fELF", b"/* GNU ld script */", b"MZ"] {
            assert!(refusal(bytes).contains("is not a whole shared library"), "{}", refusal(bytes));
        }
        let fat = refusal(b"\xca\xfe\xba\xbe\0\0\0\x01\0\0\0\0\0\0\0\0");
        assert!(fat.contains("lipo"), "{fat}");
    }

    #[test]
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn another_processor_is_refused() {
        let error = refusal(&elf_header(183));
        assert!(error.contains("Elf on Aarch64 (64 bits), this daemon for Elf on x86_64 (64 bits)"), "{error}");
        assert!(Binary::parse(&elf_header(62)).is_ok());
    }
}
