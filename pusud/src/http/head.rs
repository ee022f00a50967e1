//! The head of a request: functions over its header lines, for whoever decides what it means.

use super::HttpError;

/// The values of all lines of one name.
pub(crate) fn values<'a>(headers: &'a [httparse::Header<'a>], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

/// The value of a header that must be there once.
///
/// # Errors
/// 400, for this reason: it is not, or no text.
pub(crate) fn single<'a>(
    headers: &'a [httparse::Header<'a>],
    name: &'a str,
    reason: &'static str,
) -> Result<&'a str, HttpError> {
    let mut values = values(headers, name);
    match (values.next().map(std::str::from_utf8), values.next()) {
        (Some(Ok(value)), None) => Ok(value.trim()),
        _ => Err(HttpError::bad_request(reason)),
    }
}

/// Whether a header that holds a list of tokens holds `token`.
pub(crate) fn has_token(headers: &[httparse::Header<'_>], name: &str, token: &str) -> bool {
    values(headers, name)
        .filter_map(|value| std::str::from_utf8(value).ok())
        .flat_map(|value| value.split(','))
        .any(|item| item.trim().eq_ignore_ascii_case(token))
}

/// Whether a line of a head ends in anything but CR LF.
pub(crate) fn has_bare_line_feed(head: &[u8]) -> bool {
    memchr::memchr_iter(b'\n', head).any(|at| at == 0 || head[at - 1] != b'\r')
}
