//! Permissions of a client to read and write: patterns over channel names.
//!
//! Pure functions from text to yes or no; where permissions come from is the authenticator's business.
//! **Invariant:** a pattern without `*` matches exactly one channel name; `*` matches any run of bytes, anywhere. (The
//! relay of 2018 read `foo` as a prefix; its documentation said otherwise, and the documentation wins.)

use std::fmt;

/// Read and/or write access.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Access(u8);

impl Access {
    /// May subscribe.
    pub const READ: Self = Self(1);
    /// May publish.
    pub const WRITE: Self = Self(2);
    /// May do both.
    pub const READ_WRITE: Self = Self(3);

    /// The access that the ABI's bits (`pusu_plugin_abi::READ`, `WRITE`) stand for; unknown bits give nothing.
    pub fn from_bits(bits: u32) -> Self {
        Self((bits & 3) as u8)
    }

    /// Whether everything in `other` is in `self`.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0 => "nothing",
            1 => "read",
            2 => "write",
            _ => "read and write",
        })
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Access to every channel that matches a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Permission {
    /// `*` matches any run of characters.
    pub pattern: Box<str>,
    /// What it allows.
    pub access: Access,
}

impl Permission {
    /// Access to every channel that matches `pattern`.
    pub fn new(pattern: impl Into<Box<str>>, access: Access) -> Self {
        Self { pattern: pattern.into(), access }
    }

    /// Whether this permission gives `access` to `channel`.
    pub fn allows(&self, access: Access, channel: &str) -> bool {
        self.access.contains(access) && pattern_matches(&self.pattern, channel)
    }

    /// Whether it allows everything that `other` allows.
    pub fn covers(&self, other: &Self) -> bool {
        // Only a `*` matches a `*` of the other pattern, and then it matches whatever that one stands for.
        self.access.contains(other.access) && pattern_matches(&self.pattern, &other.pattern)
    }
}

/// Whether `pattern` matches all of `channel`.
///
/// Goes back to the last `*` at most, so the time is bounded by the product of both lengths, whatever the pattern.
pub fn pattern_matches(pattern: &str, channel: &str) -> bool {
    let (pattern, channel) = (pattern.as_bytes(), channel.as_bytes());
    let (mut p, mut c) = (0, 0);
    // Where to go on when the bytes after the last `*` do not match: that `*`, and the byte it has eaten up to.
    let mut retry: Option<(usize, usize)> = None;
    while c < channel.len() {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            if p == pattern.len() {
                return true;
            }
            retry = Some((p, c));
        } else if pattern.get(p) == Some(&channel[c]) {
            p += 1;
            c += 1;
        } else if let Some((after_star, eaten)) = retry {
            p = after_star;
            c = eaten + 1;
            retry = Some((after_star, c));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, written as plainly as it can be.
    fn naive(pattern: &[u8], channel: &[u8]) -> bool {
        match pattern.split_first() {
            None => channel.is_empty(),
            Some((b'*', rest)) => (0..=channel.len()).any(|eaten| naive(rest, &channel[eaten..])),
            Some((byte, rest)) => channel.split_first().is_some_and(|(c, tail)| c == byte && naive(rest, tail)),
        }
    }

    #[test]
    fn exact_and_wildcard() {
        for (pattern, channel, expected) in [
            ("foo", "foo", true),
            ("foo", "foobar", false),
            ("foo", "fo", false),
            ("*", "anything", true),
            ("foo.*", "foo.", true),
            ("foo.*", "foo", false),
            ("*.end", "a.b.end", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("**", "x", true),
            ("", "x", false),
            ("*ab", "aab", true),
        ] {
            assert_eq!(pattern_matches(pattern, channel), expected, "{pattern} against {channel}");
        }
    }

    #[test]
    fn access_is_needed_in_full() {
        let read = Permission::new("a.*", Access::READ);
        assert!(read.allows(Access::READ, "a.b"));
        assert!(!read.allows(Access::WRITE, "a.b"));
        assert!(!read.allows(Access::READ_WRITE, "a.b"));
        assert_eq!(Access::from_bits(0xffff_fffc), Access::default());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn agrees_with_the_naive_oracle(pattern in "[ab*]{0,8}", channel in "[ab]{0,10}") {
            prop_assert_eq!(pattern_matches(&pattern, &channel), naive(pattern.as_bytes(), channel.as_bytes()));
        }

        #[test]
        fn what_covers_a_pattern_matches_all_that_it_matches(
            wide in "[a*]{0,5}",
            narrow in "[ab*]{0,5}",
            channel in "[ab]{0,6}",
        ) {
            let [covering, covered] = [&wide, &narrow].map(|text| Permission::new(text.as_str(), Access::READ));
            prop_assert!(!covering.covers(&covered) || !pattern_matches(&narrow, &channel) || pattern_matches(&wide, &channel));
        }
    }
}
