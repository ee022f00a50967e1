//! The libraries that have been loaded, by the hash of their bytes: what is there once is used again.
//!
//! **Invariant:** a library is never unloaded, so their number is bounded: [`IMAGES_MAX`].
//! **Invariant:** no path is loaded from twice: the system's loader would answer with the library it loaded first.

use super::file::LibraryFile;
use super::image;
use super::library::Plugin;
use super::manifest::Manifest;
use anyhow::{Result, bail, ensure};
use pusu_plugin_abi as abi;
use std::path::{Path, PathBuf};

/// Most libraries that are loaded before a restart. One costs about 350 KB, for as long as the process lives.
const IMAGES_MAX: usize = 64;
/// From this many on, every further one is warned about.
const IMAGES_WARNING: usize = 16;

/// Every library so far.
#[derive(Default)]
pub(super) struct Images {
    loaded: Vec<Loaded>,
    /// How often loading was tried: one that fails may leave its image behind as well.
    tried: usize,
    /// The files that were given to the loader itself, not as a copy of their bytes.
    in_place: Vec<PathBuf>,
}

struct Loaded {
    sha256: String,
    id: String,
    flags: u32,
    plugin: Plugin,
}

impl Images {
    /// The library of `file`, loaded now unless it was before. The caller has checked the file.
    ///
    /// # Errors
    /// It cannot be loaded, or not beside those that are, or those are too many. The caller adds which file it is.
    pub(super) fn load(&mut self, file: &LibraryFile, manifest: &Manifest) -> Result<Plugin> {
        let sha256 = file.sha256();
        if let Some(loaded) = self.loaded.iter().find(|loaded| loaded.sha256 == sha256) {
            return Ok(loaded.plugin);
        }
        self.check_beside(&manifest.id, manifest.flags)?;
        self.check_number()?;
        let image = image::place(file, &manifest.id)?;
        if image.in_place() {
            self.check_path(image.path())?;
            self.in_place.push(image.path().to_owned());
        }
        self.tried += 1;
        if self.tried >= IMAGES_WARNING {
            tracing::warn!(
                "{} libraries have been loaded since the start, at most {IMAGES_MAX} are: restart the daemon before that",
                self.tried
            );
        }
        let plugin = Plugin::load(image.path(), manifest)?;
        self.loaded.push(Loaded { sha256, id: manifest.id.clone(), flags: manifest.flags, plugin });
        Ok(plugin)
    }

    /// A plugin that says NO_SWAP does not stand a second copy of what it brings along, such as a Go runtime.
    fn check_beside(&self, id: &str, flags: u32) -> Result<()> {
        let same = |other: &&Loaded| other.id == id || other.flags & abi::F_NO_SWAP != 0;
        match self.loaded.iter().find(same) {
            Some(other) if flags & abi::F_NO_SWAP != 0 => bail!(
                "says that it cannot be swapped while the daemon runs (NO_SWAP in its manifest), and {} is loaded \
                 already; restart the daemon",
                other.id
            ),
            _ => Ok(()),
        }
    }

    fn check_number(&self) -> Result<()> {
        ensure!(
            self.tried < IMAGES_MAX,
            "would be library number {} since the start, at most {IMAGES_MAX} are loaded, since none is ever unloaded; \
             restart the daemon",
            self.tried + 1
        );
        Ok(())
    }

    fn check_path(&self, path: &Path) -> Result<()> {
        ensure!(
            !self.in_place.iter().any(|before| before == path),
            "is loaded where it lies, and the daemon has loaded another version from there before; give the new one \
             another file name, or restart the daemon"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_are_refused_with_the_way_out() {
        let images = Images { tried: IMAGES_MAX, ..Images::default() };
        let error = format!("{:#}", images.check_number().unwrap_err());
        assert!(error.contains("number 65") && error.contains("at most 64") && error.contains("restart"), "{error}");
        Images { tried: IMAGES_MAX - 1, ..Images::default() }.check_number().unwrap();
    }

    #[test]
    fn the_loader_never_sees_a_path_twice() {
        let images = Images { in_place: vec!["/plugins/a.so".into()], ..Images::default() };
        images.check_path(Path::new("/plugins/b.so")).unwrap();
        let error = format!("{:#}", images.check_path(Path::new("/plugins/a.so")).unwrap_err());
        assert!(error.contains("another file name"), "{error}");
    }
}
