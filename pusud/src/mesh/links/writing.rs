//! Writing a link that is up: what there is to send, heartbeats, and the end of what waits too long for the peer.
//!
//! Moves bytes and keeps time; what is sent is the link's.

use crate::mesh::handshake::End;
use crate::mesh::links::link::{Signals, WRITE_BYTES};
use crate::mesh::membership::LinkId;
use crate::mesh::node::Node;
use crate::routing::Door;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::task::yield_now;
use tokio::time::{Instant, interval_at, sleep, sleep_until};

/// Between heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Between two times that a peer is told of this relay's links.
const LINKS_TOLD_EVERY: Duration = Duration::from_secs(1);
/// Interest is compared with every so many heartbeats.
const HEARTBEATS_PER_CHECK: u32 = 6;

/// Sends what there is to send; after the goodbye, waits for the peer to close.
pub(super) async fn write<D: Door, T>(
    node: &Node<D, T>,
    id: LinkId,
    mut writer: impl AsyncWrite + Unpin,
    signals: &Signals,
) -> Result<(), End> {
    let mut out = Vec::new();
    loop {
        out.clear();
        node.mesh.borrow_mut().write(id, &mut out);
        if out.is_empty() {
            signals.send.notified().await;
        } else {
            writer.write_all(&out).await?;
            writer.flush().await?;
            if out.len() >= WRITE_BYTES {
                // There is more, and what has come meanwhile may be to hold it.
                yield_now().await;
            }
        }
    }
}

/// Has heartbeats sent, and now and then how much interest there is.
pub(super) async fn beat<D: Door, T>(node: &Node<D, T>, id: LinkId) -> std::convert::Infallible {
    let mut beats = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    let mut count = 0u32;
    loop {
        beats.tick().await;
        count = count.wrapping_add(1);
        if let Some(link) = node.mesh.borrow_mut().link(id) {
            link.owe(|duties| {
                duties.ping = true;
                duties.check |= count.is_multiple_of(HEARTBEATS_PER_CHECK);
            });
        }
    }
}

/// Has the peer told of this relay's links, where they have changed.
pub(super) async fn tell_links<D: Door, T>(node: &Node<D, T>, id: LinkId) -> std::convert::Infallible {
    loop {
        node.mesh.borrow_mut().tell_links(id);
        sleep(LINKS_TOLD_EVERY).await;
    }
}

/// Ends the waiting of subscriptions that has lasted too long.
pub(super) async fn expire<D: Door, T>(node: &Node<D, T>, id: LinkId, signals: &Signals) -> std::convert::Infallible {
    loop {
        let deadline = node.mesh.borrow_mut().link(id).and_then(|link| link.waits.deadline());
        match deadline {
            Some(deadline) => {
                sleep_until(deadline).await;
                node.mesh.borrow_mut().expire(id);
            }
            None => signals.wait.notified().await,
        }
    }
}
