//! Patterns with placeholders for claims: `users.{sub}.*`.
//!
//! **Invariant:** without `dots: true` two values never give access to one channel through the same pattern unless an
//! operator's `*` does; see `pusu_plugin_api::template`.

use crate::claims::ClaimPath;
use pusu_plugin_api::Pattern;
use pusu_plugin_api::template;

/// A pattern that may have placeholders.
pub(crate) type Template = template::Template<ClaimPath>;

/// Reads a pattern.
///
/// # Errors
/// What is wrong with its placeholders.
pub(crate) fn parse(pattern: &Pattern) -> Result<Template, String> {
    let claim = |name: &str| ClaimPath::parse(name).map_err(|error| format!("has a placeholder that is none: {error}"));
    Template::parse(pattern, claim)
}

/// Whether values with dots may stand for each other's channels: with another placeholder, or a `*`, in the pattern.
pub(crate) fn mixes_up_dots(template: &Template) -> bool {
    template.placeholders().next().is_some() && !template.is_one_channel()
}
