//! The trail of a path: every folder and symbolic link that the system passes on its way to what the path names.
//!
//! Looks, and judges nothing: ownership.rs does. Follows links itself, since whoever may change one of them, or a folder
//! on the way, decides what the path names.

use anyhow::{Context, Result, ensure};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

/// As many as Linux follows.
const LINKS_MAX: usize = 40;

/// Something on the way.
pub(super) struct Passed {
    /// Without symbolic links in it.
    pub(super) path: PathBuf,
    /// Of a link, and not of what it leads to.
    pub(super) metadata: Metadata,
    /// Whether the last part of the path lies in it: what it names, or a link to that.
    pub(super) holds: bool,
}

/// The whole way.
pub(super) struct Trail {
    /// From the root down; with links once more from where they lead to.
    pub(super) folders: Vec<Passed>,
    /// With the number of the folder that each lies in.
    pub(super) links: Vec<(usize, Passed)>,
    /// The number of the folder where it ends.
    pub(super) end: usize,
    /// Whether what the path names is there.
    pub(super) arrives: bool,
}

impl Trail {
    /// Goes the way of `path`.
    ///
    /// # Errors
    /// Something on it cannot be looked at, or its links lead in circles.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let path = std::path::absolute(path).context("has no absolute path")?;
        let mut trail = Self { folders: Vec::new(), links: Vec::new(), end: 0, arrives: false };
        let mut here = trail.start()?;
        let mut rest = parts(&path);
        while let Some(part) = rest.pop_front() {
            if part == ".." {
                let above = trail.folders[here].path.parent().unwrap_or(Path::new("/")).to_owned();
                here = trail.pass(above)?;
                continue;
            }
            trail.folders[here].holds |= rest.is_empty();
            let next = trail.folders[here].path.join(&part);
            let metadata = match next.symlink_metadata() {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(trail.ending(here, false)),
                Err(error) => return Err(error).with_context(|| cannot_look(&next)),
            };
            if metadata.is_symlink() {
                ensure!(trail.links.len() < LINKS_MAX, "is reached through more than {LINKS_MAX} symbolic links");
                let target = next.read_link().with_context(|| cannot_look(&next))?;
                trail.links.push((here, Passed { path: next, metadata, holds: false }));
                if target.is_absolute() {
                    here = trail.start()?;
                }
                for part in parts(&target).into_iter().rev() {
                    rest.push_front(part);
                }
            } else if metadata.is_dir() {
                here = trail.pass(next)?;
            } else {
                // Nothing lies below a file.
                return Ok(trail.ending(here, rest.is_empty()));
            }
        }
        Ok(trail.ending(here, true))
    }

    fn start(&mut self) -> Result<usize> {
        self.pass(PathBuf::from("/"))
    }

    /// The number of a folder, which is new unless the way has led through it before.
    fn pass(&mut self, path: PathBuf) -> Result<usize> {
        if let Some(known) = self.folders.iter().position(|known| known.path == path) {
            return Ok(known);
        }
        let metadata = path.symlink_metadata().with_context(|| cannot_look(&path))?;
        self.folders.push(Passed { path, metadata, holds: false });
        Ok(self.folders.len() - 1)
    }

    fn ending(mut self, end: usize, arrives: bool) -> Self {
        (self.end, self.arrives) = (end, arrives);
        self
    }
}

/// All parts that lead on.
fn parts(path: &Path) -> VecDeque<OsString> {
    let leads_on = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().filter_map(leads_on).collect()
}

fn cannot_look(path: &Path) -> String {
    format!("is reached through {}, which cannot be looked at", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn below(dir: &Path, trail: &Trail) -> Vec<String> {
        let shown = trail.folders.iter().filter_map(|folder| folder.path.strip_prefix(dir).ok());
        shown.map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn a_way_leads_over_links_and_up_again() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().canonicalize().unwrap();
        for folder in ["a/b", "c/d"] {
            std::fs::create_dir_all(home.join(folder)).unwrap();
        }
        std::fs::write(home.join("c/d/file"), "").unwrap();
        symlink(home.join("c"), home.join("a/b/absolute")).unwrap();
        symlink("../../c/d", home.join("a/b/relative")).unwrap();
        symlink("absolute/d/file", home.join("a/b/link")).unwrap();
        for (path, through) in [
            ("c/d/file", vec!["", "c", "c/d"]),
            ("a/b/absolute/d/file", vec!["", "a", "a/b", "c", "c/d"]),
            ("a/b/relative/file", vec!["", "a", "a/b", "c", "c/d"]),
            ("a/b/link", vec!["", "a", "a/b", "c", "c/d"]),
            ("a/../c/d/../d/file", vec!["", "a", "c", "c/d"]),
        ] {
            let trail = Trail::of(&home.join(path)).unwrap();
            assert_eq!(
                (below(&home, &trail), trail.arrives),
                (through.iter().map(|&s| s.into()).collect(), true),
                "{path}"
            );
        }
        let trail = Trail::of(&home.join("a/b/link")).unwrap();
        let holding = trail.folders.iter().filter(|folder| folder.holds).map(|folder| folder.path.clone());
        assert_eq!(holding.collect::<Vec<_>>(), [home.join("a/b"), home.join("c/d")]);
    }

    #[test]
    fn a_way_that_ends_early_says_where() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().canonicalize().unwrap();
        std::fs::create_dir(home.join("a")).unwrap();
        std::fs::write(home.join("a/file"), "").unwrap();
        for path in ["a/missing", "a/missing/deeper", "a/file/deeper"] {
            let trail = Trail::of(&home.join(path)).unwrap();
            assert!(!trail.arrives && trail.folders[trail.end].path == home.join("a"), "{path}");
        }
        let trail = Trail::of(&home.join("a/..")).unwrap();
        assert!(trail.arrives && trail.folders[trail.end].path == home);
        symlink("circle", home.join("circle")).unwrap();
        let error = format!("{:#}", Trail::of(&home.join("circle")).err().expect("leads nowhere"));
        assert!(error.contains("more than 40 symbolic links"), "{error}");
    }
}
