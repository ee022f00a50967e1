//! The connection to a NATS server, against real ones and against some that are none.

mod authentication;
mod encryption;
#[cfg(unix)]
mod fuzz;
mod real_server;
mod refusals;
mod strangers;

use super::{Connection, Op, command};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

/// How long a server may take for anything here.
const PATIENCE: Duration = Duration::from_secs(10);

impl Connection {
    /// Writes commands.
    async fn write(&mut self, commands: impl FnOnce(&mut Vec<u8>)) {
        let mut out = Vec::new();
        commands(&mut out);
        self.stream.write_all(&out).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// All that comes until PONG, or until the end, but for INFO.
    async fn said(&mut self) -> Vec<String> {
        let mut said = Vec::new();
        loop {
            while let Some(op) = self.parser.next_op().unwrap() {
                if op == Op::Pong {
                    return said;
                }
                // Later versions say again who they are, when they have taken a connection.
                if !matches!(op, Op::Info(_)) {
                    said.push(shown(&op));
                }
            }
            if !self.read().await {
                said.push("end".to_owned());
                return said;
            }
        }
    }

    /// The INFO that tells of lame duck mode.
    async fn lame_duck(&mut self) -> super::Info {
        loop {
            while let Some(op) = self.parser.next_op().unwrap() {
                if let Op::Info(info) = op
                    && info.is_lame_duck
                {
                    return *info;
                }
            }
            assert!(self.read().await, "it has ended");
        }
    }

    async fn read(&mut self) -> bool {
        let mut room = self.parser.room();
        let read = timeout(PATIENCE, self.stream.read_buf(&mut room));
        // A server that closes without having read everything resets the connection.
        read.await.expect("nothing has come").is_ok_and(|bytes| bytes > 0)
    }
}

fn shown(op: &Op<'_>) -> String {
    match op {
        Op::Message(message) => format!(
            "{} {} {:?} {}",
            message.subject.escape_ascii(),
            message.sid,
            message.reply.map(|reply| reply.escape_ascii().to_string()),
            message.payload.escape_ascii()
        ),
        Op::NoResponders { subject, sid } => format!("nobody {} {sid}", subject.escape_ascii()),
        Op::TooLong { subject, sid, bytes } => format!("long {} {sid} {bytes}", subject.escape_ascii()),
        Op::Error(error) => format!("{error:?}"),
        op => format!("{op:?}"),
    }
}
