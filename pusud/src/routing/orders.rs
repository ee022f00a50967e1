//! Orders of an operator, from the control socket to the shards and to linked relays, and what is said about them.

use crate::admission::Networks;
use crate::revocation::Revocations;
use crate::routing::client_id::ClientId;
use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::UnboundedSender;

/// Longest text that says whose connections are ended, in bytes: a subject has no more.
pub const KICK_BYTES_MAX: usize = 1024;

/// Whose connections are to be ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kick {
    /// That of one client by its id, as the list of clients has it: `0-17`. Of this relay alone.
    Id(String),
    /// That of one client, as the log names it: `203.0.113.7:50123`. Where the log names several so, those of all.
    Client(String),
    /// Those of everybody with an authorization of this subject.
    Subject(String),
    /// Those from an address or a network: `203.0.113.7`, `203.0.113.0/24`.
    Address(String),
    /// Those of all listeners of a channel.
    Channel(String),
}

impl Kick {
    /// What it goes by, as a number and a text. An id has no number, since no other relay is told of it.
    pub fn parts(&self) -> (u8, &str) {
        match self {
            Self::Id(text) => (0, text),
            Self::Client(text) => (1, text),
            Self::Subject(text) => (2, text),
            Self::Address(text) => (3, text),
            Self::Channel(text) => (4, text),
        }
    }

    /// The inverse of [`Self::parts`]; `None`: it is none that is known.
    pub fn from_parts(by: u8, text: &str) -> Option<Self> {
        let make = [Self::Client, Self::Subject, Self::Address, Self::Channel];
        let make = make.get(usize::from(by).checked_sub(1)?)?;
        Some(make(text.to_owned()))
    }

    /// Whether it may go as far as that, to all linked relays or not.
    ///
    /// # Errors
    /// It names a client of this relay alone.
    pub fn check_reach(&self, network: bool) -> anyhow::Result<()> {
        let is_near = matches!(self, Self::Id(_));
        ensure!(
            !(is_near && network),
            "an id names a client of this relay alone: leave the network out, or name the subject"
        );
        Ok(())
    }

    /// The same as shards look for it.
    ///
    /// # Errors
    /// There can be no such client.
    pub fn target(&self, revocations: &Revocations) -> anyhow::Result<KickTarget> {
        let (_, text) = self.parts();
        ensure!(!text.is_empty(), "expected a client, a subject, an address or a channel, found nothing");
        ensure!(text.len() <= KICK_BYTES_MAX, "expected at most {KICK_BYTES_MAX} bytes, found {}", text.len());
        Ok(match self {
            Self::Id(id) => KickTarget::Id(id.parse()?),
            Self::Client(client) => KickTarget::Client(client.clone()),
            Self::Subject(subject) => KickTarget::Subject(revocations.subject_key(subject)),
            Self::Address(address) => KickTarget::Address(Networks::parse([address])?),
            Self::Channel(channel) => {
                crate::protocol::check_channel(channel).context("this is no channel's name")?;
                KickTarget::Channel(channel.clone())
            }
        })
    }
}

impl fmt::Display for Kick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = match self {
            Self::Id(_) => "id",
            Self::Client(_) => "client",
            Self::Subject(_) => "subject",
            Self::Address(_) => "address",
            Self::Channel(_) => "channel",
        };
        write!(f, "{by} {:?}", self.parts().1)
    }
}

/// Whose connections a shard is to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KickTarget {
    /// That of this client.
    Id(ClientId),
    /// Those of the clients which the log names so.
    Client(String),
    /// Those with an authorization of this number.
    Subject(u64),
    /// Those from these addresses.
    Address(Networks),
    /// Those of a channel's listeners.
    Channel(String),
}

/// What several shards have done, summed up. When the last of its clones is dropped, the sum is told: also where a shard
/// has ended.
#[derive(Clone)]
pub struct Tally(Arc<Sum>);

