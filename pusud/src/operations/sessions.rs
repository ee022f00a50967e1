//! Sessions of operators who have signed in: in memory alone, few, and each with an end.

use super::role::{Role, Who};
use super::tokens::{SecretDigest, digest, new_secret};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// Sessions at a time; one more takes the place of the one that was used least lately.
const SESSIONS_MAX: usize = 64;
/// The longest life of one.
pub(super) const LIFE_MAX: Duration = Duration::from_secs(12 * 60 * 60);
/// The longest time in which one is not used.
const IDLE_MAX: Duration = Duration::from_secs(60 * 60);
/// Hexadecimal digits that stand for a session in the log.
const SHORT_DIGITS: usize = 8;

/// All sessions.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<SecretDigest, Session>>);

struct Session {
    role: Role,
    generation: u64,
    name: String,
    began: Instant,
    used: Instant,
}

impl Session {
    fn is_over(&self, now: Instant) -> bool {
        now - self.began >= LIFE_MAX || now - self.used >= IDLE_MAX
    }

    fn who(&self) -> Who {
        Who { role: self.role, generation: self.generation, session: Some(self.name.clone()) }
    }
}

impl Sessions {
    /// Begins one, of this token of a role. Gives its secret, which the browser keeps, and who it is.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(super) fn begin(&self, role: Role, generation: u64) -> anyhow::Result<(Zeroizing<String>, Who)> {
        let secret = new_secret()?;
        let (key, now) = (digest(&secret), Instant::now());
        let name: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let session = Session { role, generation, name: name[..SHORT_DIGITS].to_owned(), began: now, used: now };
        let who = session.who();
        let mut sessions = self.lock();
        sessions.retain(|_, session| !session.is_over(now));
        if sessions.len() >= SESSIONS_MAX {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.used).map(|(key, _)| *key);
            oldest.map(|key| sessions.remove(&key));
        }
        sessions.insert(key, session);
        Ok((secret, who))
    }

    /// Who has this secret, if their session goes on. It is used by that.
    pub(super) fn find(&self, secret: &str) -> Option<Who> {
        let (mut sessions, now) = (self.lock(), Instant::now());
        let key = digest(secret);
        let session = sessions.get_mut(&key)?;
        if session.is_over(now) {
            sessions.remove(&key);
            return None;
        }
        session.used = now;
        Some(session.who())
    }

    /// Ends one.
    pub(super) fn end(&self, secret: &str) {
        self.lock().remove(&digest(secret));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SecretDigest, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_when_it_is_old_or_not_used_and_when_it_is_ended() {
        let sessions = Sessions::default();
        let (secret, who) = sessions.begin(Role::Read, 0).unwrap();
        assert_eq!(sessions.find(&secret), Some(who));
        assert_eq!(sessions.find("other"), None);
        for _ in 0..12 {
            advance(IDLE_MAX - Duration::from_secs(1)).await;
            assert!(sessions.find(&secret).is_some());
        }
        advance(Duration::from_secs(12)).await;
        assert!(sessions.find(&secret).is_none(), "it is twelve hours old");
        let (secret, _) = sessions.begin(Role::Read, 0).unwrap();
        advance(IDLE_MAX).await;
        assert!(sessions.find(&secret).is_none(), "it was not used for an hour");
        let (read, _) = sessions.begin(Role::Read, 0).unwrap();
        sessions.end(&read);
        assert_eq!(sessions.find(&read), None);
    }

    #[tokio::test(start_paused = true)]
    async fn one_too_many_takes_the_place_of_the_one_that_was_used_least_lately() {
        let sessions = Sessions::default();
        let mut secrets = Vec::new();
        for _ in 0..SESSIONS_MAX {
            secrets.push(sessions.begin(Role::Read, 0).unwrap().0);
            advance(Duration::from_millis(1)).await;
        }
        sessions.find(&secrets[0]).unwrap();
        sessions.begin(Role::Read, 0).unwrap();
        assert_eq!(sessions.lock().len(), SESSIONS_MAX);
        assert!(sessions.find(&secrets[0]).is_some() && sessions.find(&secrets[1]).is_none());
    }
}
