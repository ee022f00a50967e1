//! The check of servers of which some are faulty.

use super::*;
use crate::nats::server::{Credentials, ServerSettings};
use crate::nats::settings::Identity;
use tokio::net::TcpListener;

#[test]
fn payloads_have_room_for_the_longest_message() {
    let address = ServerAddress::advertised("nats-1:4222", false).unwrap();
    let info = |max: usize| {
        Info::parse(format!(r#"{{"server_id":"A","version":"2.10.0","max_payload":{max},"headers":true}}"#).as_bytes())
            .unwrap()
    };
    let content = 1 << 20;
    let mut settings = settings(Vec::new());
    settings.identity.content_bytes_max = content;
    assert!(check_payload(&address, &info(needed_payload_bytes(content, false)), &settings).is_ok());
    let error = check_payload(&address, &info(content), &settings).unwrap_err().to_string();
    assert!(error.contains("nats://nats-1:4222") && error.contains("`max_payload: 1048618`"), "{error}");
    settings.has_history = true;
    let error =
        check_payload(&address, &info(needed_payload_bytes(content, false)), &settings).unwrap_err().to_string();
    assert!(error.contains("`max_payload: 1049110`"), "numbers have no room: {error}");
    assert!(crate::nats::payload_bytes_max(content) >= needed_payload_bytes(content, true));
}

/// A server of the cluster `c` that takes payloads of so many bytes, and says this when it is asked with the `pings`-th PING.
async fn server(payload_bytes_max: usize, pings: usize, answer: &'static str) -> ServerAddress {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let info = format!(
            "INFO {{\"server_id\":\"A\",\"version\":\"2.9.10\",\"cluster\":\"c\",\"max_payload\":{payload_bytes_max},\"headers\":true}}\r\n"
        );
        socket.write_all(info.as_bytes()).await.unwrap();
        let (mut said, mut answered) = (Vec::new(), 0);
        while socket.read_buf(&mut said).await.is_ok_and(|bytes| bytes > 0) {
            let asked = said.windows(6).filter(|six| six == b"PING\r\n").count();
            while answered < asked {
                answered += 1;
                let text = if answered == pings { answer } else { "" };
                socket.write_all(format!("{text}PONG\r\n").as_bytes()).await.unwrap();
            }
        }
    });
    ServerAddress::advertised(&format!("127.0.0.1:{port}"), false).unwrap()
}

fn settings(servers: Vec<ServerAddress>) -> Settings {
    let server = ServerSettings { name: "r1".into(), payload_bytes_max: 1 << 20, ..ServerSettings::default() };
    assert!(matches!(server.credentials, Credentials::None));
    let identity = Identity { name: "r1".into(), network: "n".into(), content_bytes_max: 1000 };
    Settings { identity, servers, server, has_history: false, keys: None }
}

const BOOT: BootId = BootId([7; 16]);

#[tokio::test]
async fn the_faults_of_each_server_are_told() {
    let denied = "-ERR 'Permissions Violation for Subscription to \"a\"'\r\n-ERR 'Permissions Violation for Publish to \"b\"'\r\n";
    let servers = [
        server(1 << 20, 1, "-ERR 'Authorization Violation'\r\n").await,
        server(1000, 0, "").await,
        server(1 << 20, 0, "").await,
        server(1 << 20, 2, denied).await,
    ];
    let error = check_all(&settings(servers.to_vec()), BOOT).await.unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    let expected = [
        (&servers[0], "wants credentials"),
        (&servers[1], "takes payloads of up to 1000 bytes"),
        (&servers[3], "does not let this relay subscribe to `a`, publish to `b`: allow"),
    ];
    assert_eq!((lines.len(), lines[0]), (4, "3 faults of the NATS servers:"), "{error}");
    for (line, (address, what)) in lines[1..].iter().zip(expected) {
        assert!(line.starts_with(&format!("- {address} ")) && line.contains(what), "{error}");
    }
}

#[tokio::test]
async fn one_fault_is_the_error_itself_and_absence_is_none() {
    let good = server(1 << 20, 0, "").await;
    // Nobody listens there any more.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gone = ServerAddress::advertised(&gone.to_string(), false).unwrap();
    let found = check_all(&settings(vec![good.clone(), gone.clone()]), BOOT).await.unwrap();
    assert!(found[0].1.contains("cluster c") && found[1].1.contains("does not answer now"), "{found:?}");
    let small = server(1000, 0, "").await;
    let error = check_all(&settings(vec![gone, small.clone()]), BOOT).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("{small} takes payloads")) && !error.contains('\n'), "{error}");
}

#[test]
fn a_server_of_another_time_is_pointed_out() {
    for (version, expected) in
        [("2.1.9", false), ("2.8.4", false), ("2.9.10", true), ("2.15.1", true), ("3.0.0", true), ("dev", true)]
    {
        assert_eq!(is_tested(version), expected, "{version}");
    }
}
