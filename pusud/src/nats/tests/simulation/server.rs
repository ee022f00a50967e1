//! A model of one NATS server: what it does with the commands of its clients, and with what comes over routes.

use super::cluster::Cluster;
use super::routes::Routed;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use tokio::time::Instant;

/// A subject and a queue group.
pub(super) type Key = (Rc<str>, Rc<str>);

/// Subjects, with the queue groups that want what is published there.
pub(super) type Interest = BTreeMap<Rc<str>, BTreeSet<Rc<str>>>;

/// One server.
#[derive(Default)]
pub(super) struct Server {
    /// Counts its starts.
    pub(super) start: u32,
    pub(super) is_up: bool,
    /// It has been stopped by a signal since then.
    pub(super) paused: Option<Instant>,
    /// It has said that it will end, and does so then.
    pub(super) ends: Option<Instant>,
    /// Connections and numbers of subscriptions of each subject.
    pub(super) subscribed: BTreeMap<Rc<str>, Vec<(u64, u64)>>,
    /// What other servers have told.
    pub(super) remote: BTreeMap<usize, Interest>,
}

impl Server {
    pub(super) fn runs(&self) -> bool {
        self.is_up && self.paused.is_none()
    }
}

impl Cluster {
    /// The words by which a server says what it is.
    pub(super) fn info(&self, server: usize) -> String {
        let Server { start, ends, .. } = &self.servers[server];
        let urls: Vec<String> = (0..self.servers.len()).map(|other| format!("\"n{other}:4222\"")).collect();
        format!(
            r#"{{"server_id":"S{server}x{start}","server_name":"n{server}","version":"2.9.10","cluster":"c","headers":true,"max_payload":1048576,"ldm":{},"connect_urls":[{}]}}"#,
            ends.is_some(),
            urls.join(",")
        )
    }

    /// Bytes of a client have come.
    pub(super) fn read(&mut self, id: u64, bytes: &[u8]) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let mut input = std::mem::take(&mut connection.input);
        input.extend_from_slice(bytes);
        let mut used = 0;
        while let Some(len) = self.command(id, &input[used..]) {
            used += len;
        }
        input.drain(..used);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.input = input;
        }
    }

    /// Does what the first command says. Gives its length, if all of it is there.
    fn command(&mut self, id: u64, input: &[u8]) -> Option<usize> {
        let end = memchr::memchr(b'\n', input)?;
        assert!(input[..end].ends_with(b"\r") && end < 4096, "no line of a client");
        let line = std::str::from_utf8(&input[..end - 1]).expect("clients write ASCII");
        let fields: Vec<&str> = line.split(' ').collect();
        let number = |text: &str| text.parse::<u64>().expect("a number");
        match fields[..] {
            ["PUB", subject, len] => {
                let (begin, len) = (end + 1, number(len) as usize);
                let payload = input.get(begin..begin + len + 2)?;
                assert!(payload.ends_with(b"\r\n"), "a payload of another length");
                self.publish(id, subject.into(), payload[..len].into());
                return Some(begin + len + 2);
            }
            ["SUB", subject, group, sid] => self.subscribe(id, (subject.into(), group.into()), number(sid)),
            ["UNSUB", sid] => self.unsubscribe(id, number(sid)),
            ["PING"] => self.send(id, &[b"PONG\r\n"]),
            ["PONG"] => {}
            _ => panic!("no command of a relay: {line}"),
        }
        Some(end + 1)
    }

    fn subscribe(&mut self, id: u64, key: Key, sid: u64) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let before = connection.subscriptions.insert(sid, key.clone());
        assert!(before.is_none(), "subscribed twice: {key:?}");
        let server = connection.server;
        self.servers[server].subscribed.entry(key.0.clone()).or_default().push((id, sid));
        self.tell_servers(server, &Routed::Subscribed(key));
    }

    fn unsubscribe(&mut self, id: u64, sid: u64) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let key = connection.subscriptions.remove(&sid).expect("there is such a subscription");
        let server = connection.server;
        let subscribed = &mut self.servers[server].subscribed;
        let all = subscribed.get_mut(&key.0).expect("it is subscribed");
        all.retain(|one| *one != (id, sid));
        if all.is_empty() {
            subscribed.remove(&key.0);
        }
        self.tell_servers(server, &Routed::Unsubscribed(key));
    }

    fn publish(&mut self, id: u64, subject: Rc<str>, payload: Rc<[u8]>) {
        let Some(connection) = self.connections.get(&id) else { return };
        let server = connection.server;
        self.deliver(server, Some(id), &subject, &payload);
        let wants = |interest: &Interest| interest.contains_key(&subject);
        let remote = self.servers[server].remote.iter();
        let others: Vec<usize> = remote.filter(|(_, interest)| wants(interest)).map(|(other, _)| *other).collect();
        for other in others {
            self.route(server, other, Routed::Published(subject.clone(), payload.clone()));
        }
    }

    /// Gives a publication to the server's own clients, but not to the one that has published it.
    pub(super) fn deliver(&mut self, server: usize, publisher: Option<u64>, subject: &Rc<str>, payload: &[u8]) {
        let Some(all) = self.servers[server].subscribed.get(subject) else { return };
        let meant: Vec<(u64, u64)> = all.iter().filter(|(id, _)| Some(*id) != publisher).copied().collect();
        for (id, sid) in meant {
            let head = format!("MSG {subject} {sid} {}\r\n", payload.len());
            self.send(id, &[head.as_bytes(), payload, b"\r\n"]);
        }
    }

    /// Gives something to a client, which is cut where too much waits for it.
    pub(super) fn send(&mut self, id: u64, parts: &[&[u8]]) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.is_at_server && connection.send(parts) {
            self.end(id);
        }
    }

    /// The server's end of a connection is gone, and with it all subscriptions.
    pub(super) fn end(&mut self, id: u64) {
        let Some(connection) = self.connections.get_mut(&id).filter(|connection| connection.is_at_server) else {
            return;
        };
        let sids: Vec<u64> = connection.subscriptions.keys().copied().collect();
        sids.into_iter().for_each(|sid| self.unsubscribe(id, sid));
        let connection = self.connections.get_mut(&id).expect("it is there");
        connection.end_at_server(&mut self.random);
        if !connection.is_at_relay {
            self.connections.remove(&id);
        }
    }

    /// Another server has said something.
    pub(super) fn routed(&mut self, from: usize, to: usize, routed: Routed) {
        let interest = self.servers[to].remote.entry(from).or_default();
        match routed {
            Routed::Subscribed((subject, group)) => {
                interest.entry(subject).or_default().insert(group);
            }
            Routed::Unsubscribed((subject, group)) => {
                let groups = interest.get_mut(&subject).expect("it was told");
                groups.remove(&group);
                if groups.is_empty() {
                    interest.remove(&subject);
                }
            }
            Routed::Published(subject, payload) => self.deliver(to, None, &subject, &payload),
        }
    }
}
