//! Subjects: the names that channels and relays have in NATS, and back.
//!
//! All of a network's begin with `pusu.` and its name. docs/protocol/nats.md has the norm.
//! **Invariant:** no two channels have one subject, and each channel has one: what is read back is written the same way.

use crate::peers::BootId;
use std::fmt::Write as _;

/// Tokens of a channel that stay apart: past that its dots are escaped, since servers look subjects up token by token.
const DOTS_MAX: usize = 16;

/// The subjects of one network.
#[derive(Debug, Clone)]
pub(super) struct Subjects {
    prefix: Box<str>,
}

impl Subjects {
    /// Of the network with this name.
    pub(super) fn new(network: &str) -> Self {
        let mut prefix = String::from("pusu.");
        escape(network, false, &mut prefix);
        prefix.push('.');
        Self { prefix: prefix.into() }
    }

    /// Where the publications of a channel are published, and its notes.
    pub(super) fn of_channel(&self, channel: &str) -> String {
        let mut subject = format!("{}c.", self.prefix);
        escape(channel, keeps_dots(channel), &mut subject);
        subject
    }

    /// The channel that this subject is of; `None`: it is no channel's.
    pub(super) fn channel_of(&self, subject: &str) -> Option<String> {
        let channel = unescape(subject.strip_prefix(&*self.prefix)?.strip_prefix("c.")?)?;
        (self.of_channel(&channel) == subject).then_some(channel)
    }

    /// Where all relays listen.
    pub(super) fn of_all(&self) -> String {
        format!("{}all", self.prefix)
    }

    /// Where all relays with history listen.
    pub(super) fn of_history(&self) -> String {
        format!("{}h", self.prefix)
    }

    /// Where one connection of a relay listens.
    pub(super) fn of_relay(&self, boot: BootId, connection: u32) -> String {
        format!("{}r.{boot}-{connection}", self.prefix)
    }

    /// Everything: what relays have to be allowed to publish and to subscribe to.
    pub(super) fn everything(&self) -> String {
        format!("{}>", self.prefix)
    }
}

/// Whether the dots of a name can part tokens: none of which may be empty.
fn keeps_dots(name: &str) -> bool {
    let has_empty_token = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    !has_empty_token && name.bytes().filter(|&byte| byte == b'.').count() <= DOTS_MAX
}

fn escape(name: &str, keeps_dots: bool, out: &mut String) {
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => out.push(byte.into()),
            b'.' if keeps_dots => out.push('.'),
            // Writing to a String cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        match first {
            b'%' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &rest[2..];
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn they_read_as_the_norm_says() {
        let subjects = Subjects::new("my.network");
        assert_eq!(subjects.of_channel("news.sports"), "pusu.my%2Enetwork.c.news.sports");
        assert_eq!(subjects.of_channel("a b*>\u{e4}"), "pusu.my%2Enetwork.c.a%20b%2A%3E%C3%A4");
        for odd in [".", "..", "a.", ".a", "a..b"] {
            assert!(!subjects.of_channel(odd)["pusu.my%2Enetwork.c.".len()..].contains('.'), "{odd}");
        }
        assert_eq!(subjects.of_channel(&"a.".repeat(17)).matches('.').count(), 3);
        let boot = BootId([0xab; 16]);
        assert_eq!(subjects.of_relay(boot, 7), format!("pusu.my%2Enetwork.r.{}-7", "ab".repeat(16)));
        assert_eq!(subjects.of_history(), "pusu.my%2Enetwork.h");
        assert_eq!(
            (subjects.of_all(), subjects.everything()),
            ("pusu.my%2Enetwork.all".into(), "pusu.my%2Enetwork.>".into())
        );
    }

    proptest! {
        #[test]
        fn each_channel_has_one_of_its_own_that_servers_take(name in "[a-z.%*> \\u{e4}]{1,40}") {
            let subject = Subjects::new("n").of_channel(&name);
            let token = subject.strip_prefix("pusu.n.c.").unwrap();
            prop_assert!(token.split('.').all(|token| !token.is_empty()));
            prop_assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.%-".contains(&byte)));
            prop_assert_eq!(unescape(token), Some(name.clone()));
            prop_assert_eq!(Subjects::new("n").channel_of(&subject), Some(name));
        }
    }
}
