//! Settings of history: which channels have it, and how much of it.
//!
//! Settings that were checked: a rule has patterns, a size and a time. How much a relay really holds is for the logs to say.
//! **Invariant:** relays that agree on which publications are kept have the same digest, whatever machine and version they
//! are.

use crate::protocol::pattern_matches;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// What history may hold in a relay unless the settings say otherwise, in bytes.
const BYTES_MAX: usize = 64 << 20;
/// Stands before what is hashed. Whoever changes what that is changes it too.
const DIGEST_FORM: &[u8] = b"pusud history 1";

/// Which channels of a relay have history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The first with a matching pattern holds for a channel; a channel without one has no history.
    pub rules: Vec<Rule>,
    /// The most that all history of this relay may take, in bytes.
    pub bytes_max: usize,
}

/// How much is kept of the channels that match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Patterns of channels; at least one.
    pub channels: Vec<Box<str>>,
    /// Publications of one channel at most; at least 1.
    pub size: u32,
    /// How long a publication is kept at most.
    pub ttl: Duration,
    /// What operators call it.
    pub name: Option<Box<str>>,
}

impl Rule {
    /// What the rule at this place is called.
    pub fn shown(&self, place: usize) -> String {
        self.name.as_ref().map_or_else(|| format!("history[{place}]"), |name| name.to_string())
    }
}

/// No channel has history.
impl Default for Settings {
    fn default() -> Self {
        Self { rules: Vec::new(), bytes_max: BYTES_MAX }
    }
}

impl Settings {
    /// Whether any channel can have history.
    pub fn is_on(&self) -> bool {
        !self.rules.is_empty()
    }

    /// The rule for this channel; `None`: it has no history.
    pub fn rule_of(&self, channel: &str) -> Option<&Rule> {
        self.place_of(channel).map(|place| &self.rules[place])
    }

    /// The place of that rule.
    pub fn place_of(&self, channel: &str) -> Option<usize> {
        self.rules.iter().position(|rule| rule.matches(channel))
    }

    /// Tells relays that keep different publications apart. The memory of a relay and the names of rules are its own affair.
    pub fn digest(&self) -> u64 {
        let mut hash = Sha256::new_with_prefix(DIGEST_FORM);
        // Each text and each list begins with its length, so that no two settings are the same bytes.
        let count = |count: usize| (count as u64).to_le_bytes();
        hash.update(count(self.rules.len()));
        for rule in &self.rules {
            hash.update(count(rule.channels.len()));
            for pattern in &rule.channels {
                hash.update(count(pattern.len()));
                hash.update(pattern.as_bytes());
            }
            hash.update(rule.size.to_le_bytes());
            hash.update(rule.ttl.as_secs().to_le_bytes());
            hash.update(rule.ttl.subsec_nanos().to_le_bytes());
        }
        let digest: [u8; 32] = hash.finalize().into();
        u64::from_be_bytes(*digest.first_chunk().expect("a hash is longer"))
    }
}

impl Rule {
    fn matches(&self, channel: &str) -> bool {
        self.channels.iter().any(|pattern| pattern_matches(pattern, channel))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(channels: &[&str], size: u32, seconds: u64) -> Rule {
        let channels = channels.iter().map(|&pattern| pattern.into()).collect();
        Rule { channels, size, ttl: Duration::from_secs(seconds), name: None }
    }

    fn settings(rules: &[Rule]) -> Settings {
        Settings { rules: rules.to_vec(), ..Settings::default() }
    }

    #[test]
    fn the_first_rule_that_matches_holds() {
        let settings = settings(&[rule(&["auction.1", "bids.*"], 1, 1), rule(&["auction.*"], 2, 1)]);
        let size = |channel| settings.rule_of(channel).map(|rule| rule.size);
        assert_eq!(
            [size("auction.1"), size("auction.2"), size("bids."), size("bids"), size("")],
            [Some(1), Some(2), Some(1), None, None]
        );
        assert!(settings.is_on());
        let off = Settings::default();
        assert_eq!((off.is_on(), off.rule_of("auction.1"), off.bytes_max), (false, None, 64 << 20));
    }

    /// Relays of other versions compute the same.
    #[test]
    fn the_digest_stays_what_it_is() {
        let all = settings(&[rule(&["auction.*", "käse"], 100, 600), rule(&["*"], 1, 86_400)]);
        assert_eq!((Settings::default().digest(), all.digest()), (0x2274_b40d_bd83_b5cc, 0xcaaf_5bbb_dffd_575e));
    }

    #[test]
    fn the_digest_tells_what_relays_have_to_agree_on() {
        let (one, other) = (rule(&["a", "b"], 1, 1), rule(&["c"], 2, 1));
        let both = settings(&[one.clone(), other.clone()]);
        let differ = [
            both.clone(),
            settings(&[]),
            settings(&[other.clone(), one.clone()]),
            settings(std::slice::from_ref(&one)),
            settings(&[rule(&["b", "a"], 1, 1), other.clone()]),
            settings(&[rule(&["ab"], 1, 1), other.clone()]),
            settings(&[rule(&["a", "b"], 2, 1), other.clone()]),
            settings(&[rule(&["a", "b"], 1, 2), other.clone()]),
            settings(&[Rule { ttl: Duration::from_millis(1001), ..one.clone() }, other.clone()]),
        ];
        let digests: std::collections::BTreeSet<u64> = differ.iter().map(Settings::digest).collect();
        assert_eq!(digests.len(), differ.len());
        let named = settings(&[Rule { name: Some("bids".into()), ..one }, other]);
        assert_eq!(Settings { bytes_max: 7, ..named }.digest(), both.digest());
    }
}
