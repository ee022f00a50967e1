//! Chunks of a body (RFC 9112, section 7.1), read strictly: what the relay writes has neither extensions nor trailers.

/// What is left of a body in chunks.
#[derive(Default)]
pub(crate) struct Chunks {
    unread: Vec<u8>,
    has_ended: bool,
}

impl Chunks {
    /// Takes the next bytes, and gives what is in the chunks that are whole by now to `take`, one after the other.
    pub(crate) fn read(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8])) {
        assert!(!self.has_ended || bytes.is_empty(), "something follows the last chunk");
        self.unread.extend_from_slice(bytes);
        let mut at = 0;
        while let Some((size, line)) = size_line(&self.unread[at..]) {
            let Some(chunk) = self.unread.get(at + line..at + line + size + 2) else { break };
            assert!(chunk.ends_with(b"\r\n"), "a chunk ends with CR LF: {}", chunk.escape_ascii());
            self.has_ended = size == 0;
            if size > 0 {
                take(&chunk[..size]);
            }
            at += line + size + 2;
            assert!(!self.has_ended || at == self.unread.len(), "something follows the last chunk");
        }
        self.unread.drain(..at);
    }

    /// Whether nothing has come of a chunk that is not whole.
    pub(crate) fn is_whole(&self) -> bool {
        self.unread.is_empty()
    }
}

/// The size of a chunk, and the length of the line that says it.
fn size_line(bytes: &[u8]) -> Option<(usize, usize)> {
    let digits = bytes.windows(2).take(20).position(|pair| pair == b"\r\n")?;
    let text = std::str::from_utf8(&bytes[..digits]).expect("a size is text");
    Some((usize::from_str_radix(text, 16).unwrap_or_else(|error| panic!("{text:?}: {error}")), digits + 2))
}
