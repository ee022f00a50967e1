//! The end of an outbox's connection: why there is one, and whether its client is the operator, whose end is nobody's fault.

use super::Outbox;
use crate::protocol::Disconnect;

impl Outbox {
    /// Its client is the operator.
    pub(in crate::hub) fn belong_to_operator(&self) {
        self.is_operators.set(true);
    }

    /// Whether its client is the operator.
    #[inline]
    pub fn is_operators(&self) -> bool {
        self.is_operators.get()
    }

    /// Why the relay has ended it; `None`: it has not.
    pub fn ended_by(&self) -> Option<Disconnect> {
        self.ended_by.get()
    }
}
