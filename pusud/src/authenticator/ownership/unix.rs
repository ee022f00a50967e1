//! The ownership where files have an owner and a mode.

use crate::authenticator::trail::{Passed, Trail};
use crate::config::{is_folder_read_only, is_owner_unknown, owner_in_words};
use anyhow::{Result, anyhow, bail, ensure};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const GROUP_WRITE: u32 = 0o020;
const WORLD_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// What is looked at for one plugin. Each folder is complained of once.
pub(in super::super) struct Ownership {
    strict: bool,
    doubted: Vec<PathBuf>,
}

/// What a folder is to a library.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The way to it leads through.
    Above,
    /// It lies there, or a symbolic link to it.
    Holds,
    /// The system looks for it there.
    Searched,
    /// The folder that the system would look in is not there, and would be made here.
    Lacks,
}

impl Ownership {
    /// `strict`: what is doubtful is refused.
    pub(in super::super) fn new(strict: bool) -> Self {
        Self { strict, doubted: Vec::new() }
    }

    /// Checks the file (by what its open handle says) and every folder it is reached through, and gives warnings.
    ///
    /// # Errors
    /// Owned by a third user, or writable for everybody; if strict, also if writable for a group.
    pub(in super::super) fn check_file(
        &mut self,
        path: &Path,
        file: &Metadata,
        is_read_only: bool,
    ) -> Result<Vec<String>> {
        let mut doubts = Vec::new();
        if !is_read_only {
            check_file(path, file, &mut doubts)?;
        }
        let trail = Trail::of(path)?;
        ensure!(trail.arrives, "cannot be found any more");
        for folder in &trail.folders {
            let role = if folder.holds { Role::Holds } else { Role::Above };
            self.check_folder(folder, role, &mut doubts)?;
        }
        check_links(&trail)?;
        self.judged(doubts)
    }

    /// Checks a folder in which the system looks for libraries, whether it is there or not, and gives warnings.
    ///
    /// # Errors
    /// As [`Self::check_file`].
    pub(in super::super) fn check_search(&mut self, folder: &Path) -> Result<Vec<String>> {
        let shown = folder.display();
        let in_words = |text: String| match text.strip_prefix("looks ") {
            Some(_) => text,
            None => format!("looks for libraries in {shown}, which {text}"),
        };
        let mut doubts = Vec::new();
        let checked = Trail::of(folder).and_then(|trail| {
            for (at, passed) in trail.folders.iter().enumerate() {
                let role = match (at == trail.end, trail.arrives) {
                    (true, true) => Role::Searched,
                    (true, false) => Role::Lacks,
                    (false, _) => Role::Above,
                };
                self.check_folder(passed, role, &mut doubts)?;
            }
            check_links(&trail)
        });
        checked.map_err(|error| anyhow!(in_words(format!("{error:#}"))))?;
        self.judged(doubts.into_iter().map(in_words).collect())
    }

    /// What becomes of what is doubtful.
    ///
    /// # Errors
    /// If strict: the first of it.
    pub(in super::super) fn judged(&self, doubts: Vec<String>) -> Result<Vec<String>> {
        match doubts.first() {
            Some(first) if self.strict => bail!("{first} (`strict_plugin_permissions` is on in the settings)"),
            _ => Ok(doubts),
        }
    }

    fn check_folder(&mut self, folder: &Passed, role: Role, doubts: &mut Vec<String>) -> Result<()> {
        let Passed { path, metadata, .. } = folder;
        // On a read-only mount nobody can replace anything.
        if is_folder_read_only(path) {
            return Ok(());
        }
        let mut found = Vec::new();
        check_folder_owner(path, metadata, role, &mut found)?;
        check_folder_mode(path, metadata, role, &mut found)?;
        if !found.is_empty() && !self.doubted.contains(path) {
            self.doubted.push(path.clone());
            doubts.append(&mut found);
        }
        Ok(())
    }
}

fn check_file(path: &Path, file: &Metadata, doubts: &mut Vec<String>) -> Result<()> {
    let shown = path.display();
    ensure!(is_trusted(file), "{}: `chown root {shown}`", must_belong(file));
    ensure!(file.mode() & WORLD_WRITE == 0, "can be written by everybody: `chmod o-w {shown}`");
    if file.mode() & GROUP_WRITE != 0 {
        doubts.push(format!("can be written by group {}: `chmod g-w {shown}`", file.gid()));
    }
    Ok(())
}

fn check_folder_owner(folder: &Path, metadata: &Metadata, role: Role, doubts: &mut Vec<String>) -> Result<()> {
    if is_trusted(metadata) {
        return Ok(());
    }
    let shown = folder.display();
    let what = format!("{} {shown}, which {}", role.begin(), must_belong(metadata));
    // In a user namespace the machine's root may be one of them, and nobody inside can change it: no more than doubtful.
    ensure!(role == Role::Above && is_owner_unknown(metadata.uid()), "{what}: `chown root:root {shown}`");
    doubts.push(what);
    Ok(())
}

fn check_folder_mode(folder: &Path, metadata: &Metadata, role: Role, doubts: &mut Vec<String>) -> Result<()> {
    let mode = metadata.mode();
    if mode & STICKY != 0 && matches!(role, Role::Above | Role::Holds) {
        return Ok(());
    }
    let (shown, begin) = (folder.display(), role.begin());
    let can = match role {
        Role::Above | Role::Holds => "can replace it",
        Role::Searched => "can put one",
        Role::Lacks => "can make it",
    };
    ensure!(mode & WORLD_WRITE == 0, "{begin} {shown}, where everybody {can}: `chmod go-w {shown}`");
    if mode & GROUP_WRITE != 0 {
        doubts.push(format!("{begin} {shown}, where group {} {can}: `chmod go-w {shown}`", metadata.gid()));
    }
    Ok(())
}

