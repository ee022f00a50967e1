//! The request that a connection begins with: read, judged by `handshake`, and refused where it has to be.

use super::Context;
use super::handshake::{self, Facts, Progress, Upgrade};
use crate::http::HttpError;
use crate::hub::Outbox;
use crate::protocol::{AllowedOrigin, Origin, Refusal};
use crate::websocket::Frames;
use std::io;
use std::rc::Rc;

/// Reads the upgrade request. `None`: it was refused and answered, or the client has gone. With the upgrade come the
/// bytes that followed it.
pub(super) async fn shake_hands(context: &Context, outbox: &Rc<Outbox>) -> Option<(Upgrade, Vec<u8>)> {
    let mut received = Vec::new();
    loop {
        let before = received.len();
        read(context, outbox, &mut received).await.ok()?;
        if received.len() == before {
            return None;
        }
        match handshake::advance(&received, context.limits.max_header_bytes) {
            Progress::Partial => {}
            Progress::Accept(upgrade) if !is_allowed(&context.limits.allowed_origins, upgrade.facts.as_deref()) => {
                context.hub.count_refusal(Refusal::AllowedOrigins);
                context.hub.send(outbox, Frames::from(HttpError::ORIGIN_NOT_ALLOWED.to_response()));
                return None;
            }
            Progress::Accept(upgrade) => {
                let unread = received.split_off(upgrade.request_len);
                return Some((upgrade, unread));
            }
            Progress::TooLarge(response) => {
                context.hub.count_refusal(Refusal::MaxHeaderBytes);
                context.hub.send(outbox, Frames::from(response));
                return None;
            }
            Progress::Refuse(response) => {
                context.hub.send(outbox, Frames::from(response));
                return None;
            }
        }
    }
}

/// Whether pages like the one that connects may. Only browsers say where they come from; whoever says nothing is no page.
fn is_allowed(allowed: &[AllowedOrigin], facts: Option<&Facts>) -> bool {
    let origin = facts.and_then(|facts| facts.origin.as_deref());
    let may = |page: &Origin| allowed.iter().any(|origin| origin.allows(page));
    allowed.is_empty() || origin.is_none_or(|origin| Origin::parse(origin).as_ref().is_some_and(may))
}

async fn read(context: &Context, outbox: &Outbox, into: &mut Vec<u8>) -> io::Result<()> {
    loop {
        match context.buffer.read(outbox.socket(), |bytes| into.extend_from_slice(bytes)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => outbox.readable().await?,
            other => return other,
        }
    }
}
