//! The throttle of wrong tokens: so many a minute from one place, and so many in all from other machines.
//!
//! Who is throttled is not told whether a token is right, but for one that was right from there before: whoever else
//! guesses there locks nobody out who has it.

use super::caller::place;
use super::tokens::SecretDigest;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use subtle::ConstantTimeEq as _;
use tokio::time::Instant;

/// Different wrong tokens a minute from one place.
const FROM_ONE_MAX: usize = 5;
/// Those of other machines in all.
const IN_ALL_MAX: usize = 30;
/// Right tokens that are remembered with where they came from.
const RIGHT_MAX: usize = 64;
const MINUTE: Duration = Duration::from_secs(60);

/// The wrong tokens of the last minute, and the right ones.
#[derive(Default)]
pub(super) struct Throttle(Mutex<Shown>);

#[derive(Default)]
struct Shown {
    wrong: VecDeque<Token>,
    /// The last ones.
    right: VecDeque<Token>,
}

/// A token that was shown.
struct Token {
    at: Instant,
    from: IpAddr,
    digest: SecretDigest,
}

impl Token {
    fn is(&self, from: IpAddr, digest: &SecretDigest) -> bool {
        self.from == from && bool::from(self.digest.ct_eq(digest))
    }
}

impl Throttle {
    /// Whether this token from there is looked at now.
    ///
    /// # Errors
    /// How long it is to be waited for that.
    pub(super) fn check(&self, address: IpAddr, digest: &SecretDigest) -> Result<(), Duration> {
        let (mut shown, now, from) = (self.shown(), Instant::now(), place(address));
        while shown.wrong.front().is_some_and(|token| now - token.at >= MINUTE) {
            shown.wrong.pop_front();
        }
        if shown.right.iter().any(|token| token.is(from, digest)) {
            return Ok(());
        }
        // One that is repeated is no other guess.
        if shown.wrong.iter().any(|token| token.is(from, digest)) {
            return Ok(());
        }
        let room = |counted: Vec<Instant>, max: usize| match counted.len().checked_sub(max) {
            None => Ok(()),
            Some(at) => Err(MINUTE - (now - counted[at])),
        };
        let times = |counts: &dyn Fn(&Token) -> bool| {
            shown.wrong.iter().filter(|token| counts(token)).map(|token| token.at).collect()
        };
        room(times(&|token| token.from == from), FROM_ONE_MAX)?;
        if from.is_loopback() { Ok(()) } else { room(times(&|token| !token.from.is_loopback()), IN_ALL_MAX) }
    }

    /// This token, which was looked at, is wrong. Gives whether that is news: from there it was not wrong in the last minute.
    pub(super) fn is_wrong(&self, address: IpAddr, digest: SecretDigest) -> bool {
        let (mut shown, from) = (self.shown(), place(address));
        shown.right.retain(|token| !token.is(from, &digest));
        let is_new = !shown.wrong.iter().any(|token| token.is(from, &digest));
        if is_new {
            shown.wrong.push_back(Token { at: Instant::now(), from, digest });
        }
        is_new
    }

    /// This token, which was looked at, is right.
    pub(super) fn is_right(&self, address: IpAddr, digest: SecretDigest) {
        let (mut shown, from) = (self.shown(), place(address));
        if shown.right.iter().any(|token| token.is(from, &digest)) {
            return;
        }
        if shown.right.len() >= RIGHT_MAX {
            shown.right.pop_front();
        }
        shown.right.push_back(Token { at: Instant::now(), from, digest });
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::tokens::digest;
    use tokio::time::advance;

    fn from(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    /// A wrong token from there.
    fn guess(throttle: &Throttle, address: IpAddr, token: &str) -> Result<(), Duration> {
        throttle.check(address, &digest(token))?;
        throttle.is_wrong(address, digest(token));
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn one_place_has_five_a_minute_and_all_have_thirty() {
        let throttle = Throttle::default();
        for number in 0..FROM_ONE_MAX {
            assert_eq!(guess(&throttle, from(1), &number.to_string()), Ok(()));
        }
        advance(Duration::from_secs(20)).await;
        let wait = Err(Duration::from_secs(40));
        assert_eq!(guess(&throttle, from(1), "new"), wait);
        assert_eq!(guess(&throttle, "::ffff:192.0.2.1".parse().unwrap(), "new"), wait);
        for last in 2..27 {
            assert_eq!(guess(&throttle, from(last), "new"), Ok(()));
        }
        assert_eq!(guess(&throttle, from(99), "new"), wait);
        let here = "127.0.0.1".parse().unwrap();
        assert_eq!(guess(&throttle, here, "new"), Ok(()), "guesses from elsewhere lock nobody out here");
        advance(Duration::from_secs(40)).await;
        assert_eq!(guess(&throttle, from(1), "new"), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_repeated_counts_once_and_one_that_was_right_there_is_looked_at() {
        let throttle = Throttle::default();
        for _ in 0..100 {
            assert_eq!(guess(&throttle, from(1), "stale"), Ok(()));
        }
        throttle.is_right(from(1), digest("right"));
        for number in 1..FROM_ONE_MAX {
            assert_eq!(guess(&throttle, from(1), &number.to_string()), Ok(()));
        }
        assert!(throttle.check(from(1), &digest("new")).is_err());
        assert_eq!(throttle.check(from(1), &digest("right")), Ok(()));
        // It was right, and is no more.
        throttle.is_wrong(from(1), digest("right"));
        assert_eq!(throttle.shown().right.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_bounded() {
        let throttle = Throttle::default();
        for number in 0..1000 {
            throttle.is_right(from(1), digest(&number.to_string()));
        }
        assert_eq!(throttle.shown().right.len(), RIGHT_MAX);
    }
}
