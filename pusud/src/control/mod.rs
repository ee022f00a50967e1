//! The control socket: how `pusud status` asks a relay of the same machine, and is answered.
//!
//! One line of JSON each way, and then the relay closes: `{"version":1,"command":"status"}` is answered with
//! `{"version":1,"status":{…}}` or `{"version":1,"error":"…"}`. The version changes when a reader of the old one would
//! be wrong about the new. It only tells: nothing can be changed through it.
//! **Invariant:** the socket serves the relay's own user and root alone.

#[cfg(not(unix))]
mod elsewhere;
pub mod place;
#[cfg(unix)]
mod unix;

use crate::status::Status;
use serde::{Deserialize, Serialize};

#[cfg(not(unix))]
pub use elsewhere::{ControlSocket, ask};
#[cfg(unix)]
pub use unix::{ControlSocket, ask};

/// The version of what is spoken here.
pub const VERSION: u32 = 1;
/// The command that is answered with a [`Status`].
const STATUS: &str = "status";

#[derive(Debug, Serialize, Deserialize)]
struct Request {
    version: u32,
    command: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    version: u32,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Status(Box<Status>),
    Error(String),
}

impl Outcome {
    fn to_line(self: Outcome) -> Vec<u8> {
        let answer = Answer { version: VERSION, outcome: self };
        let mut line = serde_json::to_vec(&answer).expect("numbers, texts and lists can be written as JSON");
        line.push(b'\n');
        line
    }
}

fn request_line() -> Vec<u8> {
    let request = Request { version: VERSION, command: STATUS.to_owned() };
    let mut line = serde_json::to_vec(&request).expect("a number and a text can be written as JSON");
    line.push(b'\n');
    line
}

/// What is wrong with a request, if anything is.
fn check(line: &[u8]) -> Result<(), String> {
    let request: Request = serde_json::from_slice(line).map_err(|error| {
        format!("expected a line such as {{\"version\":{VERSION},\"command\":\"{STATUS}\"}}: {error}")
    })?;
    if request.version != VERSION {
        return Err(format!("version {} is not spoken here, but {VERSION}", request.version));
    }
    if request.command != STATUS {
        return Err(format!("unknown command {:?}: there is `{STATUS}`", request.command));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_of_this_version_is_taken() {
        assert_eq!(check(&request_line()), Ok(()));
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
