//! One reading of the settings: finds the texts that tags stand for, each file once, and remembers which there were.
//!
//! **Invariant:** an error names the variable or the file, and never what is in it.

use super::file::{self, Read};
use super::placeholder::is_name;
use super::{Contents, Outside, Tag, TextFile};
use std::cell::RefCell;
use std::env::{self, VarError};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Where systemd says which folder holds the credentials of the service (`LoadCredential=`).
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";
/// The most files that settings may name: each is looked at every second.
const FILES_MAX: usize = 256;
/// The longest path or name that messages show: a longer one is none.
const SHOWN_BYTES_MAX: usize = 4096;

/// One reading of the settings.
pub(crate) struct Reading<'a> {
    directory: &'a Path,
    /// `None`: files are read where they are.
    contents: Option<&'a Contents>,
    leaves_options_out: bool,
    found: RefCell<Found>,
}

/// What was found so far.
#[derive(Default)]
struct Found {
    files: Vec<TextFile>,
    variables: Vec<String>,
}

impl<'a> Reading<'a> {
    /// One in which relative paths start at `directory`, and `contents` stand for all files, if they are given.
    pub(crate) fn new(directory: &'a Path, contents: Option<&'a Contents>) -> Self {
        Self { directory, contents, leaves_options_out: false, found: RefCell::default() }
    }

    /// One for whoever needs no options, and may not read their secrets.
    pub(crate) fn without_options(directory: &'a Path) -> Self {
        Self { leaves_options_out: true, ..Self::new(directory, None) }
    }

    /// Whether options are passed over, with all that stands in them, and keys that a variable may stand for.
    pub(crate) fn leaves_options_out(&self) -> bool {
        self.leaves_options_out
    }

    /// What settings that are `written` so have taken from outside.
    pub(crate) fn end(self, written: &str) -> Outside {
        let Found { files, variables } = self.found.into_inner();
        Outside::new(files, variables, written)
    }

    /// The text that a tag with `written` behind it stands for, in the key or option `place`.
    ///
    /// # Errors
    /// Says which tag and name, what is wrong, and the way out.
    pub(crate) fn text(&self, tag: Tag, written: &str, place: &str) -> Result<Zeroizing<String>, String> {
        match tag {
            Tag::Text => Ok(Zeroizing::new(written.to_owned())),
            Tag::Env => self.variable(written),
            Tag::File => {
                if written.is_empty() || written.len() > SHOWN_BYTES_MAX || written.contains(char::is_control) {
                    return Err("`!file`: expected a path, as in `!file /run/secrets/password`".to_owned());
                }
                self.file(tag, self.directory.join(written), place)
            }
            Tag::Credential => self.file(tag, credential(written)?, place),
        }
    }

    fn variable(&self, name: &str) -> Result<Zeroizing<String>, String> {
        check_name(name)?;
        let text = match env::var(name) {
            Ok(text) => Zeroizing::new(text),
            Err(VarError::NotPresent) => {
                return Err(format!(
                    "`!env {name}`: there is no such variable in the environment of the daemon: set it where pusud is started \
                     (also for `pusud check`), or correct the name"
                ));
            }
            Err(VarError::NotUnicode(_)) => return Err(format!("`!env {name}`: the variable is no text in UTF-8")),
        };
        if text.is_empty() {
            return Err(format!(
                "`!env {name}`: the variable is empty: set it to the text (a text that shall be empty is written \"\" in the \
                 settings)"
            ));
        }
        let variables = &mut self.found.borrow_mut().variables;
        if !variables.iter().any(|known| known == name) {
            variables.push(name.to_owned());
        }
        Ok(text)
    }

    fn file(&self, tag: Tag, path: PathBuf, place: &str) -> Result<Zeroizing<String>, String> {
        let files = &mut self.found.borrow_mut().files;
        if let Some(file) = files.iter().find(|file| file.path() == path) {
            return Ok((**file.content()).clone());
        }
        let fault = |what: String| format!("`!{}` {}: {what}", tag.name(), path.display());
        if files.len() >= FILES_MAX {
            return Err(fault(format!("the settings name more than {FILES_MAX} files")));
        }
        let read = match self.contents {
            None => file::read(&path).map_err(fault)?,
            Some(contents) => match contents.get(&path) {
                Some(content) => Read { content: content.clone(), open_to_others: None },
                None => return Err(fault("was not there when the settings were read".to_owned())),
            },
        };
        let text = (*read.content).clone();
        files.push(TextFile::new(path, place, read));
        Ok(text)
    }
}

