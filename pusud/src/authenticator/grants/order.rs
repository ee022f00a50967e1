//! Orders of a plugin: end what was granted, or ask about it again.

use pusu_plugin_abi as abi;

/// Which grants are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::authenticator) enum Whom {
    /// The one of this ticket.
    Ticket(u64),
    /// All of this subject, which is not empty.
    Subject(String),
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::authenticator) enum Order {
    /// They end now. The text may be shown to the client.
    Revoke(Whom, String),
    /// `authorize` is called for them again.
    Recheck(Whom),
}

impl Order {
    /// Checks the order against the rules of the ABI.
    pub(in crate::authenticator) fn is_well_formed(&self) -> bool {
        let (whom, reason_bytes) = match self {
            Self::Revoke(whom, reason) => (whom, reason.len()),
            Self::Recheck(whom) => (whom, 0),
        };
        let is_somebody = match whom {
            Whom::Ticket(_) => true,
            // An empty one would name everybody who has none.
            Whom::Subject(subject) => !subject.is_empty() && subject.len() <= abi::SUBJECT_BYTES_MAX,
        };
        is_somebody && reason_bytes <= abi::TEXT_BYTES_MAX
    }
}

/// Where the functions of the host's table `pusu.grants/1` lead.
pub(in crate::authenticator) trait GrantOrders {
    /// Takes an order: `abi::TAKEN`, `abi::FULL`, `abi::MALFORMED` or `abi::UNSUPPORTED`.
    fn order(&self, order: Order) -> i32;
}
