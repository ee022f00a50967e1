//! The end of a connection at a planned stop: whatever was written before it arrives.

use super::bench::{Bench, Home, batch, info, payload, sender};
use crate::nats::backplane::Backplane;
use crate::nats::conversation::converse;
use crate::nats::server::{Parser, ServerAddress};
use crate::nats::servers::{Connected, Servers, Way};
use crate::nats::settings::Identity;
use crate::nats::{tasks, wire};
use crate::peers::BootId;
use crate::routing::Event;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::runtime::Builder;
use tokio::sync::{Notify, mpsc};
use tokio::task::LocalSet;
use tokio::time::{Instant, timeout};

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

/// A relay stops while it goes from a server that is about to end to another one.
#[test]
fn goodbye_is_said_over_the_connection_that_there_is() {
    let mut bench = Bench::joined("own", 1);
    bench.publish("a", "1");
    bench.backplane.stop();
    bench.backplane.moves(bench.now);
    bench.connect("S2");
    bench.pass(Duration::from_millis(300));
    let written = bench.written();
    let goodbye = payload(|out| wire::goodbye(out, sender(1, 2)));
    assert_eq!(written.last().map(|one| &one.payload), Some(&goodbye), "behind everything else, of this connection");
    assert_eq!(written.iter().filter(|one| one.subject == "pusu.n.c.a").count(), 1);
    assert_eq!(written.iter().filter(|one| matches!(one.message(), wire::Message::Goodbye)).count(), 1);
    assert!(bench.backplane.is_stopped());
}

/// Servers of which the first one breaks off when it is written to for long, and the second one takes everything.
struct Breaking {
    dialled: Rc<Cell<usize>>,
    taken: Rc<RefCell<Vec<u8>>>,
}

impl Servers for Breaking {
    type Stream = DuplexStream;

    async fn dial(&self, _: &ServerAddress) -> Result<Connected<DuplexStream>, String> {
        let number = self.dialled.replace(self.dialled.get() + 1);
        let (stream, mut server) = duplex(4096);
        let taken = self.taken.clone();
        tokio::task::spawn_local(async move {
            let mut buffer = [0; 1024];
            let mut bytes = 0;
            while let Ok(count @ 1..) = server.read(&mut buffer).await {
                bytes += count;
                match number {
                    0 if bytes > 20_000 => {
                        // The relay is told to stop meanwhile.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        return;
                    }
                    0 => {}
                    _ => taken.borrow_mut().extend_from_slice(&buffer[..count]),
                }
            }
        });
        Ok(Connected { stream, way: Way::default(), info: info("S1"), parser: Parser::new(1 << 20) })
    }
}

#[test]
fn what_waits_when_a_stopping_relay_loses_its_connection_goes_to_another_server() {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let identity = Identity { name: "own".into(), network: "n".into(), content_bytes_max: 1000 };
        let backplane = Backplane::new(identity, BootId([1; 16]), Home::default(), None, Instant::now());
        let (dialled, taken) = (Rc::new(Cell::new(0)), Rc::default());
        let servers = Breaking { dialled: dialled.clone(), taken: Rc::clone(&taken) };
        let (events, inbox) = mpsc::unbounded_channel();
        let address = ServerAddress::parse("nats://n1").unwrap();
        let task =
            tokio::task::spawn_local(tasks::run(backplane, inbox, servers, vec![address], StdRng::seed_from_u64(1)));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let content = format!("\"{}\"", "x".repeat(900));
        for _ in 0..1000 {
            assert!(events.send(Event::Publications(batch("a", &content))).is_ok());
        }
        assert!(events.send(Event::Stop).is_ok());
        timeout(Duration::from_secs(5), task).await.expect("it ends in time").unwrap();
        assert_eq!(dialled.get(), 2);
        let all = taken.borrow();
        let arrived = all.windows(15).filter(|part| part == b"PUB pusu.n.c.a ").count();
        assert!((700..1000).contains(&arrived), "{arrived}: less what was on its way to the first server");
        let goodbye = [&payload(|out| wire::goodbye(out, sender(1, 2)))[..], b"\r\n"].concat();
        let end = String::from_utf8_lossy(&all[all.len() - 200..]);
        assert!(all.ends_with(&goodbye), "{end:?}");
    });
}