/// In a sticky folder a link is its owner's to replace; in others it is that of whoever may write the folder.
fn check_links(trail: &Trail) -> Result<()> {
    for (folder, link) in &trail.links {
        let (folder, shown) = (&trail.folders[*folder], link.path.display());
        let is_open = folder.metadata.mode() & (GROUP_WRITE | WORLD_WRITE) != 0;
        ensure!(
            !is_open || is_trusted(&link.metadata) || is_folder_read_only(&folder.path),
            "is reached through the symbolic link {shown}, which {}: `chown -h root:root {shown}`",
            must_belong(&link.metadata)
        );
    }
    Ok(())
}

impl Role {
    fn begin(self) -> &'static str {
        if self == Self::Searched { "looks for libraries in" } else { "lies in" }
    }
}

fn is_trusted(metadata: &Metadata) -> bool {
    metadata.uid() == 0 || metadata.uid() == me()
}

fn must_belong(metadata: &Metadata) -> String {
    format!(
        "belongs to {} and has to belong to root or to the daemon's user ({})",
        owner_in_words(metadata.uid()),
        me()
    )
}

fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    fn set_mode(path: &Path, mode: u32) {
        set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn checked(path: &Path, strict: bool) -> Result<Vec<String>, String> {
        let checked = Ownership::new(strict).check_file(path, &std::fs::metadata(path).unwrap(), false);
        checked.map_err(|error| format!("{error:#}"))
    }

    /// With a file of one mode in a folder of another in a third.
    fn with_modes(file: u32, folder: u32, above: u32, strict: bool) -> Result<Vec<String>, String> {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let path = inner.join("a.so");
        std::fs::write(&path, "").unwrap();
        set_mode(&path, file);
        set_mode(&inner, folder);
        set_mode(dir.path(), above);
        let checked = checked(&path, strict);
        set_mode(dir.path(), 0o700);
        checked
    }

    #[test]
    fn modes() {
        assert_eq!(with_modes(0o644, 0o755, 0o755, true), Ok(vec![]));
        assert_eq!(with_modes(0o644, 0o1777, 0o755, true), Ok(vec![]));
        assert_eq!(with_modes(0o644, 0o755, 0o1777, true), Ok(vec![]));
        assert!(with_modes(0o646, 0o755, 0o755, false).unwrap_err().contains("can be written by everybody"));
        assert!(with_modes(0o664, 0o755, 0o755, false).unwrap()[0].contains("can be written by group"));
        assert!(with_modes(0o664, 0o755, 0o755, true).unwrap_err().contains("strict_plugin_permissions"));
        for (folder, above) in [(0o757, 0o755), (0o755, 0o757)] {
            assert!(with_modes(0o644, folder, above, false).unwrap_err().contains("where everybody can replace it"));
        }
        for (folder, above) in [(0o775, 0o755), (0o755, 0o775)] {
            let warnings = with_modes(0o644, folder, above, false).unwrap();
            assert!(warnings.len() == 1 && warnings[0].contains("can replace it: `chmod go-w"), "{warnings:?}");
            assert!(with_modes(0o644, folder, above, true).unwrap_err().contains("strict_plugin_permissions"));
        }
    }

    #[test]
    fn a_folder_that_is_searched_may_not_be_open_even_if_it_is_sticky() {
        let dir = tempfile::tempdir().unwrap();
        let search = |folder: &Path| Ownership::new(false).check_search(folder).map_err(|error| format!("{error:#}"));
        assert_eq!(search(dir.path()), Ok(vec![]));
        assert_eq!(search(&dir.path().join("missing")), Ok(vec![]));
        set_mode(dir.path(), 0o1777);
        assert!(search(dir.path()).unwrap_err().contains("where everybody can put one: `chmod go-w"));
        let error = search(&dir.path().join("missing/deeper")).unwrap_err();
        assert!(error.contains("missing/deeper, which lies in") && error.contains("everybody can make it"), "{error}");
    }

    #[test]
    fn the_folders_of_a_symbolic_link_count_too() {
        let (outer, inner) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(inner.path().join("real.so"), "").unwrap();
        symlink(inner.path().join("real.so"), outer.path().join("link.so")).unwrap();
        symlink(inner.path(), outer.path().join("folder")).unwrap();
        for link in ["link.so", "folder/real.so"].map(|name| outer.path().join(name)) {
            assert_eq!(checked(&link, true), Ok(vec![]));
            for folder in [outer.path(), inner.path()] {
                set_mode(folder, 0o777);
                let error = checked(&link, false).unwrap_err();
                assert!(error.contains(&format!("lies in {}, where everybody", folder.display())), "{error}");
                set_mode(folder, 0o700);
            }
        }
    }

    #[test]
    fn a_third_user_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.so");
        std::fs::write(&path, "").unwrap();
        let give = |what: &Path, user| chown(what, Some(user), None);
        if give(&path, 12345).is_err() {
            // Past the test harness, which keeps what passing tests print; nobody may be listening.
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                b"what belongs to a third user: not run, this is not root\n",
            );
            return;
        }
        let refused = |parts: [&str; 2]| {
            let error = checked(&path, false).unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        };
        refused(["belongs to user 12345", "chown root "]);
        give(&path, 0).unwrap();
        give(dir.path(), 12345).unwrap();
        refused(["which belongs to user 12345", "chown root:root "]);
        // Who owns a sticky folder may move everything in it.
        set_mode(dir.path(), 0o1777);
        refused(["which belongs to user 12345", "chown root:root "]);
    }
}
