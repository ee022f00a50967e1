//! A deadline for all that is read from a socket and written to it until then, in however many pieces.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

/// A socket that fails with `TimedOut` from the deadline on.
pub(super) struct Deadline<'a> {
    pub(super) stream: &'a UnixStream,
    pub(super) until: Instant,
}

impl Deadline<'_> {
    fn within<T>(
        &self,
        limit: impl Fn(&UnixStream, std::time::Duration) -> io::Result<()>,
        mut act: impl FnMut() -> io::Result<T>,
    ) -> io::Result<T> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        limit(self.stream, left)?;
        act().map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
            _ => error,
        })
    }
}

impl Read for Deadline<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut stream = self.stream;
        self.within(|stream, left| stream.set_read_timeout(Some(left)), || stream.read(buffer))
    }
}

impl Write for Deadline<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut stream = self.stream;
        self.within(|stream, left| stream.set_write_timeout(Some(left)), || stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn somebody_who_always_says_a_little_more_does_not_move_it() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let talking = std::thread::spawn(move || while (&theirs).write_all(b"x").is_ok() {});
        let started = Instant::now();
        let mut reader = Deadline { stream: &ours, until: started + Duration::from_millis(50) };
        let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!((50..5000).contains(&started.elapsed().as_millis()));
        let mut writer = Deadline { stream: &ours, until: started };
        assert_eq!(writer.write_all(b"x").unwrap_err().kind(), ErrorKind::TimedOut);
        drop(ours);
        talking.join().unwrap();
    }
}
