//! The words of a real server behind the handshake: messages, refusals, nobody there, and its own end.

use super::super::{Credentials, ServerError, command};
use super::real_server::Server;

#[tokio::test]
async fn messages_come_as_they_were_published_and_not_back() {
    let Some(server) = Server::start("", &[]) else { return };
    let mut listener = server.connect(Credentials::None).await.unwrap();
    let mut source = server.connect(Credentials::None).await.unwrap();
    let subscribe = |out: &mut Vec<u8>| {
        command::subscribe(out, "a.b", Some("own"), 7);
        command::subscribe(out, "a.*", None, 8);
        command::unsubscribe(out, 8);
        command::ping(out);
    };
    source.write(subscribe).await;
    listener.write(subscribe).await;
    assert_eq!((listener.said().await, source.said().await), (vec![], vec![]));
    let long = [b'x'; 64 * 1024 + 1];
    source
        .write(|out| {
            command::publish(out, "a.b", None, &[b"one", b" ", b"two"]);
            command::publish(out, "a.b", Some("r"), &[b"\r\nMSG\r\n"]);
            command::publish(out, "a.b", None, &[]);
            command::publish(out, "a.b", None, &[&long]);
            command::publish(out, "a.b", None, &[b"end"]);
            command::ping(out);
        })
        .await;
    assert_eq!(source.said().await, [""; 0], "its own messages came back");
    listener.write(command::ping).await;
    let expected = [
        "a.b 7 None one two",
        "a.b 7 Some(\"r\") \\r\\nMSG\\r\\n",
        "a.b 7 None ",
        "long a.b 7 65537",
        "a.b 7 None end",
    ];
    assert_eq!(listener.said().await, expected);
}

#[tokio::test]
async fn headers_are_left_out() {
    let Some(server) = Server::start("", &[]) else { return };
    let mut listener = server.connect(Credentials::None).await.unwrap();
    let mut source = server.connect(Credentials::None).await.unwrap();
    listener.write(|out| (command::subscribe(out, "a", None, 1), command::ping(out)).1).await;
    assert_eq!(listener.said().await, [""; 0]);
    source.write(|out| out.extend_from_slice(b"HPUB a r 18 21\r\nNATS/1.0\r\nA: b\r\n\r\nabc\r\nPING\r\n")).await;
    assert_eq!(source.said().await, [""; 0]);
    listener.write(command::ping).await;
    assert_eq!(listener.said().await, ["a 1 Some(\"r\") abc"]);
}

#[tokio::test]
async fn nobody_has_the_subject() {
    let Some(server) = Server::start("", &[]) else { return };
    let mut source = server.connect(Credentials::None).await.unwrap();
    source
        .write(|out| {
            command::subscribe(out, "r.1", None, 3);
            command::publish(out, "a", Some("r.1"), &[b"is anybody there?"]);
            command::publish(out, "a", None, &[b"no matter"]);
            command::ping(out);
        })
        .await;
    assert_eq!(source.said().await, ["nobody r.1 3"]);
}

#[tokio::test]
async fn a_payload_that_is_too_long_ends_the_connection() {
    let Some(server) = Server::start("max_payload: 1000", &[]) else { return };
    let mut source = server.connect(Credentials::None).await.unwrap();
    assert_eq!(source.info.payload_bytes_max(), 1000);
    source.write(|out| (command::publish(out, "a", None, &[&[0; 1000]]), command::ping(out)).1).await;
    assert_eq!(source.said().await, [""; 0]);
    source.write(|out| command::publish(out, "a", None, &[&[0; 1001]])).await;
    let said = source.said().await;
    // Where the connection is reset first, what the server has said is lost.
    assert!(said == ["Payload", "end"] || said == ["end"], "{said:?}");
    assert!(ServerError::Payload.ends_the_connection());
}

#[tokio::test]
async fn missing_permissions_leave_the_connection_open() {
    let settings =
        "authorization: {users: [{user: relay, password: a, permissions: {publish: \"p.>\", subscribe: \"p.>\"}}]}";
    let Some(server) = Server::start(settings, &[]) else { return };
    let password = zeroize::Zeroizing::new("a".to_owned());
    let mut relay = server.connect(Credentials::Password { user: "relay".to_owned(), password }).await.unwrap();
    relay
        .write(|out| {
            command::subscribe(out, "p.a", Some("own"), 1);
            command::subscribe(out, "a.b", Some("own"), 2);
            command::publish(out, "a.c", None, &[b"x"]);
            command::ping(out);
        })
        .await;
    let mut said = relay.said().await;
    // Refused publications are told by another of the server's threads.
    said.sort_unstable();
    assert_eq!(said, ["Permissions(Publish, \"a.c\")", "Permissions(Subscribe, \"a.b\")"]);
}

#[tokio::test]
async fn a_bad_subject_leaves_the_connection_open_and_a_long_line_ends_it() {
    let Some(server) = Server::start("", &[]) else { return };
    let mut relay = server.connect(Credentials::None).await.unwrap();
    relay.write(|out| (command::subscribe(out, "a..b", None, 1), command::ping(out)).1).await;
    assert_eq!(relay.said().await, ["Subject"]);
    relay.write(|out| command::subscribe(out, &"a".repeat(5000), None, 1)).await;
    let said = relay.said().await;
    assert!(said == ["ControlLine", "end"] || said == ["end"], "{said:?}");
}

#[tokio::test]
async fn a_server_that_takes_no_more_connections_says_so() {
    let Some(server) = Server::start("max_connections: 1", &[]) else { return };
    let _first = server.connect(Credentials::None).await.unwrap();
    let error = server.connect(Credentials::None).await.err().unwrap().to_string();
    assert!(error.contains("raise `max_connections` in its settings"), "{error}");
}

#[tokio::test]
async fn lame_duck_mode_is_told() {
    let settings = "lame_duck_duration: 30s\nlame_duck_grace_period: 10s";
    let Some(server) = Server::start(settings, &[]) else { return };
    let mut relay = server.connect(Credentials::None).await.unwrap();
    assert!(!relay.info.is_lame_duck);
    server.signal("ldm");
    let info = relay.lame_duck().await;
    assert_eq!(info.server_id, relay.info.server_id);
}

#[tokio::test]
async fn a_server_without_headers_is_refused() {
    let Some(server) = Server::start("no_header_support: true", &[]) else { return };
    let error = server.connect(Credentials::None).await.err().unwrap().to_string();
    assert!(error.contains("`no_header_support`"), "{error}");
}
