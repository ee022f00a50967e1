//! A relay for tests.

use super::memory::{self, GrantCall, Line, Shared};
use crate::authenticator::AsyncAuthenticator;
use crate::error::CreateError;
use crate::grants::NotTaken;
use crate::host::Host;
use pusu_plugin_abi as abi;
use std::sync::Arc;
use std::time::Duration;

/// A relay that remembers what an authenticator tells it: lines of the log (which it prints, too), calls for grants, and
/// metrics. It has `pusu.log/1`, `pusu.grants/1`, `pusu.metrics/1` and `pusu.entry/1`: the authenticator stands alone, unless
/// [`Self::set_entry`] says otherwise.
///
/// ```
/// use pusu_plugin_api::testing::{GrantCall, Relay};
///
/// let relay = Relay::new();
/// let grants = relay.host().grants().expect("this relay has them");
/// grants.revoke_subject("alice", "the token is no longer good")?;
/// let revoked = GrantCall::RevokeSubject("alice".into(), "the token is no longer good".into());
/// assert_eq!(relay.grant_calls(), [revoked]);
/// # Ok::<(), pusu_plugin_api::NotTaken>(())
/// ```
#[derive(Clone, Default)]
pub struct Relay(Shared);

impl Relay {
    /// A relay that has been told nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A handle to it.
    pub fn host(&self) -> Host {
        let table = memory::host_table(&self.0);
        let kept = Box::new(Arc::clone(&self.0));
        // SAFETY: the table is complete, and its functions may be called for as long as their memory lives, which is kept.
        unsafe { Host::for_tests(&table, kept) }.expect("the table just made is complete and of this version")
    }

    /// As [`testing::create`](super::create), for this relay.
    ///
    /// # Errors
    /// As [`testing::create`](super::create).
    pub fn create<A: AsyncAuthenticator>(&self, options_json: &str) -> Result<A, CreateError> {
        A::create(crate::options::from_json(options_json.as_bytes())?, self.host())
    }

    /// The lines that were logged so far.
    pub fn lines(&self) -> Vec<Line> {
        memory::lock(&self.0).lines.clone()
    }

    /// The calls for grants that it has taken so far.
    pub fn grant_calls(&self) -> Vec<GrantCall> {
        memory::lock(&self.0).grant_calls.clone()
    }

    /// From now on it takes calls for grants, or does not.
    pub fn answer_grant_calls(&self, answer: Result<(), NotTaken>) {
        memory::lock(&self.0).grants_say = match answer {
            Ok(()) => abi::TAKEN,
            Err(NotTaken::Full) => abi::FULL,
            Err(NotTaken::Malformed) => abi::MALFORMED,
            Err(NotTaken::Unsupported | NotTaken::Closed) => abi::UNSUPPORTED,
        };
    }

    /// From now on the authenticator is told ([`Host::entry`]) that it is entry `index` of `count`, from 0, and that one call
    /// of `authorize` has `authorize_timeout`, of which it is told whole milliseconds. Each call costs a few bytes that are
    /// never freed, as a relay's table is not.
    pub fn set_entry(&self, index: u32, count: u32, authorize_timeout: Option<Duration>) {
        let milliseconds = authorize_timeout.map_or(0, |time| time.as_millis().try_into().unwrap_or(u64::MAX));
        memory::lock(&self.0).entry = Box::leak(Box::new(memory::entry(index, count, milliseconds)));
    }

