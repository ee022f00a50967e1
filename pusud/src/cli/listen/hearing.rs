//! The answers that come over one connection: they are printed, and it is noted where the listener is then.

use super::Listener;
use super::line::line;
use crate::cli::client_messages::{Answer, Failure, Subscribed};
use crate::cli::listening::Listening;
use crate::cli::note;
use serde_json::value::RawValue;
use std::collections::BTreeSet;

impl Listener<'_> {
    /// Prints what comes. Without pending channels that is one answer; else all until none is pending. `true`: there is
    /// nothing more to do.
    pub(super) async fn receive(
        &mut self,
        connection: &mut Listening,
        pending: &mut BTreeSet<String>,
    ) -> Result<bool, Failure> {
        loop {
            let next = connection.next(self.target);
            let answer = self.positions.saved_while(self.printer, next).await;
            // The last word may say what was not sent any more.
            let answer = answer.inspect_err(|_| self.positions.set_stream(connection.id(), None))?;
            match answer {
                Answer::Granted(channel) => drop(pending.remove(&channel)),
                Answer::Subscribed(subscribed) => {
                    pending.remove(&subscribed.channel);
                    self.begin(subscribed, connection.id());
                }
                Answer::Publication { channel, position, content } => {
                    self.looks_for_history(&channel);
                    let is_enough = self.print(channel, position, &content, connection.id()).await?;
                    if is_enough {
                        return Ok(true);
                    }
                }
                Answer::Gap { channel, position } => {
                    note(format_args!("messages of {channel:?} were lost between relays"));
                    self.note_place(channel, position, connection.id());
                }
                _ => {}
            }
            if pending.is_empty() {
                return Ok(false);
            }
        }
    }

    /// The listener is here from now on.
    fn note_place(&mut self, channel: String, position: Option<Box<str>>, id: Option<&str>) {
        if self.over_http {
            self.positions.set_stream(id, None);
        } else {
            self.positions.set(channel, position);
        }
    }

    /// A channel's messages come from here on. Says what is known of those before.
    fn begin(&mut self, subscribed: Subscribed, id: Option<&str>) {
        let Subscribed { channel, position, recovered, missed } = subscribed;
        let came_back = self.positions.know(&channel) || (self.over_http && recovered.is_some());
        if came_back && recovered != Some(true) {
            missed_something(&channel);
        } else if came_back && missed > 0 {
            note(format_args!("messages of {channel:?} that were missed meanwhile and follow: {missed}"));
        }
        if self.over_http {
            self.unknown.remove(&channel);
            self.positions.set_stream(id, Some(&channel));
            return;
        }
        if position.is_none() {
            self.has_no_history(&channel);
        }
        self.positions.set(channel, position);
    }

    /// Over HTTP only messages tell that a channel has no history: nothing is said of it before them.
    fn looks_for_history(&mut self, channel: &str) {
        if !self.over_http || !self.unknown.remove(channel) {
            return;
        }
        if self.positions.leave_stream(channel) {
            missed_something(channel);
        }
        self.has_no_history(channel);
    }

    fn has_no_history(&self, channel: &str) {
        if self.positions.are_kept() {
            note(format_args!("{channel:?} has no history at this relay: --since has no effect on it"));
        } else if self.last.is_some() {
            note(format_args!("{channel:?} has no history at this relay: --last has no effect on it"));
        }
    }

    /// Prints one message; `true`: it was the last one wanted, or nobody reads any more.
    async fn print(
        &mut self,
        channel: String,
        position: Option<Box<str>>,
        content: &RawValue,
        id: Option<&str>,
    ) -> Result<bool, Failure> {
        let line = line(&channel, position.as_deref(), content).map_err(|error| Failure::lasting(error.to_string()))?;
        if self.printer.line(line).await.is_err() {
            return Ok(true);
        }
        // Not before it is on its way to the reader: else it would be taken for read.
        self.note_place(channel, position, id);
        if let Some(wanted) = &mut self.wanted {
            *wanted -= 1;
        }
        Ok(self.wanted == Some(0))
    }
}

fn missed_something(channel: &str) {
    note(format_args!(
        "messages of {channel:?} may have been missed: the relay does not have all that was published since"
    ));
}
