//! Repetitions: heads that are the one before them but for the path and the length of the body. A source mostly sends such,
//! and they are not read anew.

use super::{Framing, Request, Span, number};

/// A length with more digits is read with all of its head.
const LENGTH_DIGITS_MAX: usize = 10;

impl Request {
    /// Whether `received` begins with the same head, byte by byte, but for the path and the length of the body, and has at
    /// most so many bytes: these two are taken over then.
    pub(crate) fn repeats_in(&mut self, received: &[u8], bytes_max: usize) -> bool {
        let Some(Span { start, end }) = self.content_length else { return false };
        let same = received.strip_prefix(self.line.as_slice()).map(|behind| (None, behind));
        let Some((path, behind)) = same.or_else(|| self.other_path(received)) else { return false };
        let line_len = received.len() - behind.len();
        let Some(behind) = behind.strip_prefix(&self.fields[..start]) else { return false };
        let digits = behind.iter().take(LENGTH_DIGITS_MAX).take_while(|byte| byte.is_ascii_digit()).count();
        let (length, behind) = behind.split_at(digits);
        let len = line_len + start + digits + (self.fields.len() - end);
        match number(length).filter(|_| len <= bytes_max && behind.starts_with(&self.fields[end..])) {
            None => false,
            Some(length) => {
                if let Some(path) = path {
                    self.line.splice(self.path.clone(), path.iter().copied());
                    self.path.end = self.path.start + path.len();
                }
                self.framing = Some(Framing::Length(length));
                self.len = len;
                true
            }
        }
    }

    /// The path in a first line that is this one but for it, and what comes behind the line.
    fn other_path<'a>(&self, received: &'a [u8]) -> Option<(Option<&'a [u8]>, &'a [u8])> {
        if self.query.is_some() || self.path.is_empty() {
            return None;
        }
        let target = received.strip_prefix(&self.line[..self.path.start])?;
        let (path, behind) = target.split_at(target.iter().position(|byte| !is_in_paths(*byte))?);
        let behind = behind.strip_prefix(&self.line[self.path.end..])?;
        path.starts_with(b"/").then_some((Some(path), behind))
    }
}

/// Whether a path may have this byte (RFC 3986, section 3.3). Lines with others are read as a whole.
fn is_in_paths(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:@".contains(&byte)
}
