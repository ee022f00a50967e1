//! A channel that is tailed through the control socket: a line for each message until either side closes.

use super::session::{Tail, TailEnd, Tailed};
use super::unix::write_all;
use serde::Serialize;
use std::io::{self, ErrorKind};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tracing::debug;

/// For how long who tails a channel may take nothing. Long before, what waits for it makes it a slow consumer, where much comes.
const WRITE_TIME_MAX: Duration = Duration::from_secs(30);

/// Writes what comes, to the end.
pub(super) async fn serve(stream: UnixStream, mut tail: Tail) {
    if let Err(error) = write(&stream, &mut tail).await {
        debug!(%error, "control socket: whoever tailed a channel has gone, or is too slow");
    }
    // Whoever asked hears the end, though a process that a plugin has forked may have a copy of the connection.
    let _ = socket2::SockRef::from(&stream).shutdown(std::net::Shutdown::Write);
}

async fn write(stream: &UnixStream, tail: &mut Tail) -> io::Result<()> {
    loop {
        let event = tokio::select! {
            event = tail.next() => event,
            gone = gone(stream) => return gone,
        };
        let (line, is_last) = match event {
            Tailed::Message(message) => (line(&message)?, false),
            Tailed::End(end) => (line(&TailEnd { end })?, true),
        };
        timeout(WRITE_TIME_MAX, write_all(stream, &line)).await??;
        if is_last {
            return Ok(());
        }
    }
}

fn line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// Returns when the other side closes; what it says meanwhile is nothing.
async fn gone(stream: &UnixStream) -> io::Result<()> {
    loop {
        stream.readable().await?;
        match stream.try_read(&mut [0; 512]) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
