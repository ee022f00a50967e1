//! Decisions: the last verdicts of a relay, for an operator who asks why somebody was refused.
//!
//! Of an authorization only its keyed hash is kept. Long texts and lists are cut, so that the memory is bounded.
//! **Invariant:** where none are remembered, nothing is kept and no lock is taken.

use super::verdict::{Request, Verdict, beginning};
use crate::admission::Networks;
use crate::protocol::Permission;
use crate::revocation::AuthorizationHash;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Most bytes of a reason, a detail or a subject that are kept.
const TEXT_BYTES_MAX: usize = 256;
/// Most bytes of all patterns of a decision that are kept.
const PATTERNS_BYTES_MAX: usize = 1024;
/// Most patterns of a decision that are kept.
const PATTERNS_MAX: usize = 32;
/// What one pattern takes beside its text.
const PATTERN_BYTES: usize = 64;
/// What a decision takes beside its texts.
const DECISION_BYTES: usize = 512;
/// Most that are shown at a time.
const SHOWN_MAX: usize = 1000;

/// Bytes of so many remembered decisions.
pub fn decision_bytes_max(count: usize) -> usize {
    count * (DECISION_BYTES + 4 * TEXT_BYTES_MAX + PATTERNS_BYTES_MAX + PATTERNS_MAX * PATTERN_BYTES)
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// When it was made, in milliseconds since 1970.
    pub time_ms: u64,
    /// The client, as the log names it; empty where nobody knows its address.
    pub address: String,
    /// The entry that decided, or all of them where none was asked.
    pub entry: String,
    /// `granted`, `refused` or `unavailable`.
    pub verdict: String,
    /// `first`, `again` (a client that has one authorization already) or `recheck` (the relay asked by itself).
    pub occasion: String,
    /// Whom it was about, as far as the authenticator has said.
    pub subject: String,
    /// Why it was refused or could not be decided.
    pub reason: String,
    /// What the authenticator has said beside its verdict, for the operator alone.
    pub detail: String,
    /// What was granted: `read PATTERN`, `write PATTERN`, `read and write PATTERN`.
    pub permissions: Vec<String>,
    /// How many more permissions there are, which are not kept.
    pub permissions_left_out: usize,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// The keyed hash of the authorization.
    pub authorization: Option<AuthorizationHash>,
}

/// What a question was, until its decision is there.
pub(super) struct Question {
    began: Instant,
    address: String,
    occasion: &'static str,
    authorization: Option<AuthorizationHash>,
}

impl Question {
    /// This one, which is asked now.
    pub(super) fn now(request: &Request, authorization: Option<AuthorizationHash>) -> Self {
        let occasion = match (request.again, request.recheck) {
            (_, true) => "recheck",
            (true, false) => "again",
            (false, false) => "first",
        };
        Self { began: Instant::now(), address: request.peer.clone(), occasion, authorization }
    }
}

/// Which decisions are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Of this client (`203.0.113.7:50123`), or of all clients of this address or network.
    pub address: Option<String>,
    /// About this subject.
    pub subject: Option<String>,
    /// Those alone that granted nothing.
    pub refused: bool,
    /// At most so many, the last ones.
    pub last: usize,
}

impl Filter {
    fn fits(&self, place: Option<&Place>, decision: &Decision) -> bool {
        place.is_none_or(|place| place.is_of(&decision.address))
            && self.subject.as_ref().is_none_or(|subject| decision.subject == beginning(subject, TEXT_BYTES_MAX))
            && (!self.refused || decision.verdict != "granted")
    }
}

/// Where clients come from that are meant.
enum Place {
    /// One connection.
    Connection(SocketAddr),
    /// An address or a network.
    Networks(Networks),
}

impl Place {
    fn parse(text: &str) -> anyhow::Result<Self> {
        match text.parse() {
            Ok(connection) => Ok(Self::Connection(connection)),
            Err(_) => Networks::parse([text]).map(Self::Networks),
        }
    }

    fn is_of(&self, client: &str) -> bool {
        // A client behind a proxy that has named no port has none.
        let (ip, whole) = match (client.parse::<SocketAddr>(), client.parse::<IpAddr>()) {
            (Ok(client), _) => (client.ip(), Some(client)),
            (Err(_), Ok(ip)) => (ip, None),
            (Err(_), Err(_)) => return false,
        };
        match self {
            Self::Connection(connection) => whole == Some(*connection),
            Self::Networks(networks) => networks.contains(ip),
        }
    }
}

/// The last decisions.
pub struct Decisions {
    count_max: usize,
    last: Mutex<VecDeque<Decision>>,
}

impl Decisions {
    /// So many at the most; 0: none.
    pub fn new(count_max: usize) -> Self {
        Self { count_max, last: Mutex::default() }
    }

    /// Whether any are remembered.
    pub fn is_on(&self) -> bool {
        self.count_max > 0
    }

    /// Those that are meant, the oldest first, and how many there are.
    ///
    /// # Errors
    /// There can be no such address.
    pub fn find(&self, filter: &Filter) -> anyhow::Result<(Vec<Decision>, usize)> {
        let place = filter.address.as_deref().map(Place::parse).transpose()?;
        let last = self.lock();
        let fitting = last.iter().filter(|decision| filter.fits(place.as_ref(), decision));
        let count = fitting.clone().count();
        Ok((fitting.skip(count.saturating_sub(filter.last.min(SHOWN_MAX))).cloned().collect(), count))
    }

    /// One more, which `entry` has decided; the oldest makes room. `subject`: of a grant that was taken back.
    pub(super) fn remember(
        &self,
        question: Question,
        entry: String,
        verdict: &Verdict,
        subject: Option<String>,
        detail: &str,
    ) {
        let decision = describe(question, entry, verdict, subject, detail);
        let mut last = self.lock();
        if last.len() >= self.count_max {
            last.pop_front();
        }
        last.push_back(decision);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Decision>> {
        // A list without its last one is a list, whatever has panicked.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn describe(
    question: Question,
    entry: String,
    verdict: &Verdict,
    taken_back: Option<String>,
    detail: &str,
) -> Decision {
    let Question { began, address, occasion, authorization } = question;
    let cut = |text: &str| beginning(text, TEXT_BYTES_MAX).to_owned();
    let (words, subject, reason, permissions) = match verdict {
        Verdict::Grant(grant) => ("granted", grant.subject.as_str(), "", &grant.permissions[..]),
        Verdict::Refuse(reason) => ("refused", taken_back.as_deref().unwrap_or_default(), reason.as_str(), &[][..]),
        Verdict::Unavailable(reason) => ("unavailable", "", reason.as_str(), &[][..]),
    };
    let shown = shown(permissions);
    let microseconds = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Decision {
        time_ms: microseconds(since) / 1000,
        address,
        entry,
        verdict: words.to_owned(),
        occasion: occasion.to_owned(),
        subject: cut(subject),
        reason: cut(reason),
        detail: cut(detail),
        permissions_left_out: permissions.len() - shown.len(),
        permissions: shown,
        took_us: microseconds(began.elapsed()),
        authorization,
    }
}

fn shown(permissions: &[Permission]) -> Vec<String> {
    let mut room = PATTERNS_BYTES_MAX;
    let mut shown = Vec::new();
    for Permission { pattern, access } in permissions.iter().take(PATTERNS_MAX) {
        let Some(left) = room.checked_sub(pattern.len()) else { break };
        room = left;
        shown.push(format!("{access} {pattern}"));
    }
    shown
}

#[cfg(test)]
mod tests;
