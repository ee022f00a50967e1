//! A message as one line of JSON.

use serde::Serialize;
use serde_json::value::RawValue;

/// One line of the output.
#[derive(Serialize)]
struct Line<'a> {
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<&'a str>,
    content: &'a RawValue,
}

/// A message as one line: the content as the source wrote it, but without line breaks. Those can only stand between its
/// parts, since inside a JSON text they are written `\n`.
pub(super) fn line(channel: &str, position: Option<&str>, content: &RawValue) -> serde_json::Result<String> {
    let mut line = serde_json::to_string(&Line { channel, position, content })?;
    line.retain(|c| !matches!(c, '\n' | '\r'));
    Ok(line)
}
