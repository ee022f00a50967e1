//! The plugins directory: which files are plugins, and which of them an id in the settings names.
//!
//! Reads files, never loads them: listing a directory runs no code of it.

use super::file::LibraryFile;
use super::manifest::Manifest;
use crate::config::did_you_mean;
use anyhow::{Context, Result, bail};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// What the name of a library ends in, on one system or another.
const EXTENSIONS: [&str; 3] = ["so", "dll", "dylib"];

/// A library in the plugins directory.
#[derive(Debug)]
pub struct Candidate {
    /// Its file.
    pub path: PathBuf,
    /// What it says about itself, or why it does not serve as an authenticator of this daemon.
    pub manifest: Result<Manifest>,
    /// Who else could have written what would be loaded: warnings, or why it would be refused without its hash in the
    /// settings. Not asked where the manifest does not serve.
    pub ownership: Result<Vec<String>>,
}

/// Every library in `dir`, by file name; folders in it are not searched. Nothing is loaded.
///
/// # Errors
/// `dir` cannot be read.
pub fn list(dir: &Path) -> Result<Vec<Candidate>> {
    let candidate = |path: PathBuf| match inspect(&path) {
        Ok((file, manifest)) => {
            Candidate { path, manifest: Ok(manifest), ownership: file.check_ownership(false, false) }
        }
        Err(error) => Candidate { path, manifest: Err(error), ownership: Ok(Vec::new()) },
    };
    Ok(libraries(dir)?.into_iter().map(candidate).collect())
}

/// The one library in `dir` whose manifest has `id`.
///
/// # Errors
/// `dir` cannot be read; no library has the id (the error lists what is there and why it does not serve); two have it.
pub(super) fn resolve(dir: &Path, id: &str) -> Result<(LibraryFile, Manifest)> {
    let mut matching = Vec::new();
    let mut others = Vec::new();
    for path in libraries(dir)? {
        match inspect(&path) {
            Ok(found) if found.1.id == id => matching.push(found),
            other => others.push((path, other.map(|found| found.1))),
        }
    }
    let Some(found) = matching.pop() else { bail!(nothing_found(dir, id, &others)) };
    if let Some(second) = matching.pop() {
        bail!(
            "`authenticator: {id}`: two files in {} have this id: {} (version {}) and {} (version {}); remove one of \
             them",
            dir.display(),
            file_name(second.0.path()),
            second.1.version,
            file_name(found.0.path()),
            found.1.version
        );
    }
    Ok(found)
}

fn inspect(path: &Path) -> Result<(LibraryFile, Manifest)> {
    let file = LibraryFile::read(path)?;
    let manifest = Manifest::find(file.bytes())?;
    Ok((file, manifest))
}

fn libraries(dir: &Path) -> Result<Vec<PathBuf>> {
    let shown = dir.display();
    let entries = std::fs::read_dir(dir).with_context(|| {
        format!("the plugins directory {shown} cannot be read; make it, or change `plugins_dir` in the settings")
    })?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("the plugins directory {shown} cannot be read to its end"))?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if extension.is_some_and(|extension| EXTENSIONS.contains(&extension)) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn nothing_found(dir: &Path, id: &str, others: &[(PathBuf, Result<Manifest>)]) -> String {
    let ids = others.iter().filter_map(|other| other.1.as_ref().ok()).map(|manifest| manifest.id.as_str());
    let mut text =
        format!("`authenticator: {id}`: no plugin in {} has this id{}", dir.display(), did_you_mean(id, ids));
    if others.is_empty() {
        text.push_str("\nNo *.so, *.dll or *.dylib file is there.");
    } else {
        text.push_str("\nThese files are there:");
    }
    for (path, manifest) in others {
        // Writing to a String cannot fail.
        let _ = match manifest {
            Ok(manifest) => write!(text, "\n  {}: {} {}", file_name(path), manifest.id, manifest.version),
            Err(error) => write!(text, "\n  {}: does not serve: it {error:#}", file_name(path)),
        };
    }
    text.push_str("\nPut the plugin's library there, or change `authenticator` or `plugins_dir` in the settings.");
    text
}

fn file_name(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_libraries_are_looked_at_and_folders_not_searched() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.so", "a.dll", "c.dylib", "d.so.1", "README.md", "so"] {
            std::fs::write(dir.path().join(name), "no library").unwrap();
        }
        std::fs::create_dir(dir.path().join("folder")).unwrap();
        std::fs::write(dir.path().join("folder/e.so"), "").unwrap();
        let names: Vec<_> =
            list(dir.path()).unwrap().iter().map(|candidate| file_name(&candidate.path).into_owned()).collect();
        assert_eq!(names, ["a.dll", "b.so", "c.dylib"]);
    }

    #[test]
    fn an_id_that_nothing_has_lists_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let error = |id| format!("{:#}", resolve(dir.path(), id).err().expect("nothing is there"));
        assert!(error("X").contains("No *.so, *.dll or *.dylib file is there"), "{}", error("X"));
        std::fs::write(dir.path().join("broken.so"), "no library").unwrap();
        let text = error("X");
        assert!(text.contains("`authenticator: X`"), "{text}");
        assert!(text.contains("broken.so: does not serve: it is not a whole shared library"), "{text}");
    }

    #[test]
    fn a_missing_directory_names_the_setting() {
        let text = format!("{:#}", resolve(Path::new("/nowhere/plugins"), "X").err().expect("is not there"));
        assert!(text.contains("/nowhere/plugins") && text.contains("`plugins_dir`"), "{text}");
    }
}
