//! Answers to requests for events, and the reasons of their ends.

use super::*;
use std::time::Duration;

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
const SUBSCRIBED: &str = "event: subscribed\ndata: {\"relay\":\"relay-1\",\"channels\":[\"a\",\"b\"]}\n\n";

/// What is heard, and why it ended.
fn heard(bytes: &str) -> (Vec<String>, Failure) {
    let mut stream = EventStream::new(&["a"], 4096);
    let mut all = Vec::new();
    let fed = stream.feed(bytes.as_bytes(), |heard| {
        all.push(match heard {
            Heard::Granted(channels) => channels.join("+"),
            Heard::Begins { subscribed, id } => format!("{} begins at {id:?}", subscribed.channel),
            Heard::Message { data, .. } => String::from_utf8_lossy(data).into_owned(),
            Heard::Gap { channel, id } => format!("a gap in {channel} at {id:?}"),
        });
        Ok(())
    });
    (all, fed.err().unwrap_or_else(|| stream.eof()))
}

#[test]
fn events_have_their_meaning() {
    let message = r#"{"channel":"a","content":null}"#;
    let text = format!(
        "{HEAD}{SUBSCRIBED}data: {message}\n\n:\n\nevent: something\ndata: new\n\nevent: message\ndata: {message}\n\n"
    );
    let (all, failure) = heard(&text);
    assert_eq!(all, ["a+b", message, message]);
    assert_eq!((failure.message.as_str(), failure.again), ("the relay closed the connection", true));
    let Answer::Publication { channel, content, .. } = delivery(message.as_bytes()).unwrap() else { panic!("none") };
    assert_eq!((channel.as_str(), content.get()), ("a", "null"));
    assert!(delivery(b"{\"channel\":\"a\"}").is_err());
}

#[test]
fn events_of_channels_with_history_have_ids() {
    let begins = r#"{"type":"subscribe_ok","channel":"a","recovered":true,"missed":0,"position":"p"}"#;
    let gap = r#"{"type":"gap","channel":"a","position":"q"}"#;
    let events = format!(
        "{SUBSCRIBED}id: 1\nevent: subscribe_ok\ndata: {begins}\n\nid: 2\nevent: gap\ndata: {gap}\n\ndata: 3\n\n"
    );
    let (all, _) = heard(&format!("{HEAD}{events}"));
    assert_eq!(all, ["a+b", "a begins at Some(\"1\")", "a gap in a at Some(\"2\")", "3"]);
    // With the last word there is one too, of what was not sent any more.
    let mut stream = EventStream::new(&["a", "b"], 4096);
    let ended = "id: 4\nevent: subscription_ended\ndata: {\"type\":\"subscription_ended\",\"channel\":\"a\"}\n\n";
    assert!(stream.feed(format!("{HEAD}{events}{ended}").as_bytes(), |_| Ok(())).is_err());
    assert_eq!(stream.last_id(), Some("4"));
}

#[test]
fn an_end_is_what_a_close_frame_says() {
    let failed = r#"{"type":"authorization_failed","reason":"expired"}"#;
    let ended = r#"{"type":"subscription_ended","channel":"a","reason":"revoked"}"#;
    let expiring = "event: authorization_expiring\ndata: {\"type\":\"authorization_expiring\",\"seconds\":7}\n\n";
    for (events, expected, again, after) in [
        (
            "event: end\ndata: {\"code\":4001,\"reason\":\"slow consumer\"}\n\n".to_owned(),
            "the relay closed the connection (close code 4001: slow consumer)",
            true,
            0,
        ),
        (
            "event: end\nretry: 1500\ndata: {\"code\":1001,\"reason\":\"\"}\n\n".to_owned(),
            "the relay closed the connection (close code 1001)",
            true,
            1500,
        ),
        (
            format!("event: authorization_failed\ndata: {failed}\n\nevent: end\ndata: {{\"code\":4501}}\n\n"),
            "the relay refused: authorization_failed: expired (close code 4501)",
            false,
            0,
        ),
        (
            format!("{expiring}event: authorization_failed\ndata: {failed}\n\nevent: end\ndata: {{\"code\":4501}}\n\n"),
            "the relay refused: authorization_failed: expired (close code 4501)",
            true,
            0,
        ),
        (
            format!("event: subscription_ended\ndata: {ended}\n\n"),
            "the relay ended the subscription to \"a\": revoked",
            false,
            0,
        ),
        (
            format!("event: authorization_failed\ndata: {failed}\n\n"),
            "the relay refused: authorization_failed: expired",
            false,
            0,
        ),
        (
            "event: end\ndata: soon\n\n".to_owned(),
            "the relay sent an event that is not understood: expected value at line 1 column 1",
            false,
            0,
        ),
    ] {
        let (_, failure) = heard(&format!("{HEAD}{SUBSCRIBED}{events}"));
        assert_eq!((failure.message.as_str(), failure.again), (expected, again), "{events}");
        assert_eq!(failure.after, Duration::from_millis(after), "{events}");
    }
}

#[test]
fn a_refusal_is_read_to_its_end() {
    let body = r#"{"detail":"no permission to read"}"#;
    let problem = "HTTP/1.1 403 Forbidden\r\nContent-Type: application/problem+json\r\n";
    for text in [format!("{problem}Content-Length: {}\r\n\r\n{body}", body.len()), format!("{problem}\r\n{body}")] {
        let expected = "the relay refused: permission_denied for channel \"a\": no permission to read (HTTP 403)";
        assert_eq!(heard(&text).1.message, expected);
    }
    for (text, expected) in [
        ("", "ended before it answered"),
        ("HTTP/1.1 200", "ended in the middle of its answer"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "found a server that answers HTTP 200: hi"),
    ] {
        let failure = heard(text).1;
        assert!(failure.message.contains(expected), "{failure}");
    }
}
