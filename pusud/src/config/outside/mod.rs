//! Texts from outside of the settings file, for which tags stand in it: `!env`, `!file`, `!credential`.
//!
//! `reading` finds them while a file is read, `watched` sees later whether files have others. Knows nothing of YAML.
//! **Invariant:** no message and no `Debug` shows a content: it may be a secret. Names of variables and files are none.

mod file;
mod placeholder;
mod reading;
mod tag;
mod watched;

pub use file::TextFile;
pub use watched::{Changed, FileReport, Look, Notice, WatchedFiles};

pub(super) use placeholder::has_placeholder;
pub(super) use reading::Reading;
pub(super) use tag::{KNOWN_TAGS, Tag, quoted_tag};

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The text of a file, shared and wiped with the last that holds it.
pub(crate) type Content = Arc<Zeroizing<String>>;

/// Texts that stand for those of the files.
pub(crate) type Contents = HashMap<PathBuf, Content>;

/// What settings take from outside of their file.
#[derive(Clone, Default)]
pub struct Outside {
    files: Vec<TextFile>,
    variables: Vec<String>,
    /// The settings as they are written, where a file may change what they mean; `None` where none can.
    written: Option<Content>,
}

impl Outside {
    fn new(files: Vec<TextFile>, variables: Vec<String>, written: &str) -> Self {
        let written = (!files.is_empty()).then(|| Arc::new(Zeroizing::new(written.to_owned())));
        Self { files, variables, written }
    }

    /// The files, each once, in the order of the settings.
    pub fn files(&self) -> &[TextFile] {
        &self.files
    }

    /// The names of the variables, each once, in the order of the settings.
    pub fn variables(&self) -> &[String] {
        &self.variables
    }

    /// A sentence for each file that others than the daemon's user may read or write.
    pub(super) fn warnings(&self) -> Vec<String> {
        let open = |file: &TextFile| {
            let why = file.open_to_others()?;
            Some(format!("`{}`: `!file` {} {why}", file.place(), file.path().display()))
        };
        self.files.iter().filter_map(open).collect()
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<_> = self.files.iter().map(TextFile::path).collect();
        f.debug_struct("Outside").field("files", &paths).field("variables", &self.variables).finish()
    }
}
