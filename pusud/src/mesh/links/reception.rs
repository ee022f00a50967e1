//! Reception: what becomes of a frame of a linked peer.

use super::{Mesh, replaced};
use crate::mesh::handshake::Refusal;
use crate::mesh::links::link::Link;
use crate::mesh::membership::LinkId;
use crate::mesh::wire::{Frame, Total};
use crate::routing::Door;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{info, warn};

impl<D: Door> Mesh<D> {
    /// Takes a frame of a link that is up. True: it was the last one, since the peer stops as planned.
    ///
    /// # Errors
    /// The link has to end.
    pub(crate) fn receive(&mut self, id: LinkId, frame: Frame<'_>) -> Result<bool, Refusal> {
        let now = self.now();
        let Some(link) = self.links.get_mut(&id) else { return Err(replaced()) };
        match frame {
            Frame::Publications { first, publications } => {
                link.take(first, publications, self.content_bytes_max, |channel, content| {
                    self.door.deliver(channel, content);
                })?;
            }
            Frame::Hold { channels } => link.hold(channels, true)?,
            Frame::Go { channels } => link.hold(channels, false)?,
            Frame::Ping { time, seen } => {
                confirm(link, seen)?;
                link.owe(|duties| duties.pong = Some(time));
            }
            Frame::Pong { time, seen } => {
                confirm(link, seen)?;
                link.round_trip = now.checked_sub(time).map(Duration::from_micros);
                if link.round_trip.is_some_and(|took| link.waits.pace.answer(took, Instant::now())) {
                    info!(relay = %link.name, "the relay has caught up: `subscribe_ok` waits for it again");
                }
                link.signals.wait.notify_one();
            }
            Frame::Snapshot { generation, channels } => {
                link.announced.snapshot(generation, channels).map_err(Refusal::protocol)?;
            }
            Frame::SnapshotEnd { generation, number, total } => {
                link.announced.snapshot_end(generation, number, total).map_err(Refusal::protocol)?;
                // Whoever reads the link goes on with that, if that was not all.
                self.take_in_some(id);
            }
            Frame::Changes { first, changes } => {
                let (edges, number) = link.announced.changes(first, changes).map_err(Refusal::protocol)?;
                link.owe(|duties| duties.acknowledge = Some(number));
                self.apply(id, edges);
            }
            Frame::Acknowledge { number } => {
                link.announcer.acknowledge(number).map_err(Refusal::protocol)?;
                let settled = link.waits.acknowledge(number, Instant::now());
                link.signals.wait.notify_one();
                settled.into_iter().for_each(|ticket| self.door.settled(ticket));
            }
            Frame::Check { total } => compare(link, total),
            Frame::Resync => {
                link.announcer.asked();
                link.signals.send.notify_one();
            }
            Frame::Peers(frame) => {
                self.peers.receive(id, frame, &mut self.door)?;
                self.wake();
            }
            Frame::History(message) => self.receive_history(id, message)?,
            Frame::Goodbye => {
                link.has_heard_goodbye = true;
                return Ok(true);
            }
            Frame::Refuse { code, reason } => return Err(Refusal::Theirs(code, reason.to_owned())),
            Frame::Hello(_) | Frame::Auth { .. } | Frame::Ready(_) => {
                return Err(Refusal::protocol("a handshake on a link that is up"));
            }
        }
        Ok(false)
    }
}

/// The peer has so much interest.
fn compare(link: &mut Link, total: Total) {
    if link.announced.table().total() != total {
        link.account.traffic.resyncs += 1;
        warn!(relay = %link.name, "the peer's interest differs from what it has told: asking for all of it");
        link.owe(|duties| duties.resync = true);
    }
}

fn confirm(link: &mut Link, seen: u64) -> Result<(), Refusal> {
    if link.account.outgoing.confirm(seen) {
        return Ok(());
    }
    Err(Refusal::protocol("a message seen that was not sent"))
}
