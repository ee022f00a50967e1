//! Refusals, by the limit that was exceeded: one table for the log, `pusud status` and programs that read counters.

use super::limits::for_each_limit;
use std::fmt;

/// Makes the counters from the table of limits.
macro_rules! refusals {
    ($(
        $(#[$doc:meta])*
        $name:ident: $type:ty = $default:expr, $kind:ident($($arg:expr),*), $when:ident
            $(, counter $counter:ident $refused:literal)?;
    )*) => {
        /// A limit, or another rule of the settings, that something was refused for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Refusal {
            $($(#[doc = $refused] $counter,)?)*
            /// A TLS handshake failed.
            Tls,
            /// A PROXY header was missing or wrong, or came from somebody who is not trusted.
            ProxyProtocol,
            /// A trusted proxy has passed headers on that name no client.
            TrustedProxies,
        }

        impl Refusal {
            /// All of them, in the order of the settings.
            pub const ALL: [Self; [$($(Self::$counter,)?)*].len() + 3] =
                [$($(Self::$counter,)?)* Self::Tls, Self::ProxyProtocol, Self::TrustedProxies];

            /// The key in the settings, of a limit or of a listener.
            pub fn key(self) -> &'static str {
                match self {
                    $($(Self::$counter => stringify!($name),)?)*
                    Self::Tls => "tls",
                    Self::ProxyProtocol => "proxy_protocol",
                    Self::TrustedProxies => "trusted_proxies",
                }
            }
        }
    };
}

for_each_limit!(refusals);

/// How often something was refused, by limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusals([u64; Refusal::ALL.len()]);

impl Refusals {
    /// Counts one.
    pub fn count(&mut self, refusal: Refusal) {
        self.0[refusal as usize] += 1;
    }

    /// Adds other counts to these.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(&other.0) {
            *count += more;
        }
    }

    /// What was refused at least once, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (Refusal, u64)> {
        Refusal::ALL.into_iter().zip(self.0).filter(|&(_, count)| count > 0)
    }
}

/// The limits and their counts, such as `max_message_bytes 1, max_connections 275`; `nothing` where there are none.
impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts = self.iter();
        let Some((first, count)) = counts.next() else { return f.write_str("nothing") };
        write!(f, "{} {count}", first.key())?;
        counts.try_for_each(|(refusal, count)| write!(f, ", {} {count}", refusal.key()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_counted_for_itself() {
        let mut refusals = Refusals::default();
        for (n, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, n, "{refusal:?} stands in its place in ALL");
            (0..=n).for_each(|_| refusals.count(refusal));
        }
        assert!(refusals.to_string().starts_with("max_message_bytes 1, max_fragments 2, "), "{refusals}");
        assert_eq!(Refusals::default().to_string(), "nothing");
        refusals.add(&refusals.clone());
        let counts: Vec<_> = refusals.iter().map(|(_, count)| count).collect();
        assert_eq!(counts, (1..=Refusal::ALL.len() as u64).map(|n| 2 * n).collect::<Vec<_>>());
    }
}
