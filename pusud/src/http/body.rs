//! The body of a request: its content, taken out of the bytes as they come (RFC 9112, sections 6 and 7.1).
//!
//! Chunks are read strictly: whoever takes the end of a body for another byte than a proxy in front does reads requests
//! where there are none. **Invariant:** no more memory is taken than bytes have come, and each byte is looked at once,
//! whatever pieces they come in.

use super::token::is_token_byte;

/// Most digits of a chunk's size.
const SIZE_DIGITS_MAX: usize = 8;
/// Longest line with a chunk's size and its extensions, in bytes, without the line end.
const SIZE_LINE_BYTES_MAX: usize = 256;
/// Most bytes of trailers, with their line ends.
const TRAILER_BYTES_MAX: usize = 4096;

/// How the end of a request's body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// It has so many bytes (`Content-Length`).
    Length(u64),
    /// It comes in chunks (`Transfer-Encoding: chunked`).
    Chunked,
}

/// Why a body cannot be received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Its content is longer than it may be.
    #[error("The body is longer than max_message_bytes allows.")]
    TooLarge,
    /// Its chunks break the rules, or have too long lines or trailers.
    #[error("The chunks of the body are not well-formed (RFC 9112, section 7.1).")]
    Malformed,
}

/// A body that is being received.
#[derive(Debug)]
pub struct Body {
    state: State,
    content: Vec<u8>,
    bytes_max: usize,
    /// Bytes of content until the end of the body or of the chunk.
    left: usize,
    /// Bytes of this line, or of all trailers.
    line_len: usize,
}

/// What comes next.
#[derive(Debug, Clone, Copy)]
enum State {
    /// Content, up to the end of the body.
    Content,
    /// A chunk's size.
    Size,
    Extensions,
    SizeLineFeed,
    /// A chunk's content.
    Chunk,
    ChunkReturn,
    ChunkLineFeed,
    /// A trailer, or the empty line at the end.
    Trailer,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    LastLineFeed,
    Complete,
    Failed(BodyError),
}

impl Body {
    /// A body of which nothing has come. `bytes_max`: the longest content it may have.
    pub fn new(framing: Framing, bytes_max: usize) -> Self {
        let (state, left) = match framing {
            Framing::Chunked => (State::Size, 0),
            Framing::Length(0) => (State::Complete, 0),
            Framing::Length(length) => match usize::try_from(length) {
                Ok(length) if length <= bytes_max => (State::Content, length),
                _ => (State::Failed(BodyError::TooLarge), 0),
            },
        };
        Self { state, content: Vec::new(), bytes_max, left, line_len: 0 }
    }

    /// Takes what belongs to the body from the front of `received`, and says how many bytes that were, with the lines around
    /// chunks and with trailers. What is behind the body is left.
    ///
    /// # Errors
    /// The body is longer than it may be, which is said as soon as it is known; or its chunks are malformed. The same
    /// error comes ever after.
    pub fn advance(&mut self, received: &[u8]) -> Result<usize, BodyError> {
        let mut rest = received;
        loop {
            match (self.state, rest) {
                (State::Failed(error), _) => return Err(error),
                (State::Complete, _) | (_, []) => return Ok(received.len() - rest.len()),
                (State::Content, _) => rest = self.take(rest, State::Complete),
                (State::Chunk, _) => rest = self.take(rest, State::ChunkReturn),
                (state, [byte, behind @ ..]) => {
                    self.state = self.next(state, *byte).unwrap_or_else(State::Failed);
                    rest = behind;
                }
            }
        }
    }

    /// Whether all of it has come.
    pub fn is_complete(&self) -> bool {
        matches!(self.state, State::Complete)
    }

    /// The content that has come.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The same, to keep.
    pub fn into_content(self) -> Vec<u8> {
        self.content
    }

    /// Takes content, and returns what is behind it; `then` comes after the last byte.
    fn take<'a>(&mut self, received: &'a [u8], then: State) -> &'a [u8] {
        let (content, behind) = received.split_at(self.left.min(received.len()));
        self.content.extend_from_slice(content);
        self.left -= content.len();
        if self.left == 0 {
            self.state = then;
        }
        behind
    }

    /// What comes behind `byte`, which is none of the content.
    fn next(&mut self, state: State, byte: u8) -> Result<State, BodyError> {
        self.line_len += 1;
        match (state, byte) {
            (State::Size, _) if byte.is_ascii_hexdigit() => self.size_digit(byte),
            (State::Size, b';' | b'\r') if self.line_len > 1 => self.size_is_known(byte),
            (State::Extensions, b'\r') => Ok(State::SizeLineFeed),
            (State::Extensions, b'\t' | b' '..=b'~') if self.line_len <= SIZE_LINE_BYTES_MAX => Ok(State::Extensions),
            (State::SizeLineFeed, b'\n') if self.left > 0 => Ok(State::Chunk),
            (State::SizeLineFeed, b'\n') => {
                self.line_len = 0;
                Ok(State::Trailer)
            }
            (State::ChunkReturn, b'\r') => Ok(State::ChunkLineFeed),
            (State::ChunkLineFeed, b'\n') => {
                self.line_len = 0;
                Ok(State::Size)
            }
            (State::Trailer, b'\r') => Ok(State::LastLineFeed),
            (State::LastLineFeed, b'\n') => Ok(State::Complete),
            (State::Trailer | State::TrailerName | State::TrailerValue | State::TrailerLineFeed, _)
                if self.line_len > TRAILER_BYTES_MAX =>
            {
                Err(BodyError::Malformed)
            }
            (State::Trailer | State::TrailerName, _) if is_token_byte(byte) => Ok(State::TrailerName),
            (State::TrailerName, b':') => Ok(State::TrailerValue),
            (State::TrailerValue, b'\r') => Ok(State::TrailerLineFeed),
            (State::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => Ok(State::TrailerValue),
            (State::TrailerLineFeed, b'\n') => Ok(State::Trailer),
            _ => Err(BodyError::Malformed),
        }
    }

    fn size_digit(&mut self, byte: u8) -> Result<State, BodyError> {
        let digit = char::from(byte).to_digit(16).ok_or(BodyError::Malformed)?;
        if self.line_len > SIZE_DIGITS_MAX {
            return Err(BodyError::Malformed);
        }
        // So few digits are 32 bits at most.
        self.left = self.left << 4 | digit as usize;
        Ok(State::Size)
    }

    /// A chunk's size is known when its first extension or the end of its line comes.
    fn size_is_known(&self, byte: u8) -> Result<State, BodyError> {
        match byte {
            _ if self.left > self.bytes_max - self.content.len() => Err(BodyError::TooLarge),
            b';' => Ok(State::Extensions),
            _ => Ok(State::SizeLineFeed),
        }
    }
}

#[cfg(test)]
mod tests;
