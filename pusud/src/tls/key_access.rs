//! Access to the file of a key: only root and the daemon's user may write it, and nobody else may read it.
//!
//! The rules are those of `network_key_file`, and hold for texts of the settings that stand in files, too. The group may read it, which is how an orchestrator gives a secret to a user
//! that is not root.

#[cfg(not(unix))]
pub(crate) use elsewhere::check;
#[cfg(unix)]
pub(crate) use unix::check;

#[cfg(unix)]
mod unix {
    use rustix::fs::{StatVfsMountFlags, fstatvfs};
    use std::fs::{File, Metadata};
    use std::io;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::Path;

    const OTHERS: u32 = 0o007;
    const GROUP_WRITE: u32 = 0o020;

    /// Who else may, and what can be done about it where the file lies; the words follow on its name.
    ///
    /// # Errors
    /// The file cannot be looked at.
    pub(crate) fn check(path: &Path, file: &File) -> io::Result<Result<(), String>> {
        let is_read_only = fstatvfs(file).is_ok_and(|volume| volume.f_flag.contains(StatVfsMountFlags::RDONLY));
        Ok(check_as(path, &file.metadata()?, is_read_only))
    }

    fn check_as(path: &Path, file: &Metadata, is_read_only: bool) -> Result<(), String> {
        let me = rustix::process::geteuid().as_raw();
        let mode = file.mode() & 0o7777;
        let shown = path.display();
        if file.uid() != 0 && file.uid() != me && !is_read_only {
            return Err(format!(
                "belongs to user {} and has to belong to root or to the daemon's user ({me}): `chown {me} {shown}`",
                file.uid()
            ));
        }
        if mode & OTHERS != 0 {
            let way_out = match is_read_only {
                true => {
                    " on a read-only mount, where that cannot be changed: mount it so that this user alone may read it (in \
                     Kubernetes `defaultMode: 0400`)"
                        .to_owned()
                }
                false => format!(": `chmod o= {shown}`"),
            };
            return Err(format!("is open to everybody (mode {mode:04o}){way_out}"));
        }
        if mode & GROUP_WRITE != 0 && !is_read_only {
            return Err(format!("can be written by group {}: `chmod g-w {shown}`", file.gid()));
        }
        Ok(())
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::fs::{Permissions, set_permissions};
        use std::os::unix::fs::PermissionsExt as _;

        #[test]
        fn who_may_read_a_key() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.key");
            std::fs::write(&path, "").unwrap();
            let found = |mode, is_read_only| {
                set_permissions(&path, Permissions::from_mode(mode)).unwrap();
                check_as(&path, &path.metadata().unwrap(), is_read_only).err().unwrap_or_default()
            };
            assert_eq!((found(0o600, false), found(0o640, false), found(0o400, false)), Default::default());
            assert!(found(0o604, false).contains("open to everybody (mode 0604): `chmod o= "));
            assert!(found(0o660, false).contains("written by group"));
            assert_eq!(found(0o660, true), "");
            let mounted = found(0o644, true);
            assert!(mounted.contains("`defaultMode: 0400`") && !mounted.contains("chmod"), "{mounted}");
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    /// Access lists are not read: that nobody else may read the file is for the operator to see to.
    ///
    /// # Errors
    /// None.
    pub(crate) fn check(_path: &Path, _file: &File) -> io::Result<Result<(), String>> {
        Ok(Ok(()))
    }
}
