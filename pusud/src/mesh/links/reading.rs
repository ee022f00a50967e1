//! Reading a link that is up: its frames are taken in one after the other, and others have their turn meanwhile.
//!
//! Waits while the relay has no room for more deliveries, and says when the peer has gone.

use crate::mesh::handshake::End;
use crate::mesh::links::Mesh;
use crate::mesh::links::transport::LinkReader;
use crate::mesh::membership::LinkId;
use crate::mesh::node::Node;
use crate::mesh::wire::{self, FRAME_BYTES_OVER_CONTENT};
use crate::peers::{Decoder, Malformed};
use crate::routing::Door;
use std::future::poll_fn;
use std::io;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::task::yield_now;
use tokio::time::timeout;

/// A peer of which nothing has come for so long is dead.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// A peer of which nothing has come for so long, which is a little more than a heartbeat, may have gone.
const QUIET: Duration = Duration::from_millis(5500);
/// So much interest is taken in before others have their turn, in bytes.
const TURN_BYTES: usize = 16 * 1024;
/// What is read of a link in one go, in bytes.
pub(crate) const READ_BYTES: usize = 64 * 1024;

/// Takes frames in until the link ends. Waits while the relay has no room for more deliveries.
///
/// A peer of which something comes lives, whether it reads or not. So the system's own limit on what is not acknowledged
/// counts only where nothing comes: it cannot tell a peer that does not read from a way that is closed.
pub(super) async fn read<D: Door, T>(
    node: &Node<D, T>,
    id: LinkId,
    mut reader: impl LinkReader,
    decoder: &mut Decoder,
) -> Result<(), End> {
    let bytes_max = node.settings.max_message_bytes + FRAME_BYTES_OVER_CONTENT;
    let mut bytes = vec![0; READ_BYTES];
    let mut is_limited = true;
    loop {
        poll_fn(|cx| node.mesh.borrow_mut().door().poll_room(cx)).await;
        let taken = take(&mut node.mesh.borrow_mut(), id, decoder, bytes_max);
        node.mesh.borrow_mut().flush();
        let read = match taken? {
            Taken::All => read_within(&mut reader, &mut bytes, &mut is_limited).await?,
            Taken::Interest => tokio::select! {
                biased;
                read = reader.read(&mut bytes) => read,
                () = yield_now() => continue,
            },
            Taken::Some => {
                yield_now().await;
                continue;
            }
            Taken::Goodbye => return Err(End::Goodbye),
        };
        match read? {
            0 => return Err(End::Closed),
            len => {
                decoder.feed(&bytes[..len]);
                if len == READ_BYTES {
                    // There may be much more, and what is to be sent meanwhile may be to hold it.
                    yield_now().await;
                }
            }
        }
        if std::mem::take(&mut is_limited) {
            reader.limit_sending(false)?;
        }
    }
}

/// Reads, and gives up after as much silence as makes a peer dead. One of which half a record has come lives.
async fn read_within(
    reader: &mut impl LinkReader,
    bytes: &mut [u8],
    is_limited: &mut bool,
) -> Result<io::Result<usize>, End> {
    loop {
        let heard = reader.bytes_heard();
        if let Ok(read) = timeout(QUIET, reader.read(bytes)).await {
            return Ok(read);
        }
        if reader.bytes_heard() == heard {
            reader.limit_sending(true)?;
            *is_limited = true;
            if let Ok(read) = timeout(SILENCE_MAX - QUIET, reader.read(bytes)).await {
                return Ok(read);
            }
        }
        if reader.bytes_heard() == heard {
            return Err(End::Silent(SILENCE_MAX));
        }
        if std::mem::take(is_limited) {
            reader.limit_sending(false)?;
        }
    }
}

/// How far the frames of a link have been taken in.
enum Taken {
    /// All that are complete.
    All,
    /// The same, but a snapshot's end has come that is still being taken in.
    Interest,
    /// Others have to have their turn before the next one.
    Some,
    /// The peer has said goodbye.
    Goodbye,
}

/// Takes frames in that are complete. While a snapshot is being taken in, those about interest wait for the end of
/// that, and the others do not: there may be acknowledgements among them, for which clients wait.
fn take<D: Door>(mesh: &mut Mesh<D>, id: LinkId, decoder: &mut Decoder, bytes_max: usize) -> Result<Taken, End> {
    let mut bytes_of_interest = 0;
    let mut is_taking_in = mesh.take_in_some(id);
    loop {
        let has_to_wait = is_taking_in && decoder.next_kind(bytes_max)?.is_some_and(wire::is_about_interest);
        if has_to_wait || bytes_of_interest >= TURN_BYTES {
            return Ok(Taken::Some);
        }
        let Some((kind, payload)) = decoder.next(bytes_max)? else {
            return Ok(if is_taking_in { Taken::Interest } else { Taken::All });
        };
        if kind == wire::kind::HISTORY {
            bytes_of_interest += payload.len().min(TURN_BYTES / 2);
        } else if kind != wire::kind::PUBLICATIONS {
            if payload.len() > FRAME_BYTES_OVER_CONTENT {
                return Err(Malformed::TooLong(payload.len()).into());
            }
            bytes_of_interest += payload.len();
        }
        if mesh.receive(id, wire::parse(kind, payload)?)? {
            return Ok(Taken::Goodbye);
        }
        is_taking_in |= kind == wire::kind::SNAPSHOT_END;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::pin::Pin;
    use std::rc::Rc;
    use std::task::{Context, Poll};
    use tokio::io::{AsyncRead, ReadBuf};
    use tokio::time::Instant;

    /// A record that never comes to its end: bytes of it come for so long, one a second.
    struct Dribble {
        began: Instant,
        lasts: Duration,
        limits: Rc<RefCell<Vec<bool>>>,
    }

    impl AsyncRead for Dribble {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl LinkReader for Dribble {
        fn limit_sending(&self, is_limited: bool) -> io::Result<()> {
            self.limits.borrow_mut().push(is_limited);
            Ok(())
        }

        fn bytes_heard(&self) -> u64 {
            self.began.elapsed().min(self.lasts).as_secs()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_of_which_half_a_record_has_come_lives() {
        for lasts in [0, 60] {
            let (began, limits) = (Instant::now(), Rc::default());
            let mut reader = Dribble { began, lasts: Duration::from_secs(lasts), limits: Rc::clone(&limits) };
            let mut is_limited = true;
            let end = read_within(&mut reader, &mut [0; 100], &mut is_limited).await.err().unwrap();
            assert!(matches!(end, End::Silent(_)), "{end}");
            let silence = began.elapsed() - Duration::from_secs(lasts);
            assert!((SILENCE_MAX..SILENCE_MAX + QUIET).contains(&silence), "{silence:?}");
            // What is sent has a limit only where nothing comes.
            let expected: &[bool] = if lasts == 0 { &[true] } else { &[false, true] };
            assert_eq!(*limits.borrow(), expected);
        }
    }
}
