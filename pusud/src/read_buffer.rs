//! A shard's one buffer for reading from sockets, so that idle clients need none of their own.

use std::cell::RefCell;
use std::io;
use tokio::net::TcpStream;

/// Most bytes taken from a socket in one call.
pub const READ_BYTES_MAX: usize = 64 * 1024;

/// The buffer. Its content lives only as long as a call.
pub struct ReadBuffer(RefCell<Box<[u8]>>);

impl Default for ReadBuffer {
    fn default() -> Self {
        Self(RefCell::new(vec![0; READ_BYTES_MAX].into()))
    }
}

impl ReadBuffer {
    /// Reads what `socket` has, without waiting, and shows it to `take`; no bytes mean the end of the stream.
    ///
    /// # Errors
    /// `WouldBlock` where nothing has come in, and whatever the socket says.
    pub fn read(&self, socket: &TcpStream, take: impl FnOnce(&[u8])) -> io::Result<()> {
        let mut buffer = self.0.borrow_mut();
        loop {
            match socket.try_read(&mut buffer) {
                Ok(len) => {
                    take(&buffer[..len]);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
