//! Lines of the control socket: one that asks, and one that answers.

use crate::authenticator::Filter;
use crate::control::lists::{ChannelQuery, ClientQuery};
use crate::control::operator::{Found, Kicked, Revocation, Revoked};
use crate::control::reload::Reloaded;
use crate::control::status::Status;
use crate::revocation::Whom;
use crate::routing::{ChannelPage, Channels, ClientPage, Clients, Kick};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The version of what is spoken here.
pub(super) const VERSION: u32 = 1;
/// The names of all commands.
const NAMES: [&str; 14] = [
    "status",
    "reload",
    "reload --new",
    "kick",
    "revoke",
    "lift",
    "revocations",
    "decisions",
    "clients",
    "client",
    "channels",
    "channel",
    "publish",
    "tail",
];

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(super) enum Command {
    /// How is it? Answered with a [`Status`].
    Status,
    /// Read the settings again. Answered with [`Reloaded`].
    Reload,
    /// The same, with a new instance of the authenticator.
    #[serde(rename = "reload --new")]
    ReloadNew,
    /// End connections. Answered with [`Kicked`].
    Kick {
        /// Whose.
        whom: Kick,
        /// Of all linked relays as well.
        network: bool,
    },
    /// Take authorizations back. Answered with [`Revoked`].
    Revoke {
        /// Whose.
        whom: Whom,
        /// For how long; `None`: until it is lifted.
        #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
        lasting: Option<Duration>,
    },
    /// Lift a revocation. Answered with [`Revoked`].
    Lift {
        /// Whose.
        whom: Whom,
    },
    /// Which revocations are there? Answered with a list of [`Revocation`].
    Revocations,
    /// What was decided last? Answered with [`Found`].
    Decisions(Filter),
    /// Which clients are there? Answered with [`Clients`].
    Clients(ClientQuery),
    /// How is it with one of them? Answered with [`ClientPage`], or `null` where it is gone.
    Client {
        /// Its id in the list.
        id: String,
    },
    /// Which channels are there? Answered with [`Channels`].
    Channels(ChannelQuery),
    /// How is it with one of them? Answered with [`ChannelPage`].
    Channel {
        /// Its name.
        name: String,
    },
    /// Publish a message.
    Publish {
        /// The channel.
        channel: String,
        /// JSON text.
        content: String,
    },
    /// Listen to a channel. Behind the answer follows a line for each message, a
    /// [`TailedMessage`](crate::control::TailedMessage), and a last one that says why there are no more.
    Tail {
        /// The channel.
        channel: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Request {
    version: u32,
    #[serde(flatten)]
    command: Command,
}

/// As much of a request as is looked at first.
#[derive(Deserialize)]
struct Beginning {
    version: u32,
    command: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) version: u32,
    #[serde(flatten)]
    pub(super) outcome: Outcome,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Status(Box<Status>),
    Reloaded(Reloaded),
    Kicked(Kicked),
    Revoked(Revoked),
    Revocations(Vec<Revocation>),
    Decisions(Found),
    Clients(Clients),
    Client(Option<Box<ClientPage>>),
    Channels(Channels),
    Channel(Box<ChannelPage>),
    /// The channel.
    Published(String),
    /// The channel.
    Tailing(String),
    Error(String),
}

impl Outcome {
    pub(super) fn to_line(self: Outcome) -> Vec<u8> {
        let answer = Answer { version: VERSION, outcome: self };
        let mut line = serde_json::to_vec(&answer).expect("numbers, texts and lists can be written as JSON");
        line.push(b'\n');
        line
    }
}

pub(super) fn request_line(command: Command) -> Vec<u8> {
    let request = Request { version: VERSION, command };
    let mut line = serde_json::to_vec(&request).expect("numbers and texts can be written as JSON");
    line.push(b'\n');
    line
}

/// What a request asks, or what is wrong with it.
pub(super) fn check(line: &[u8]) -> Result<Command, String> {
    let expected = |error: serde_json::Error| {
        format!("expected a line such as {{\"version\":{VERSION},\"command\":\"status\"}}: {error}")
    };
    let Beginning { version, command } = serde_json::from_slice(line).map_err(expected)?;
    if version != VERSION {
        return Err(format!("version {version} is not spoken here, but {VERSION}"));
    }
    if !NAMES.contains(&command.as_str()) {
        let known = NAMES.map(|name| format!("`{name}`")).join(", ");
        return Err(format!("unknown command {command:?}: there are {known}"));
    }
    serde_json::from_slice(line)
        .map(|request: Request| request.command)
        .map_err(|error| format!("command `{command}`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_of_this_version_is_taken() {
        let alice = || Whom::Subject("alice".into());
        let commands = [
            Command::Status,
            Command::Reload,
            Command::ReloadNew,
            Command::Kick { whom: Kick::Address("192.0.2.0/24".into()), network: true },
            Command::Revoke { whom: alice(), lasting: Some(Duration::from_millis(1500)) },
            Command::Revoke { whom: alice(), lasting: None },
            Command::Lift { whom: alice() },
            Command::Revocations,
            Command::Decisions(Filter { last: 7, ..Filter::default() }),
            Command::Clients(ClientQuery { subject: Some("alice".into()), limit: Some(3), ..ClientQuery::default() }),
            Command::Client { id: "0-1".into() },
            Command::Channels(ChannelQuery { search: Some("a".into()), ..ChannelQuery::default() }),
            Command::Channel { name: "a".into() },
            Command::Publish { channel: "a".into(), content: "1".into() },
            Command::Tail { channel: "a".into() },
        ];
        for command in &commands {
            assert_eq!(check(&request_line(command.clone())).as_ref(), Ok(command));
        }
        let names: Vec<String> = commands
            .into_iter()
            .map(|command| serde_json::from_slice::<Beginning>(&request_line(command)).unwrap().command)
            .collect();
        assert!(NAMES.iter().all(|name| names.iter().any(|known| known == name)), "{names:?}");
        for (line, part) in [
            (&b"status\n"[..], "expected a line"),
            (b"{\"version\":2,\"command\":\"status\"}\n", "version 2"),
            (b"{\"version\":1,\"command\":\"stop\"}\n", "unknown command"),
            (b"{\"version\":1,\"command\":\"kick\"}\n", "command `kick`"),
            (
                b"{\"version\":1,\"command\":\"lift\",\"whom\":{\"authorization_hash\":\"12\"}}\n",
                "32 hexadecimal digits",
            ),
            (b"{\"version\":1,\"command\":\"clients\",\"sort\":\"size\"}\n", "unknown variant `size`"),
            (b"", "expected a line"),
        ] {
            let refused = check(line).unwrap_err();
            assert!(refused.contains(part), "{refused}");
        }
    }

    #[test]
    fn an_error_is_told_apart_from_a_status() {
        let line = Outcome::Error("no".into()).to_line();
        assert_eq!(line, b"{\"version\":1,\"error\":\"no\"}\n");
        let answer: Answer = serde_json::from_slice(&line).unwrap();
        assert!(matches!(answer.outcome, Outcome::Error(why) if why == "no"));
    }
}
