//! Calls into a plugin's process that are about no request: reload, health and what became of grants; and the orders about
//! grants that come out of it.

use super::fields::{Reader, Writer, as_signed, signed};
use crate::authenticator::decider::{Condition, Decider as _, Gone};
use crate::authenticator::grants::{Heard, Order, Whom};
use crate::authenticator::library::Instance;
use pusu_plugin_abi as abi;

/// One such call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    /// Read your files again.
    Reload,
    /// Can you decide at all?
    Health,
    /// A grant has ended, or is taken over.
    Hear(Heard),
}

/// The answer to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// What the plugin's function has returned.
    pub(super) status: i32,
    /// What it said through `set_error`.
    pub(super) why: String,
}

mod kind {
    pub(super) const RELOAD: u64 = 1;
    pub(super) const HEALTH: u64 = 2;
    pub(super) const ENDED: u64 = 3;
    pub(super) const ADOPTED: u64 = 4;
    pub(super) const REVOKE: u64 = 1;
    pub(super) const RECHECK: u64 = 2;
    pub(super) const TICKET: u64 = 1;
    pub(super) const SUBJECT: u64 = 2;
}

impl Ask {
    /// Makes the call, in the plugin's process.
    pub(super) fn put_to(&self, instance: &Instance) -> Told {
        match self {
            Self::Reload => match instance.reload() {
                Ok(()) => Told::default(),
                Err(why) => Told { status: abi::ERR, why },
            },
            Self::Health => match instance.health() {
                Ok(Condition::Good) => Told::default(),
                Ok(Condition::Degraded(why)) => Told { status: abi::HEALTH_DEGRADED, why },
                Ok(Condition::Bad(why)) => Told { status: abi::HEALTH_BAD, why },
                Err(Gone) => unreachable!("an instance in its own process does not go"),
            },
            Self::Hear(heard) => {
                let Ok(()) = instance.hear(0, heard) else {
                    unreachable!("an instance in its own process does not go")
                };
                Told::default()
            }
        }
    }

    /// How many bytes its texts have.
    pub(super) fn len(&self) -> usize {
        if let Self::Hear(Heard::Adopted(_, subject, _)) = self { subject.len() } else { 0 }
    }

    pub(super) fn write(&self, writer: Writer) -> Writer {
        match self {
            Self::Reload => writer.number(kind::RELOAD),
            Self::Health => writer.number(kind::HEALTH),
            Self::Hear(Heard::Ended(ticket, why)) => writer.number(kind::ENDED).number(*ticket).number(signed(*why)),
            Self::Hear(Heard::Adopted(ticket, subject, expires)) => {
                writer.number(kind::ADOPTED).number(*ticket).bytes(subject.as_bytes()).number(*expires)
            }
        }
    }

    pub(super) fn read(fields: &mut Reader<'_>) -> Option<Self> {
        Some(match fields.number()? {
            kind::RELOAD => Self::Reload,
            kind::HEALTH => Self::Health,
            kind::ENDED => Self::Hear(Heard::Ended(fields.number()?, as_signed(fields.number()?)?)),
            kind::ADOPTED => Self::Hear(Heard::Adopted(fields.number()?, fields.text()?, fields.number()?)),
            _ => return None,
        })
    }
}

impl Told {
    pub(super) fn write(&self, writer: Writer) -> Writer {
        writer.number(signed(self.status)).bytes(self.why.as_bytes())
    }

    pub(super) fn read(fields: &mut Reader<'_>) -> Option<Self> {
        Some(Self { status: as_signed(fields.number()?)?, why: fields.text()? })
    }
}

pub(super) fn write_order(writer: Writer, order: &Order) -> Writer {
    let (kind, whom, reason) = match order {
        Order::Revoke(whom, reason) => (kind::REVOKE, whom, reason.as_str()),
        Order::Recheck(whom) => (kind::RECHECK, whom, ""),
    };
    let writer = writer.number(kind).bytes(reason.as_bytes());
    match whom {
        Whom::Ticket(ticket) => writer.number(kind::TICKET).number(*ticket),
        Whom::Subject(subject) => writer.number(kind::SUBJECT).bytes(subject.as_bytes()),
    }
}

pub(super) fn read_order(fields: &mut Reader<'_>) -> Option<Order> {
    let (kind, reason) = (fields.number()?, fields.text()?);
    let whom = match fields.number()? {
        kind::TICKET => Whom::Ticket(fields.number()?),
        kind::SUBJECT => Whom::Subject(fields.text()?),
        _ => return None,
    };
    match kind {
        kind::REVOKE => Some(Order::Revoke(whom, reason)),
        kind::RECHECK => Some(Order::Recheck(whom)),
        _ => None,
    }
}
