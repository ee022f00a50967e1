//! Attempts to reach one of several addresses. As in RFC 8305 the next one is begun when one has failed or after a
//! moment, and those before it go on.
//!
//! So neither an address that leads nowhere nor a lost packet decides: the system repeats one that was lost after a second.
//! **Invariant:** whoever stops waiting, or gets a connection, ends all attempts. There is no time limit here.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How many addresses are tried, and so how many attempts there may be at once.
const ADDRESSES_MAX: usize = 8;
/// How long an attempt is alone before the next one is begun (RFC 8305, section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// A connection to the first of the addresses that answers.
///
/// # Errors
/// What went wrong last, for the log.
pub(crate) async fn reach(addresses: Vec<SocketAddr>) -> Result<TcpStream, String> {
    let mut left = in_turn(addresses).into_iter().take(ADDRESSES_MAX);
    let mut attempts = JoinSet::new();
    let mut fault = "its name has no address".to_owned();
    loop {
        if let Some(address) = left.next() {
            attempts.spawn(TcpStream::connect(address));
        }
        tokio::select! {
            done = attempts.join_next() => match done {
                Some(Ok(Ok(stream))) => return Ok(stream),
                Some(Ok(Err(error))) => fault = format!("cannot connect: {error}"),
                Some(Err(error)) => fault = format!("cannot connect: {error}"),
                None => return Err(fault),
            },
            () = tokio::time::sleep(ATTEMPT_DELAY), if left.len() > 0 => {}
        }
    }
}

/// The addresses in the system's order, but those of both families in turn: often it is a whole family that leads
/// nowhere (RFC 8305, section 4).
fn in_turn(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_ipv4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (first, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv4() == first_is_ipv4);
    let (mut first, mut other) = (first.into_iter(), other.into_iter());
    let mut turns = Vec::with_capacity(first.len() + other.len());
    while first.len() + other.len() > 0 {
        turns.extend(first.next().into_iter().chain(other.next()));
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::server::full_queue;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    /// Far more than anything takes.
    const DEADLINE: Duration = Duration::from_secs(20);

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    fn block_on(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { timeout(DEADLINE, test).await.expect("in time") });
    }

    /// An address that was silent is not given up when the next one is tried.
    #[test]
    fn a_lost_packet_only_delays() {
        block_on(async {
            let (full, _queued) = full_queue();
            let silent = full.local_addr().unwrap();
            let (gone, refusing) = listener().await;
            drop(gone);
            let mut reaching = tokio::spawn(reach(vec![silent, refusing]));
            assert!(timeout(2 * ATTEMPT_DELAY, &mut reaching).await.is_err(), "nobody has answered");
            // There is room now, and the system tries again.
            full.accept().unwrap();
            let stream = reaching.await.unwrap().unwrap();
            assert_eq!(stream.peer_addr().unwrap(), silent);
        });
    }

    #[test]
    fn silent_addresses_hide_none_behind_them() {
        block_on(async {
            let (full, _queued) = full_queue();
            let silent = full.local_addr().unwrap();
            let (_listener, good) = listener().await;
            let stream = reach(vec![silent, silent, silent, good]).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), good);
        });
    }

    #[test]
    fn where_nobody_is_that_is_said() {
        block_on(async {
            let (gone, refusing) = listener().await;
            drop(gone);
            let fault = reach(vec![refusing, refusing]).await.unwrap_err();
            assert!(fault.contains("cannot connect") && fault.contains("refused"), "{fault}");
            assert_eq!(reach(Vec::new()).await.unwrap_err(), "its name has no address");
        });
    }

    #[test]
    fn families_are_tried_in_turn() {
        let addresses =
            |texts: &[&str]| -> Vec<SocketAddr> { texts.iter().map(|text| text.parse().unwrap()).collect() };
        let found = in_turn(addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "1.1.1.2:1"]));
        assert_eq!(found, addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "[::3]:1"]));
        assert_eq!(in_turn(Vec::new()), []);
    }
}
