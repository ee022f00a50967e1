//! Results of several messages in one request, as JSON.

use super::publication::{Accepted, Refused};
use crate::http::{self, Answer};
use serde_json::{Value, json};
use std::collections::HashMap;

/// The results so far, in the order of the messages.
#[derive(Default)]
pub(super) struct Results {
    accepted: u64,
    /// Of the first message that was not accepted.
    first: Option<Refused>,
    all: Vec<Value>,
    ordinals: HashMap<Box<str>, usize>,
}

impl Results {
    /// How many messages to this channel came before.
    pub(super) fn ordinal(&mut self, channel: &str) -> usize {
        match self.ordinals.get_mut(channel) {
            Some(n) => {
                *n += 1;
                *n
            }
            None => {
                self.ordinals.insert(channel.into(), 0);
                0
            }
        }
    }

    /// Adds the next one; `channel` where the message named one.
    pub(super) fn add(&mut self, channel: Option<&str>, result: Result<Accepted, Refused>) {
        self.all.push(match result {
            Ok(Accepted::Now) => json!({"status": 202}),
            Ok(Accepted::Replayed) => json!({"status": 202, "replayed": true}),
            Err(Refused { status, ref detail }) => match channel {
                Some(channel) => json!({"status": status, "channel": channel, "detail": detail}),
                None => json!({"status": status, "detail": detail}),
            },
        });
        match result {
            Ok(_) => self.accepted += 1,
            Err(refused) => drop(self.first.get_or_insert(refused)),
        }
    }

    /// The answer: what was accepted; or a problem where nothing was.
    pub(super) fn answer(self) -> Answer {
        match self.first {
            Some(first) if self.accepted == 0 => {
                Answer::problem_with(first.status, &first.detail, json!({"accepted": 0, "results": self.all}))
            }
            _ => {
                let body = json!({"accepted": self.accepted, "results": self.all});
                Answer::new(202, http::JSON, body.to_string().into_bytes())
            }
        }
    }
}
