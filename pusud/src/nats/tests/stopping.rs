//! The end of a connection at a planned stop: whatever was written before it arrives.

use super::bench::{Bench, info, payload, sender};
use crate::nats::conversation::converse;
use crate::nats::server::Parser;
use crate::nats::servers::{Connected, Way};
use crate::nats::wire;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::time::timeout;

/// Bytes that are on their way to the relay would have the system throw away what it has written, if it closed the connection.
#[tokio::test]
async fn everything_arrives_and_the_server_is_read_until_it_ends_the_connection() {
    let mut bench = Bench::joined("own", 1);
    (0..2000).for_each(|_| bench.publish("a", "1"));
    bench.backplane.stop();
    let backplane = Rc::new(RefCell::new(bench.backplane));
    let (stream, mut server) = tokio::io::duplex(4096);
    let connected = Connected { stream, way: Way::default(), info: info("S1"), parser: Parser::new(1 << 20) };
    let leave = Notify::new();
    let relay = converse(backplane, connected, &leave);
    let server = async {
        let mut heard = Vec::new();
        server.read_to_end(&mut heard).await.unwrap();
        // More than the connection holds: somebody has to read it.
        let more = b"MSG pusu.n.c.a 16 4\r\ntext\r\n".repeat(1000);
        server.write_all(&more).await.expect("it is read to the end");
        drop(server);
        heard
    };
    let (reason, heard) = timeout(Duration::from_secs(10), async { tokio::join!(relay, server) }).await.unwrap();
    assert_eq!(reason, "the server has ended the connection");
    let published = heard.windows(15).filter(|part| part == b"PUB pusu.n.c.a ").count();
    assert_eq!(published, 2000);
    let goodbye = payload(|out| wire::goodbye(out, sender(1, 1)));
    assert!(heard.ends_with(&[&goodbye[..], b"\r\n"].concat()), "nothing follows on goodbye");
}
