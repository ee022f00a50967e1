//! Resumption tickets from a secret that relays share: any of them resumes what another one began, also after a restart.
//!
//! A ticket is its period (4 bytes), a nonce (12) and the sealed session. The key of a period is made of the secret, of the
//! period's number and of what the listener asks of clients, so nothing is stored, and nothing turns keys over.
//! **Invariant:** a ticket is good only where clients are asked for the same: the same authorities, the same list of revoked
//! certificates, as strictly. Elsewhere, and with another secret, a client shakes hands in full, without an error.
//!
//! TLS 1.3 keeps its forward secrecy, as each resumption exchanges keys anew. TLS 1.2 does not: who ever learns the secret
//! can read recorded sessions of clients that do not know 1.3.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, rand};
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::pki_types::UnixTime;
use rustls::server::ProducesTickets;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A ticket is good in its period and in the next one, so for this long at least.
pub(super) const PERIOD_SECONDS: u32 = 12 * 60 * 60;
const PERIOD_LEN: usize = 4;
const SALT: &[u8] = b"pusud: resumption tickets of TLS, 1";

/// What all relays that resume each other's sessions share, such as the content of `network_key_file`. The keys made of it
/// are of no use for anything else.
#[derive(Clone)]
pub struct TicketSecret(Zeroizing<Vec<u8>>);

impl TicketSecret {
    /// A secret, which nobody may guess: 32 random bytes or more.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }
}

impl fmt::Debug for TicketSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketSecret([redacted])")
    }
}

/// Makes and reads tickets: with `secret` those that all who know it share, else with random keys that this process alone
/// has. `binding` is what the listener asks of clients.
///
/// # Errors
/// The system gives no random bytes.
pub(super) fn tickets(
    secret: Option<&TicketSecret>,
    binding: &[u8; 32],
) -> Result<Arc<dyn ProducesTickets>, rustls::Error> {
    match secret {
        Some(secret) => Ok(shared_tickets(secret, binding, || UnixTime::now().as_secs())),
        None => Ticketer::new(),
    }
}

/// With a clock (Unix seconds) of the caller's.
pub(super) fn shared_tickets(secret: &TicketSecret, binding: &[u8; 32], now: fn() -> u64) -> Arc<dyn ProducesTickets> {
    Arc::new(SharedTickets::new(secret, binding, now))
}

struct SharedTickets {
    extracted: hkdf::Prk,
    binding: [u8; 32],
    /// Unix seconds.
    now: fn() -> u64,
}

impl SharedTickets {
    fn new(secret: &TicketSecret, binding: &[u8; 32], now: fn() -> u64) -> Self {
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(&secret.0);
        Self { extracted, binding: *binding, now }
    }

    fn period(&self) -> u32 {
        u32::try_from((self.now)() / u64::from(PERIOD_SECONDS)).unwrap_or(u32::MAX)
    }

    fn key(&self, period: [u8; PERIOD_LEN]) -> Option<LessSafeKey> {
        let info = [self.binding.as_slice(), &period];
        let key = self.extracted.expand(&info, &AES_256_GCM).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(key)))
    }
}

impl ProducesTickets for SharedTickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        PERIOD_SECONDS
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let period = self.period().to_be_bytes();
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).ok()?;
        let mut ticket = Vec::with_capacity(PERIOD_LEN + NONCE_LEN + plain.len() + MAX_TAG_LEN);
        ticket.extend_from_slice(&period);
        ticket.extend_from_slice(&nonce);
        ticket.extend_from_slice(plain);
        let sealed = &mut ticket[PERIOD_LEN + NONCE_LEN..];
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.key(period)?.seal_in_place_separate_tag(nonce, Aad::from(period), sealed).ok()?;
        ticket.extend_from_slice(tag.as_ref());
        Some(ticket)
    }

    /// One of the next period may come from a relay whose clock is ahead.
    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (period, rest) = ticket.split_first_chunk::<PERIOD_LEN>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        if u32::from_be_bytes(*period).abs_diff(self.period()) > 1 {
            return None;
        }
        let mut opened = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let len = self.key(*period)?.open_in_place(nonce, Aad::from(*period), &mut opened).ok()?.len();
        opened.truncate(len);
        Some(opened)
    }
}

impl fmt::Debug for SharedTickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedTickets([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_800_000_000;

    fn at(secret: &[u8; 32], binding: u8, now: fn() -> u64) -> SharedTickets {
        SharedTickets::new(&TicketSecret::new(secret), &[binding; 32], now)
    }

    #[test]
    fn good_in_its_period_and_in_those_beside_it() {
        let ticket = at(&[1; 32], 0, || NOON).encrypt(b"session").unwrap();
        let opened = |now| at(&[1; 32], 0, now).decrypt(&ticket);
        let good = Some(b"session".to_vec());
        assert_eq!(opened(|| NOON), good);
        assert_eq!(opened(|| NOON + u64::from(PERIOD_SECONDS)), good);
        assert_eq!(opened(|| NOON - u64::from(PERIOD_SECONDS)), good);
        assert_eq!(opened(|| NOON + 2 * u64::from(PERIOD_SECONDS)), None);
        assert_eq!(opened(|| NOON - 2 * u64::from(PERIOD_SECONDS)), None);
    }

    #[test]
    fn good_with_the_same_secret_for_the_same_listener() {
        let ticket = at(&[1; 32], 0, || NOON).encrypt(b"session").unwrap();
        assert!(at(&[2; 32], 0, || NOON).decrypt(&ticket).is_none());
        assert!(at(&[1; 32], 1, || NOON).decrypt(&ticket).is_none());
    }

    #[test]
    fn not_a_byte_may_be_another_one() {
        let tickets = at(&[1; 32], 0, || NOON);
        let ticket = tickets.encrypt(b"session").unwrap();
        for at in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[at] ^= 1;
            assert!(tickets.decrypt(&changed).is_none(), "byte {at}");
            assert!(tickets.decrypt(&ticket[..at]).is_none(), "{at} bytes");
        }
        assert_ne!(ticket, tickets.encrypt(b"session").unwrap(), "no nonce comes twice");
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?} {:?}", TicketSecret::new(b"hunter2"), at(&[104; 32], 0, || NOON));
        assert_eq!(shown, "TicketSecret([redacted]) SharedTickets([redacted])");
    }
}
