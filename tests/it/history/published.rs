//! Publications of a test's sources: what each of them has sent, when, and how much of it has to arrive everywhere.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Instant;

/// Names that one relay's sources have, one for each connection.
const NAMES: u64 = 1000;

/// All of them, by the names of their sources.
#[derive(Default)]
pub(super) struct Published(Mutex<BTreeMap<u64, Sent>>);

#[derive(Default)]
struct Sent {
    /// When each message was about to be sent.
    times: Vec<Instant>,
    /// How many of them everybody has to get. `None`: the source goes on, or its connection broke and nobody knows what was
    /// accepted.
    due: Option<u64>,
}

impl Published {
    /// The first name of a source at this relay.
    pub(super) fn first_name(at: usize) -> u64 {
        at as u64 * NAMES
    }

    /// One more message is about to be sent: gives its number.
    pub(super) fn send(&self, name: u64) -> u64 {
        let mut all = self.0.lock().unwrap();
        let times = &mut all.entry(name).or_default().times;
        times.push(Instant::now());
        times.len() as u64 - 1
    }

    /// Everything that was sent under this name has been accepted.
    pub(super) fn accepted(&self, name: u64) {
        let mut all = self.0.lock().unwrap();
        let sent = all.get_mut(&name).expect("it has sent something");
        sent.due = Some(sent.times.len() as u64);
    }

    /// So much of what was sent under this name has to arrive.
    pub(super) fn settle(&self, name: u64, due: u64) {
        self.0.lock().unwrap().get_mut(&name).expect("it has sent something").due = Some(due);
    }

    /// How much has been sent to this relay.
    pub(super) fn sent_at(&self, at: usize) -> usize {
        let (all, names) = (self.0.lock().unwrap(), Self::first_name(at)..Self::first_name(at + 1));
        all.range(names).map(|(_, sent)| sent.times.len()).sum()
    }

    /// The names of which it is not known how much has to arrive.
    pub(super) fn unsettled(&self) -> Vec<u64> {
        self.0.lock().unwrap().iter().filter(|(_, sent)| sent.due.is_none()).map(|(name, _)| *name).collect()
    }

    /// How much has to arrive of each name.
    pub(super) fn due(&self) -> Vec<(u64, u64)> {
        self.0.lock().unwrap().iter().filter_map(|(name, sent)| Some((*name, sent.due?))).collect()
    }

    /// Whether the first so many messages of a name were about to be sent by then, or had been.
    pub(super) fn were_sent_by(&self, name: u64, count: u64, time: Instant) -> bool {
        let all = self.0.lock().unwrap();
        let Some(last) = count.checked_sub(1) else { return true };
        all.get(&name).and_then(|sent| sent.times.get(last as usize)).is_some_and(|sent| *sent <= time)
    }
}
