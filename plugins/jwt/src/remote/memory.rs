//! The memory of what was fetched: one for all instances in this process, so that an instance with other options begins with
//! the key set that the one before it had, and not with none.
//!
//! **Invariant:** a key set is given only to whoever would fetch it from the same place and trusts the same authorities, and
//! with the time when it was fetched: being handed on makes no key younger.

use super::source::Place;
use rustls::pki_types::TrustAnchor;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use zeroize::Zeroizing;

/// Most key sets that are remembered; each is a document of 1 MiB at most. The ones fetched longest ago go first.
const SETS_MAX: usize = 8;

/// Those of this process.
static MEMORY: Mutex<Memory> = Mutex::new(Memory(Vec::new()));

/// Key sets, each fetched from another place or by other authorities.
struct Memory(Vec<(Origin, Fetched)>);

/// Where a key set was fetched from, and who has vouched for that place.
#[derive(Clone, PartialEq)]
pub(super) struct Origin {
    pub(super) place: Place,
    /// All that were trusted.
    pub(super) roots: Arc<Vec<TrustAnchor<'static>>>,
}

/// A key set as it came, whatever algorithms it was read for.
#[derive(Clone)]
pub(super) struct Fetched {
    /// Wiped: an issuer may have published more than it should.
    pub(super) content: Arc<Zeroizing<Vec<u8>>>,
    pub(super) at: Instant,
    /// The same moment, for the status.
    pub(super) date: SystemTime,
}

impl Memory {
    fn remember(&mut self, origin: Origin, fetched: Fetched) {
        if self.0.iter().any(|(known, held)| *known == origin && held.at > fetched.at) {
            return;
        }
        self.0.retain(|(known, _)| *known != origin);
        if self.0.len() >= SETS_MAX {
            let oldest = self.0.iter().enumerate().min_by_key(|(_, (_, held))| held.at).map(|(index, _)| index);
            oldest.map(|index| self.0.swap_remove(index));
        }
        self.0.push((origin, fetched));
    }

    fn recall(&self, origin: &Origin, max_age: Duration, now: Instant) -> Option<Fetched> {
        let (_, found) = self.0.iter().find(|(known, _)| known == origin)?;
        (now.saturating_duration_since(found.at) < max_age).then(|| found.clone())
    }
}

fn memory() -> MutexGuard<'static, Memory> {
    MEMORY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps a key set for instances to come. Of two from one origin the newer is kept.
pub(super) fn remember(origin: Origin, fetched: Fetched) {
    memory().remember(origin, fetched);
}

/// The key set that was fetched last from this origin, if it is not older than `max_age` at `now`.
pub(super) fn recall(origin: &Origin, max_age: Duration, now: Instant) -> Option<Fetched> {
    memory().recall(origin, max_age, now)
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::*;

    const MAX_AGE: Duration = Duration::from_secs(3600);

    fn roots(names: &[u8]) -> Arc<Vec<TrustAnchor<'static>>> {
        let anchor = |name: &u8| TrustAnchor {
            subject: vec![*name].into(),
            subject_public_key_info: vec![*name].into(),
            name_constraints: None,
        };
        Arc::new(names.iter().map(anchor).collect())
    }

    fn url(url: &str, names: &[u8]) -> Origin {
        Origin { place: Source::url(url, None, MAX_AGE).unwrap().place, roots: roots(names) }
    }

    fn issuer(issuer: &str) -> Origin {
        Origin { place: Source::issuer(issuer, None, MAX_AGE).unwrap().place, roots: roots(b"a") }
    }

    fn fetched(content: &str, at: Instant) -> Fetched {
        let content = Arc::new(Zeroizing::new(content.as_bytes().to_vec()));
        Fetched { content, at, date: SystemTime::UNIX_EPOCH }
    }

    fn recalled(memory: &Memory, origin: &Origin, now: Instant) -> Option<String> {
        memory.recall(origin, MAX_AGE, now).map(|found| String::from_utf8(found.content.to_vec()).unwrap())
    }

    /// Whoever changes the issuer, a part of the address, or whom to trust, wants the keys of the one before no longer.
    #[test]
    fn a_key_set_is_given_to_whoever_would_fetch_the_same() {
        let (mut memory, now) = (Memory(Vec::new()), Instant::now());
        memory.remember(url("https://a.example/keys?x", b"a"), fetched("set", now));
        memory.remember(issuer("https://a.example/realm"), fetched("issuer's", now));
        assert_eq!(recalled(&memory, &url("https://a.example/keys?x", b"a"), now).as_deref(), Some("set"));
        assert_eq!(recalled(&memory, &issuer("https://a.example/realm"), now).as_deref(), Some("issuer's"));
        for other in [
            url("https://a.example/keys?y", b"a"),
            url("https://a.example:444/keys?x", b"a"),
            url("https://b.example/keys?x", b"a"),
            url("https://a.example/keys?x", b"b"),
            url("https://a.example/keys?x", b"ab"),
            url("https://a.example/realm/.well-known/openid-configuration", b"a"),
            issuer("https://a.example/realm/"),
        ] {
            assert_eq!(recalled(&memory, &other, now), None);
        }
    }

    #[test]
    fn a_key_set_gets_no_younger_and_the_newest_counts() {
        let (mut memory, start) = (Memory(Vec::new()), Instant::now());
        let (origin, after) = (url("https://a.example/", b"a"), |seconds| start + Duration::from_secs(seconds));
        memory.remember(origin.clone(), fetched("second", after(10)));
        memory.remember(origin.clone(), fetched("first", start));
        assert_eq!(recalled(&memory, &origin, after(3609)).as_deref(), Some("second"));
        assert_eq!(recalled(&memory, &origin, after(3610)), None);
        assert_eq!(memory.recall(&origin, MAX_AGE, after(20)).unwrap().at, after(10));
    }

    #[test]
    fn the_oldest_is_forgotten_where_there_are_too_many() {
        let (mut memory, start) = (Memory(Vec::new()), Instant::now());
        let origin = |number: u64| url(&format!("https://a.example/{number}"), b"a");
        for number in 0..10 {
            memory.remember(origin(number), fetched("set", start + Duration::from_secs(number)));
        }
        assert_eq!(memory.0.len(), SETS_MAX);
        let kept = |number: u64| recalled(&memory, &origin(number), start).is_some();
        assert!(!kept(0) && !kept(1) && kept(2) && kept(9));
    }
}
