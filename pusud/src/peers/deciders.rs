//! Deciders on both sides of a conversation, who say what clients may do: told when it begins and whenever they change, and
//! a difference is warned about once.
//!
//! A network in which the relays decide otherwise is no fault of theirs: one is updated after the other. It is only said.

use super::key::Keys;
use super::wire::{self, Decider};
use crate::routing::OwnDecider;
use tracing::{info, warn};

/// What the options are hashed with, before their own hash.
const OPTIONS: &[u8] = b"pusu options 1";

/// What one conversation knows of it.
pub(super) struct PeerDeciders {
    /// The peer is to be told.
    owed: bool,
    theirs: Option<Vec<Decider>>,
    difference: Option<String>,
}

impl PeerDeciders {
    /// Of a conversation that begins. `owed`: there is something to tell.
    pub(super) fn new(owed: bool) -> Self {
        Self { owed, theirs: None, difference: None }
    }

    /// Appends what is to be told now, once.
    pub(super) fn write(&mut self, own: &[Decider], out: &mut Vec<u8>) {
        if std::mem::take(&mut self.owed) {
            wire::deciders(out, own);
        }
    }

    /// Others decide here: the peer, which has this name, is to be told.
    pub(super) fn tell(&mut self, relay: &str, own: &[Decider]) {
        self.owed = true;
        self.compare(relay, own);
    }

    /// The peer, which has this name, has told who decides there; `own` decide here.
    pub(super) fn told(&mut self, relay: &str, theirs: Vec<Decider>, own: &[Decider]) {
        self.theirs = Some(theirs);
        self.compare(relay, own);
    }

    /// What differs, in words; `None`: nothing, as far as is known.
    pub(super) fn difference(&self) -> Option<&str> {
        self.difference.as_deref()
    }

    /// Says it where it has become another.
    fn compare(&mut self, relay: &str, own: &[Decider]) {
        let Some(theirs) = &self.theirs else { return };
        let difference = difference(own, theirs);
        if difference == self.difference {
            return;
        }
        match &difference {
            Some(difference) => warn!(
                relay,
                "the peer decides otherwise who may read and write: {difference}; is one of the two not updated or reloaded yet?"
            ),
            None => info!(relay, "the peer decides as this relay does"),
        }
        self.difference = difference;
    }
}

/// What peers are told of one that decides here.
pub(super) fn keyed(own: &OwnDecider, keys: Option<&Keys>) -> Decider {
    let options = keys.map(|keys| keys.sign_by_each(&[OPTIONS, &own.options_sha256])).unwrap_or_default();
    Decider { id: own.id.as_str().into(), version: own.version.as_str().into(), library: own.library, options }
}

/// What differs, in words.
fn difference(own: &[Decider], theirs: &[Decider]) -> Option<String> {
    let ids = |all: &[Decider]| all.iter().map(|one| one.id.to_string()).collect::<Vec<_>>().join(", ");
    if !own.iter().map(|one| &one.id).eq(theirs.iter().map(|one| &one.id)) {
        return Some(format!("by {} there, by {} here", ids(theirs), ids(own)));
    }
    // Where an id is there twice it does not say which one is meant.
    let is_alone = |id: &str| own.iter().filter(|one| &*one.id == id).count() == 1;
    let named = |one: &Decider, number| match is_alone(&one.id) {
        true => one.id.to_string(),
        false => format!("{} (number {number} of those that decide)", one.id),
    };
    let differs = |(number, (own, theirs)): (usize, (&Decider, &Decider))| {
        let what = if own.version != theirs.version {
            format!("has version {} there, {} here", theirs.version, own.version)
        } else if own.library != theirs.library {
            "has another library".to_owned()
        } else if !alike(&own.options, &theirs.options) {
            "has other options, or another `if_unavailable`".to_owned()
        } else {
            return None;
        };
        Some(format!("{} {what}", named(own, number)))
    };
    let all: Vec<String> = (1..).zip(own.iter().zip(theirs)).filter_map(differs).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// Whether the options are the same, as far as that can be told: each side may have a key that the other one has not.
fn alike(own: &[[u8; 32]], theirs: &[[u8; 32]]) -> bool {
    own.is_empty() || theirs.is_empty() || own.iter().any(|tag| theirs.contains(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(id: &str, options: &[u8], keys: &[&str]) -> Decider {
        let keys = keys.join("\n");
        let keys = (!keys.is_empty()).then(|| Keys::parse(keys.as_bytes()).unwrap());
        let options_sha256 = [options.len() as u8; 32];
        keyed(&OwnDecider { id: id.into(), version: "1".into(), library: [0; 32], options_sha256 }, keys.as_ref())
    }

    #[test]
    fn what_differs_is_named() {
        let (old, new) = ("k".repeat(32), "n".repeat(32));
        let with = |options: &[u8], keys: &[&str]| vec![one("A", options, keys)];
        let said = |own: &[Decider], theirs: &[Decider]| difference(own, theirs).unwrap_or_default();
        assert_eq!(said(&with(b"x", &[&old]), &with(b"x", &[&old])), "");
        assert_eq!(
            said(&with(b"x", &[&old]), &with(b"xy", &[&old])),
            "A has other options, or another `if_unavailable`"
        );
        let twice = |second: &[u8]| [one("A", b"x", &[&old]), one("A", second, &[&old])];
        assert_eq!(
            said(&twice(b"xy"), &twice(b"xyz")),
            "A (number 2 of those that decide) has other options, or another `if_unavailable`"
        );
        // While a key is replaced, and where there is none.
        assert_eq!(said(&with(b"x", &[&old, &new]), &with(b"x", &[&new, &old])), "");
        assert_eq!(said(&with(b"x", &[&old]), &with(b"x", &[&old, &new])), "");
        assert_eq!(said(&with(b"x", &[]), &with(b"xy", &[])), "");
        let newer = Decider { version: "2".into(), ..one("A", b"x", &[]) };
        assert_eq!(said(&with(b"x", &[]), &[newer]), "A has version 2 there, 1 here");
        let other = Decider { library: [1; 32], ..one("A", b"x", &[]) };
        assert_eq!(said(&with(b"x", &[]), &[other]), "A has another library");
        let two = [one("B", b"", &[]), one("A", b"", &[])];
        assert_eq!(said(&with(b"x", &[]), &two), "by B, A there, by A here");
    }
}
