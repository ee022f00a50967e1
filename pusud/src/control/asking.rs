//! Questions to the relay behind a control socket, each with its answer.

use super::line::{Answer, Command, Outcome, VERSION, request_line};
use super::lists::{ChannelQuery, ClientQuery};
use super::operator::{Found, Kicked, Revocation, Revoked};
use super::reload::Reloaded;
use super::session::{TailEnd, Tailed};
use super::unix::REQUEST_TIME_MAX;
use crate::authenticator::Filter;
use crate::control::status::Status;
use crate::revocation::Whom;
use crate::routing::{ChannelPage, Channels, ClientPage, Clients, Kick};
use anyhow::{Context as _, bail, ensure};
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A longer answer is none: ten thousand revocations with the longest subjects, escaped, stay below.
const ANSWER_BYTES_MAX: u64 = 128 << 20;
/// Longer than two looks and the network take, also where a shard hangs.
const LOOK_TIME_MAX: Duration = Duration::from_secs(15);
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

/// Asks the relay behind the control socket at `path` which clients there are.
///
/// # Errors
/// As for [`ask`]; or there can be no such clients.
pub fn clients(path: &Path, query: ClientQuery) -> anyhow::Result<Clients> {
    match send(path, Command::Clients(query), LOOK_TIME_MAX)? {
        Outcome::Clients(clients) => Ok(clients),
        Outcome::Error(why) => bail!("{why}"),
        _ => bail!(another(path)),
    }
}

/// Asks the relay behind the control socket at `path` about the client with this id; `None`: it is gone.
///
/// # Errors
/// As for [`ask`]; or there can be no such client.
pub fn client(path: &Path, id: String) -> anyhow::Result<Option<ClientPage>> {
    match send(path, Command::Client { id }, LOOK_TIME_MAX)? {
        Outcome::Client(page) => Ok(page.map(|page| *page)),
        Outcome::Error(why) => bail!("{why}"),
        _ => bail!(another(path)),
    }
}

/// Asks the relay behind the control socket at `path` which channels there are.
///
/// # Errors
/// As for [`ask`]; or not so many can be shown.
pub fn channels(path: &Path, query: ChannelQuery) -> anyhow::Result<Channels> {
    match send(path, Command::Channels(query), LOOK_TIME_MAX)? {
        Outcome::Channels(channels) => Ok(channels),
        Outcome::Error(why) => bail!("{why}"),
        _ => bail!(another(path)),
    }
}

/// Asks the relay behind the control socket at `path` about the channel of this name.
///
/// # Errors
/// As for [`ask`]; or this is no channel's name.
pub fn channel(path: &Path, name: String) -> anyhow::Result<ChannelPage> {
    match send(path, Command::Channel { name }, LOOK_TIME_MAX)? {
        Outcome::Channel(page) => Ok(*page),
        Outcome::Error(why) => bail!("{why}"),
        _ => bail!(another(path)),
    }
}

/// A channel that is tailed through a control socket.
pub struct Tailing {
    lines: BufReader<UnixStream>,
    path: PathBuf,
}

impl Tailing {
    /// The next message, or the end.
    ///
    /// # Errors
    /// The relay has gone without a word.
    pub fn next_event(&mut self) -> anyhow::Result<Tailed> {
        let mut line = String::new();
        self.lines.read_line(&mut line)?;
        if line.is_empty() {
            bail!("the relay behind {} has gone without saying why", self.path.display());
        }
        if let Ok(TailEnd { end }) = serde_json::from_str(&line) {
            return Ok(Tailed::End(end));
        }
        let message = serde_json::from_str(&line);
        message.map(Tailed::Message).with_context(|| format!("{}: expected a message", self.path.display()))
    }
}

/// Has the relay behind the control socket at `path` listen to a channel. Every message comes from here on.
///
/// # Errors
/// As for [`ask`]; or it is not tailed, and why.
pub fn tail(path: &Path, channel: String) -> anyhow::Result<Tailing> {
    let stream = write(path, Command::Tail { channel }, 2 * REQUEST_TIME_MAX)?;
    let (mut lines, mut line) = (BufReader::new(stream), String::new());
    lines.read_line(&mut line).with_context(|| silent(path))?;
    match read(path, &line)? {
        Outcome::Tailing(_) => {
            lines.get_ref().set_read_timeout(None).context("the control socket cannot be read")?;
            Ok(Tailing { lines, path: path.to_owned() })
        }
        Outcome::Error(why) => bail!("{why}"),
        _ => bail!(another(path)),
    }
}

fn another(path: &Path) -> String {
    format!("the relay behind {} answers another question", path.display())
}

/// Sends a request, and waits so long for the answer.
fn send(path: &Path, command: Command, answer_within: Duration) -> anyhow::Result<Outcome> {
    let stream = write(path, command, answer_within)?;
    let mut line = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut line).with_context(|| silent(path))?;
    read(path, &line)
}

fn silent(path: &Path) -> String {
    format!("the relay behind {} does not answer; is it stopped, or does it hang?", path.display())
}

/// Sends a request over a connection on which each read may take so long.
fn write(path: &Path, command: Command, answer_within: Duration) -> anyhow::Result<UnixStream> {
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
    stream
        .set_read_timeout(Some(answer_within))
        .and_then(|()| stream.set_write_timeout(Some(REQUEST_TIME_MAX)))
        .and_then(|()| stream.write_all(&request_line(command)))
        .with_context(|| silent(path))?;
    Ok(stream)
}

/// What an answer says.
fn read(path: &Path, line: &str) -> anyhow::Result<Outcome> {
    let shown = path.display();
    ensure!(
        !line.is_empty(),
        "the relay behind {shown} closed without an answer: it serves its own user and root alone"
    );
    let answer: Answer = serde_json::from_str(line).with_context(|| {
        format!("{shown}: expected the answer of a relay (version {VERSION}), found something else")
    })?;
    Ok(answer.outcome)
}
