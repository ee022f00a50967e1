//! The roster of links: one link per pair of relays, one relay per name.
//!
//! Of two relays the one with the smaller name decides which connection becomes their link: it sends READY first, and on
//! one connection at a time. So there is nothing about which the two could disagree. Decides and remembers; ends nothing
//! itself. **Invariant:** a record's numbers are either in it or with the link that holds it, never with both.

use crate::mesh::handshake::{Code, Refusal};
use crate::mesh::links::{Incoming, Outgoing};
use crate::mesh::membership::settings::LINKS_MAX;
use crate::mesh::wire::Ready;
use crate::peers::BootId;
use crate::routing::Traffic;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Relays that are remembered, linked or not.
const PEERS_MAX: usize = LINKS_MAX;

/// A connection, for as long as this relay runs.
pub(crate) type LinkId = u64;

/// What is remembered of a relay while it is not linked, and handed to its link.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Account {
    /// What is sent to it.
    pub outgoing: Outgoing,
    /// What comes from it.
    pub incoming: Incoming,
    /// What was exchanged and lost.
    pub traffic: Traffic,
}

struct Record {
    boot: BootId,
    account: Account,
    holder: Option<Holder>,
}

/// The connection that is a relay's link, or becomes it.
struct Holder {
    id: LinkId,
    remote: SocketAddr,
    /// Which link of the pair it is.
    link: u64,
    /// When it was known that both sides have begun, on the clock of [`Candidate::started`].
    up_at: Option<u64>,
}

/// A connection whose other side is authenticated.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// This connection.
    pub id: LinkId,
    /// The peer's name.
    pub name: Box<str>,
    /// The peer's start.
    pub boot: BootId,
    /// Its address.
    pub remote: SocketAddr,
    /// The connection is encrypted.
    pub is_encrypted: bool,
    /// The peer said, after `started`, that it has a link with this start of this relay.
    pub linked: bool,
    /// When the connection began.
    pub started: u64,
}

/// What becomes of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is for the other side to begin.
    Wait,
    /// It becomes the link. Whoever holds its place has to go first.
    Take,
}

/// All relays that are known.
pub(crate) struct Roster {
    name: Box<str>,
    links_max: usize,
    records: BTreeMap<Box<str>, Record>,
}

impl Roster {
    /// For a relay with this name that has so many links at the most.
    pub(crate) fn new(name: &str, links_max: usize) -> Self {
        Self { name: name.into(), links_max, records: BTreeMap::new() }
    }

    /// From here on there may be so many links.
    pub(crate) fn bound(&mut self, links_max: usize) {
        self.links_max = links_max;
    }

    /// Whether this relay decides on links with the relay of that name.
    pub(crate) fn decides_over(&self, name: &str) -> bool {
        *self.name < *name
    }

    /// Judges a candidate. `begin`: the number of the link, where the other side has begun it.
    ///
    /// # Errors
    /// It is refused.
    pub(crate) fn judge(&self, candidate: &Candidate, begin: Option<u64>) -> Result<Verdict, Refusal> {
        let decides = self.decides_over(&candidate.name);
        let verdict = if decides || begin.is_some() { Verdict::Take } else { Verdict::Wait };
        let Some((record, holder)) = self.holder(&candidate.name) else {
            if self.records.values().filter(|record| record.holder.is_some()).count() >= self.links_max {
                let reason =
                    format!("{} relays are linked, which is the most: are all of them in `relays`?", self.links_max);
                return Err(Refusal::Ours(Code::Full, reason));
            }
            return Ok(verdict);
        };
        if record.boot != candidate.boot {
            if candidate.boot > record.boot {
                return Ok(verdict);
            }
            let reason = format!(
                "two relays have the name `{}`, the one at {} and, started later, the one at {}: `name` has to be \
                 different on each",
                candidate.name, candidate.remote, holder.remote
            );
            return Err(Refusal::Ours(Code::SameName, reason));
        }
        let is_replaced = match begin {
            // The other side decides, and has begun this link after the one that is there.
            Some(link) => link > holder.link,
            // What it says of having no link was said when the link that is there was already up on both sides.
            None if decides => !candidate.linked && holder.up_at.is_some_and(|up_at| candidate.started > up_at),
            None => return Ok(Verdict::Wait),
        };
        if is_replaced {
            return Ok(verdict);
        }
        Err(Refusal::Ours(Code::AlreadyLinked, format!("`{}` is linked already, at {}", candidate.name, holder.remote)))
    }

