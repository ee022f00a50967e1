//! A relay that makes one mistake.

use crate::harness::{DEADLINE, Frame};
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use tokio_tungstenite::tungstenite::{Message, accept};

/// What the relay does to a message in the middle, or to the last one.
#[derive(Clone, Copy)]
pub(super) enum Mistake {
    None,
    Lose,
    LoseLast,
    Double,
    Swap,
    Misdirect,
    Cut,
    /// None: it has listeners wait until a source has answered a ping.
    PingFirst,
}

/// A relay that makes one mistake.
pub(super) struct BadRelay {
    mistake: Mistake,
    state: Mutex<State>,
    ponged: Condvar,
}

#[derive(Default)]
struct State {
    /// Channels and the sockets of their listeners.
    listeners: Vec<(String, TcpStream)>,
    published: usize,
    held: Option<Value>,
    /// Answers to pings from those who do not listen.
    pongs: usize,
}

/// Messages that a run against a bad relay sends.
pub(super) const MESSAGES: usize = 40;

impl BadRelay {
    /// Serves until the test is over.
    pub(super) fn start(mistake: Mistake) -> SocketAddr {
        let acceptor = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = acceptor.local_addr().unwrap();
        let relay = Arc::new(Self { mistake, state: Mutex::default(), ponged: Condvar::new() });
        std::thread::spawn(move || {
            for stream in acceptor.incoming() {
                let relay = relay.clone();
                std::thread::spawn(move || relay.serve(stream.unwrap()));
            }
        });
        address
    }

    fn serve(&self, stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let writer = stream.try_clone().unwrap();
        let mut socket = accept(stream).unwrap();
        socket.send(Message::text(r#"{"type":"hello"}"#)).unwrap();
        let mut pongs = 0;
        while let Ok(message) = socket.read() {
            if message.is_pong() {
                pongs += 1;
                self.state.lock().unwrap().pongs += 1;
                self.ponged.notify_all();
            }
            let Message::Text(text) = message else { continue };
            let message: Value = serde_json::from_str(&text).unwrap();
            match message["type"].as_str().unwrap() {
                "authorize" => {
                    socket.send(Message::text(r#"{"type":"authorization_ok"}"#)).unwrap();
                    if matches!(self.mistake, Mistake::PingFirst) {
                        socket.send(Message::Ping("there?".into())).unwrap();
                    }
                }
                "subscribe" => {
                    let channel = message["channel"].as_str().unwrap().to_owned();
                    if matches!(self.mistake, Mistake::PingFirst) {
                        self.wait_for_a_source(pongs);
                    }
                    self.state.lock().unwrap().listeners.push((channel, writer.try_clone().unwrap()));
                    let confirmed = json!({"type": "subscribe_ok", "channel": message["channel"]});
                    socket.send(Message::text(confirmed.to_string())).unwrap();
                }
                "publish" => self.publish(message),
                other => panic!("unexpected {other}"),
            }
        }
    }

    /// Waits until somebody has answered a ping who is no listener, unlike the one that has answered `own` of them.
    fn wait_for_a_source(&self, own: usize) {
        let mut state = self.state.lock().unwrap();
        state.pongs -= own;
        let (_state, late) = self.ponged.wait_timeout_while(state, DEADLINE, |state| state.pongs == 0).unwrap();
        assert!(!late.timed_out(), "no source has answered");
    }

    fn publish(&self, message: Value) {
        let state = &mut *self.state.lock().unwrap();
        let number = state.published;
        state.published += 1;
        match self.mistake {
            Mistake::Lose if number == 5 => return,
            Mistake::LoseLast if number == MESSAGES - 1 => return,
            Mistake::Double if number == 5 => state.deliver(&message),
            Mistake::Swap if number == 5 => {
                state.held = Some(message);
                return;
            }
            Mistake::Misdirect if number == 4 => {
                let mut misdirected = message.clone();
                misdirected["channel"] = "bench.1".into();
                state.deliver(&misdirected);
            }
            Mistake::Cut if number == 5 => {
                let (_, mut listener) = state.listeners.pop().unwrap();
                listener.write_all(&Frame::close(4001, "slow consumer").unmasked()).unwrap();
            }
            _ => {}
        }
        state.deliver(&message);
        if let Some(held) = state.held.take() {
            state.deliver(&held);
        }
    }
}

impl State {
    fn deliver(&mut self, message: &Value) {
        let frame = Frame::text(message.to_string()).unmasked();
        for (channel, listener) in &mut self.listeners {
            if message["channel"] == channel.as_str() {
                listener.write_all(&frame).unwrap();
            }
        }
    }
}
