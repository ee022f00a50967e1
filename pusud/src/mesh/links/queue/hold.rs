//! Channels that the peer holds: what waits of them stays in the queue, within its bound, until the peer lets go of them.

use super::Queue;

/// So many channels a peer may hold: more than any relay has reason to.
pub(crate) const HELD_MAX: usize = 16 * 1024;

/// What a peer says of channels that it holds cannot be right.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WrongHold {
    /// It is held, or not, already.
    #[error("a channel that is held twice, or let go of twice")]
    Twice,
    /// More than there can be.
    #[error("more than {HELD_MAX} channels that are held")]
    TooMany,
}

impl Queue {
    /// The peer wants no more of a channel until it says so.
    ///
    /// # Errors
    /// It has said so already, or holds too many.
    pub(crate) fn hold(&mut self, channel: &str) -> Result<(), WrongHold> {
        if self.held >= HELD_MAX {
            return Err(WrongHold::TooMany);
        }
        let place = match self.places.get(channel) {
            Some(&place) => place,
            None => self.add(channel.into()),
        };
        if std::mem::replace(&mut self.fifos[place.0].is_held, true) {
            return Err(WrongHold::Twice);
        }
        self.held += 1;
        Ok(())
    }

    /// The peer wants more of a channel again.
    ///
    /// # Errors
    /// It does not hold it.
    pub(crate) fn go_on(&mut self, channel: &str) -> Result<(), WrongHold> {
        let place = *self.places.get(channel).ok_or(WrongHold::Twice)?;
        let fifo = &mut self.fifos[place.0];
        if !std::mem::replace(&mut fifo.is_held, false) {
            return Err(WrongHold::Twice);
        }
        self.held -= 1;
        if fifo.is_empty() {
            self.rest(place);
        }
        self.take_turns(place);
        Ok(())
    }
}
