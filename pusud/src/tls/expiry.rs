//! The approaching end of certificates and of lists of revoked ones, told once for each threshold.

use super::certificate::{CertificateFacts, time_in_words};
use super::credentials::Credentials;
use super::files::Files;
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

/// Days left, from the first warning to the last.
const THRESHOLDS: [i64; 4] = [30, 14, 7, 1];
/// A certificate that lives for a week is renewed in its last days, and nobody is to be warned each time: a threshold counts
/// where it is a third of the whole life or less. Those that live for 90 days count all.
const LIFE_PART: i64 = 3;
/// The step behind all thresholds.
const EXPIRED: usize = THRESHOLDS.len() + 1;
const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// Something that ends soon or has ended. Its text is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiryNotice {
    /// The file that it stands in.
    pub file: PathBuf,
    /// The names of the certificate, or the issuer of the list.
    pub of: String,
    /// The end, in Unix seconds.
    pub not_after: i64,
    /// Whole days until then; negative behind it.
    pub days_left: i64,
    /// Whether it is a list of revoked certificates.
    pub is_crl: bool,
}

/// The steps that have been told, by the hash of the certificate or the issuer of the list.
#[derive(Default)]
pub(super) struct Expiries(HashMap<String, usize>);

impl Expiries {
    /// What has ended before it was ever served has been warned about by whoever loaded it.
    pub(super) fn has_told(&mut self, credentials: &Credentials, now: i64) {
        let ended = credentials.facts().iter().filter(|facts| facts.not_after < now);
        let out_of_date = credentials.crls().iter().filter(|crl| crl.is_out_of_date(now));
        let keys = ended.map(|facts| facts.sha256.clone()).chain(out_of_date.map(crl_key));
        self.0 = keys.map(|key| (key, EXPIRED)).collect();
    }

    pub(super) fn newly_passed(&mut self, credentials: &Credentials, files: &Files, now: i64) -> Vec<ExpiryNotice> {
        let mut notices = Vec::new();
        for (facts, pair) in credentials.facts().iter().zip(&files.pairs) {
            if self.is_new(facts.sha256.clone(), step(facts, now)) {
                notices.push(ExpiryNotice {
                    file: pair.certificate.clone(),
                    of: facts.label(),
                    not_after: facts.not_after,
                    days_left: facts.days_left(now),
                    is_crl: false,
                });
            }
        }
        for (crl, file) in credentials.crls().iter().zip(std::iter::repeat(files.crl.as_ref())) {
            let step = if crl.is_out_of_date(now) { EXPIRED } else { 0 };
            if let Some(file) = file.filter(|_| self.is_new(crl_key(crl), step)) {
                notices.push(ExpiryNotice {
                    file: file.clone(),
                    of: crl.issuer.clone(),
                    not_after: crl.next_update,
                    days_left: crl.next_update.saturating_sub(now).div_euclid(SECONDS_PER_DAY),
                    is_crl: true,
                });
            }
        }
        notices
    }

    fn is_new(&mut self, key: String, step: usize) -> bool {
        let told = self.0.entry(key).or_default();
        let is_new = step > *told;
        *told = step.max(*told);
        is_new
    }
}

/// How many thresholds lie behind.
fn step(facts: &CertificateFacts, now: i64) -> usize {
    if now > facts.not_after {
        return EXPIRED;
    }
    // Authorities count the last second in or not, so that 90 days are a second less with some.
    let life = facts.not_after - facts.not_before + SECONDS_PER_DAY;
    let left = facts.not_after - now;
    let is_behind = |days: i64| days * SECONDS_PER_DAY * LIFE_PART <= life && left < days * SECONDS_PER_DAY;
    THRESHOLDS.iter().rposition(|&days| is_behind(days)).map_or(0, |at| at + 1)
}

fn crl_key(crl: &super::client_trust::CrlFacts) -> String {
    format!("{} {}", crl.next_update, crl.issuer)
}

impl fmt::Display for ExpiryNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, of, end) = (self.file.display(), &self.of, time_in_words(self.not_after));
        match (self.is_crl, self.days_left) {
            (true, _) => write!(
                f,
                "revoked certificates {file}: the list by {of} is OUT OF DATE since {end}: all clients with certificates by \
                 this authority are refused until there is a new one"
            ),
            (false, ..0) => write!(f, "certificate {file} ({of}) EXPIRED on {end}: clients refuse it, renew it now"),
            (false, 0) => write!(f, "certificate {file} ({of}) expires within a day, on {end}: renew it now"),
            (false, 1) => write!(f, "certificate {file} ({of}) expires in 1 day, on {end}"),
            (false, days) => write!(f, "certificate {file} ({of}) expires in {days} days, on {end}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::{AlternativeNames, KeyKind};

    fn facts(life_days: i64) -> CertificateFacts {
        let names = ["a", "b", "c", "d", "e"].map(str::to_owned);
        CertificateFacts {
            subject: String::new(),
            common_names: Vec::new(),
            names: AlternativeNames { dns: names.to_vec(), ..AlternativeNames::default() },
            issuer: String::new(),
            serial: "1".into(),
            sha256: "a".into(),
            key_sha256: "b".into(),
            not_before: 0,
            not_after: life_days * SECONDS_PER_DAY - 1,
            key: KeyKind::Ed25519,
        }
    }

    fn steps(life_days: i64) -> Vec<usize> {
        let facts = facts(life_days);
        (0..=life_days).map(|day| step(&facts, day * SECONDS_PER_DAY)).collect()
    }

    #[test]
    fn each_threshold_is_a_step() {
        let steps = steps(90);
        let first = |step| steps.iter().position(|other| *other >= step).unwrap();
        assert_eq!((first(1), first(2), first(3), first(4), first(EXPIRED)), (60, 76, 83, 89, 90));
    }

    #[test]
    fn short_lives_are_warned_about_late() {
        assert!(steps(7)[..6].iter().all(|&step| step == 0), "it is renewed every few days");
        assert_eq!(steps(7)[6..], [4, EXPIRED]);
        assert_eq!(steps(1), [0, EXPIRED]);
        assert_eq!(steps(47)[20], 0);
        assert_eq!(steps(47)[34], 2);
    }

    #[test]
    fn words_for_people() {
        let notice = |days_left, is_crl| {
            let not_after = 1_800_000_000;
            ExpiryNotice { file: "/a.pem".into(), of: facts(90).label(), not_after, days_left, is_crl }.to_string()
        };
        let expected = "certificate /a.pem (a, b, c and 2 more) expires in 14 days, on 2027-01-15 08:00:00 UTC";
        assert_eq!(notice(14, false), expected);
        assert!(notice(0, false).contains("expires within a day"));
        assert!(notice(-1, false).contains("EXPIRED on 2027-01-15"));
        assert!(notice(-1, true).contains("OUT OF DATE since"));
    }
}
