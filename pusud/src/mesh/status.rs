//! The status of the network: a row for each address of the settings, and one for each link with a relay that is in no
//! list.
//!
//! Only reads and describes. **Invariant:** each link is in one row with its figures; other addresses of the same relay
//! only refer to that row.

use crate::mesh::links::{Link, Mesh};
use crate::mesh::membership::Dial;
use crate::mesh::node::Node;
use crate::peers::BootId;
use crate::routing::{Door, PeerState, PeerStatus, Status, Traffic};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::time::Instant;

/// A row, and the address that it is about, where there is one.
struct Row {
    status: PeerStatus,
    dial: Option<Rc<Dial>>,
}

impl<D: Door, T> Node<D, T> {
    /// How the network is now.
    pub(crate) fn status(&self) -> Status {
        let (mesh, now) = (self.mesh.borrow(), Instant::now());
        let mut rows = self.rows(now);
        let mut unlisted = Vec::new();
        let describe = |status: &mut PeerStatus, link: &Link| describe(status, link, &mesh, now);
        for link in mesh.links() {
            let boot = |boot: BootId| mesh.roster().is_linked(&link.name, boot);
            if !place(&mut rows, link, boot, describe) {
                unlisted.push(link);
            }
        }
        for link in &unlisted {
            let ip = link.remote.ip();
            let is_alone = unlisted.iter().filter(|other| other.remote.ip() == ip).count() == 1;
            let row = only_one_at(&mut rows, link).filter(|_| is_alone);
            match row {
                Some(row) => describe(&mut row.status, link),
                None => {
                    let mut status = PeerStatus::default();
                    describe(&mut status, link);
                    rows.push(Row { status, dial: None });
                }
            }
        }
        // Of a relay that is not linked the counts stand in the first of its rows.
        let mut counted: BTreeSet<String> = mesh.links().map(|link| link.name.to_string()).collect();
        for Row { status, .. } in &mut rows {
            let Some(name) = status.name.as_ref().filter(|name| counted.insert((*name).clone())) else { continue };
            if let Some(account) = mesh.roster().account(name) {
                // What nobody has acknowledged counts as lost while there is no link to hear more.
                let lost = account.traffic.lost + account.outgoing.unconfirmed();
                status.traffic = Traffic { lost, ..account.traffic };
            }
        }
        Status {
            nats: None,
            name: self.settings.name.clone(),
            network: self.settings.network_name.clone(),
            boot_id: self.boot.to_string(),
            key: self.settings.keys.is_some(),
            channels: mesh.table().total().count,
            history_holes: mesh.history_holes() as u64,
            peers: rows.into_iter().map(|row| row.status).collect(),
        }
    }

    /// The rows of the settings, as far as dialling knows.
    fn rows(&self, now: Instant) -> Vec<Row> {
        let mut rows = Vec::new();
        for (address, listed) in self.settings.relays.iter().zip(&*self.listed.borrow()) {
            let address = Some(address.to_string());
            if listed.dials.is_empty() {
                let status = PeerStatus {
                    address: address.clone(),
                    last_error: listed.last_error.clone(),
                    ..PeerStatus::default()
                };
                rows.push(Row { status, dial: None });
            }
            for dial in &listed.dials {
                let known = dial.known.borrow();
                let status = PeerStatus {
                    address: address.clone(),
                    resolved: Some(dial.address.to_string()),
                    name: known.peer.as_ref().map(|(name, _)| name.to_string()),
                    state: if known.is_itself { PeerState::Itself } else { PeerState::Down },
                    last_error: known.last_error.clone(),
                    next_attempt_in: known.next_attempt.map(|at| at.saturating_duration_since(now)),
                    ..PeerStatus::default()
                };
                rows.push(Row { status, dial: Some(dial.clone()) });
            }
        }
        rows
    }
}

/// Puts a link into the row of the address that it is with, and has other addresses of the same start of the relay refer to
/// that. Gives whether there is such a row.
fn place(
    rows: &mut [Row],
    link: &Link,
    is_this_start: impl Fn(BootId) -> bool,
    describe: impl Fn(&mut PeerStatus, &Link),
) -> bool {
    let fit = |row: &Row| {
        let dial = row.dial.as_ref()?;
        let known = dial.known.borrow();
        let (_, boot) = known.peer.as_ref().filter(|(name, _)| *name == link.name && !known.is_itself)?;
        Some((is_this_start(*boot), closeness(dial.address, link.remote)))
    };
    let fits: Vec<_> = rows.iter().map(fit).collect();
    // Of rows that fit as well the first one.
    let best = fits.iter().enumerate().rev().filter_map(|(at, fit)| Some((at, (*fit)?))).max_by_key(|(_, fit)| *fit);
    let Some((best, (is_dialling_at_rest, _))) = best else { return false };
    let shown_at = rows[best].status.resolved.clone();
    describe(&mut rows[best].status, link);
    if is_dialling_at_rest {
        rows[best].status.next_attempt_in = None;
    }
    for (at, row) in rows.iter_mut().enumerate() {
        if at != best && fits[at].is_some_and(|(is_this_start, _)| is_this_start) {
            row.status.state = rows_state(link);
            row.status.same_as = shown_at.clone();
            (row.status.next_attempt_in, row.status.last_error) = (None, None);
        }
    }
    true
}

/// How much speaks for a link being with this address.
fn closeness(address: SocketAddr, remote: SocketAddr) -> u8 {
    u8::from(address.ip() == remote.ip()) + u8::from(address == remote)
}

/// The row of a relay that cannot be dialled, and that has dialled this one: where it is the only one with the address that
/// the link comes from. There is nothing else to tell it by, since nobody has answered there.
fn only_one_at<'a>(rows: &'a mut [Row], link: &Link) -> Option<&'a mut Row> {
    let is_there = |row: &&mut Row| row.dial.as_ref().is_some_and(|dial| dial.address.ip() == link.remote.ip());
    let mut there = rows.iter_mut().filter(is_there);
    let row = there.next().filter(|_| there.next().is_none())?;
    let is_unreachable = row.dial.as_ref().is_some_and(|dial| dial.known.borrow().is_unreachable);
    (row.status.state == PeerState::Down && is_unreachable).then_some(row)
}

fn rows_state(link: &Link) -> PeerState {
    if link.is_linked() { PeerState::Linked } else { PeerState::Linking }
}

/// The figures of a link.
fn describe<D: Door>(status: &mut PeerStatus, link: &Link, mesh: &Mesh<D>, now: Instant) {
    status.name = Some(link.name.to_string());
    status.remote = Some(link.remote.to_string());
    status.state = rows_state(link);
    status.traffic = link.account.traffic;
    status.linked_for = Some(now.saturating_duration_since(link.since));
    status.round_trip = link.round_trip;
    status.queue_bytes = link.queue_bytes() as u64;
    status.interest = link.announced.table().total().count;
    status.encrypted = link.is_encrypted;
    status.authenticator_difference = mesh.peers().difference(link.id).map(str::to_owned);
    status.history_difference = mesh.history_difference(link).map(str::to_owned);
    status.sees = mesh.peers().seen_by(link.id);
    status.lagging = link.waits.pace.is_lagging();
}
