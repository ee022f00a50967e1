//! Health: whether the relay lives, and whether it is ready for clients.

use super::answers::{Answer, TEXT, answer};
use super::history::History;
use crate::control::{Recent, State, Status, Tls};
use crate::routing::PeerState;
use hyper::StatusCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// One check: its name, and why it fails, if it does.
pub(super) type Check = (&'static str, Option<String>);

/// The answer to a probe of this name. Each check is listed where that is asked for, or where one fails.
pub(super) fn report(probe: &str, checks: &[Check], verbose: bool) -> Answer {
    let fails = checks.iter().any(|(_, fault)| fault.is_some());
    let status = if fails { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    if !fails && !verbose {
        return answer(status, TEXT, "ok\n");
    }
    let line = |(name, fault): &Check| match fault {
        None => format!("[+]{name} ok\n"),
        Some(why) => format!("[-]{name} failed: {why}\n"),
    };
    let lines: String = checks.iter().map(line).collect();
    let word = if fails { "failed" } else { "passed" };
    answer(status, TEXT, format!("{lines}{probe} check {word}\n"))
}

/// Whether the relay lives: it fails slowly, and never for what others do.
pub(super) fn live(history: &History) -> Vec<Check> {
    let (shards, network) = history.dead();
    let silent = |what: &str| format!("{what} not answered for 30 s");
    let shards = (!shards.is_empty()).then(|| silent(&format!("{} have", numbered("shards", &shards))));
    vec![("shards", shards), ("network", network.then(|| silent("the network's thread has")))]
}

/// Whether new clients are to be sent here. `links_needed`: so many, where the settings say so.
pub(super) fn ready(status: &Status, recent: &Recent, links_needed: usize) -> Vec<Check> {
    let serving = (status.state != State::Serving).then(|| "the relay stops, and takes no clients any more".to_owned());
    let hanging = &status.hanging_shards;
    let shards = (!hanging.is_empty()).then(|| format!("{} do not answer", numbered("shards", hanging)));
    let authenticator = match recent.authenticator {
        _ if !status.authenticator.ready => Some("it cannot decide now".to_owned()),
        failures if failures.decides_nothing() => {
            let (count, seconds) = (failures.unavailable, recent.seconds.ceil());
            Some(format!("it could decide none of {count} questions in the last {seconds} s"))
        }
        _ => None,
    };
    let mut checks = vec![
        ("serving", serving),
        ("shards", shards),
        ("authenticator", authenticator),
        ("certificates", expired(status, unix_now())),
    ];
    if links_needed > 0 {
        let up =
            status.relays.iter().filter(|relay| relay.state == PeerState::Linked && relay.same_as.is_none()).count();
        checks
            .push(("links", (up < links_needed).then(|| format!("{up} of the {links_needed} that are needed are up"))));
    }
    checks
}

/// The listeners whose certificates have expired.
fn expired(status: &Status, now: i64) -> Option<String> {
    let is_expired = |tls: &Tls| tls.certificates.iter().any(|certificate| certificate.not_after < now);
    let expired = status.listeners.iter().filter(|listener| listener.tls.as_ref().is_some_and(is_expired));
    let names: Vec<&str> = expired.map(|listener| listener.name.as_str()).collect();
    (!names.is_empty()).then(|| format!("that of {} has expired", names.join(", ")))
}

fn numbered(what: &str, numbers: &[usize]) -> String {
    let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
    format!("{what} {}", numbers.join(", "))
}

fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{Certificate, Listener, RecentFailures};

    fn serving() -> Status {
        let mut status = Status::default();
        status.authenticator.ready = true;
        status
    }

    fn failing(status: &Status, links_needed: usize) -> Vec<&'static str> {
        failing_lately(status, &Recent::default(), links_needed)
    }

    fn failing_lately(status: &Status, recent: &Recent, links_needed: usize) -> Vec<&'static str> {
        let checks = ready(status, recent, links_needed).into_iter();
        checks.filter(|(_, fault)| fault.is_some()).map(|(name, _)| name).collect()
    }

    #[test]
    fn what_is_wrong_with_a_relay_is_named() {
        assert_eq!(failing(&serving(), 0), [""; 0]);
        let all = Status { state: State::Stopping, hanging_shards: vec![1], ..Status::default() };
        assert_eq!(failing(&all, 1), ["serving", "shards", "authenticator", "links"]);
        let lately = |unavailable, decided| {
            let authenticator = RecentFailures { unavailable, decided, ..RecentFailures::default() };
            failing_lately(&serving(), &Recent { authenticator, ..Recent::default() }, 0)
        };
        assert_eq!((lately(3, 0), lately(18, 1), lately(2, 0)), (vec!["authenticator"], vec![], vec![]));
        let certificate = |not_after| Certificate { not_after, ..Certificate::default() };
        let listener = |certificates| {
            let tls = Tls { certificates, ..Tls::default() };
            Listener { name: "clients".into(), tls: Some(tls), ..Listener::default() }
        };
        let with = |certificates| Status { listeners: vec![listener(certificates)], ..serving() };
        assert_eq!(expired(&with(vec![certificate(10)]), 10), None);
        let one_of_two = expired(&with(vec![certificate(100), certificate(9)]), 10);
        assert_eq!(one_of_two.as_deref(), Some("that of clients has expired"));
    }
}
