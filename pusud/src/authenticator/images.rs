//! The libraries that have been loaded, by the hash of their bytes: what is there once is used again.
//!
//! **Invariant:** a library is never unloaded, so their number is bounded: [`IMAGES_MAX`].
//! **Invariant:** no path is loaded from twice: the system's loader would answer with the library it loaded first.

use super::creation;
use super::file::LibraryFile;
use super::image::{self, Image};
use super::library::Plugin;
use super::manifest::Manifest;
use anyhow::{Context as _, Result, bail, ensure};
use pusu_plugin_abi as abi;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most libraries that are loaded before a restart. One costs about 350 KB, for as long as the process lives.
const IMAGES_MAX: usize = 64;
/// From this many on, every further one is warned about.
const IMAGES_WARNING: usize = 16;

/// Every library so far. Clones are the same list.
#[derive(Default, Clone)]
pub(super) struct Images(Arc<Mutex<List>>);

#[derive(Default)]
struct List {
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
    /// `None`: it is being loaded, on a thread that may hang in it.
    plugin: Option<Plugin>,
}

/// A library that is loaded, or may be now.
pub(super) enum Found {
    Loaded(Plugin),
    Image(Box<ToLoad>),
}

/// A library that has not been loaded yet.
pub(super) struct ToLoad {
    images: Images,
    image: Image,
    manifest: Manifest,
    sha256: String,
}

impl Images {
    /// The library of `file`, to be loaded unless it was before, once it is `tried`. The caller has checked the file.
    ///
    /// # Errors
    /// That of `tried`; or it cannot be loaded beside those that are, or those are too many. The caller adds which file it is.
    pub(super) fn find(
        &self,
        file: &LibraryFile,
        manifest: &Manifest,
        tried: impl FnOnce() -> Result<()>,
    ) -> Result<Found> {
        let sha256 = file.sha256();
        let mut list = self.lock();
        if let Some(loaded) = list.loaded.iter().find(|loaded| loaded.sha256 == sha256) {
            let plugin = loaded.plugin.context(
                "was to be loaded before, which has not come back yet: something in it hangs; restart the daemon",
            )?;
            return Ok(Found::Loaded(plugin));
        }
        list.check_beside(&manifest.id, manifest.flags)?;
        list.check_number()?;
        tried()?;
        let image = image::place(file, &manifest.id)?;
        if image.in_place() {
            list.check_path(image.path())?;
            list.in_place.push(image.path().to_owned());
        }
        list.tried += 1;
        if list.tried >= IMAGES_WARNING {
            tracing::warn!(
                "{} libraries have been loaded since the start, at most {IMAGES_MAX} are: restart the daemon before that",
                list.tried
            );
        }
        Ok(Found::Image(Box::new(ToLoad { images: self.clone(), image, manifest: manifest.clone(), sha256 })))
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        // No change of the list is left half made.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Found {
    /// Gives the library, loaded now unless it was before. May take as long as its initialisers do.
    ///
    /// # Errors
    /// It cannot be loaded.
    pub(super) fn load(self) -> Result<Plugin> {
        match self {
            Self::Loaded(plugin) => Ok(plugin),
            Self::Image(image) => image.load(),
        }
    }
}

impl ToLoad {
    fn load(self) -> Result<Plugin> {
        let Self { images, image, manifest, sha256 } = self;
        let entry = Loaded { sha256: sha256.clone(), id: manifest.id.clone(), flags: manifest.flags, plugin: None };
        images.lock().loaded.push(entry);
        // Not under the lock: it may hang.
        let loaded = creation::loading(|| Plugin::load(image.path(), &manifest));
        let mut list = images.lock();
        match &loaded {
            Ok(plugin) => {
                let mut entries = list.loaded.iter_mut();
                if let Some(entry) = entries.find(|entry| entry.sha256 == sha256) {
                    entry.plugin = Some(*plugin);
                }
            }
            Err(_) => list.loaded.retain(|entry| entry.sha256 != sha256),
        }
        loaded
    }
}

impl List {
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
        let images = List { tried: IMAGES_MAX, ..List::default() };
        let error = format!("{:#}", images.check_number().unwrap_err());
        assert!(error.contains("number 65") && error.contains("at most 64") && error.contains("restart"), "{error}");
        List { tried: IMAGES_MAX - 1, ..List::default() }.check_number().unwrap();
    }

    #[test]
    fn the_loader_never_sees_a_path_twice() {
        let images = List { in_place: vec!["/plugins/a.so".into()], ..List::default() };
        images.check_path(Path::new("/plugins/b.so")).unwrap();
        let error = format!("{:#}", images.check_path(Path::new("/plugins/a.so")).unwrap_err());
        assert!(error.contains("another file name"), "{error}");
    }
}