/// # Errors
/// A variable cannot be meant. What stands there may be a secret in the place of a name, and is not shown.
fn check_name(name: &str) -> Result<(), String> {
    if is_name(name) && name.len() <= SHOWN_BYTES_MAX {
        return Ok(());
    }
    Err("`!env`: expected the name of a variable, of letters, digits and `_`, as in `!env PASSWORD`".to_owned())
}

/// The path of a credential.
fn credential(name: &str) -> Result<PathBuf, String> {
    let is_part = |c: char| !c.is_control() && !matches!(c, '/' | '\\' | ':');
    if name.is_empty() || name.len() > 255 || matches!(name, "." | "..") || !name.chars().all(is_part) {
        return Err(
            "`!credential`: expected the name of a credential, as in `!credential password` for `LoadCredential=password:…`"
                .to_owned(),
        );
    }
    match env::var_os(CREDENTIALS_DIRECTORY).filter(|folder| !folder.is_empty()) {
        Some(folder) => Ok(Path::new(&folder).join(name)),
        None => Err(format!(
            "`!credential {name}`: there is no {CREDENTIALS_DIRECTORY} in the environment: systemd sets it for a service with \
             `LoadCredential={name}:…`; to try the settings outside of the service, set it to a folder with that file"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::sync::Arc;

    fn text(reading: &Reading<'_>, tag: Tag, written: &str) -> Result<String, String> {
        reading.text(tag, written, "passwords").map(|text| text.as_str().to_owned())
    }

    #[test]
    fn texts_are_found_and_remembered_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "one\n").unwrap();
        let reading = Reading::new(folder.path(), None);
        assert_eq!(text(&reading, Tag::File, "a").unwrap(), "one");
        fs::write(folder.path().join("a"), "two\n").unwrap();
        assert_eq!(text(&reading, Tag::File, "a").unwrap(), "one", "all places have the same text");
        assert_eq!(text(&reading, Tag::Text, "${A}").unwrap(), "${A}");
        for _ in 0..2 {
            assert_eq!(text(&reading, Tag::Env, "CARGO_PKG_NAME").unwrap(), "pusud");
        }
        let outside = reading.end("x");
        assert_eq!(outside.files().iter().map(TextFile::path).collect::<Vec<_>>(), [folder.path().join("a")]);
        assert_eq!(outside.variables(), ["CARGO_PKG_NAME"]);
        assert_eq!(outside.written.as_ref().map(|written| written.as_str()), Some("x"));
        assert!(!format!("{outside:?}").contains("one"), "{outside:?}");
    }

    #[test]
    fn contents_that_are_given_stand_for_the_files() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "one\n").unwrap();
        let contents = Contents::from([(folder.path().join("a"), Arc::new(Zeroizing::new("given".to_owned())))]);
        let reading = Reading::new(folder.path(), Some(&contents));
        assert_eq!(text(&reading, Tag::File, "a").unwrap(), "given");
        assert!(text(&reading, Tag::File, "b").unwrap_err().contains("was not there"));
    }

    #[test]
    fn what_cannot_be_meant_is_said_and_not_shown() {
        let reading = Reading::new(Path::new("/nowhere"), None);
        for (tag, written, expected) in [
            (Tag::Env, "", "`!env`: expected the name of a variable"),
            (Tag::Env, "s3cret word", "`!env`: expected the name of a variable"),
            (Tag::Env, "${s3cret}", "`!env`: expected the name of a variable"),
            (Tag::Env, "PUSU_NO_SUCH", "`!env PUSU_NO_SUCH`: there is no such variable"),
            (Tag::File, "", "`!file`: expected a path"),
            (Tag::File, "s3cret\nline", "`!file`: expected a path"),
            (Tag::File, "b", "`!file` /nowhere/b: there is no such file"),
            (Tag::Credential, "", "`!credential`: expected the name of a credential"),
            (Tag::Credential, "../s3cret", "`!credential`: expected the name of a credential"),
            (Tag::Credential, "..", "`!credential`: expected the name of a credential"),
            (Tag::Credential, "a", "there is no CREDENTIALS_DIRECTORY in the environment"),
        ] {
            let error = text(&reading, tag, written).unwrap_err().replace('\\', "/");
            assert!(error.contains(expected) && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn files_are_bounded_in_number() {
        let folder = tempfile::tempdir().unwrap();
        let reading = Reading::new(folder.path(), None);
        for at in 0..=FILES_MAX {
            fs::write(folder.path().join(at.to_string()), "x").unwrap();
            assert_eq!(text(&reading, Tag::File, &at.to_string()).is_ok(), at < FILES_MAX);
        }
    }
}
