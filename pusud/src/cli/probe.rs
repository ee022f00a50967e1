//! A probe of the relays in the settings: `pusud check` dials all addresses of all of them at once, sends nothing, and
//! shows which answer.
//!
//! **Invariant:** it is over within [`PROBE_MAX`], whatever resolving a name takes.

use pusud::config::Config;
use pusud::config::PeerAddress;
use pusud::mesh::ADDRESSES_PER_NAME_MAX;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};
use std::{io, iter};

/// How long resolving a name may take.
const LOOKUP_MAX: Duration = Duration::from_millis(2500);
/// How long one address may take to answer.
const DIAL_MAX: Duration = Duration::from_secs(2);
/// How long all of it may take.
const PROBE_MAX: Duration = Duration::from_secs(5);

/// What came of dialling one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Itself,
    Answers,
    Refuses,
    Silent,
    Unreachable(io::ErrorKind),
}

/// What was found.
pub(super) struct Found {
    /// A row for each relay of the settings as it stands there, and one for each address where a name has several: what
    /// there is to say about it.
    pub rows: Vec<(String, String)>,
    /// Addresses that are dialled; a relay of the settings counts also where its name has none.
    pub addresses: usize,
}

/// Asks all relays of the settings.
pub(super) fn relays(config: &Config) -> Found {
    let began = Instant::now();
    let own = SocketAddr::new(config.network_address, config.network_port);
    let asked: Vec<_> = config.relays.iter().map(|relay| ask(resolver(relay.clone()))).collect();
    let dialled: Vec<_> = asked
        .into_iter()
        .map(|resolved| {
            // Too late, or the thread could not be started: then nothing was heard of the relay either.
            let resolved = resolved.recv_timeout(LOOKUP_MAX.saturating_sub(began.elapsed())).ok();
            resolved.map(|addresses| {
                let dialled = addresses.iter().take(ADDRESSES_PER_NAME_MAX);
                let answers: Vec<_> = dialled.map(|&address| (address, ask(move || dial(address, own)))).collect();
                (addresses.len(), answers)
            })
        })
        .collect();
    let mut found = Found { rows: Vec::new(), addresses: 0 };
    for (relay, dialled) in config.relays.iter().zip(dialled) {
        let (count, answers) = dialled.map_or((None, Vec::new()), |(count, answers)| (Some(count), answers));
        found.addresses += answers.len().max(1);
        let answered = answers.into_iter().map(|(address, answer)| {
            let left = PROBE_MAX.saturating_sub(began.elapsed());
            (address, answer.recv_timeout(left).unwrap_or(Answer::Silent))
        });
        found.rows.extend(rows(relay, count, &answered.collect::<Vec<_>>()));
    }
    found
}

fn ask<A: Send + 'static>(question: impl FnOnce() -> A + Send + 'static) -> Receiver<A> {
    let (sender, answer) = mpsc::channel();
    // Whoever does not wait any more does not want to know, and a thread that cannot be started drops the sender.
    let _ = thread::Builder::new().name("pusu-probe".into()).spawn(move || sender.send(question()));
    answer
}

/// Finds all addresses, each once; none where the name cannot be resolved.
fn resolver(relay: PeerAddress) -> impl FnOnce() -> BTreeSet<SocketAddr> {
    move || (&*relay.host, relay.port).to_socket_addrs().map_or_else(|_| BTreeSet::new(), Iterator::collect)
}

fn dial(address: SocketAddr, own: SocketAddr) -> Answer {
    if is_own(address, own) {
        return Answer::Itself;
    }
    match TcpStream::connect_timeout(&address, DIAL_MAX) {
        Ok(_) => Answer::Answers,
        Err(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => Answer::Refuses,
            io::ErrorKind::TimedOut => Answer::Silent,
            other => Answer::Unreachable(other),
        },
    }
}

/// Whether `address` is where this relay would listen for others. An address is this machine's if it can be bound.
fn is_own(address: SocketAddr, own: SocketAddr) -> bool {
    let is_mine = |ip: IpAddr| TcpListener::bind((ip, 0)).is_ok();
    address.port() == own.port()
        && if own.ip().is_unspecified() { is_mine(address.ip()) } else { address.ip() == own.ip() }
}

