//! Lists of passwords: the entries of one option or file, ready to be compared, with what that takes.
//!
//! **Invariant:** every entry is looked at for every attempt, whatever the ones before it said, so that the time does not
//! tell which password it was.

use crate::cost::{self, BYTES_USUAL, TIME_USUAL, Takes, mebibytes, seconds};
use crate::look_alike;
use crate::measuring::{Measured, Measuring};
use crate::name::Name;
use crate::options::{Entry, Gives};
use crate::secret::{PLAIN, Secret};
use pusu_plugin_api::abi::PERMISSIONS_MAX;
use pusu_plugin_api::{Host, Pattern};
use std::time::Duration;

/// Most patterns of one password: with the one that lets everybody read they fill a verdict.
const PATTERNS_MAX: usize = PERMISSIONS_MAX - 1;

/// Where a list comes from, in the words of messages and of subjects.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    pub(crate) option: &'static str,
    pub(crate) subject: &'static str,
}

pub(crate) const OPTION: Source = Source { option: "passwords", subject: "password" };
pub(crate) const FILE: Source = Source { option: "passwords_file", subject: "file password" };

/// The passwords of one option or file.
pub(crate) struct List {
    source: Source,
    known: Vec<Known>,
    pub(crate) takes: Takes,
}

/// One password and what it gives.
pub(crate) struct Known {
    pub(crate) secret: Secret,
    pub(crate) name: Option<Name>,
    pub(crate) patterns: Vec<Pattern>,
}

/// Entries whose hashes have the same parameters.
struct Alike {
    cost: cost::Cost,
    /// The positions of its entries.
    entries: Vec<usize>,
}

impl List {
    /// Checks the entries, and measures what comparisons take.
    ///
    /// # Errors
    /// An entry is wrong. The text begins with its place in the list, `entry 3: …`.
    pub(crate) fn new(
        source: Source,
        entries: Vec<Entry>,
        measuring: Measuring<'_>,
        host: &Host,
    ) -> Result<Self, String> {
        let mut known = Vec::with_capacity(entries.len());
        for (index, entry) in entries.into_iter().enumerate() {
            let number = index + 1;
            if entry.gives.patterns.is_empty() {
                host.warn(format_args!(
                    "option `{}`, entry {number}: has no patterns, so it gives no access",
                    source.option
                ));
            }
            if let Some(kind) = look_alike::perhaps(&entry.password).filter(|_| !entry.password.starts_with(PLAIN)) {
                host.warn(format_args!(
                    "option `{}`, entry {number}: looks like {kind}, which is taken for the password itself: a hash has to be \
                     made anew with `pusud hash-password`, and a password is written `plain:…`",
                    source.option
                ));
            }
            known.push(self::known(entry).map_err(|text| format!("entry {number}: {text}"))?);
        }
        let mut list = Self { source, known, takes: Takes::default() };
        list.measure(measuring, host).map_err(|(index, text)| format!("entry {}: {text}", index + 1))?;
        Ok(list)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The entries, with their positions from 1.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (usize, &Known)> {
        (1..).zip(&self.known)
    }

    /// Where an entry stands, for messages.
    pub(crate) fn place(&self, number: usize) -> String {
        format!("option `{}`, entry {number}", self.source.option)
    }

    /// Who a client is that knows the password of an entry without a name; `place` is that of the whole among several
    /// authenticators, which may have entries of the same number.
    pub(crate) fn nameless(&self, number: usize, place: Option<pusu_plugin_api::Entry>) -> String {
        let subject = self.source.subject;
        match place.filter(|place| place.count > 1) {
            None => format!("{subject} {number}"),
            Some(place) => format!("{subject} {number} of entry {}", place.index.saturating_add(1)),
        }
    }

    /// Measures one comparison of each set of parameters, the quick ones first, warns about those that take much, and looks
    /// for the empty password.
    fn measure(&mut self, mut measuring: Measuring<'_>, host: &Host) -> Result<(), (usize, String)> {
        let timeout = cost::timeout(host).unwrap_or(Duration::MAX);
        let mut others = Vec::new();
        for Alike { cost, entries } in self.alike() {
            let Some((first, more)) = entries.split_first() else { continue };
            let measured = measuring.measure(&self.known[*first].secret, &cost, entries.len(), timeout);
            let Measured { time, is_estimate, takes } = measured.map_err(|text| (*first, text))?;
            self.takes = self.takes.and(takes);
            if time > TIME_USUAL || cost.bytes > BYTES_USUAL {
                let about = if is_estimate { "about " } else { "" };
                let memory = match cost.bytes {
                    0 => String::new(),
                    bytes => format!(" and {}", mebibytes(bytes)),
                };
                host.warn(format_args!(
                    "{}: a comparison with this hash takes {about}{}{memory} ({}), for whoever asks; a usual one takes \
                     less than 100 ms and 64 MiB: make it anew with `pusud hash-password`",
                    self.place(first + 1),
                    seconds(time),
                    cost.parameters,
                ));
            }
            others.push((more.to_vec(), cost, time));
        }
        let known = &self.known;
        measuring.look_for_empty(others.iter().flat_map(|(entries, cost, time)| {
            entries.iter().map(move |entry| (*entry, &known[*entry].secret, cost, *time))
        }))
    }

    fn alike(&self) -> Vec<Alike> {
        let mut all: Vec<Alike> = Vec::new();
        for (index, known) in self.known.iter().enumerate() {
            let Some(cost) = known.secret.cost() else { continue };
            match all.iter_mut().find(|alike| alike.cost.parameters == cost.parameters) {
                Some(alike) => alike.entries.push(index),
                None => all.push(Alike { cost, entries: vec![index] }),
            }
        }
        all.sort_by_key(|alike| alike.cost.estimate());
        all
    }
}

/// Turns the password of an entry into what is kept of it.
fn known(entry: Entry) -> Result<Known, String> {
    if entry.password.is_empty() {
        return Err(
            "the password is empty, so clients without any would be let in; set `allow_read_by_default: true` if \
                    everybody may read, or give it a password"
                .into(),
        );
    }
    let Gives { name, patterns } = entry.gives;
    if patterns.len() > PATTERNS_MAX {
        return Err(format!("expected at most {PATTERNS_MAX} patterns, found {}", patterns.len()));
    }
    Ok(Known { secret: Secret::new(&entry.password)?, name, patterns })
}
