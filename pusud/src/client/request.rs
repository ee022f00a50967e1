//! The request that a connection begins with: read, judged by `handshake`, and refused where it has to be.

use super::handshake::{self, Facts, Hops, Progress, Upgrade};
use super::{Context, Greeting};
use crate::admission::ClientAddress;
use crate::http::HttpError;
use crate::hub::Outbox;
use crate::protocol::{AllowedOrigin, Origin, Refusal};
use crate::websocket::Frames;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;

/// Reads the upgrade request. `None`: it was refused and answered, or the client has gone. With the upgrade come the
/// bytes that followed it.
pub(super) async fn shake_hands(
    context: &Context,
    outbox: &Rc<Outbox>,
    greeting: Greeting,
    identify: impl FnOnce(IpAddr) -> Result<(), Refusal>,
) -> Option<(Upgrade, Vec<u8>)> {
    let Greeting { client, forwarding, mut received } = greeting;
    let hops = forwarding.as_deref().map(|forwarding| Hops { peer: client, forwarding });
    loop {
        let before = received.len();
        match handshake::advance(&received, context.limits.max_header_bytes, hops.as_ref()) {
            Progress::Partial => {}
            Progress::Accept(upgrade) => {
                return match check(context, outbox, client, &upgrade, identify) {
                    Ok(()) => {
                        let unread = received.split_off(upgrade.request_len);
                        Some((upgrade, unread))
                    }
                    Err(refusal) => {
                        context.hub.send(outbox, Frames::from(refusal.to_response()));
                        None
                    }
                };
            }
            Progress::Refuse(response, refusal) => {
                if let Some(refusal) = refusal {
                    context.hub.count_refusal(refusal);
                }
                context.hub.send(outbox, Frames::from(response));
                return None;
            }
        }
        read(context, outbox, &mut received).await.ok()?;
        if received.len() == before {
            return None;
        }
    }
}

/// Whether the client may go on, by its origin and by where it is.
fn check(
    context: &Context,
    outbox: &Outbox,
    known: ClientAddress,
    upgrade: &Upgrade,
    identify: impl FnOnce(IpAddr) -> Result<(), Refusal>,
) -> Result<(), HttpError> {
    if !is_allowed(&context.limits.allowed_origins, upgrade.facts.as_deref()) {
        context.hub.count_refusal(Refusal::AllowedOrigins);
        return Err(HttpError::ORIGIN_NOT_ALLOWED);
    }
    let Some(address) = upgrade.client else { return Ok(()) };
    if known.ip() != Some(address) {
        outbox.transport().set_client(address.into());
    }
    identify(address).map_err(HttpError::turned_away)
}

/// Whether pages like the one that connects may. Only browsers say where they come from; whoever says nothing is no page.
fn is_allowed(allowed: &[AllowedOrigin], facts: Option<&Facts>) -> bool {
    let origin = facts.and_then(|facts| facts.origin.as_deref());
    let may = |page: &Origin| allowed.iter().any(|origin| origin.allows(page));
    allowed.is_empty() || origin.is_none_or(|origin| Origin::parse(origin).as_ref().is_some_and(may))
}

async fn read(context: &Context, outbox: &Outbox, into: &mut Vec<u8>) -> io::Result<()> {
    loop {
        match context.buffer.read(outbox.transport(), |bytes| into.extend_from_slice(bytes)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => outbox.readable().await?,
            other => return other,
        }
    }
}