/// What there is to say about a relay of the settings, whose name has `count` addresses; `None`: DNS has not answered.
fn rows(relay: &PeerAddress, count: Option<usize>, answers: &[(SocketAddr, Answer)]) -> Vec<(String, String)> {
    let PeerAddress { host, port } = relay;
    let name = relay.to_string();
    match (count, answers) {
        (None, _) => {
            vec![(name, format!("does not answer: resolving the name {host} takes too long. Does DNS answer?"))]
        }
        (_, []) => {
            let said = format!(
                "does not answer: the name {host} cannot be resolved. Is it written right, and does DNS know it?"
            );
            vec![(name, said)]
        }
        (_, [(_, answer)]) if relay.ip().is_some() => vec![(name, said(*answer, *port))],
        (_, [(address, answer)]) => vec![(name, format!("{address}: {}", said(*answer, *port)))],
        (Some(count), answers) => {
            let bound = if count > answers.len() {
                format!(", of which at most {} are dialled at a time", answers.len())
            } else {
                String::new()
            };
            let each = answers.iter().map(|(address, answer)| (format!("  {address}"), said(*answer, *port)));
            iter::once((name, format!("{count} addresses{bound}"))).chain(each).collect()
        }
    }
}

fn said(answer: Answer, port: u16) -> String {
    match answer {
        Answer::Itself => "this relay itself".into(),
        Answer::Answers => "answers".into(),
        Answer::Refuses => {
            format!(
                "does not answer: nobody listens on port {port}. Is pusud running there, with `relays` in its settings?"
            )
        }
        Answer::Silent => {
            format!("does not answer in time. Is the machine up, and do the firewalls let TCP port {port} through?")
        }
        Answer::Unreachable(kind) => format!("does not answer: {kind}. Is there a route to it?"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answers_and_who_does_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let elsewhere = SocketAddr::from(([127, 0, 0, 2], address.port()));
        assert_eq!(dial(address, elsewhere), Answer::Answers);
        assert_eq!(dial(address, address), Answer::Itself);
        assert_eq!(dial(address, SocketAddr::from(([0; 4], address.port()))), Answer::Itself);
        drop(listener);
        assert_eq!(dial(address, elsewhere), Answer::Refuses);
        let nobody = PeerAddress { host: "no-such-host.invalid".into(), port: 1 };
        assert!(resolver(nobody)().is_empty());
    }

    #[test]
    fn each_address_of_a_name_is_shown() {
        let all = PeerAddress { host: "all.example".into(), port: 7 };
        let at = |host| SocketAddr::from(([10, 0, 0, host], 7));
        let one = rows(&all, Some(1), &[(at(1), Answer::Answers)]);
        assert_eq!(one, [("all.example:7".into(), "10.0.0.1:7: answers".into())]);
        let two = rows(&all, Some(3), &[(at(1), Answer::Itself), (at(2), Answer::Answers)]);
        let shown: Vec<String> = two.into_iter().map(|(relay, said)| format!("{relay} {said}")).collect();
        let expected = [
            "all.example:7 3 addresses, of which at most 2 are dialled at a time",
            "  10.0.0.1:7 this relay itself",
            "  10.0.0.2:7 answers",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn whatever_is_not_right_comes_with_what_to_do() {
        let relay = PeerAddress { host: "a".into(), port: 7 };
        let mut all = rows(&relay, None, &[]);
        all.extend(rows(&relay, Some(0), &[]));
        let said: Vec<String> = all.into_iter().map(|(_, said)| said).collect();
        let answers = [Answer::Refuses, Answer::Silent, Answer::Unreachable(io::ErrorKind::HostUnreachable)];
        for said in said.into_iter().chain(answers.map(|answer| super::said(answer, 7))) {
            assert!(said.starts_with("does not answer") && said.ends_with('?'), "{said}");
        }
    }
}
