//! Lines of the control socket: one that asks, and one that answers.

use crate::control::reload::Reloaded;
use crate::control::status::Status;
use serde::{Deserialize, Serialize};

/// The version of what is spoken here.
pub(super) const VERSION: u32 = 1;
/// The commands, as a request names them.
const COMMANDS: [(&str, Command); 3] = [
    ("status", Command::Status),
    ("reload", Command::Reload { wants_new: false }),
    ("reload --new", Command::Reload { wants_new: true }),
];

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    /// How is it? Answered with a [`Status`].
    Status,
    /// Read the settings again. Answered with [`Reloaded`].
    Reload {
        /// A new instance of the authenticator is wanted.
        wants_new: bool,
    },
}

impl Command {
    fn name(self) -> &'static str {
        COMMANDS.iter().find(|(_, command)| *command == self).map_or("", |(name, _)| name)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
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
    let request = Request { version: VERSION, command: command.name().to_owned() };
    let mut line = serde_json::to_vec(&request).expect("a number and a text can be written as JSON");
    line.push(b'\n');
    line
}

/// What a request asks, or what is wrong with it.
pub(super) fn check(line: &[u8]) -> Result<Command, String> {
    let request: Request = serde_json::from_slice(line).map_err(|error| {
        format!("expected a line such as {{\"version\":{VERSION},\"command\":\"status\"}}: {error}")
    })?;
    if request.version != VERSION {
        return Err(format!("version {} is not spoken here, but {VERSION}", request.version));
    }
    let command = COMMANDS.iter().find(|(name, _)| *name == request.command);
    command.map(|(_, command)| *command).ok_or_else(|| {
        let known = COMMANDS.map(|(name, _)| format!("`{name}`")).join(", ");
        format!("unknown command {:?}: there are {known}", request.command)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_of_this_version_is_taken() {
        for (_, command) in COMMANDS {
            assert_eq!(check(&request_line(command)), Ok(command));
        }
        for (line, part) in [
            (&b"status\n"[..], "expected a line"),
            (b"{\"version\":2,\"command\":\"status\"}\n", "version 2"),
            (b"{\"version\":1,\"command\":\"stop\"}\n", "unknown command"),
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