    fn holder(&self, name: &str) -> Option<(&Record, &Holder)> {
        let record = self.records.get(name)?;
        Some((record, record.holder.as_ref()?))
    }

    /// The connection that holds the place of the relay with this name.
    pub(crate) fn held_by(&self, name: &str) -> Option<LinkId> {
        self.holder(name).map(|(_, holder)| holder.id)
    }

    /// Whether this start of a relay is linked.
    pub(crate) fn is_linked(&self, name: &str, boot: BootId) -> bool {
        self.holder(name).is_some_and(|(record, holder)| record.boot == boot && holder.up_at.is_some())
    }

    /// Whether a connection has a relay's place and is not its link yet.
    pub(crate) fn has_link_on_its_way(&self) -> bool {
        let mut holders = self.records.values().filter_map(|record| record.holder.as_ref());
        holders.any(|holder| holder.up_at.is_none())
    }

    /// Gives the place to a candidate, as the link of the pair with this number; says what to tell the other side.
    pub(crate) fn take(&mut self, candidate: &Candidate, link: u64) -> Ready {
        assert!(self.held_by(&candidate.name).is_none(), "whoever held the place has gone");
        self.forget_one_of_too_many();
        let record = self.records.entry(candidate.name.clone()).or_insert_with(|| Record {
            boot: candidate.boot,
            account: Account::default(),
            holder: None,
        });
        if record.boot != candidate.boot {
            let Account { mut outgoing, traffic, .. } = record.account;
            record.boot = candidate.boot;
            record.account = Account { traffic, ..Account::default() };
            record.account.traffic.lost += outgoing.abandon();
        }
        record.holder = Some(Holder { id: candidate.id, remote: candidate.remote, link, up_at: None });
        Ready { link, seen: record.account.incoming.seen(), next: record.account.outgoing.next() }
    }

    /// Both sides have begun: hands the account over to the link. `None`: the place has gone to somebody else.
    pub(crate) fn up(&mut self, name: &str, id: LinkId, theirs: Ready, now: u64) -> Option<Account> {
        let record = self.records.get_mut(name)?;
        let holder = record.holder.as_mut().filter(|holder| holder.id == id && holder.link == theirs.link)?;
        holder.up_at = Some(now);
        let mut account = std::mem::take(&mut record.account);
        account.traffic.lost += account.outgoing.relink(theirs.seen);
        let missed = account.incoming.relink(theirs.next);
        account.traffic.missed = account.traffic.missed.saturating_add(missed);
        Some(account)
    }

    /// The connection is at its end. `account`: what it was handed, if it was a link.
    pub(crate) fn release(&mut self, name: &str, id: LinkId, account: Option<Account>) {
        let Some(record) = self.records.get_mut(name) else { return };
        if record.holder.as_ref().is_some_and(|holder| holder.id == id) {
            record.holder = None;
            record.account = account.unwrap_or(record.account);
        }
    }

    /// What is known of a relay that is not linked.
    pub(crate) fn account(&self, name: &str) -> Option<&Account> {
        self.records.get(name).map(|record| &record.account)
    }

    fn forget_one_of_too_many(&mut self) {
        if self.records.len() < PEERS_MAX {
            return;
        }
        let gone =
            self.records.iter().filter(|(_, record)| record.holder.is_none()).min_by_key(|(_, record)| record.boot);
        if let Some(name) = gone.map(|(name, _)| name.clone()) {
            self.records.remove(&name);
        }
    }
}
