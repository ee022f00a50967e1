//! A detour between two relays: a TCP proxy that can stop passing bytes on, as a broken network does, in one direction or
//! in both, without telling either side; or take its time for it, as a long way does.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A way to the port of a relay.
pub(crate) struct Detour {
    port: u16,
    state: Arc<State>,
}

/// Which way is open.
#[derive(Clone, Copy)]
struct Open {
    there: bool,
    back: bool,
}

/// Pieces that may be on their way at a time.
const PIECES_MAX: usize = 64;

struct State {
    open: Mutex<Open>,
    takes: Mutex<Duration>,
    changed: Condvar,
}

impl Detour {
    /// A way to this port of this machine, open in both directions.
    pub(crate) fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            open: Mutex::new(Open { there: true, back: true }),
            takes: Mutex::default(),
            changed: Condvar::new(),
        });
        let shared = state.clone();
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = shared.clone();
                thread::spawn(move || {
                    // The relay may be down: then whoever has dialled learns that the connection ends.
                    if let Ok(onward) = TcpStream::connect(("127.0.0.1", target)) {
                        state.pass_on(stream, onward);
                    }
                });
            }
        });
        Self { port, state }
    }

    /// Where it begins.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From here on bytes take so long in each direction.
    pub(crate) fn takes(&self, time: Duration) {
        *self.state.takes.lock().unwrap() = time;
    }

    /// Passes bytes on to the relay, and back from it, or holds them.
    pub(crate) fn open(&self, there: bool, back: bool) {
        *self.state.open.lock().unwrap() = Open { there, back };
        self.state.changed.notify_all();
    }
}

impl State {
    fn pass_on(self: Arc<Self>, near: TcpStream, far: TcpStream) {
        let (near_reader, far_writer) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        let state = self.clone();
        thread::spawn(move || state.copy(near_reader, far_writer, |open| open.there));
        self.copy(far, near, |open| open.back);
    }

    /// Until one side ends, or has gone while its way was closed.
    fn copy(&self, mut from: TcpStream, to: TcpStream, is_open: impl Fn(&Open) -> bool + Sync) {
        let (on_its_way, arriving) = sync_channel::<(Instant, Vec<u8>)>(PIECES_MAX);
        let is_open = &is_open;
        thread::scope(|scope| {
            let from_again = from.try_clone().unwrap();
            scope.spawn(move || self.deliver(arriving, (from_again, to), is_open));
            let mut bytes = [0; 64 * 1024];
            while let Ok(len @ 1..) = from.read(&mut bytes) {
                let due = Instant::now() + *self.takes.lock().unwrap();
                if on_its_way.send((due, bytes[..len].to_vec())).is_err() {
                    break;
                }
            }
            drop(on_its_way);
        });
    }

    fn deliver(
        &self,
        arriving: Receiver<(Instant, Vec<u8>)>,
        (from, mut to): (TcpStream, TcpStream),
        is_open: impl Fn(&Open) -> bool,
    ) {
        let wait = || drop(self.changed.wait_while(self.open.lock().unwrap(), |open| !is_open(open)).unwrap());
        for (due, bytes) in arriving {
            while let Some(left) = due.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                thread::park_timeout(left);
            }
            wait();
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        // That a connection ends does not get through a closed way either.
        wait();
        // The other side may have gone before.
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }
}
