//! How a connection ends, seen from both sides: the reply, the close frame, its answer, the end of the stream.

use crate::harness::{Daemon, Frame, text_message};

crate::on_1_and_3_shards!(
    a_clients_close_is_answered,
    a_clients_close_without_a_code_is_answered,
    what_was_sent_before_the_close_still_counts,
    the_reply_comes_before_the_close,
    what_is_sent_after_an_error_is_ignored,
    a_client_that_never_answers_the_close_is_let_go,
    a_half_closed_connection_ends,
);

const NO_MESSAGE: &str = r#"{"type":"frobnicate"}"#;

fn a_clients_close_is_answered(daemon: Daemon) {
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        let mut raw = daemon.upgraded();
        // What comes behind the close is not read any more.
        raw.send([Frame::close(code, "goodbye").masked(), text_message(NO_MESSAGE)].concat());
        let answer = raw.read_frame();
        assert_eq!((answer.first_byte, &answer.payload[..2]), (0x88, &code.to_be_bytes()[..]), "{answer:?}");
        raw.expect_end();
    }
}

fn a_clients_close_without_a_code_is_answered(daemon: Daemon) {
    let mut raw = daemon.upgraded();
    raw.send(Frame::new(0x88, "").masked());
    assert_eq!(raw.read_frame().first_byte, 0x88);
    raw.expect_end();
}

fn what_was_sent_before_the_close_still_counts(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a");
    let mut raw = daemon.upgraded();
    let authorize = text_message(r#"{"type":"authorize","authorization":"both=*"}"#);
    let publish = text_message(r#"{"type":"publish","channel":"a","content":"last words"}"#);
    raw.send([authorize, publish, Frame::close(1000, "").masked()].concat());
    assert_eq!(raw.read_text(), r#"{"type":"authorization_ok"}"#);
    assert_eq!(raw.read_frame().first_byte, 0x88);
    raw.expect_end();
    listener.expect_publish("a", "last words".into());
}

fn the_reply_comes_before_the_close(daemon: Daemon) {
    let mut raw = daemon.upgraded();
    raw.send(text_message(NO_MESSAGE));
    assert!(raw.read_text().starts_with(r#"{"type":"unknown_message_received","#));
    raw.expect_closed(4500);
}

fn what_is_sent_after_an_error_is_ignored(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a");
    let mut raw = daemon.upgraded();
    let authorize = text_message(r#"{"type":"authorize","authorization":"both=*"}"#);
    let publish = text_message(r#"{"type":"publish","channel":"a","content":"too late"}"#);
    raw.send([authorize, text_message(NO_MESSAGE), publish, text_message(NO_MESSAGE)].concat());
    assert_eq!(raw.read_text(), r#"{"type":"authorization_ok"}"#);
    assert!(raw.read_text().starts_with(r#"{"type":"unknown_message_received","#));
    raw.expect_closed(4500);
    listener.publish("a", "in time".into());
    listener.expect_publish("a", "in time".into());
    listener.expect_no_answer();
}

/// The relay waits for the answer, but not for ever: it then ends the connection by itself.
fn a_client_that_never_answers_the_close_is_let_go(daemon: Daemon) {
    let mut raw = daemon.upgraded();
    raw.send(text_message(NO_MESSAGE));
    raw.read_text();
    assert_eq!(raw.read_frame().first_byte, 0x88);
    raw.expect_end();
}

fn a_half_closed_connection_ends(daemon: Daemon) {
    let mut raw = daemon.upgraded();
    raw.finish_sending();
    raw.read_to_end();
}
