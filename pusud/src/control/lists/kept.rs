//! Kept messages of channels with history, and how many there are. The logs are read on the thread of whoever asks.

use super::Lists;
use super::query::channel;
use crate::control::history::{self, Kept, PUBLICATIONS_SHOWN_MAX};
use crate::routing::ChannelHistory;

/// Publications of a channel with history, where nobody has said how many.
const PUBLICATIONS_SHOWN: usize = 50;

impl Lists {
    /// What there is of a channel's history; `None`: it has none.
    pub fn history(&self, name: &str) -> Option<ChannelHistory> {
        history::of_channel(self.logs.as_ref()?, name)
    }

    /// The newest publications of a channel with history, so many, or 50.
    ///
    /// # Errors
    /// This is no channel's name, or not so many can be shown.
    pub fn kept(&self, name: &str, last: Option<usize>) -> Result<Kept, String> {
        channel(name)?;
        let last = match last {
            None => PUBLICATIONS_SHOWN,
            Some(last @ 1..=PUBLICATIONS_SHOWN_MAX) => last,
            Some(last) => return Err(format!("expected `last` from 1 to {PUBLICATIONS_SHOWN_MAX}, found {last}")),
        };
        let publications = self.logs.as_ref().map_or_else(Vec::new, |logs| history::newest(logs, name, last));
        Ok(Kept { channel: name.to_owned(), history: self.history(name), publications })
    }
}
