//! Metrics of the links to other relays, by their names; one that has never been linked is called by its address in the
//! settings.

use super::names;
use super::writer::{Family, Writer};
use crate::control::Status;
use crate::routing::{PeerState, PeerStatus};
use std::collections::BTreeMap;

pub(super) fn write(writer: &mut Writer, status: &Status) {
    let links = links(&status.relays);
    let is_linked = |link: &PeerStatus| link.state == PeerState::Linked;
    // One that has stopped as planned is not missing.
    let up = |link: &PeerStatus| (link.state != PeerState::Stopped).then(|| u8::from(is_linked(link)).into());
    of_each(&links, writer.family(&names::LINK_UP), up);
    of_each(&links, writer.family(&names::LINK_LAGGING), |link| Some(u8::from(link.lagging).into()));
    let differs = |link: &PeerStatus| link.authenticator_difference.is_some();
    of_each(&links, writer.family(&names::LINK_DIFFERS), |link| Some(u8::from(differs(link)).into()));
    let differs = |link: &PeerStatus| link.history_difference.is_some();
    of_each(&links, writer.family(&names::LINK_HISTORY_DIFFERS), |link| Some(u8::from(differs(link)).into()));
    match status.nats {
        None => of_links_alone(writer, &links),
        Some(_) => of_each(&links, writer.family(&names::LINK_LATE), |link| Some(link.traffic.late as f64)),
    }
    of_each(&links, writer.family(&names::LINK_RECEIVED), |link| Some(link.traffic.received as f64));
    let mut lost = writer.family(&names::LINK_LOST);
    for (relay, PeerStatus { traffic, .. }) in &links {
        let reasons = [
            ("dropped", traffic.dropped),
            ("too_large", traffic.too_large),
            ("lost", traffic.lost),
            ("missed", traffic.missed),
        ];
        for (reason, count) in reasons {
            lost.count(&[("relay", relay), ("reason", reason)], count);
        }
    }
    let mut faults = writer.family(&names::LINK_FAULTS);
    for (relay, PeerStatus { traffic, .. }) in &links {
        let kinds = [("gaps", traffic.gaps), ("duplicates", traffic.duplicates), ("resyncs", traffic.resyncs)];
        for (kind, count) in kinds {
            faults.count(&[("relay", relay), ("kind", kind)], count);
        }
    }
}

/// What is known of a relay only where there is a link of its own with it.
fn of_links_alone(writer: &mut Writer, links: &BTreeMap<&str, &PeerStatus>) {
    of_each(links, writer.family(&names::LINK_ENCRYPTED), |link| Some(u8::from(link.encrypted).into()));
    let round_trip = |link: &PeerStatus| Some(link.round_trip?.as_secs_f64());
    of_each(links, writer.family(&names::LINK_ROUND_TRIP), round_trip);
    of_each(links, writer.family(&names::LINK_QUEUED), |link| Some(link.queue_bytes as f64));
    of_each(links, writer.family(&names::LINK_CHANNELS), |link| Some(link.interest as f64));
    of_each(links, writer.family(&names::LINK_SENT), |link| Some(link.traffic.sent as f64));
}

/// Each other relay once. Of several rows that are called the same, the one with a link.
fn links(rows: &[PeerStatus]) -> BTreeMap<&str, &PeerStatus> {
    let mut links: BTreeMap<&str, &PeerStatus> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.state != PeerState::Itself && row.same_as.is_none()) {
        let called = [&row.name, &row.address, &row.remote].into_iter().flatten().next();
        let Some(called) = called else { continue };
        let known = links.entry(called).or_insert(row);
        if known.state != PeerState::Linked && row.state == PeerState::Linked {
            *known = row;
        }
    }
    links
}

fn of_each(links: &BTreeMap<&str, &PeerStatus>, mut family: Family<'_>, value: impl Fn(&PeerStatus) -> Option<f64>) {
    for (relay, link) in links {
        if let Some(value) = value(link) {
            family.series(&[("relay", relay)], value);
        }
    }
}
