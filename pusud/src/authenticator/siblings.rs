//! The siblings of a plugin: the libraries that the system loads together with it, out of folders that it names itself.
//!
//! They run with the daemon's rights as the plugin does, and the system's loader opens them by their paths, so it does not
//! help to look at their bytes. Instead nobody else may be able to change them or the folders, or to put one where none is.
//! Follows what an ELF says of itself and what its siblings say: DT_NEEDED, DT_RPATH, DT_RUNPATH. What stands in none of
//! these folders is the system's; what a plugin opens while it runs is its own affair.

use super::binary::Binary;
use super::file::LibraryFile;
use super::ownership::Ownership;
use anyhow::{Context, Result, anyhow, ensure};
use object::elf;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Most libraries that are followed: no plugin comes near, and links between folders must not keep the daemon busy.
const SIBLINGS_MAX: usize = 256;
/// The folders for single processors in which glibc looks before the folder that they are in; the others only up to 2.36.
const FOR_PROCESSORS: [&str; 9] =
    ["glibc-hwcaps", "tls", "haswell", "xeon_phi", "avx512_1", "x86_64", "i686", "aarch64", "atomics"];
/// How deep they lie in each other.
const FOR_PROCESSORS_DEPTH: usize = 4;

/// Checks all siblings of the library that lies in `path`, and gives warnings.
///
/// # Errors
/// Somebody else could put another in the place of one.
pub(super) fn check(path: &Path, bytes: &[u8], ownership: &mut Ownership) -> Result<Vec<String>> {
    let path = std::path::absolute(path).context("has no absolute path")?;
    let mut siblings = Siblings {
        ownership,
        warnings: Vec::new(),
        searched: Vec::new(),
        known: vec![path.clone()],
        waiting: vec![Library::of(path, bytes, Vec::new())],
    };
    while let Some(library) = siblings.waiting.pop() {
        siblings.follow(library)?;
    }
    Ok(siblings.warnings)
}

struct Siblings<'a> {
    ownership: &'a mut Ownership,
    warnings: Vec<String>,
    /// Folders that have been checked.
    searched: Vec<PathBuf>,
    known: Vec<PathBuf>,
    /// What has been checked itself, and not yet what it needs.
    waiting: Vec<Library>,
}

struct Library {
    path: PathBuf,
    needed: Vec<Vec<u8>>,
    run_path: Vec<Vec<u8>>,
    /// The folders of who needs it. With DT_RPATH they hold for it, too.
    inherited: Vec<PathBuf>,
}

impl Library {
    /// What `bytes` say. Those that are no library need nothing: the system's loader does not take them.
    fn of(path: PathBuf, bytes: &[u8], inherited: Vec<PathBuf>) -> Self {
        let strings = |tags: &[elf::DynamicTag]| {
            let binary = Binary::read(bytes).ok();
            binary.iter().flat_map(|binary| binary.dynamic_strings(tags)).map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        let run_paths = strings(&[elf::DT_RPATH, elf::DT_RUNPATH]);
        let run_path = run_paths.iter().flat_map(|path| path.split(|byte| *byte == b':')).map(<[u8]>::to_vec).collect();
        let needed = strings(&[elf::DT_NEEDED, elf::DT_AUXILIARY, elf::DT_FILTER]);
        Self { path, needed, run_path, inherited }
    }
}

impl Siblings<'_> {
    fn follow(&mut self, library: Library) -> Result<()> {
        let mut folders = Vec::new();
        for entry in &library.run_path {
            for folder in self.expanded(entry, &library.path)? {
                with_those_for_processors(folder, FOR_PROCESSORS_DEPTH, &mut folders)?;
            }
        }
        for folder in &folders {
            self.search(folder)?;
        }
        let inherited =
            library.inherited.iter().filter(|folder| !folders.contains(folder)).cloned().collect::<Vec<_>>();
        folders.extend(inherited);
        for name in &library.needed {
            if name.contains(&b'/') {
                for path in self.expanded(name, &library.path)? {
                    self.search(path.parent().unwrap_or(Path::new("/")))?;
                    self.meet(path, &folders)?;
                }
            } else {
                for folder in &folders {
                    self.meet(folder.join(std::ffi::OsStr::from_bytes(name)), &folders)?;
                }
            }
        }
        Ok(())
    }

    /// A folder in which a library is looked for.
    fn search(&mut self, folder: &Path) -> Result<()> {
        if !self.searched.iter().any(|known| known == folder) {
            self.searched.push(folder.to_owned());
            let warnings = self.ownership.check_search(folder)?;
            self.warnings.extend(warnings);
        }
        Ok(())
    }

