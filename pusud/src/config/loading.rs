//! Loading the settings: the file, its text, and the texts from outside that its tags stand for.
//!
//! **Invariant:** settings are what one reading found. A file that changes meanwhile is another reading's.

use super::authenticator_list::RawAuthenticator;
use super::outside::{Contents, Reading};
use super::place::Place;
use super::raw::RawConfig;
use super::{
    Config, DEFAULT_FILE, NO_AUTHENTICATOR, Overrides, backplane, encryption, file_text, history, limits, listener,
    yaml,
};
use anyhow::{Context as _, bail};
use serde_json::{Map, Value};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A larger file is no settings file: a device, or the wrong name.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Whether the options of the authenticator are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Options {
    Wanted,
    LeftOut,
}

impl Config {
    /// Reads the settings: `file` if given, else [`DEFAULT_FILE`] in the working directory, else none at all, which is a
    /// relay for this machine alone. The second half are warnings to be shown at every start.
    ///
    /// # Errors
    /// One message that names the file and the key or line, what was expected, what was found, and the way out.
    pub fn load(file: Option<&Path>, overrides: &Overrides) -> anyhow::Result<(Self, Vec<String>)> {
        Self::load_with(file, overrides, Options::Wanted)
    }

    /// The same without the options of the authenticator, for whoever has to find a relay and not to be one: variables and
    /// files that options name may be out of reach.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_without_options(file: Option<&Path>) -> anyhow::Result<Self> {
        Ok(Self::load_with(file, &Overrides::default(), Options::LeftOut)?.0)
    }

    fn load_with(file: Option<&Path>, overrides: &Overrides, options: Options) -> anyhow::Result<(Self, Vec<String>)> {
        let default = Path::new(DEFAULT_FILE);
        // A link that leads nowhere is a file that cannot be read, not the wish to run without settings.
        let is_there =
            |path: &Path| !matches!(fs::symlink_metadata(path), Err(e) if e.kind() == io::ErrorKind::NotFound);
        let (mut config, mut warnings) = match file {
            Some(file) => Self::from_file(file, options)?,
            None if is_there(default) => Self::from_file(default, options)?,
            None => Self::without_file(),
        };
        config.overridden_by(overrides)?;
        warnings.extend(config.warnings());
        Ok((config, warnings))
    }

    /// The settings as they were written, with `contents` in the place of the files' texts.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub(super) fn with_contents(
        written: &str,
        file: &Path,
        contents: &Contents,
        overrides: &Overrides,
    ) -> anyhow::Result<Self> {
        let reading = Reading::new(folder(file), Some(contents));
        let mut config = Self::read(written, file, reading).with_context(|| file.display().to_string())?;
        config.overridden_by(overrides)?;
        Ok(config)
    }

    fn from_file(file: &Path, options: Options) -> anyhow::Result<(Self, Vec<String>)> {
        let (text, file) = (read(file)?, lasting(file)?);
        let reading = match options {
            Options::Wanted => Reading::new(folder(&file), None),
            Options::LeftOut => Reading::without_options(folder(&file)),
        };
        let config = Self::read(&text, &file, reading).with_context(|| file.display().to_string())?;
        let warnings = config.outside.warnings();
        Ok((config, warnings))
    }

    /// What `text` says, which is what stands in `file`. No other file is read.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn from_text(text: &str, file: &Path) -> anyhow::Result<Self> {
        let contents = Contents::new();
        Self::read(text, file, Reading::new(folder(file), Some(&contents)))
    }

    fn read(text: &str, file: &Path, reading: Reading<'_>) -> anyhow::Result<Self> {
        let mut raw = RawConfig::parse(text, &reading)?;
        let Some(authenticator) = raw.authenticator.take() else {
            let empty = if text.trim().is_empty() { " (the file is empty)" } else { "" };
            bail!(
                "`authenticator` is missing{empty}: write the id of an authenticator, such as `authenticator: \
                 PasswordAuthenticator`, or `authenticator: None` to let everybody read and write everything"
            );
        };
        listener::check(&raw)?;
        backplane::check(&raw)?;
        history::check(&raw)?;
        let config = Self::resolve(raw, authenticator, folder(file), Some(file));
        limits::check(&config.limits)?;
        encryption::check(
            config.network_encryption,
            config.network_key_file.is_some() || config.network_tls.is_some(),
        )?;
        Ok(Self { outside: reading.end(text), ..config })
    }

    pub(super) fn without_file() -> (Self, Vec<String>) {
        let raw = RawConfig { client_address: Some(Ipv4Addr::LOCALHOST.into()), ..RawConfig::default() };
        let config = Self::resolve(raw, RawAuthenticator::Alone(NO_AUTHENTICATOR.to_owned()), Path::new(""), None);
        let warning = format!(
            "there is no {DEFAULT_FILE} in the working directory: serving this machine alone ({}), where everybody may \
             read and write everything; write one, or give --config FILE",
            config.client_address
        );
        (config, vec![warning])
    }

    fn overridden_by(&mut self, overrides: &Overrides) -> anyhow::Result<()> {
        if let Some(plugins_dir) = &overrides.plugins_dir {
            let plugins_dir = lasting(plugins_dir)?;
            for entry in &mut self.authenticator.list.entries {
                entry.plugins_dir.clone_from(&plugins_dir);
            }
            self.authenticator.plugins_dir = plugins_dir;
        }
        Ok(())
    }
}

/// Reads a file with the options of an authenticator alone, as they stand below `authenticator_options` in the settings.
///
/// # Errors
/// One message that names the file and the line, and no value.
pub fn load_options(file: &Path) -> anyhow::Result<Map<String, Value>> {
    let (text, file) = (read(file)?, lasting(file)?);
    let reading = Reading::new(folder(&file), None);
    let options = yaml::parse(&text, Place::OPTIONS, &reading).with_context(|| file.display().to_string())?;
    for warning in reading.end(&text).warnings() {
        tracing::warn!("{warning}");
    }
    Ok(options)
}

/// Where relative paths in a file start.
fn folder(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

/// The same path, which leads to the same file also after a plugin has changed the working directory.
fn lasting(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("cannot find the working directory, for {}", path.display()))
}

fn read(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|open| open.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read the settings {}", file.display()))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        bail!("{}: expected settings, found more than 16 MiB: is this the right file?", file.display());
    }
    file_text::file_text(bytes).map(Zeroizing::new).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))
}
