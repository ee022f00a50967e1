//! Connections over HTTP: many requests on one, answers in their order, and when it is closed.

use crate::harness::{Daemon, Http, Request, Setup, time_without_stalls};
use std::thread;
use std::time::{Duration, Instant};

crate::on_1_and_3_shards!(
    a_thousand_requests_in_one_go,
    requests_in_small_pieces,
    a_connection_ends_when_one_side_says_so
);

fn with_limits(limits: &str) -> Daemon {
    Setup::on_shards(1).settings(&format!("limits: {{{limits}}}")).start()
}

/// Different ones in turns: each answer shows by its status which request it is for.
fn a_thousand_requests_in_one_go(daemon: Daemon) {
    const REQUESTS: usize = 1000;
    let mut listeners: Vec<_> = (0..3).map(|_| daemon.client()).collect();
    listeners.iter_mut().for_each(|listener| listener.subscribe("a"));
    let denied = Request::post("/publish/a", "1").bearer("read=*");
    let request = |number: usize| match number % 4 {
        0 => Request::post("/publish/a", number.to_string()),
        1 => Request::get("/nothing"),
        2 => denied.clone(),
        _ => Request::get("/healthz"),
    };
    let mut http = daemon.http();
    http.raw().send((0..REQUESTS).flat_map(|number| request(number).bytes()).collect::<Vec<u8>>());
    for number in 0..REQUESTS {
        http.answer().expect([202, 404, 403, 200][number % 4]);
    }
    for listener in &mut listeners {
        (0..REQUESTS).step_by(4).for_each(|number| listener.expect_content("a", &number.to_string()));
        listener.expect_no_answer();
    }
    http.get("/healthz").expect(200);
}

fn requests_in_small_pieces(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a");
    let bytes = [Request::post("/publish/a", "[1]").bytes(), Request::post("/publish/a", "[2]").bytes()].concat();
    for pieces in [1, 2, 7, 50] {
        let mut http = daemon.http();
        bytes.chunks(pieces).for_each(|piece| http.raw().send(piece));
        for content in ["[1]", "[2]"] {
            http.answer().expect_accepted();
            listener.expect_content("a", content);
        }
        // Two CR LF before a request are no harm.
        http.raw().send([b"\r\n\r\n".as_slice(), &bytes].concat());
        for content in ["[1]", "[2]"] {
            http.answer().expect_accepted();
            listener.expect_content("a", content);
        }
    }
}

fn a_connection_ends_when_one_side_says_so(daemon: Daemon) {
    let post = Request::post("/publish/a", "1");
    let old = post.clone().version("HTTP/1.0");
    for (request, ends) in [
        (post.clone(), false),
        (post.clone().header("Connection: keep-alive"), false),
        (post.clone().header("Connection: close"), true),
        (post.clone().header("Connection: keep-alive, CLOSE"), true),
        (post.clone().header("Connection: keep-alive").also("Connection: close"), true),
        (old.clone(), true),
        (old.clone().without("Host"), true),
        (old.header("Connection: keep-alive"), true),
        (Request::get("/healthz").version("HTTP/1.0").without("Host"), true),
    ] {
        let mut http = daemon.http();
        // What follows is no request any more where the connection ends.
        http.raw().send([request.bytes(), post.bytes()].concat());
        let first = http.answer();
        assert!(matches!(first.status, 200 | 202), "{first:?}");
        assert_eq!(first.closes(), ends, "{first:?}");
        match ends {
            true => http.expect_end(),
            false => drop(http.answer().expect_accepted()),
        }
    }
    // The client has no more to say, and hears its answers.
    let mut http = daemon.http();
    http.raw().send([post.bytes(), post.bytes()].concat());
    http.raw().finish_sending();
    http.answer().expect_accepted();
    http.answer().expect_accepted();
    http.expect_end();
}

/// When a connection has ended since a moment, and what comes of it meanwhile.
fn ends_after(mut http: Http, since: Instant) -> Duration {
    http.expect_end();
    since.elapsed()
}

#[test]
fn an_idle_connection_is_closed_at_its_timeout() {
    let daemon = with_limits("keep_alive_timeout: 1s");
    let mut idle = daemon.http();
    let mut busy = daemon.http();
    idle.post("/publish/a", "1").expect_accepted();
    let since = Instant::now();
    // As long as there are requests, it stays.
    let (ended, _) = time_without_stalls(|| {
        thread::scope(|scope| {
            let ends = scope.spawn(move || ends_after(idle, since));
            while !ends.is_finished() {
                busy.post("/publish/a", "1").expect_accepted();
            }
            ends.join().unwrap()
        })
    });
    assert!(ended >= Duration::from_millis(900), "closed after {ended:?}");
    assert_eq!(daemon.refused(), "nothing");
}

#[test]
fn a_connection_on_which_nothing_is_authorized_has_less_time() {
    let daemon = with_limits("authorize_timeout: 2s, handshake_timeout: 2s, keep_alive_timeout: 1h");
    let since = Instant::now();
    let mut strangers: Vec<Http> = (0..3).map(|_| daemon.http()).collect();
    let mut known = daemon.http();
    strangers[0].get("/healthz").expect(200);
    strangers[1].get("/nothing").expect(404);
    let denied = Request::post("/publish/a", "1").bearer("unavailable");
    strangers[2].ask(&denied).expect_problem(503);
    known.ask(&Request::post("/publish/a", "1").bearer("write=b")).expect_problem(403);
    for stranger in strangers {
        let ended = ends_after(stranger, since);
        assert!(ended >= Duration::from_millis(1900), "closed after {ended:?}");
    }
    // It was told what it may not do: it is known.
    known.post("/publish/a", "1").expect_accepted();
    drop(known);
    assert_eq!(daemon.refused(), "authorize_timeout 3");
}

/// Each time with the beginning of a further request, for which there is time.
#[test]
fn who_proves_nothing_wins_no_time_by_asking() {
    let daemon = with_limits("authorize_timeout: 3s, handshake_timeout: 3s, keep_alive_timeout: 1h");
    let since = Instant::now();
    let mut http = daemon.http();
    let request = Request::get("/healthz").bytes();
    let (beginning, rest) = request.split_at(1);
    http.raw().send([&request, beginning].concat());
    while http.next_answer().is_some() {
        assert!(since.elapsed() < Duration::from_secs(60), "it is not closed");
        http.raw().send_perhaps([rest, beginning].concat());
    }
    assert_eq!(daemon.refused(), "authorize_timeout 1");
}

/// Half of a second request has as much time as half of a first one.
#[test]
fn a_head_that_never_ends_is_not_waited_for() {
    let daemon = with_limits("handshake_timeout: 1s, keep_alive_timeout: 1h");
    let head = Request::post("/publish/a", "1").head();
    let mut first = daemon.http();
    first.raw().send(&head[..40]);
    let mut second = daemon.http();
    second.post("/publish/a", "1").expect_accepted();
    second.raw().send(&head[..40]);
    // A byte now and then does not help.
    let mut trickling = daemon.http();
    trickling.post("/publish/a", "1").expect_accepted();
    trickling.raw().send("GET /healthz HTTP/1.1\r\nX: ");
    while !trickling.raw().has_more_within(Duration::from_millis(100)) {
        trickling.raw().send_perhaps("x");
    }
    trickling.raw().read_to_end();
    first.expect_end();
    second.expect_end();
    assert_eq!(daemon.refused(), "handshake_timeout 3");
}
