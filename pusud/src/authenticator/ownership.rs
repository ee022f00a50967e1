//! The ownership of a library: nobody but root and the daemon's user may be able to write it, since its code runs with
//! the daemon's rights.
//!
//! Looks at owners, permission bits and whether a mount is read-only, where nobody can write. Systems without them have
//! a counterpart that leaves it to the operator.

#[cfg(not(unix))]
pub(super) use elsewhere::check;
#[cfg(unix)]
pub(super) use unix::check;

#[cfg(unix)]
mod unix {
    use crate::config::{is_folder_read_only, owner_in_words};
    use anyhow::{Context, Result, bail, ensure};
    use std::fs::Metadata;
    use std::os::unix::fs::MetadataExt;
    use std::path::{Path, PathBuf};

    const GROUP_WRITE: u32 = 0o020;
    const WORLD_WRITE: u32 = 0o002;
    const STICKY: u32 = 0o1000;

    /// Checks the file (by what its open handle says) and every folder it is reached through, and gives warnings.
    ///
    /// # Errors
    /// Owned by a third user, or writable for everybody; with `strict` also if writable for a group.
    pub(in super::super) fn check(
        path: &Path,
        file: &Metadata,
        is_read_only: bool,
        strict: bool,
    ) -> Result<Vec<String>> {
        let mut warnings = Vec::new();
        if !is_read_only {
            check_file(path, file, &mut warnings)?;
        }
        for folder in folders(path)? {
            check_folder(&folder, &mut warnings)?;
        }
        match warnings.first() {
            Some(first) if strict => bail!("{first} (`strict_plugin_permissions` is on in the settings)"),
            _ => Ok(warnings),
        }
    }

    fn check_file(path: &Path, file: &Metadata, warnings: &mut Vec<String>) -> Result<()> {
        let me = rustix::process::geteuid().as_raw();
        let shown = path.display();
        ensure!(
            file.uid() == 0 || file.uid() == me,
            "belongs to {} and has to belong to root or to the daemon's user ({me}): `chown root {shown}`",
            owner_in_words(file.uid()),
        );
        ensure!(file.mode() & WORLD_WRITE == 0, "can be written by everybody: `chmod o-w {shown}`");
        if file.mode() & GROUP_WRITE != 0 {
            warnings.push(format!("can be written by group {}: `chmod g-w {shown}`", file.gid()));
        }
        Ok(())
    }

    /// The folder the path names, and where a symbolic link leads elsewhere the folder of the file itself.
    fn folders(path: &Path) -> Result<Vec<PathBuf>> {
        let real = path.canonicalize().context("cannot be found any more")?;
        let absolute = std::path::absolute(path).context("has no absolute path")?;
        let mut folders: Vec<PathBuf> = Vec::new();
        for folder in [absolute.parent(), real.parent()].into_iter().flatten() {
            if !folders.iter().any(|known| known == folder) {
                folders.push(folder.to_owned());
            }
        }
        Ok(folders)
    }

    fn check_folder(folder: &Path, warnings: &mut Vec<String>) -> Result<()> {
        let shown = folder.display();
        let metadata =
            std::fs::metadata(folder).with_context(|| format!("lies in {shown}, which cannot be looked at"))?;
        // In a sticky folder nobody can replace what belongs to somebody else, and on a read-only mount nobody anything.
        if metadata.mode() & STICKY != 0 || is_folder_read_only(folder) {
            return Ok(());
        }
        ensure!(
            metadata.mode() & WORLD_WRITE == 0,
            "lies in {shown}, where everybody can replace it: `chmod o-w {shown}`"
        );
        if metadata.mode() & GROUP_WRITE != 0 {
            warnings
                .push(format!("lies in {shown}, where group {} can replace it: `chmod g-w {shown}`", metadata.gid()));
        }
        Ok(())
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::fs::{Permissions, set_permissions};
        use std::io::Write as _;
        use std::os::unix::fs::PermissionsExt;

        fn checked(file_mode: u32, folder_mode: u32, strict: bool) -> Result<Vec<String>, String> {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("a.so");
            std::fs::write(&path, "").unwrap();
            set_permissions(&path, Permissions::from_mode(file_mode)).unwrap();
            set_permissions(dir.path(), Permissions::from_mode(folder_mode)).unwrap();
            let result =
                check(&path, &std::fs::metadata(&path).unwrap(), false, strict).map_err(|error| format!("{error:#}"));
            set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
            result
        }

        #[test]
        fn modes() {
            assert_eq!(checked(0o644, 0o755, true), Ok(vec![]));
            assert_eq!(checked(0o644, 0o1777, true), Ok(vec![]));
            assert!(checked(0o646, 0o755, false).unwrap_err().contains("can be written by everybody"));
            assert!(checked(0o644, 0o757, false).unwrap_err().contains("where everybody can replace it"));
            assert!(checked(0o664, 0o755, false).unwrap()[0].contains("can be written by group"));
            assert!(checked(0o644, 0o775, false).unwrap()[0].contains("can replace it: `chmod g-w"));
            assert!(checked(0o664, 0o755, true).unwrap_err().contains("strict_plugin_permissions"));
        }

        #[test]
        fn the_folder_behind_a_symbolic_link_counts_too() {
            let (outer, inner) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let real = inner.path().join("real.so");
            std::fs::write(&real, "").unwrap();
            set_permissions(&real, Permissions::from_mode(0o644)).unwrap();
            set_permissions(inner.path(), Permissions::from_mode(0o777)).unwrap();
            let link = outer.path().join("link.so");
            std::os::unix::fs::symlink(&real, &link).unwrap();
            let error = format!("{:#}", check(&link, &std::fs::metadata(&link).unwrap(), false, false).unwrap_err());
            assert!(error.contains("where everybody can replace it"), "{error}");
        }

        #[test]
        fn a_third_user_is_refused() {
            let me = rustix::process::geteuid();
            if !me.is_root() {
                // Past the test harness, which keeps what passing tests print; nobody may be listening.
                let _ = writeln!(std::io::stderr(), "the library of a third user: not run, this is not root");
                return;
            }
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("a.so");
            std::fs::write(&path, "").unwrap();
            std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
            let error = format!("{:#}", check(&path, &std::fs::metadata(&path).unwrap(), false, false).unwrap_err());
            assert!(error.contains("belongs to user 12345"), "{error}");
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use anyhow::Result;
    use std::fs::Metadata;
    use std::path::Path;

    /// Access lists are not read: that nobody else may write into the plugins folder is for the operator to see to.
    pub(in super::super) fn check(
        _path: &Path,
        _file: &Metadata,
        _is_read_only: bool,
        _strict: bool,
    ) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}
