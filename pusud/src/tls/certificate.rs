//! The facts of one certificate: whose it is, by whom, for how long, and with which kind of key.
//!
//! It reads, and judges nothing: whether a certificate is to be trusted is for the handshake.

use super::alternative_names::AlternativeNames;
use super::name::{common_names, distinguished_name, hex};
use anyhow::{anyhow, ensure};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::asn1_rs::Oid;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// The facts of one certificate. All text is escaped where it is no text, or would not be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// By RFC 4514, such as `CN=a,O=b`; empty where only the alternative names say whose it is.
    pub subject: String,
    /// Those of the subject, mostly one.
    pub common_names: Vec<String>,
    /// The names that count for clients and browsers.
    pub names: AlternativeNames,
    /// By RFC 4514.
    pub issuer: String,
    /// Hexadecimal, in lower case and without leading zeros.
    pub serial: String,
    /// SHA-256 of the certificate, hexadecimal.
    pub sha256: String,
    /// SHA-256 of its public key (SubjectPublicKeyInfo), hexadecimal: the same for a renewed certificate of the same key.
    pub key_sha256: String,
    /// Unix seconds.
    pub not_before: i64,
    /// Unix seconds.
    pub not_after: i64,
    /// The kind of its key.
    pub key: KeyKind,
}

/// The kind of a key, as `ECDSA P-256`, `RSA 2048` or `Ed25519`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// With the name of its curve, or its number where it has no common name.
    Ecdsa(String),
    /// With its length in bits.
    Rsa(usize),
    /// The kind without parts.
    Ed25519,
    /// Another one, by the number of its algorithm.
    Other(String),
}

impl CertificateFacts {
    /// Reads a certificate from its DER.
    ///
    /// # Errors
    /// It is none, or not one whole one.
    pub fn from_der(der: &[u8]) -> anyhow::Result<Self> {
        let certificate = parsed(der)?;
        let subject = certificate.subject();
        Ok(Self {
            subject: distinguished_name(subject),
            common_names: common_names(subject),
            names: AlternativeNames::of(&certificate)?,
            issuer: distinguished_name(certificate.issuer()),
            serial: serial(certificate.raw_serial()),
            sha256: hex(&Sha256::digest(der)),
            key_sha256: hex(&Sha256::digest(certificate.public_key().raw)),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            key: KeyKind::of(certificate.public_key()),
        })
    }

    /// Whole days that are left at `now` (Unix seconds); negative once it has expired.
    pub fn days_left(&self, now: i64) -> i64 {
        self.not_after.saturating_sub(now).div_euclid(SECONDS_PER_DAY)
    }

    /// Whether `now` (Unix seconds) lies in the time that it is for.
    pub fn is_valid_at(&self, now: i64) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }

    /// The first of its names, for people.
    pub fn label(&self) -> String {
        let names: Vec<&str> = self.names.dns.iter().chain(&self.names.ip).map(String::as_str).collect();
        match names.as_slice() {
            [] => self.subject.clone(),
            [first, second, third, _, ..] => format!("{first}, {second}, {third} and {} more", names.len() - 3),
            names => names.join(", "),
        }
    }
}

impl KeyKind {
    /// Whether it is an RSA key, with which a handshake costs several times as much.
    pub fn is_rsa(&self) -> bool {
        matches!(self, KeyKind::Rsa(_))
    }

    fn of(key: &SubjectPublicKeyInfo<'_>) -> Self {
        let algorithm = key.algorithm.algorithm.to_id_string();
        match (algorithm.as_str(), key.parsed()) {
            ("1.2.840.113549.1.1.1", Ok(PublicKey::RSA(rsa))) => KeyKind::Rsa(rsa.key_size()),
            ("1.2.840.10045.2.1", _) => {
                let curve = key.algorithm.parameters.as_ref().and_then(|curve| Oid::try_from(curve.clone()).ok());
                KeyKind::Ecdsa(curve.map_or_else(|| "with a curve of its own".to_owned(), |curve| curve_name(&curve)))
            }
            ("1.3.101.112", _) => KeyKind::Ed25519,
            _ => KeyKind::Other(algorithm),
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyKind::Ecdsa(curve) => write!(f, "ECDSA {curve}"),
            KeyKind::Rsa(bits) => write!(f, "RSA {bits}"),
            KeyKind::Ed25519 => f.write_str("Ed25519"),
            KeyKind::Other(algorithm) => f.write_str(algorithm),
        }
    }
}

/// A certificate that is all of `der`.
pub(super) fn parsed(der: &[u8]) -> anyhow::Result<X509Certificate<'_>> {
    let (rest, certificate) =
        X509Certificate::from_der(der).map_err(|error| anyhow!("is no certificate that can be read: {error}"))?;
    ensure!(rest.is_empty(), "has bytes behind the certificate");
    Ok(certificate)
}

/// Unix seconds of the system's clock.
pub(super) fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A time (Unix seconds) for people, such as `2026-11-29 21:50:00 UTC`.
pub(super) fn time_in_words(seconds: i64) -> String {
    let time = u64::try_from(seconds).ok().and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
    // humantime knows the years up to 9999, as certificates do.
    const LAST: i64 = 253_402_300_799;
    match time.filter(|_| seconds <= LAST) {
        Some(time) => humantime::format_rfc3339_seconds(time).to_string().replace('T', " ").replace('Z', " UTC"),
        None => format!("{seconds} seconds from 1970"),
    }
}

fn serial(bytes: &[u8]) -> String {
    let digits = hex(bytes);
    match digits.trim_start_matches('0') {
        "" => "0".to_owned(),
        digits => digits.to_owned(),
    }
}

fn curve_name(curve: &Oid<'_>) -> String {
    let number = curve.to_id_string();
    match number.as_str() {
        "1.2.840.10045.3.1.7" => "P-256".to_owned(),
        "1.3.132.0.34" => "P-384".to_owned(),
        "1.3.132.0.35" => "P-521".to_owned(),
        "1.3.132.0.10" => "secp256k1".to_owned(),
        _ => number,
    }
}

#[cfg(test)]
mod tests;