/// What is told the sum.
type Done = Box<dyn FnOnce(u64) + Send>;

struct Sum {
    count: AtomicU64,
    done: Mutex<Option<Done>>,
}

impl Tally {
    /// `done` is told the sum, once.
    pub fn new(done: impl FnOnce(u64) + Send + 'static) -> Self {
        Self(Arc::new(Sum { count: AtomicU64::new(0), done: Mutex::new(Some(Box::new(done))) }))
    }

    /// So many more.
    pub fn add(&self, count: usize) {
        self.0.count.fetch_add(count as u64, Ordering::Relaxed);
    }
}

impl Drop for Sum {
    fn drop(&mut self) {
        let done = self.done.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(done) = done {
            done(self.count.load(Ordering::Relaxed));
        }
    }
}

/// What the network is to tell the linked relays.
#[derive(Debug, Clone)]
pub enum Order {
    /// End connections.
    Kick(Kick),
    /// Wait until they have taken in the change of the revocations with this number.
    Revocations(u64),
}

/// What has become of revocations at a relay that was told of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenIn {
    /// There was no room for some.
    NoRoom,
    /// They hold, as long as others do not take their places.
    Held,
    /// Some are of hashes under a key that the relay does not have, and revoke nothing there.
    UnknownKey,
}

impl TakenIn {
    /// All of them by their numbers, as links have them.
    pub const ALL: [Self; 3] = [Self::NoRoom, Self::Held, Self::UnknownKey];
}

/// What becomes of an order at other relays: first one for each that is linked, then one for each that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderNews {
    /// The order goes to this relay.
    Sent(String),
    /// This relay is linked and speaks an earlier version, which knows no orders.
    TooOld(String),
    /// It is done there: so many connections were ended, or so many clients were authorized by what is revoked.
    Done(String, u64),
    /// There is no room for it there.
    NoRoom(String),
    /// It is about a hash under a key that is not there.
    UnknownKey(String),
}

/// Where news go.
pub type OrderReply = UnboundedSender<OrderNews>;

/// A peer's kick, or what it has told of revocations: to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderTicket {
    /// The link that it came over.
    pub link: u64,
    /// Its number there.
    pub number: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kick_survives_the_way_to_another_relay() {
        let kicks = [
            Kick::Client("192.0.2.1:7".into()),
            Kick::Subject("alice".into()),
            Kick::Address("192.0.2.0/24".into()),
            Kick::Channel("a".into()),
        ];
        for kick in kicks {
            let (by, text) = kick.parts();
            assert_eq!(Kick::from_parts(by, text), Some(kick.clone()));
            assert!(kick.target(&Revocations::default()).is_ok(), "{kick:?}");
        }
        assert_eq!((Kick::from_parts(0, "a"), Kick::from_parts(5, "a")), (None, None));
        // An id means somebody else there.
        let kick = Kick::Id("0-17".into());
        assert_eq!(Kick::from_parts(kick.parts().0, kick.parts().1), None);
    }

    #[test]
    fn what_can_be_nobody_is_an_error() {
        let revocations = Revocations::default();
        for (kick, part) in [
            (Kick::Client(String::new()), "found nothing"),
            (Kick::Id("alice".into()), "the id of a client"),
            (Kick::Subject("x".repeat(KICK_BYTES_MAX + 1)), "at most 1024"),
            (Kick::Address("192.0.2.1:80".into()), "it has a port"),
            (Kick::Channel("a\n".into()), "no channel"),
        ] {
            let error = format!("{:#}", kick.target(&revocations).unwrap_err());
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn the_sum_is_told_when_the_last_shard_is_done() {
        let (sender, sum) = std::sync::mpsc::channel();
        let tally = Tally::new(move |count| sender.send(count).unwrap());
        let other = tally.clone();
        tally.add(2);
        drop(tally);
        assert!(sum.try_recv().is_err());
        other.add(3);
        drop(other);
        assert_eq!(sum.recv(), Ok(5));
    }
}
