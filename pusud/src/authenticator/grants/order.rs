//! Orders of a plugin: end what was granted, or ask about it again.

use super::mailbox::Mail;
use pusu_plugin_abi as abi;
use std::sync::Arc;

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
    /// Which grants are meant.
    pub(super) fn whom(&self) -> &Whom {
        match self {
            Self::Revoke(whom, _) | Self::Recheck(whom) => whom,
        }
    }

    /// The mail for each of them.
    pub(super) fn mail(&self) -> Box<dyn Fn(u64) -> Mail> {
        match self {
            Self::Revoke(whom, reason) => {
                let (reason, is_by_subject) = (Arc::<str>::from(reason.as_str()), matches!(whom, Whom::Subject(_)));
                Box::new(move |ticket| Mail::Revoke { ticket, reason: reason.clone(), is_by_subject })
            }
            Self::Recheck(_) => Box::new(Mail::Recheck),
        }
    }

    /// Checks the order against the rules of the ABI.
    pub(in crate::authenticator) fn is_well_formed(&self) -> bool {
        let reason_bytes = if let Self::Revoke(_, reason) = self { reason.len() } else { 0 };
        let is_somebody = match self.whom() {
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
