//! A server that speaks just enough HTTP, and shows what it was asked.

use super::DEADLINE;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request that has come in and waits for its answer.
pub(super) struct Asked {
    /// The number of its connection, from 1.
    pub(super) connection: usize,
    pub(super) head: String,
    pub(super) body: String,
    answer: Sender<Answer>,
}

/// Bytes to send, and whether the connection goes on.
type Answer = (Vec<u8>, bool);

/// Listens on a port of its own for as long as it lives.
pub(super) struct Server {
    pub(super) url: String,
    asked: Mutex<Receiver<Asked>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    pub(super) fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(super) fn on(listener: TcpListener) -> Self {
        let url = format!("http://{}/authorize", listener.local_addr().unwrap());
        let (sender, asked) = channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, sender) = (stream.unwrap(), sender.clone());
                let connection = count.fetch_add(1, Ordering::SeqCst) + 1;
                std::thread::spawn(move || serve(&stream, connection, &sender));
            }
        });
        Self { url, asked: Mutex::new(asked), connections }
    }

    /// The next request.
    pub(super) fn next(&self) -> Asked {
        self.asked.lock().unwrap().recv_timeout(DEADLINE).expect("a request in time")
    }

    /// Whether there is no request that has not been taken.
    pub(super) fn is_idle(&self) -> bool {
        self.asked.lock().unwrap().try_recv().is_err()
    }

    /// How many connections there have been.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Asked {
    /// Answers 200 with this body.
    pub(super) fn answer(self, body: &str) {
        self.answer_raw(&response("200 OK", "", body), true);
    }

    /// Answers with these bytes, and closes the connection unless it goes on.
    pub(super) fn answer_raw(self, bytes: &[u8], goes_on: bool) {
        self.answer.send((bytes.to_vec(), goes_on)).unwrap();
    }
}

/// An answer with this status line, further header lines and body.
pub(super) fn response(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len()).into_bytes()
}

/// Takes requests and sends what the test answers, until either side has enough.
fn serve(mut stream: &TcpStream, connection: usize, asked: &Sender<Asked>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.expect("a request says how long it is")];
        reader.read_exact(&mut body).unwrap();
        let (answer, answered) = channel();
        let body = String::from_utf8(body).unwrap();
        if asked.send(Asked { connection, head, body, answer }).is_err() {
            return;
        }
        let Ok((bytes, goes_on)) = answered.recv() else { return };
        if stream.write_all(&bytes).is_err() || !goes_on {
            return;
        }
    }
}

/// Somebody who does not answer for now: the queue of connections that have not been accepted is full, so that attempts
/// to make further ones are lost. Also those that it is full of.
pub(crate) fn full_queue() -> (TcpListener, Vec<TcpStream>) {
    // The standard library does not let one choose how long the queue is.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let inside = runtime.enter();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap().into_std().unwrap();
    drop(inside);
    listener.set_nonblocking(false).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queued.push(stream);
        assert!(queued.len() < 100, "the queue has no end");
    }
    // It may be dropped inside of another.
    runtime.shutdown_background();
    (listener, queued)
}