    /// The number of a series: of a counter or a gauge its value, of a histogram how many values it saw. `None`: it has
    /// not been defined.
    pub fn metric(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let memory = memory::lock(&self.0);
        let is_it = |metric: &&memory::Metric| {
            metric.name == name
                && metric.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).eq(labels.iter().copied())
        };
        memory.metrics.iter().find(is_it).map(|metric| metric.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Level;
    use crate::testing::ticket;

    #[test]
    fn lines_carry_tickets_and_facts() {
        let relay = Relay::new();
        let host = relay.host();
        assert!(host.enabled(Level::Trace));
        host.log_about(Level::Debug, ticket(7), "known", &[("owner", "ali")]);
        host.log_about(Level::Warn, None, "plain", &[]);
        host.error("worse");
        let line = |level, ticket, text: &str, facts: &[(&str, &str)]| Line {
            level,
            ticket,
            text: text.to_owned(),
            facts: facts.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        };
        let known = line(Level::Debug, Some(ticket(7)), "known", &[("owner", "ali")]);
        let wanted = [known, line(Level::Warn, None, "plain", &[]), line(Level::Error, None, "worse", &[])];
        assert_eq!(relay.lines(), wanted);
        host.close();
        host.log_about(Level::Error, None, "late", &[]);
        assert!(!host.enabled(Level::Error) && relay.lines().len() == 3);
    }

    #[test]
    fn grants_are_ended_or_it_is_said_why_not() {
        let relay = Relay::new();
        let host = relay.host();
        let grants = host.grants().unwrap();
        assert_eq!(grants.revoke(ticket(1), "over"), Ok(()));
        assert_eq!(grants.recheck(ticket(2)), Ok(()));
        assert_eq!(grants.recheck_subject("bob"), Ok(()));
        assert_eq!(grants.revoke_subject("", "everybody?"), Err(NotTaken::Malformed));
        let calls = [
            GrantCall::Revoke(ticket(1), "over".into()),
            GrantCall::Recheck(ticket(2)),
            GrantCall::RecheckSubject("bob".into()),
        ];
        assert_eq!(relay.grant_calls(), calls);
        for why in [NotTaken::Full, NotTaken::Malformed, NotTaken::Unsupported] {
            relay.answer_grant_calls(Err(why));
            assert_eq!(grants.revoke(ticket(1), "over"), Err(why));
        }
        host.close();
        assert_eq!(grants.revoke(ticket(1), "over"), Err(NotTaken::Closed));
        assert_eq!(relay.grant_calls().len(), 3);
    }

    #[test]
    fn an_entry_stands_alone_or_where_a_test_says() {
        let relay = Relay::new();
        let host = relay.host();
        let alone = host.entry().unwrap();
        assert_eq!((alone.index, alone.count, alone.authorize_timeout, alone.is_last()), (0, 1, None, true));
        relay.set_entry(1, 3, Some(Duration::from_millis(1500)));
        let second = host.entry().unwrap();
        assert_eq!((second.index, second.count, second.is_last()), (1, 3, false));
        assert_eq!(second.authorize_timeout, Some(Duration::from_millis(1500)));
        host.close();
        assert_eq!(host.entry(), None);
    }

    #[test]
    fn metrics_are_counted_by_name_and_labels() {
        let relay = Relay::new();
        let host = relay.host();
        let labels = [("backend", "a")];
        let (asked, same) = (host.counter("asked_total", "Asked.", &labels), host.counter("asked_total", "", &labels));
        asked.increment();
        same.add(2.0);
        same.add(-1.0);
        assert_eq!(relay.metric("asked_total", &labels), Some(3.0));
        let open = host.gauge("open", "Open.", &[]);
        open.set(5.0);
        open.add(-2.0);
        assert_eq!((relay.metric("open", &[]), relay.metric("asked_total", &[])), (Some(3.0), None));
        let time = host.histogram("answer_seconds", "Time.", &[], &[0.1, 1.0]);
        time.observe(0.5);
        time.observe_time(Duration::from_millis(20));
        time.observe(f64::NAN);
        assert_eq!(relay.metric("answer_seconds", &[]), Some(2.0));
        assert_eq!(relay.lines(), []);
    }

    #[test]
    fn a_metric_that_is_not_taken_is_named_and_does_nothing() {
        let relay = Relay::new();
        let host = relay.host();
        host.counter("Not a name", "", &[]).increment();
        for number in 0..=abi::METRICS_MAX {
            host.gauge(&format!("open_{number}"), "", &[]).set(1.0);
        }
        let texts: Vec<String> = relay.lines().into_iter().map(|line| line.text).collect();
        let wanted =
            ["the metric `Not a name` is not counted: a name", "the metric `open_64` is not counted: there are"];
        assert!(
            texts.len() == 2 && texts.iter().zip(wanted).all(|(text, wanted)| text.starts_with(wanted)),
            "{texts:?}"
        );
    }
}
