//! The throttle of wrong tokens: so many a minute from one address, and so many in all.
//!
//! Who is throttled is not told whether a token is right.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Wrong tokens a minute from one address; of IPv6, from one network of 64 bits.
const FROM_ONE_MAX: usize = 5;
/// Wrong tokens a minute in all.
const IN_ALL_MAX: usize = 30;
const MINUTE: Duration = Duration::from_secs(60);

/// The wrong tokens of the last minute.
#[derive(Default)]
pub(super) struct Throttle(Mutex<VecDeque<(Instant, IpAddr)>>);

impl Throttle {
    /// Whether a token from there is looked at now.
    ///
    /// # Errors
    /// How long it is to be waited for that.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), Duration> {
        let (mut wrong, now, address) =
            (self.0.lock().unwrap_or_else(PoisonError::into_inner), Instant::now(), network(address));
        while wrong.front().is_some_and(|(at, _)| now - *at >= MINUTE) {
            wrong.pop_front();
        }
        let of_it: Vec<Instant> = wrong.iter().filter(|(_, from)| *from == address).map(|(at, _)| *at).collect();
        let first_of = |first: Instant| MINUTE - (now - first);
        if of_it.len() >= FROM_ONE_MAX {
            return Err(first_of(of_it[of_it.len() - FROM_ONE_MAX]));
        }
        match wrong.front() {
            Some((first, _)) if wrong.len() >= IN_ALL_MAX => Err(first_of(*first)),
            _ => Ok(()),
        }
    }

    /// A wrong token has come from there.
    pub(super) fn note(&self, address: IpAddr) {
        let mut wrong = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.push_back((Instant::now(), network(address)));
        wrong.truncate(IN_ALL_MAX);
    }
}

/// What counts as one place.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn one_place_has_five_a_minute_and_all_have_thirty() {
        let throttle = Throttle::default();
        let from = |last: u8| IpAddr::from([192, 0, 2, last]);
        for _ in 0..FROM_ONE_MAX {
            assert_eq!(throttle.check(from(1)), Ok(()));
            throttle.note(from(1));
        }
        advance(Duration::from_secs(20)).await;
        assert_eq!(throttle.check(from(1)), Err(Duration::from_secs(40)));
        assert_eq!(throttle.check("::ffff:192.0.2.1".parse().unwrap()), Err(Duration::from_secs(40)));
        for last in 2..27 {
            assert_eq!(throttle.check(from(last)), Ok(()));
            throttle.note(from(last));
        }
        assert_eq!(throttle.check(from(99)), Err(Duration::from_secs(40)));
        advance(Duration::from_secs(40)).await;
        assert_eq!(throttle.check(from(1)), Ok(()));
    }

    #[test]
    fn one_network_of_ipv6_is_one_place() {
        let network = |address: &str| network(address.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::2:3:4:5"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
    }
}
