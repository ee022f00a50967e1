//! The tags that stand for a text in the settings, by their names.

/// What to say where another tag stands: all that there are.
pub(crate) const KNOWN_TAGS: &str = "`!env NAME` is the text of a variable, `!file PATH` that of a file, `!credential NAME` that of a systemd \
     credential, and `!text \"…\"` is the text itself";

/// A tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    /// The content of a variable of the environment.
    Env,
    /// The content of a file.
    File,
    /// The content of a file in the folder of systemd's credentials.
    Credential,
    /// The text behind it, whatever stands in it.
    Text,
}

impl Tag {
    /// The tag with this name, without its `!`.
    pub(crate) fn of(name: &str) -> Option<Self> {
        [Self::Env, Self::File, Self::Credential, Self::Text].into_iter().find(|tag| tag.name() == name)
    }

    /// As it is written, without its `!`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Env => "env",
            Self::File => "file",
            Self::Credential => "credential",
            Self::Text => "text",
        }
    }
}

/// The tag with whose name and a blank a text begins, as a program leaves it that puts texts into quotes. Without quotes
/// no text begins with `!`.
pub(crate) fn quoted_tag(text: &str) -> Option<Tag> {
    let (name, _) = text.strip_prefix('!')?.split_once([' ', '\t'])?;
    Tag::of(name)
}
