//! Those who are no NATS server, or a bad one: a test's own program answers.

use super::super::dial_error::DialError;
use super::super::{Credentials, ServerAddress, TlsFiles, dial};
use super::real_server::settings;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::Instant;

const INFO: &str = r#"INFO {"server_id":"A","version":"2.9.10","max_payload":1000,"headers":true"#;

/// The error of dialling someone who says this at once, and reads on; with `closes` not for long.
async fn error_of(said: String, scheme: &str, closes: bool) -> DialError {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stranger = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(said.as_bytes()).await.unwrap();
        if closes {
            // Read first, so that what was said is not lost by a reset.
            assert!(socket.read(&mut [0; 4096]).await.unwrap() > 0);
            return;
        }
        while socket.read(&mut [0; 4096]).await.is_ok_and(|bytes| bytes > 0) {}
    });
    let address = ServerAddress::parse(&format!("{scheme}://127.0.0.1:{port}")).unwrap();
    let error = dial(&address, &settings(Credentials::None, TlsFiles::default())).await.err().expect("it is no server");
    stranger.abort();
    error
}

#[tokio::test]
async fn nonsense_is_told() {
    for (said, expected) in [
        ("SSH-2.0-OpenSSH_9.2\r\n", "is no NATS server: it sent a line that no NATS server sends: `SSH-2.0"),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "`HTTP/1.1 400 Bad Request`"),
        ("a\n", "does not end with CR LF"),
        ("PING\r\n", "`PING, where it cannot be`"),
        ("MSG a 1 1\r\nx\r\n", "`a message, where it cannot be`"),
        ("INFO {}\r\n", "it sent an INFO that cannot be read: missing field `server_id`"),
        ("INFO {\"server_id\":\"A\",\"version\":\"2\",\"max_payload\":-1}\r\n", "that has an impossible `max_payload`"),
        ("-ERR 'maximum connections exceeded'\r\n", "raise `max_connections`"),
    ] {
        let error = error_of(said.to_owned(), "nats", false).await.to_string();
        assert!(error.contains(expected), "{said:?}: {error}");
    }
    let error = error_of("x".repeat(100_000), "nats", false).await.to_string();
    assert!(error.contains("a line of more than 65536 bytes"), "{error}");
}

#[tokio::test]
async fn nothing_that_came_before_tls_counts() {
    let said = format!("{INFO},\"tls_required\":true}}\r\nPONG\r\n");
    for scheme in ["nats", "tls"] {
        let error = error_of(said.clone(), scheme, false).await;
        assert!(matches!(error, DialError::BeforeTls), "{error}");
    }
}

#[tokio::test]
async fn an_end_in_the_middle_is_told() {
    let error = error_of(format!("{INFO}}}\r\n"), "nats", true).await;
    assert!(matches!(error, DialError::Ended(_)), "{error}");
    let error = error_of(format!("{INFO}}}\r\n-ERR 'Authorization Violation'\r\n"), "nats", true).await;
    assert!(error.to_string().contains("authorization violation"), "{error}");
    let error = error_of(format!("{INFO},\"tls_required\":true}}\r\n"), "nats", true).await;
    assert!(matches!(error, DialError::Tls(_) | DialError::TlsFiles(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn whoever_says_nothing_is_given_up() {
    let begun = Instant::now();
    let error = error_of(String::new(), "nats", false).await;
    assert!(matches!(error, DialError::Silent), "{error}");
    assert_eq!(begun.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn whoever_says_nothing_more_is_given_up() {
    let error = error_of(format!("{INFO}}}\r\n"), "nats", false).await;
    assert!(matches!(error, DialError::HandshakeTimeout), "{error}");
}

#[tokio::test]
async fn nobody_there_is_told() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let address = ServerAddress::parse(&format!("nats://127.0.0.1:{port}")).unwrap();
    let error = dial(&address, &settings(Credentials::None, TlsFiles::default())).await.err().unwrap();
    assert!(matches!(error, DialError::Connect(_)), "{error}");
    let address = ServerAddress::parse("nats://nobody.invalid").unwrap();
    let error = dial(&address, &settings(Credentials::None, TlsFiles::default())).await.err().unwrap();
    assert!(matches!(error, DialError::Resolve(_) | DialError::ConnectTimeout), "{error}");
}
