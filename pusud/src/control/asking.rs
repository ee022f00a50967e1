//! Questions to the relay behind a control socket, each with its answer.

use super::line::{Answer, Command, Outcome, VERSION, request_line};
use super::operator::{Found, Kicked, Revocation, Revoked};
use super::reload::Reloaded;
use super::unix::REQUEST_TIME_MAX;
use crate::authenticator::Filter;
use crate::control::status::Status;
use crate::revocation::Whom;
use crate::routing::Kick;
use anyhow::{Context as _, bail, ensure};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A longer answer is none: ten thousand revocations with the longest subjects, escaped, stay below.
const ANSWER_BYTES_MAX: u64 = 128 << 20;
/// Longer than a plugin may take to reload and, where that fails, to make a new instance.
const RELOAD_TIME_MAX: Duration = Duration::from_secs(30 * 60);

/// Asks the relay behind the control socket at `path` how it is.
///
/// # Errors
/// Nobody is there, it is somebody else's, or it does not answer: says which, and the way out.
pub fn ask(path: &Path) -> anyhow::Result<Status> {
    match send(path, Command::Status, REQUEST_TIME_MAX)? {
        Outcome::Status(status) => Ok(*status),
        Outcome::Error(why) => bail!("the relay behind {} does not take the question: {why}", path.display()),
        _ => bail!(another(path)),
    }
}

/// Has the relay behind the control socket at `path` read its settings again, with a new instance of the authenticator if
/// that is wanted. Waits as long as that takes.
///
/// # Errors
/// As for [`ask`]; or nothing was changed, and why.
pub fn reload(path: &Path, wants_new: bool) -> anyhow::Result<Reloaded> {
    match send(path, if wants_new { Command::ReloadNew } else { Command::Reload }, RELOAD_TIME_MAX)? {
        Outcome::Reloaded(reloaded) => Ok(reloaded),
        Outcome::Error(why) => bail!("{why}"),
        _ => bail!(another(path)),
    }
}

/// Has the relay behind the control socket at `path` end connections, and all linked relays too if `network`.
///
/// # Errors
/// As for [`ask`]; or there can be no such clients.
pub fn kick(path: &Path, whom: Kick, network: bool) -> anyhow::Result<Kicked> {
    match send(path, Command::Kick { whom, network }, REQUEST_TIME_MAX)? {
        Outcome::Kicked(kicked) => Ok(kicked),
        Outcome::Error(why) => bail!("{why}"),
        _ => bail!(another(path)),
    }
}

/// Has the relay behind the control socket at `path` take authorizations back, `lasting` so long or until that is lifted.
///
/// # Errors
/// As for [`ask`]; or nothing was revoked, and why.
pub fn revoke(path: &Path, whom: Whom, lasting: Option<Duration>) -> anyhow::Result<Revoked> {
    revoked(path, Command::Revoke { whom, lasting })
}

/// Has the relay behind the control socket at `path` lift a revocation.
///
/// # Errors
/// As for [`ask`]; or there is no such revocation.
pub fn lift(path: &Path, whom: Whom) -> anyhow::Result<Revoked> {
    revoked(path, Command::Lift { whom })
}

fn revoked(path: &Path, command: Command) -> anyhow::Result<Revoked> {
    match send(path, command, REQUEST_TIME_MAX)? {
        Outcome::Revoked(revoked) => Ok(revoked),
        Outcome::Error(why) => bail!("{why}"),
        _ => bail!(another(path)),
    }
}

/// Asks the relay behind the control socket at `path` which revocations hold.
///
/// # Errors
/// As for [`ask`].
pub fn revocations(path: &Path) -> anyhow::Result<Vec<Revocation>> {
    match send(path, Command::Revocations, REQUEST_TIME_MAX)? {
        Outcome::Revocations(list) => Ok(list),
        Outcome::Error(why) => bail!("{why}"),
        _ => bail!(another(path)),
    }
}

/// Asks the relay behind the control socket at `path` what its authenticator has decided last.
///
/// # Errors
/// As for [`ask`].
pub fn decisions(path: &Path, filter: Filter) -> anyhow::Result<Found> {
    match send(path, Command::Decisions(filter), REQUEST_TIME_MAX)? {
        Outcome::Decisions(found) => Ok(found),
        Outcome::Error(why) => bail!("{why}"),
        _ => bail!(another(path)),
    }
}

fn another(path: &Path) -> String {
    format!("the relay behind {} answers another question", path.display())
}

/// Sends a request, and waits so long for the answer.
fn send(path: &Path, command: Command, answer_within: Duration) -> anyhow::Result<Outcome> {
    let shown = path.display();
    let mut stream = match UnixStream::connect(path) {
        Ok(stream) => stream,
        Err(error) => match error.kind() {
            ErrorKind::NotFound => bail!("no relay is running with the control socket {shown}"),
            ErrorKind::ConnectionRefused => {
                bail!(
                    "no relay is running behind {shown}: its process has ended without removing the socket; start it again"
                )
            }
            ErrorKind::PermissionDenied => {
                bail!("the relay behind {shown} belongs to another user: ask as that user, or as root")
            }
            _ => return Err(error).with_context(|| format!("cannot connect to the control socket {shown}")),
        },
    };
    let mut line = String::new();
    stream
        .set_read_timeout(Some(answer_within))
        .and_then(|()| stream.set_write_timeout(Some(REQUEST_TIME_MAX)))
        .and_then(|()| stream.write_all(&request_line(command)))
        .and_then(|()| stream.take(ANSWER_BYTES_MAX).read_to_string(&mut line).map(drop))
        .with_context(|| format!("the relay behind {shown} does not answer; is it stopped, or does it hang?"))?;
    ensure!(
        !line.is_empty(),
        "the relay behind {shown} closed without an answer: it serves its own user and root alone"
    );
    let answer: Answer = serde_json::from_str(&line).with_context(|| {
        format!("{shown}: expected the answer of a relay (version {VERSION}), found something else")
    })?;
    Ok(answer.outcome)
}
