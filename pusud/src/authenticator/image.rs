//! The image of a library: the place where the system's loader finds the bytes that were checked.
//!
//! On Linux the bytes go into a sealed memory file, so that overwriting the library under a running daemon is harmless
//! and a new version can be loaded beside the old one. Elsewhere the file is loaded where it lies.

use std::path::{Path, PathBuf};

#[cfg(all(unix, not(target_os = "linux")))]
pub(super) use elsewhere::place_elsewhere;
#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::{is_copied, place};
#[cfg(target_os = "linux")]
pub(super) use linux::{is_copied, place, place_elsewhere};

/// Something to load. Needed until it is loaded, not longer.
pub(super) struct Image {
    path: PathBuf,
    #[cfg(target_os = "linux")]
    memory: Option<rustix::fd::OwnedFd>,
}

impl Image {
    /// What to load: an absolute path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is the very file that the operator put there, and not a copy of its bytes.
    pub(super) fn in_place(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.memory.is_none();
        #[cfg(not(target_os = "linux"))]
        return true;
    }

    /// The sealed memory, to be handed to another process; `None`: the file is loaded where it lies.
    #[cfg(target_os = "linux")]
    pub(super) fn memory(&self) -> Option<rustix::fd::BorrowedFd<'_>> {
        use rustix::fd::AsFd;
        self.memory.as_ref().map(AsFd::as_fd)
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::Image;
    use crate::authenticator::binary::Binary;
    use crate::authenticator::file::LibraryFile;
    use anyhow::{Context, Result, anyhow, bail};
    use rustix::fd::{AsRawFd, OwnedFd};
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    use rustix::io::{Errno, fcntl_dupfd_cloexec};
    use std::fs::File;
    use std::io::{self, Write};
    use std::sync::Mutex;
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    /// For so long it is tried to seal a memory file, after pauses of this length.
    const SEAL_TIME_MAX: Duration = Duration::from_secs(10);
    const SEAL_PAUSE: Duration = Duration::from_millis(10);
    /// The first file number that images get: above the ones a daemon opens at its start.
    const NUMBER_MIN: i32 = 64;
    /// The lowest number that no image has had yet. glibc answers a path that it has seen before with the library it
    /// loaded then, so a `/proc/self/fd/N` must never come back.
    static NEXT_NUMBER: Mutex<i32> = Mutex::new(NUMBER_MIN);

    /// Whether the bytes that were read are those that will be loaded, whatever becomes of the file.
    pub(in super::super) fn is_copied(file: &LibraryFile) -> bool {
        Binary::parse(file.bytes()).is_ok_and(|binary| !binary.needs_its_folder())
    }

    /// Puts the file's bytes where they can be loaded and nobody can change them.
    ///
    /// # Errors
    /// The system gives no memory file.
    pub(in super::super) fn place(file: &LibraryFile, id: &str) -> Result<Image> {
        match in_place(file)? {
            Some(image) => Ok(image),
            None => Ok(image(number(&sealed(file.bytes(), id)?)?)),
        }
    }

    /// The same for a library that another process loads: its number here is any that is free, and comes back.
    ///
    /// # Errors
    /// The system gives no memory file.
    pub(in super::super) fn place_elsewhere(file: &LibraryFile, id: &str) -> Result<Image> {
        match in_place(file)? {
            Some(image) => Ok(image),
            None => Ok(image(sealed(file.bytes(), id)?)),
        }
    }

    fn image(sealed: OwnedFd) -> Image {
        Image { path: format!("/proc/self/fd/{}", sealed.as_raw_fd()).into(), memory: Some(sealed) }
    }

    /// The file where it lies, if it has to be loaded there.
    fn in_place(file: &LibraryFile) -> Result<Option<Image>> {
        if !Binary::parse(file.bytes())?.needs_its_folder() {
            return Ok(None);
        }
        tracing::warn!(
            "{} looks for libraries beside itself ($ORIGIN) and is therefore loaded where it lies: do not \
             overwrite it while the daemon runs, put a new file in its place (`mv`)",
            file.path().display()
        );
        let path = std::path::absolute(file.path()).context("has no absolute path")?;
        Ok(Some(Image { path, memory: None }))
    }

    /// Seals, and tries again while the kernel itself still has a hand on pages that were just written (EBUSY): on a machine
    /// under load that takes longer than the kernel waits for it.
    fn seal(add_seals: impl Fn() -> rustix::io::Result<()>) -> io::Result<()> {
        let began = Instant::now();
        loop {
            match add_seals() {
                Err(Errno::BUSY) if began.elapsed() < SEAL_TIME_MAX => sleep(SEAL_PAUSE),
                sealed => return Ok(sealed?),
            }
        }
    }

    fn sealed(bytes: &[u8], id: &str) -> Result<OwnedFd> {
        let memory = executable(|flags| {
            // The name is only for whoever reads /proc/PID/maps.
            memfd_create(format!("pusu-plugin-{id}"), flags)
        })?;
        let mut file = File::from(memory);
        let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
        let sealed = file.write_all(bytes).and_then(|()| seal(|| fcntl_add_seals(&file, seals)));
        sealed.context("cannot be put into a sealed memory file")?;
        Ok(file.into())
    }