    /// A library that is loaded if it is there.
    fn meet(&mut self, path: PathBuf, folders: &[PathBuf]) -> Result<()> {
        if self.known.contains(&path) {
            return Ok(());
        }
        // The system's loader does not take one that cannot be read either, and goes on to the next folder.
        let Ok(file) = LibraryFile::read(&path) else { return Ok(()) };
        ensure!(self.known.len() <= SIBLINGS_MAX, "needs more than {SIBLINGS_MAX} libraries out of folders of its own");
        let in_words = |text: String| format!("needs {}, which {text}", path.display());
        let checked = file.check_by(self.ownership);
        let warnings = checked.map_err(|error| anyhow!(in_words(format!("{error:#}"))))?;
        self.warnings.extend(warnings.into_iter().map(in_words));
        self.known.push(path.clone());
        self.waiting.push(Library::of(path, file.bytes(), folders.to_vec()));
        Ok(())
    }

    /// What an entry means for the library in `path`. Relative ones start at the working directory, as they do for the
    /// system's loader.
    fn expanded(&mut self, entry: &[u8], path: &Path) -> Result<Vec<PathBuf>> {
        let origin = path.parent().unwrap_or(Path::new("/")).as_os_str().as_bytes();
        let entry_there = replaced(entry, "ORIGIN", origin);
        let on_multiarch = format!("lib/{}-linux-gnu", std::env::consts::ARCH);
        let mut paths = Vec::new();
        for lib in ["lib", "lib64", &on_multiarch] {
            let text = replaced(&entry_there, "LIB", lib.as_bytes());
            if text.contains(&b'$') {
                let shown = String::from_utf8_lossy(entry);
                let doubt = format!(
                    "looks for libraries in `{shown}`, and which folder that is cannot be told: link it with the run path \
                     $ORIGIN or with a whole path"
                );
                let doubts = self.ownership.judged(vec![doubt])?;
                self.warnings.extend(doubts);
                return Ok(Vec::new());
            }
            let text = PathBuf::from(OsString::from_vec(if text.is_empty() { b".".to_vec() } else { text }));
            let absolute = std::path::absolute(text).context("looks for libraries where no path leads")?;
            if !paths.contains(&absolute) {
                paths.push(absolute);
            }
        }
        Ok(paths)
    }
}

/// `$NAME` and `${NAME}` with something in their place.
fn replaced(text: &[u8], name: &str, with: &[u8]) -> Vec<u8> {
    let words = [format!("${name}"), format!("${{{name}}}")];
    let (mut out, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.first() {
        match words.iter().find(|word| rest.starts_with(word.as_bytes())) {
            Some(word) => {
                out.extend_from_slice(with);
                rest = &rest[word.len()..];
            }
            None => {
                out.push(*first);
                rest = &rest[1..];
            }
        }
    }
    out
}

fn with_those_for_processors(folder: PathBuf, depth: usize, folders: &mut Vec<PathBuf>) -> Result<()> {
    if folders.contains(&folder) {
        return Ok(());
    }
    let below = FOR_PROCESSORS.map(|name| folder.join(name));
    folders.push(folder);
    for folder in below.into_iter().filter(|folder| depth > 0 && folder.is_dir()) {
        if folder.ends_with("glibc-hwcaps") {
            let shown = folder.display();
            let entries =
                folder.read_dir().with_context(|| format!("looks for libraries in {shown}, which cannot be read"))?;
            for entry in entries {
                let entry = entry.with_context(|| format!("looks for libraries in {shown}, which cannot be read"))?;
                with_those_for_processors(entry.path(), 0, folders)?;
            }
        }
        with_those_for_processors(folder, depth - 1, folders)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_as_the_loader_reads_it() {
        let mut ownership = Ownership::new(false);
        let mut siblings =
            Siblings { ownership: &mut ownership, warnings: vec![], searched: vec![], known: vec![], waiting: vec![] };
        let mut expanded = |entry: &str| siblings.expanded(entry.as_bytes(), Path::new("/plugins/a.so")).unwrap();
        assert_eq!(expanded("$ORIGIN"), [Path::new("/plugins")]);
        assert_eq!(expanded("${ORIGIN}/../lib"), [Path::new("/plugins/../lib")]);
        assert_eq!(expanded("/opt/lib"), [Path::new("/opt/lib")]);
        assert_eq!(expanded(""), [std::env::current_dir().unwrap()]);
        let multiarch = format!("/plugins/lib/{}-linux-gnu", std::env::consts::ARCH);
        assert_eq!(expanded("$ORIGIN/$LIB"), ["/plugins/lib", "/plugins/lib64", &multiarch].map(PathBuf::from));
        assert!(expanded("$ORIGIN/$PLATFORM").is_empty());
        assert!(siblings.warnings[0].contains("`$ORIGIN/$PLATFORM`"), "{:?}", siblings.warnings);
    }

    #[test]
    fn folders_for_processors_are_searched_too() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["glibc-hwcaps/x86-64-v3", "tls/haswell", "other"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let mut folders = Vec::new();
        with_those_for_processors(dir.path().to_owned(), FOR_PROCESSORS_DEPTH, &mut folders).unwrap();
        let mut names: Vec<_> =
            folders.iter().map(|folder| folder.strip_prefix(dir.path()).unwrap().to_owned()).collect();
        names.sort();
        assert_eq!(names, ["", "glibc-hwcaps", "glibc-hwcaps/x86-64-v3", "tls", "tls/haswell"].map(PathBuf::from));
    }
}
