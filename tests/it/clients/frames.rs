//! WebSocket frames, byte by byte: fragments, control frames, several messages in one segment, and what breaks RFC 6455.

use crate::harness::{ALL, Daemon, Frame, Raw, Setup, close_code, text_message, upgrade_request};
use serde_json::json;

crate::on_1_and_3_shards!(
    fragments_make_one_message,
    pings_are_answered,
    a_pong_nobody_asked_for_is_ignored,
    everything_in_one_segment,
    frames_right_behind_the_request,
    frames_byte_by_byte,
    broken_frames_close_with_a_protocol_error,
    text_that_is_not_utf8_closes,
    too_large_messages_close,
    length_lies_close_at_once,
    a_client_that_dies_in_a_frame_is_forgotten,
);

const AUTHORIZE: &str = r#"{"type":"authorize","authorization":"both=*"}"#;
const SUBSCRIBE: &str = r#"{"type":"subscribe","channel":"a"}"#;
const PUBLISH: &str = r#"{"type":"publish","channel":"a","content":1}"#;

fn expect_all_three(raw: &mut Raw) {
    assert_eq!(raw.read_text(), r#"{"type":"authorization_ok"}"#);
    assert_eq!(raw.read_text(), r#"{"type":"subscribe_ok","channel":"a"}"#);
    assert_eq!(raw.read_text(), PUBLISH);
}

fn fragments_make_one_message(daemon: Daemon) {
    let mut raw = daemon.upgraded();
    // In two, in single bytes with empty ones between, cut inside a character, and as binary.
    raw.send(Frame::new(0x01, &AUTHORIZE[..10]).masked());
    raw.send(Frame::new(0x80, &AUTHORIZE[10..]).masked());
    assert_eq!(raw.read_text(), r#"{"type":"authorization_ok"}"#);
    let subscribe = "{\"type\":\"subscribe\",\"channel\":\"ä\"}".as_bytes();
    raw.send(Frame::new(0x01, "").masked());
    for byte in subscribe {
        raw.send(Frame::new(0x00, [*byte]).masked());
    }
    raw.send(Frame::new(0x80, "").masked());
    assert_eq!(raw.read_text(), "{\"type\":\"subscribe_ok\",\"channel\":\"ä\"}");
    let publish = "{\"type\":\"publish\",\"channel\":\"ä\",\"content\":[1,2]}".as_bytes();
    raw.send(Frame::new(0x02, &publish[..20]).masked());
    raw.send(Frame::new(0x89, "between").masked());
    assert_eq!(raw.read_frame(), Frame::new(0x8a, "between"));
    raw.send(Frame::new(0x80, &publish[20..]).masked());
    assert_eq!(raw.read_text().as_bytes(), publish);
}

fn pings_are_answered(daemon: Daemon) {
    let mut raw = daemon.upgraded();
    let payloads = [vec![], b"hello".to_vec(), vec![0xff; 125]];
    for payload in &payloads {
        raw.send(Frame::new(0x89, payload).masked());
        assert_eq!(raw.read_frame(), Frame::new(0x8a, payload));
    }
}

fn a_pong_nobody_asked_for_is_ignored(daemon: Daemon) {
    let mut raw = daemon.upgraded();
    raw.send(Frame::new(0x8a, "unasked").masked());
    raw.send(text_message(AUTHORIZE));
    assert_eq!(raw.read_text(), r#"{"type":"authorization_ok"}"#);
}

fn everything_in_one_segment(daemon: Daemon) {
    let mut raw = daemon.upgraded();
    raw.send([AUTHORIZE, SUBSCRIBE, PUBLISH].map(text_message).concat());
    expect_all_three(&mut raw);
}

fn frames_right_behind_the_request(daemon: Daemon) {
    let mut raw = daemon.raw();
    let frames = [AUTHORIZE, SUBSCRIBE, PUBLISH].map(text_message).concat();
    raw.send([upgrade_request("").into_bytes(), frames].concat());
    assert!(raw.read_head().starts_with("HTTP/1.1 101 "));
    raw.expect_hello();
    expect_all_three(&mut raw);
}

fn frames_byte_by_byte(daemon: Daemon) {
    let mut raw = daemon.raw();
    for byte in [upgrade_request("").into_bytes(), text_message(AUTHORIZE), text_message(SUBSCRIBE)].concat() {
        raw.send([byte]);
    }
    assert!(raw.read_head().starts_with("HTTP/1.1 101 "));
    raw.expect_hello();
    for byte in text_message(PUBLISH) {
        raw.send([byte]);
    }
    expect_all_three(&mut raw);
}

/// What breaks RFC 6455 in a single frame, or in two.
fn broken_frames() -> Vec<(String, Vec<u8>)> {
    let begun = Frame::new(0x01, "{").masked();
    let mut cases: Vec<(String, Vec<u8>)> = vec![
        ("unmasked text".into(), Frame::text(AUTHORIZE).unmasked()),
        ("unmasked ping".into(), Frame::new(0x89, "").unmasked()),
        ("unmasked close".into(), Frame::close(1000, "").unmasked()),
        ("a ping of 126 bytes".into(), Frame::new(0x89, [0; 126]).masked()),
        ("a pong of 1000 bytes".into(), Frame::new(0x8a, [0; 1000]).masked()),
        ("a close of 126 bytes".into(), Frame::new(0x88, [3; 126]).masked()),
        ("a last continuation of nothing".into(), Frame::new(0x80, AUTHORIZE).masked()),
        ("a first continuation of nothing".into(), Frame::new(0x00, AUTHORIZE).masked()),
        ("a continuation of a whole message".into(), [text_message(AUTHORIZE), Frame::new(0x80, "").masked()].concat()),
        ("text inside a fragmented message".into(), [begun.clone(), Frame::text("}").masked()].concat()),
        ("binary inside a fragmented message".into(), [begun.clone(), Frame::new(0x82, "}").masked()].concat()),
        ("a beginning inside a fragmented message".into(), [begun.clone(), Frame::new(0x01, "}").masked()].concat()),
        ("a close of one byte".into(), Frame::new(0x88, [3]).masked()),
        ("a close inside a fragmented message, of one byte".into(), [begun, Frame::new(0x88, [3]).masked()].concat()),
    ];
    for rsv in 1..8 {
        for opcode in [0x1, 0x2, 0x9, 0xa] {
            let first_byte = 0x80 | rsv << 4 | opcode;
            cases.push((format!("RSV bits, {first_byte:#x}"), Frame::new(first_byte, "{}").masked()));
        }
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        cases.push((format!("reserved opcode {opcode}"), Frame::new(0x80 | opcode, "").masked()));
        cases.push((format!("reserved opcode {opcode}, fragmented"), Frame::new(opcode, "").masked()));
    }
    for opcode in [8, 9, 10] {
        cases.push((format!("fragmented control frame {opcode}"), Frame::new(opcode, "").masked()));
    }
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 0xffff] {
        cases.push((format!("a close with the code {code}"), Frame::close(code, "").masked()));
    }
    cases
}

fn broken_frames_close_with_a_protocol_error(daemon: Daemon) {
    let mut witness = daemon.client();
    witness.subscribe("a");
    for (what, bytes) in broken_frames() {
        println!("{what}");
        let mut raw = daemon.upgraded();
        raw.send_perhaps(bytes);
        let mut frame = raw.read_frame();
        // What was whole before is still answered.
        if frame.first_byte == 0x81 {
            frame = raw.read_frame();
        }
        assert_eq!(close_code(&frame), Some(1002), "{what}: {frame:?}");
        raw.finish_sending();
        raw.expect_end();
    }
    witness.publish("a", json!("still here"));
    witness.expect_publish("a", json!("still here"));
}

fn text_that_is_not_utf8_closes(daemon: Daemon) {
    let texts: [&[u8]; 8] = [
        b"\xff",
        b"{\"type\":\"\xc3\x28\"}",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"{}\xe2\x82",
        b"{\"a\":\"\xf0\x9f\x98\"}",
    ];
    for payload in texts {
        for split in 0..=payload.len() {
            let mut raw = daemon.upgraded();
            raw.send(Frame::new(0x01, &payload[..split]).masked());
            raw.send_perhaps(Frame::new(0x80, &payload[split..]).masked());
            raw.expect_closed(1007);
        }
        let mut raw = daemon.upgraded();
        raw.send(Frame::text(payload).masked());
        raw.expect_closed(1007);
    }
    let mut raw = daemon.upgraded();
    raw.send(Frame::new(0x88, b"\x03\xe8\xff").masked());
    raw.expect_closed(1007);
}

fn too_large_messages_close(daemon: Daemon) {
    let mut witness = daemon.client();
    witness.subscribe("a");
    for fragments in [1, 4] {
        let mut raw = daemon.upgraded();
        raw.send(text_message(AUTHORIZE));
        assert_eq!(raw.read_text(), r#"{"type":"authorization_ok"}"#);
        let piece = vec![b' '; 1024 * 1024 / fragments + 1];
        for at in 0..fragments {
            let first_byte = if at == 0 { 1 } else { 0 } | if at + 1 == fragments { 0x80 } else { 0 };
            raw.send_perhaps(Frame::new(first_byte, &piece).masked());
        }
        raw.expect_closed(1009);
    }
    witness.publish("a", json!("still here"));
    witness.expect_publish("a", json!("still here"));
}

/// A header that declares more than may come is answered before any of it has come.
fn length_lies_close_at_once(daemon: Daemon) {
    for length in [2 * 1024 * 1024, 1 << 32, i64::MAX as u64, u64::MAX] {
        println!("{length}");
        let mut raw = daemon.upgraded();
        raw.send([&[0x81, 0xff][..], &length.to_be_bytes(), &[1, 2, 3, 4]].concat());
        let frame = raw.read_frame();
        assert_eq!(close_code(&frame), Some(1009), "{frame:?}");
        raw.finish_sending();
        raw.expect_end();
    }
    assert_eq!(daemon.refused(), "max_message_bytes 4");
}

fn a_client_that_dies_in_a_frame_is_forgotten(mut daemon: Daemon) {
    for cut in [1, 3, 8, 20] {
        let mut raw = daemon.upgraded();
        raw.send(&text_message(AUTHORIZE)[..cut]);
        drop(raw);
    }
    let mut raw = daemon.upgraded();
    raw.send(&text_message(AUTHORIZE)[..10]);
    raw.finish_sending();
    raw.read_to_end();
    daemon.assert_alive();
}

#[test]
fn the_largest_message_is_a_setting() {
    let daemon = Setup::on_shards(1).settings("limits:\n  max_message_bytes: 300").start();
    let mut client = daemon.client_with(ALL);
    client.send_text(&format!("{SUBSCRIBE}{}", " ".repeat(300 - SUBSCRIBE.len())));
    client.expect_text(r#"{"type":"subscribe_ok","channel":"a"}"#);
    client.send_text(&format!("{SUBSCRIBE}{}", " ".repeat(301 - SUBSCRIBE.len())));
    client.expect_closed(1009);
}
