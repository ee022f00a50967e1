//! The linkage of a library, which is its needs of the system that loads it: other libraries, and how new a glibc.
//!
//! Only for people to read: nothing is decided by it (siblings.rs checks the libraries), and a table that cannot be read counts as empty. The system's
//! loader has the last word.

use super::binary::Binary;
use object::read::elf::{ElfFile, FileHeader};
use object::{Object, elf};

/// What one library asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Linkage {
    /// Names of other libraries, in the file's order.
    pub(super) needed: Vec<String>,
    /// The newest version of glibc that one of its symbols asks for, such as `2.34`; `None`: it asks for no version.
    pub(super) glibc_floor: Option<String>,
}

impl Linkage {
    pub(super) fn of(binary: &Binary<'_>) -> Self {
        let needed = || binary.dynamic_strings(&[elf::DT_NEEDED]).into_iter().map(lossy).collect();
        match binary.object() {
            object::File::Elf32(file) => Self::of_elf(file, needed()),
            object::File::Elf64(file) => Self::of_elf(file, needed()),
            other => Self { needed: imported_libraries(other), glibc_floor: None },
        }
    }

    fn of_elf<Elf: FileHeader<Endian = object::Endianness>>(file: &ElfFile<'_, Elf>, needed: Vec<String>) -> Self {
        let versions = needed_versions(file).unwrap_or_default();
        let newest = versions.iter().filter_map(|name| Some((numbers(name.strip_prefix("GLIBC_")?)?, name))).max();
        Self { needed, glibc_floor: newest.map(|(_, name)| name.trim_start_matches("GLIBC_").to_owned()) }
    }
}

/// The names of the versions that the file asks of the libraries it needs.
fn needed_versions<Elf: FileHeader<Endian = object::Endianness>>(
    file: &ElfFile<'_, Elf>,
) -> object::read::Result<Vec<String>> {
    let (endian, data, sections) = (file.endian(), file.data(), file.elf_section_table());
    let mut names = Vec::new();
    if let Some((libraries, strings)) = sections.gnu_verneed(endian, data)? {
        let strings = sections.strings(endian, data, strings)?;
        for library in libraries {
            for version in library?.1 {
                names.push(lossy(version?.name(endian, strings)?));
            }
        }
    }
    Ok(names)
}

fn imported_libraries(file: &object::File<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for import in file.imports().into_iter().flatten().flatten() {
        let name = lossy(import.library());
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// `2.34` as numbers that can be compared; `None` for names such as `PRIVATE`.
fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(numbers("2.34") > numbers("2.4") && numbers("2.2.5") < numbers("2.3"));
        assert_eq!(numbers("PRIVATE"), None);
    }
}
