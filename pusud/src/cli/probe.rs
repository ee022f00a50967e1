//! A probe of the relays in the settings: `pusud check` dials all of them at once, sends nothing, and shows which
//! answer.
//!
//! **Invariant:** it is over within [`PROBE_MAX`], whatever resolving a name takes.

use pusud::config::Config;
use pusud::config::PeerAddress;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// How long one address may take to answer.
const DIAL_MAX: Duration = Duration::from_secs(2);
/// How long all of it may take.
const PROBE_MAX: Duration = Duration::from_secs(5);

/// What came of dialling one relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Itself,
    Answers(SocketAddr),
    Refuses,
    Silent,
    NoSuchName,
    Unreachable(io::ErrorKind),
}

/// Asks all relays of the settings: for each the address as it stands there, and what there is to say about it.
pub(super) fn relays(config: &Config) -> Vec<(String, String)> {
    let deadline = Instant::now() + PROBE_MAX;
    let own = SocketAddr::new(config.network_address, config.network_port);
    let asked: Vec<_> = config.relays.iter().map(|relay| (relay, ask(relay.clone(), own))).collect();
    asked
        .into_iter()
        .map(|(relay, answer)| {
            let left = deadline.saturating_duration_since(Instant::now());
            // Too late, or the thread could not be started: then nothing was heard of the relay either.
            let answer = answer.recv_timeout(left).unwrap_or(Answer::Silent);
            (relay.to_string(), said(answer, relay))
        })
        .collect()
}

fn ask(relay: PeerAddress, own: SocketAddr) -> Receiver<Answer> {
    let (sender, answer) = mpsc::channel();
    // Whoever does not wait any more does not want to know, and a thread that cannot be started drops the sender.
    let _ = thread::Builder::new().name("pusu-probe".into()).spawn(move || sender.send(dial(&relay, own)));
    answer
}

fn dial(relay: &PeerAddress, own: SocketAddr) -> Answer {
    let Ok(addresses) = (&*relay.host, relay.port).to_socket_addrs() else { return Answer::NoSuchName };
    let mut answer = Answer::NoSuchName;
    for address in addresses {
        if is_own(address, own) {
            return Answer::Itself;
        }
        answer = match TcpStream::connect_timeout(&address, DIAL_MAX) {
            Ok(_) => return Answer::Answers(address),
            Err(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => Answer::Refuses,
                io::ErrorKind::TimedOut => Answer::Silent,
                other => Answer::Unreachable(other),
            },
        };
    }
    answer
}

/// Whether `address` is where this relay would listen for others. An address is this machine's if it can be bound.
fn is_own(address: SocketAddr, own: SocketAddr) -> bool {
    let is_mine = |ip: IpAddr| TcpListener::bind((ip, 0)).is_ok();
    address.port() == own.port()
        && if own.ip().is_unspecified() { is_mine(address.ip()) } else { address.ip() == own.ip() }
}

fn said(answer: Answer, relay: &PeerAddress) -> String {
    let PeerAddress { host, port } = relay;
    match answer {
        Answer::Itself => "this relay itself".into(),
        Answer::Answers(address) if address.ip().to_string() == **host => "answers".into(),
        Answer::Answers(address) => format!("answers ({address})"),
        Answer::Refuses => {
            format!(
                "does not answer: nobody listens on port {port}. Is pusud running there, with `relays` in its settings?"
            )
        }
        Answer::Silent => {
            format!("does not answer in time. Is the machine up, and do the firewalls let TCP port {port} through?")
        }
        Answer::NoSuchName => {
            format!("does not answer: the name {host} cannot be resolved. Is it written right, and does DNS know it?")
        }
        Answer::Unreachable(kind) => format!("does not answer: {kind}. Is there a route to it?"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn localhost(port: u16) -> PeerAddress {
        PeerAddress { host: "127.0.0.1".into(), port }
    }

    #[test]
    fn who_answers_and_who_does_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let elsewhere = SocketAddr::from(([127, 0, 0, 2], address.port()));
        assert_eq!(dial(&localhost(address.port()), elsewhere), Answer::Answers(address));
        assert_eq!(dial(&localhost(address.port()), address), Answer::Itself);
        assert_eq!(dial(&localhost(address.port()), SocketAddr::from(([0; 4], address.port()))), Answer::Itself);
        drop(listener);
        assert_eq!(dial(&localhost(address.port()), elsewhere), Answer::Refuses);
        let nobody = PeerAddress { host: "no-such-host.invalid".into(), port: 1 };
        assert_eq!(dial(&nobody, elsewhere), Answer::NoSuchName);
    }

    #[test]
    fn whatever_is_not_right_comes_with_what_to_do() {
        for answer in
            [Answer::Refuses, Answer::Silent, Answer::NoSuchName, Answer::Unreachable(io::ErrorKind::HostUnreachable)]
        {
            let said = said(answer, &localhost(7));
            assert!(said.starts_with("does not answer") && said.ends_with('?'), "{said}");
        }
    }
}
