//! From a frame to the listeners: the walk over a channel's listeners, and one listener's outbox and socket.

use divan::Bencher;
use divan::counter::ItemsCount;
use pusud::frames::{self, Frames};
use pusud::hub::{Outbox, Subscriptions};
use pusud::routing::Lane;
use std::future::poll_fn;
use std::io::Read as _;
use std::net::TcpStream;
use std::thread::JoinHandle;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

const LISTENERS: [u32; 3] = [1, 100, 10_000];

#[divan::bench(args = LISTENERS)]
fn walk_listeners(bencher: Bencher<'_, '_>, listeners: u32) {
    let mut table = Subscriptions::default();
    for listener in 0..listeners {
        table.subscribe(listener, "auction.1");
    }
    bencher.counter(ItemsCount::new(listeners)).bench_local(|| {
        let channel = table.find(divan::black_box("auction.1")).unwrap();
        table.listeners(channel).for_each(divan::black_box_drop);
    });
}

/// One more client on a channel of so many, and gone again.
#[divan::bench(args = LISTENERS)]
fn subscribe_and_leave(bencher: Bencher<'_, '_>, listeners: u32) {
    let mut table = Subscriptions::default();
    for listener in 0..listeners {
        table.subscribe(listener, "auction.1");
    }
    bencher.bench_local(|| {
        table.subscribe(listeners, divan::black_box("auction.1"));
        table.leave(listeners)
    });
}

/// A publication of 128 bytes into an outbox and through it into the kernel, with somebody reading at the other end.
#[divan::bench(sample_size = 64)]
fn push_and_flush(bencher: Bencher<'_, '_>) {
    let loopback = Loopback::new();
    let mut frames = Vec::new();
    frames::push_publish(&mut frames, "auction.1", &format!("\"{}\"", "x".repeat(126)));
    let frames: Frames = frames.into();
    bencher.with_inputs(|| loopback.wait_until_drained()).bench_local_values(|()| {
        loopback.outbox.push(frames.clone(), usize::MAX).unwrap();
        loopback.outbox.mark(Lane::FIRST);
        loopback.outbox.flush(Lane::FIRST);
    });
}

/// An outbox whose bytes are read and thrown away.
struct Loopback {
    outbox: Outbox,
    runtime: Runtime,
    _reader: JoinHandle<()>,
}

impl Loopback {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_io().build().unwrap();
        let (socket, mut peer) = runtime.block_on(async {
            let acceptor = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let peer = TcpStream::connect(acceptor.local_addr().unwrap()).unwrap();
            let (socket, _) = acceptor.accept().await.unwrap();
            socket.set_nodelay(true).unwrap();
            socket.writable().await.unwrap();
            (socket, peer)
        });
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 64 * 1024];
            // Ends with the outbox, when the benchmark is over.
            while peer.read(&mut buffer).is_ok_and(|bytes| bytes > 0) {}
        });
        Self { outbox: Outbox::new(socket), runtime, _reader: reader }
    }

    fn wait_until_drained(&self) {
        self.runtime.block_on(poll_fn(|cx| self.outbox.poll_drained(cx)));
    }
}