    /// A memory file that code may be run from. Kernels from 6.3 on want that said, and warn about who does not; older
    /// ones do not know the words.
    fn executable(make: impl Fn(MemfdFlags) -> Result<OwnedFd, Errno>) -> Result<OwnedFd> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let made = match make(flags | MemfdFlags::EXEC) {
            Err(Errno::INVAL) => make(flags),
            made => made,
        };
        made.map_err(|error| match error {
            Errno::ACCESS => anyhow!(
                "cannot be put into a memory file, because this system forbids memory files that code may be run from \
                 (sysctl vm.memfd_noexec is 2): set it to 0 or 1, or link the library with the run path $ORIGIN, so that it \
                 is loaded where it lies"
            ),
            error => anyhow!(error).context("cannot be put into a sealed memory file (memfd_create)"),
        })
    }

    /// The same file under a number that no image has had before.
    fn number(memory: &OwnedFd) -> Result<OwnedFd> {
        let mut next = NEXT_NUMBER.lock().expect("nothing in here panics");
        match fcntl_dupfd_cloexec(memory, *next) {
            Ok(numbered) => {
                *next = numbered.as_raw_fd() + 1;
                Ok(numbered)
            }
            Err(Errno::INVAL | Errno::MFILE) => {
                bail!(
                    "needs a free file number from {next} upward; raise the open-file limit (`ulimit -n`, LimitNOFILE=)"
                )
            }
            Err(error) => Err(error).context("cannot be given a file number"),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::cell::Cell;
        use std::io::Read;

        /// What a kernel says to these flags.
        fn flags_on(kernel: impl Fn(MemfdFlags) -> Result<(), Errno>) -> (Vec<MemfdFlags>, Result<OwnedFd>) {
            let asked = std::cell::RefCell::new(Vec::new());
            let made = executable(|flags| {
                asked.borrow_mut().push(flags);
                kernel(flags)?;
                memfd_create("test", MemfdFlags::CLOEXEC)
            });
            (asked.into_inner(), made)
        }

        #[test]
        fn a_kernel_that_knows_the_word_is_told_that_code_is_run_from_it() {
            let plain = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
            let (asked, made) = flags_on(|_| Ok(()));
            assert!(made.is_ok() && asked == [plain | MemfdFlags::EXEC]);
            let old = |flags: MemfdFlags| if flags.contains(MemfdFlags::EXEC) { Err(Errno::INVAL) } else { Ok(()) };
            let (asked, made) = flags_on(old);
            assert!(made.is_ok() && asked == [plain | MemfdFlags::EXEC, plain]);
            let (asked, made) = flags_on(|_| Err(Errno::ACCESS));
            let error = format!("{:#}", made.unwrap_err());
            assert!(asked.len() == 1 && error.contains("vm.memfd_noexec") && error.contains("$ORIGIN"), "{error}");
        }

        #[test]
        fn sealing_is_tried_again_while_the_kernel_is_busy_with_the_pages() {
            let tries = Cell::new(0);
            let busy_twice = || {
                tries.set(tries.get() + 1);
                if tries.get() <= 2 { Err(Errno::BUSY) } else { Ok(()) }
            };
            seal(busy_twice).unwrap();
            assert_eq!(tries.get(), 3);
            assert_eq!(seal(|| Err(Errno::PERM)).unwrap_err().raw_os_error(), Some(Errno::PERM.raw_os_error()));
        }

        #[test]
        fn sealed_and_never_the_same_number() {
            let memory = sealed(b"bytes", "Test").unwrap();
            let first = number(&memory).unwrap();
            let first_number = first.as_raw_fd();
            drop(first);
            let second = number(&memory).unwrap();
            assert!(second.as_raw_fd() > first_number && first_number >= NUMBER_MIN);
            let path = format!("/proc/self/fd/{}", second.as_raw_fd());
            let mut text = String::new();
            File::open(&path).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "bytes");
            assert!(File::options().write(true).open(&path).and_then(|mut file| file.write_all(b"x")).is_err());
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::Image;
    use crate::authenticator::file::LibraryFile;
    use anyhow::{Context, Result};

    /// Nothing is copied here.
    pub(in super::super) fn is_copied(_file: &LibraryFile) -> bool {
        false
    }

    /// The file where it lies.
    ///
    /// # Errors
    /// It has no absolute path.
    pub(in super::super) fn place(file: &LibraryFile, _id: &str) -> Result<Image> {
        Ok(Image { path: std::path::absolute(file.path()).context("has no absolute path")? })
    }

    /// As [`place`].
    ///
    /// # Errors
    /// It has no absolute path.
    #[cfg(unix)]
    pub(in super::super) fn place_elsewhere(file: &LibraryFile, id: &str) -> Result<Image> {
        place(file, id)
    }
}
