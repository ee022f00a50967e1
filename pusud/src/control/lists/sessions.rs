//! Sessions of the operator's at the shards, which take turns: a channel is tailed, or a message published.

use super::Lists;
use super::query::channel;
use crate::admission::{OperatorPlace, OperatorUse, TAILS_MAX};
use crate::control::Unserved;
use crate::control::session::{self, Tail};
use crate::routing::InboxSender;
use std::sync::atomic::Ordering;
use tracing::info;

impl Lists {
    /// Listens to a channel as the operator, who may: from here on every message comes.
    ///
    /// # Errors
    /// This is no channel's name, or there are as many such sessions as may be.
    pub async fn tail(&self, name: &str) -> Result<Tail, Unserved> {
        let full = || Unserved::Busy(format!("{TAILS_MAX} channels are tailed already: end one of those"));
        let place = self.place(OperatorUse::Tail).ok_or_else(full)?;
        Ok(Tail::begin(self.next_shard(), place, channel(name)?, self.message_bytes_max).await?)
    }

    /// Publishes a message, JSON text, as the operator, who may.
    ///
    /// # Errors
    /// This is no channel's name or no JSON, the relay has not taken it, or it has no room for it: why.
    pub async fn publish(&self, name: &str, content: &str) -> Result<(), Unserved> {
        let full = || Unserved::Busy("as many messages as can be are being published already: try again".to_owned());
        let place = self.place(OperatorUse::Publish).ok_or_else(full)?;
        session::publish(self.next_shard(), place, channel(name)?, content, self.message_bytes_max).await?;
        info!(channel = name, "message published by the operator");
        Ok(())
    }

    fn place(&self, wanted: OperatorUse) -> Option<OperatorPlace> {
        self.admission.admit_operator(wanted)
    }

    fn next_shard(&self) -> &InboxSender {
        &self.inboxes[self.next.fetch_add(1, Ordering::Relaxed) % self.inboxes.len()]
    }
}
