//! Verbs of clients for channels with history: subscribing where they left off, and what they keep of it.

use super::{Client, Daemon, Setup};
use serde_json::{Value, json};

/// What `subscribe_ok` says of history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined {
    /// Where the channel stands, or the client.
    pub(crate) position: Option<String>,
    /// Whether nothing is lost, where that was asked.
    pub(crate) recovered: Option<bool>,
    /// How many follow of what was missed.
    pub(crate) missed: Option<u64>,
    /// How many follow of the newest.
    pub(crate) last: Option<u64>,
}

impl Setup {
    /// Channels `h.*` have history: so many publications, for so long.
    pub(crate) fn history(self, size: usize, ttl: &str) -> Self {
        self.settings(&format!("history: [{{channels: ['h.*'], size: {size}, ttl: {ttl}}}]"))
    }
}

impl Daemon {
    /// One whose channels `h.*` have history enough for any test.
    pub(crate) fn with_history(shards: usize) -> Self {
        Setup::on_shards(shards).history(100_000, "10min").start()
    }

    /// What the log of a channel stands at now.
    pub(crate) fn position_of(&self, channel: &str) -> String {
        self.client().subscribe_at(channel)
    }
}

impl Client {
    /// Subscribes with these fields too, and takes the answer.
    pub(crate) fn join(&mut self, channel: &str, fields: &Value) -> Joined {
        let mut message = json!({"type": "subscribe", "channel": channel});
        message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.send(message);
        self.joined(channel)
    }

    /// Takes the answer to a subscription that was sent.
    pub(crate) fn joined(&mut self, channel: &str) -> Joined {
        let answer = self.next_json();
        assert_eq!((&answer["type"], &answer["channel"]), (&json!("subscribe_ok"), &json!(channel)), "{answer}");
        Joined {
            position: answer["position"].as_str().map(str::to_owned),
            recovered: answer["recovered"].as_bool(),
            missed: answer["missed"].as_u64(),
            last: answer["last"].as_u64(),
        }
    }

    /// Subscribes to a channel with history, and gives the position.
    pub(crate) fn subscribe_at(&mut self, channel: &str) -> String {
        let joined = self.join(channel, &json!({}));
        assert_eq!((joined.recovered, joined.missed, joined.last), (None, None, None));
        joined.position.expect("a channel with history has a position")
    }

    /// Subscribes since a position.
    pub(crate) fn subscribe_since(&mut self, channel: &str, position: &str) -> Joined {
        self.join(channel, &json!({"since": position}))
    }

    /// Comes back to a position of which nothing is lost, and gives how many publications follow.
    #[track_caller]
    pub(crate) fn recover(&mut self, channel: &str, position: &str) -> u64 {
        let joined = self.subscribe_since(channel, position);
        assert!(joined.recovered == Some(true) && joined.position.is_some(), "{position}: {joined:?}");
        joined.missed.expect("it is said how many were missed")
    }

    /// Comes back to something of which something is lost, and gives the position of now.
    #[track_caller]
    pub(crate) fn expect_lost(&mut self, channel: &str, since: &Value) -> String {
        let joined = self.join(channel, &json!({"since": since}));
        assert_eq!((joined.recovered, joined.missed, joined.last), (Some(false), None, None), "{since}");
        joined.position.expect("a channel with history has a position")
    }

    /// Subscribes with the newest ones; gives how many follow.
    pub(crate) fn subscribe_last(&mut self, channel: &str, count: u32) -> u64 {
        let joined = self.join(channel, &json!({"last": count}));
        assert!(joined.recovered.is_none() && joined.position.is_some(), "{joined:?}");
        joined.last.expect("it is said how many follow")
    }

    /// The next message, which is a publication with a position: that, and its content.
    pub(crate) fn next_at(&mut self, channel: &str) -> (String, Value) {
        let mut message = self.next_json();
        assert_eq!((&message["type"], &message["channel"]), (&json!("publish"), &json!(channel)), "{message}");
        let position = message["position"].as_str().unwrap_or_else(|| panic!("no position: {message}")).to_owned();
        (position, message["content"].take())
    }

    /// Waits for a publication of `content` with a position, which it gives.
    #[track_caller]
    pub(crate) fn expect_at(&mut self, channel: &str, content: Value) -> String {
        let (position, came) = self.next_at(channel);
        assert_eq!(came, content);
        position
    }

    /// Publishes these, and waits until the relay has them.
    pub(crate) fn publish_all(&mut self, channel: &str, contents: impl IntoIterator<Item = impl Into<Value>>) {
        contents.into_iter().for_each(|content| self.publish(channel, content.into()));
        self.expect_no_answer();
    }
}
