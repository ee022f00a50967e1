//! The folder of last resort for control sockets: below /tmp, with the user's number in its name, for that user alone.
//!
//! Everybody may make folders below /tmp. So this one is looked at before it is used, by the relay as well as by those who
//! ask: one that another user has made holds nobody up, and what lies in it is believed by nobody.
//! **Invariant:** nothing is made in, and nothing believed out of, a folder that another user owns or may write.

use anyhow::{Context as _, Result, ensure};
use std::fs::{self, DirBuilder, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// It is there in every container, and the same for the relay and for those who ask. `TMPDIR` may differ between them.
const PARENT: &str = "/tmp";
const NAME: &str = "pusud-";
const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o022;

/// This user's, whether it is there or not.
pub(super) fn path() -> PathBuf {
    below(Path::new(PARENT))
}

fn below(parent: &Path) -> PathBuf {
    parent.join(format!("{NAME}{}", me()))
}

/// Makes sure that it is there, and this user's alone.
///
/// # Errors
/// It cannot be made, or is somebody else's.
pub(super) fn make(folder: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("cannot make the folder {}", folder.display()))
        }
        _ => check(folder),
    }
}

/// Makes sure that the folder is this user's alone, and cannot be put in the place of another.
///
/// # Errors
/// It is not there, or what is wrong with it.
pub(super) fn check(folder: &Path) -> Result<()> {
    let shown = folder.display();
    let is = fs::symlink_metadata(folder).with_context(|| format!("cannot look at {shown}"))?;
    ensure!(is.is_dir(), "{shown} is no folder: somebody has put something else there");
    ensure!(is.uid() == me(), "{shown} belongs to user {}, and not to this one ({}): not used", is.uid(), me());
    ensure!(is.mode() & 0o077 == 0, "{shown} is open to others: not used (`chmod 700 {shown}`)");
    let parent = folder.parent().context("it has no folder above")?;
    let above = fs::metadata(parent).with_context(|| format!("cannot look at {}", parent.display()))?;
    ensure!(
        keeps_what_is_in_it(&above),
        "{shown} is not used: others may put another in its place, because {} is not sticky (`chmod +t {0}`)",
        parent.display()
    );
    Ok(())
}

/// Whether nobody but their owners can move the things in a folder.
fn keeps_what_is_in_it(folder: &Metadata) -> bool {
    let is_trusted = folder.uid() == 0 || folder.uid() == me();
    is_trusted && (folder.mode() & STICKY != 0 || folder.mode() & OTHERS_WRITE == 0)
}

/// Those of other users that this one can see.
pub(super) fn of_others() -> Vec<PathBuf> {
    let entries = Path::new(PARENT).read_dir().into_iter().flatten();
    let mut folders: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let is_named_so = |folder: &PathBuf| {
        let name = folder.file_name().and_then(|name| name.to_str());
        name.and_then(|name| name.strip_prefix(NAME)).is_some_and(|user| user.parse::<u32>().is_ok())
    };
    folders.retain(|folder| is_named_so(folder) && *folder != path());
    folders
}

fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn only_a_folder_of_this_user_alone_is_used() {
        let parent = tempfile::tempdir().unwrap();
        let folder = below(parent.path());
        make(&folder).unwrap();
        make(&folder).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        let refusal = || format!("{:#}", make(&folder).unwrap_err());
        set_permissions(&folder, Permissions::from_mode(0o750)).unwrap();
        assert!(refusal().contains("open to others"), "{}", refusal());
        set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
        set_permissions(parent.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(refusal().contains("not sticky"), "{}", refusal());
        set_permissions(parent.path(), Permissions::from_mode(0o1777)).unwrap();
        make(&folder).unwrap();
        fs::remove_dir(&folder).unwrap();
        symlink(parent.path(), &folder).unwrap();
        assert!(refusal().contains("is no folder"), "{}", refusal());
    }
}
