//! Clients that leave over TLS: with the words for it, without, or with a part of them.

use crate::harness::{DEADLINE, Daemon, PluginsDir, Setup, Stream, bad_plugin, text_message, trusting};
use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

/// The ways in which a client may leave over TLS.
#[derive(Debug, Clone, Copy)]
enum Leaving {
    Rightly,
    WithoutAWord,
    Reset,
}

fn say_goodbye(stream: &mut Stream) {
    stream.session().unwrap().send_close_notify();
    stream.flush().unwrap();
}

fn leave(stream: &mut Stream, how: Leaving) {
    match how {
        Leaving::Rightly => {
            say_goodbye(stream);
            stream.shutdown(Shutdown::Write).unwrap();
        }
        Leaving::WithoutAWord => stream.shutdown(Shutdown::Write).unwrap(),
        Leaving::Reset => {
            socket2::SockRef::from(&**stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        }
    }
}

/// Whichever way it goes, its place is free again, and nobody waits for the decision.
#[test]
fn a_client_that_leaves_while_it_is_decided_about_is_noticed() {
    // PUSU_F_ASYNC: "pending" is never answered.
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, &["-DFLAGS=1"]);
    let settings = "limits: {authorize_call_timeout: 1h, authorize_timeout: 1h}";
    let daemon = Setup::on_shards(1).encrypted().authenticator("BadPlugin", plugins).settings(settings).start();
    let ways = [Leaving::Rightly, Leaving::WithoutAWord, Leaving::Reset];
    for (number, how) in (1..).zip(ways) {
        let mut raw = daemon.upgraded();
        raw.send(text_message(r#"{"type":"authorize","authorization":"pending"}"#));
        let asked =
            |lines: &[String]| (lines.iter().filter(|line| line.contains("pending")).count() == number).then_some(());
        daemon.log().wait("the question", asked);
        leave(raw.stream(), how);
        // Closing the socket resets it where that was asked for.
        let kept = (!matches!(how, Leaving::Reset)).then_some(raw);
        wait_until_nobody_is_there(&daemon, &format!("{how:?}"));
        drop(kept);
    }
}

fn wait_until_nobody_is_there(daemon: &Daemon, how: &str) {
    let began = Instant::now();
    while daemon.asked()["connections"]["total"] != 0 {
        assert!(began.elapsed() < DEADLINE, "{how}: it is still there");
    }
}

/// Nothing more comes, and so nothing is kept for it, though its socket is open.
#[test]
fn a_client_that_says_goodbye_and_stays_is_let_go() {
    let daemon = Setup::on_shards(1).encrypted().start();
    let config = trusting(&daemon.dir().join("relay.pem"));
    let mut unheard = Stream::with(TcpStream::connect(daemon.address()).unwrap(), Some(config));
    unheard.shake_hands().unwrap();
    say_goodbye(&mut unheard);
    let mut greeted = daemon.upgraded();
    say_goodbye(greeted.stream());
    let mut authorized = daemon.upgraded();
    authorized.authorize();
    say_goodbye(authorized.stream());
    wait_until_nobody_is_there(&daemon, "all of them");
    assert!(authorized.stream().ends_with_close_notify());
}
