//! The volume that a named file lies on: whether it can be changed there, and what the numbers of owners mean.
//!
//! In containers both are seldom what they are on a machine of one's own: volumes cannot be given another mode, and in a
//! user namespace one number stands for all users of the outside. Reads, and changes nothing.
//! **Invariant:** where the system does not tell, a file counts as one that can be changed.

#[cfg(not(unix))]
pub(crate) use elsewhere::is_read_only;
#[cfg(unix)]
pub(crate) use unix::{is_folder_read_only, is_owner_unknown, is_read_only, owner_in_words};

#[cfg(unix)]
mod unix {
    use rustix::fs::{StatVfs, StatVfsMountFlags, fstatvfs, statvfs};
    use std::fs::{File, read_to_string};
    use std::path::Path;

    /// What owners are shown as that a user namespace does not know, unless the system says otherwise.
    const UNKNOWN_OWNER: u32 = 65534;

    /// Whether nobody can change the file through the mount that it was opened on.
    pub(crate) fn is_read_only(file: &File) -> bool {
        fstatvfs(file).is_ok_and(says_read_only)
    }

    /// Whether nobody can change the folder through the mount that it lies on.
    pub(crate) fn is_folder_read_only(folder: &Path) -> bool {
        statvfs(folder).is_ok_and(says_read_only)
    }

    fn says_read_only(volume: StatVfs) -> bool {
        volume.f_flag.contains(StatVfsMountFlags::RDONLY)
    }

    /// The owner of a file in words, for messages.
    pub(crate) fn owner_in_words(uid: u32) -> String {
        if is_owner_unknown(uid) {
            format!(
                "user {uid}, which in this user namespace stands for every user of the outside that it has no number for,"
            )
        } else {
            format!("user {uid}")
        }
    }

    /// Whether it stands for all users of the outside that this user namespace has no number for.
    pub(crate) fn is_owner_unknown(uid: u32) -> bool {
        let overflow = read_to_string("/proc/sys/kernel/overflowuid").ok();
        let unknown = overflow.and_then(|text| text.trim().parse().ok()).unwrap_or(UNKNOWN_OWNER);
        uid == unknown && is_namespace(&read_to_string("/proc/self/uid_map").unwrap_or_default())
    }

    /// Whether the map of users is another one than that of the whole machine: all users, each itself.
    fn is_namespace(map: &str) -> bool {
        let words: Vec<&str> = map.split_whitespace().collect();
        !words.is_empty() && words != ["0", "0", "4294967295"]
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_user_namespace_is_known_by_its_map() {
            assert!(!is_namespace("         0          0 4294967295\n"));
            assert!(!is_namespace(""), "a system without them");
            assert!(is_namespace("         0       1000          1\n"));
            assert!(is_namespace("0 1000 1\n1 100000 65536\n"));
            assert_eq!(owner_in_words(12345), "user 12345");
        }

        #[test]
        fn what_can_be_written_is_not_read_only() {
            let dir = tempfile::tempdir().unwrap();
            let file = File::create(dir.path().join("a")).unwrap();
            assert!(!is_read_only(&file) && !is_folder_read_only(dir.path()));
            assert!(!is_folder_read_only(&dir.path().join("missing")));
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::fs::File;

    /// Not asked: what depends on it is not looked at here.
    pub(crate) fn is_read_only(_file: &File) -> bool {
        false
    }
}
