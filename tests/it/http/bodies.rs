//! Bodies of requests: in chunks and in pieces, asked for and not, too long, and without an end.

use crate::harness::{Daemon, Memory, Request, Setup};

crate::on_1_and_3_shards!(
    chunks_are_put_together,
    chunks_that_are_none_end_the_connection,
    a_body_is_asked_for_where_it_is_wanted
);

const MIB: usize = 1024 * 1024;

fn chunked(chunks: &str) -> Request {
    Request::post_chunks("/publish/a", chunks)
}

fn chunks_are_put_together(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a");
    for chunks in [
        "c\r\n\"of a chunk\"\r\n0\r\n\r\n",
        "1\r\n\"\r\n00000003\r\nof \r\n7;a=b;c\r\na chunk\r\n1;\"\"\r\n\"\r\n000;x\r\n\r\n",
        "C\r\n\"of a chunk\"\r\n0\r\nTrailer: of no use\r\nHost: another\r\n\r\n",
    ] {
        let bytes = chunked(chunks).bytes();
        let mut http = daemon.http();
        for pieces in [bytes.len(), 1, 3, 10] {
            bytes.chunks(pieces).for_each(|piece| http.raw().send(piece));
            http.answer().expect_accepted();
            listener.expect_content("a", "\"of a chunk\"");
        }
        // Several in one go.
        http.raw().send(bytes.repeat(10));
        for _ in 0..10 {
            http.answer().expect_accepted();
            listener.expect_content("a", "\"of a chunk\"");
        }
    }
    listener.expect_no_answer();
}

fn chunks_that_are_none_end_the_connection(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a");
    for chunks in [
        "1\n1\r\n0\r\n\r\n",
        "1\r\n1\n0\r\n\r\n",
        "1\r\n11\r\n0\r\n\r\n",
        " 1\r\n1\r\n0\r\n\r\n",
        "1 \r\n1\r\n0\r\n\r\n",
        "+1\r\n1\r\n0\r\n\r\n",
        "0x1\r\n1\r\n0\r\n\r\n",
        "g\r\n1\r\n0\r\n\r\n",
        "\r\n1\r\n0\r\n\r\n",
        "-1\r\n1\r\n0\r\n\r\n",
        "000000001\r\n1\r\n0\r\n\r\n",
        "1;a\nb\r\n1\r\n0\r\n\r\n",
        "1\r\n1\r\n0\r\n bad: trailer\r\n\r\n",
        "1\r\n1\r\n0\r\nbad : trailer\r\n\r\n",
        "1\r\n1\r\n0\r\nbad: trailer\n\r\n",
    ] {
        println!("{chunks:?}");
        let mut http = daemon.http();
        // What follows may be taken for more of the body by somebody else, and is not answered.
        http.raw().send_perhaps([chunked(chunks).bytes(), Request::post("/publish/a", "2").bytes()].concat());
        let answer = http.answer();
        assert!(answer.closes(), "{answer:?}");
        answer.expect_problem(400);
        http.expect_end();
    }
    listener.expect_no_answer();
}

fn a_body_is_asked_for_where_it_is_wanted(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a");
    let mut http = daemon.http();
    for request in [Request::post("/publish/a", "\"body\""), chunked("6\r\n\"body\"\r\n0\r\n\r\n")] {
        let request = request.header("Expect: 100-continue");
        http.raw().send(request.head());
        let go_on = http.answer().expect(100);
        assert_eq!(go_on.head, "HTTP/1.1 100 Continue\r\n\r\n");
        http.raw().send(&request.bytes()[request.head().len()..]);
        http.answer().expect_accepted();
        listener.expect_content("a", "\"body\"");
        // Some of it is there already: the client does not wait.
        http.send(&request);
        http.answer().expect_accepted();
        listener.expect_content("a", "\"body\"");
    }
    // A client of an older version does not know the answer.
    let old = Request::post("/publish/a", "1").header("Expect: 100-continue").version("HTTP/1.0");
    http.raw().send(old.head());
    assert!(http.answer_within(std::time::Duration::from_millis(50)).is_none());
    http.raw().send("1");
    http.answer().expect_accepted();
}

/// The body may come all the same, or another request: nobody could tell, so the connection ends.
#[test]
fn a_body_is_not_asked_for_where_the_request_is_refused() {
    let daemon = Daemon::on_shards(1);
    let post = Request::post("/publish/a", "1");
    for (request, status) in [
        (post.clone().bearer("refuse=why"), 401),
        (post.clone().bearer("read=*"), 403),
        (post.clone().bearer("unavailable"), 503),
        (Request::post("/publish/%zz", "1"), 400),
        (Request::post("/nothing", "1"), 404),
        (post.clone().header(&format!("Content-Length: {}", MIB + 1)), 413),
        (post.header("Content-Type: image/png"), 415),
        (chunked("").bearer("read=*"), 403),
    ] {
        let mut http = daemon.http();
        http.raw().send(request.header("Expect: 100-continue").head());
        let answer = http.answer();
        assert!(answer.closes(), "{answer:?}");
        answer.expect_problem(status);
        http.expect_end();
    }
}

/// As soon as it is known: of what is announced nothing is waited for, and nothing is kept.
#[test]
fn a_body_that_is_too_long_is_refused() {
    let daemon = Setup::on_shards(1).settings("limits: {message_timeout: 1h}").start();
    let memory = Memory::of(&daemon);
    let of_length = |length: &str| Request::post("/publish/a", "").header(&format!("Content-Length: {length}"));
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    for request in [
        of_length("1048577"),
        of_length("18446744073709551615"),
        chunked("100001\r\n"),
        chunked("ffffffff;x=y"),
        chunked(&format!("{}1\r\n", chunk.repeat(16))),
    ] {
        let mut http = daemon.http();
        http.send_perhaps(&request);
        let answer = http.answer();
        assert!(answer.closes(), "{answer:?}");
        answer.expect_problem(413);
        http.expect_end();
    }
    memory.assert_grown_at_most(6 * MIB);
    let long = format!("\"{}\"", "x".repeat(MIB - 2));
    daemon.http().post("/publish/a", long).expect_accepted();
    // A text becomes longer as JSON, and linked relays take no more.
    let text = |text: String| Request::post("/publish/a", text).header("Content-Type: text/plain");
    daemon.http().ask(&text("\n".repeat(MIB / 2))).expect_problem(413);
    daemon.http().ask(&text("\n".repeat(MIB / 2 - 1))).expect_accepted();
    assert_eq!(daemon.refused(), "max_message_bytes 6");
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let daemon = Setup::on_shards(1).settings("limits: {message_timeout: 1s}").start();
    let post = Request::post("/publish/a", "[1, 2]").bytes();
    let half = &post[..post.len() - 1];
    for bytes in [half, &chunked("5\r\n[1, 2").bytes(), &chunked("1\r\n1\r\n0\r\nTrailer: x\r\n").bytes()] {
        let mut http = daemon.http();
        // What was asked before is answered meanwhile.
        http.raw().send([&post, bytes].concat());
        http.answer().expect_accepted();
        let answer = http.answer();
        assert!(answer.closes(), "{answer:?}");
        answer.expect_problem(408);
        http.expect_end();
    }
    // Who has gone is not answered.
    let mut http = daemon.http();
    http.raw().send(half);
    http.raw().finish_sending();
    let rest = http.raw().read_to_end();
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 503 "), "{}", String::from_utf8_lossy(&rest));
    assert_eq!(daemon.refused(), "message_timeout 3");
}
