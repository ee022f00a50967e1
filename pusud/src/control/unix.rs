//! The control socket on Unix: a local stream socket, mode 0600.
//!
//! Connections are few and may be slow or silent: each has a bounded time, and only some are served at once.

use super::line::{Command, Outcome, check};
use super::operator::Operator;
use super::place::{self, Folder};
use super::private_folder;
use super::reload::{self, ReloadRequest};
use super::session::Tail;
use super::tailed;
use crate::config;
use crate::control::gather::StatusGatherer;
use anyhow::{Context as _, bail, ensure};
use rustix::fs::{Access, access};
use std::convert::Infallible;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

/// A longer request is none.
const REQUEST_BYTES_MAX: usize = 128 * 1024;
/// The time for the request, for the answer of a status, and for the way of an answer.
pub(super) const REQUEST_TIME_MAX: Duration = Duration::from_secs(5);
/// Connections that are served at once; others wait.
const CONNECTIONS_MAX: usize = 8;
/// The wait after the system has refused a connection.
const BACKOFF: Duration = Duration::from_millis(100);

/// A control socket that is bound. Dropping it removes it from the file system.
pub struct ControlSocket {
    socket: UnixListener,
    path: PathBuf,
    /// Device and number of the file, to know it again.
    file: (u64, u64),
}

impl ControlSocket {
    /// Binds where the settings say, or by the clients' `port`; `None` where they want none, or where there is no place
    /// for one that they have not named: that is warned about, and the relay serves without.
    ///
    /// # Errors
    /// The settings name a path that cannot be used: what is in the way, and the way out.
    pub fn open(choice: &config::ControlSocket, port: u16) -> anyhow::Result<Option<Self>> {
        let made = match choice {
            config::ControlSocket::None => return Ok(None),
            config::ControlSocket::At(path) => {
                return Self::bind(path).map(Some).with_context(|| format!("`control_socket` {}", path.display()));
            }
            config::ControlSocket::ByPort if port == 0 => {
                debug!("no control socket; `control_socket: PATH` in the settings makes one");
                return Ok(None);
            }
            config::ControlSocket::ByPort => Self::in_a_folder(port),
        };
        Ok(made
            .inspect_err(|error| {
                warn!(
                    "no control socket, so `pusud status` will not find this relay; `control_socket: PATH` in the settings \
                     says where one may be: {error:#}"
                );
            })
            .ok())
    }

    /// Binds in the first folder that can be used.
    fn in_a_folder(port: u16) -> anyhow::Result<Self> {
        let mut in_the_way = Vec::new();
        for folder in place::own() {
            match prepare(&folder) {
                Ok(()) => {
                    let path = place::in_folder(folder.path(), port);
                    return Self::bind(&path).with_context(|| path.display().to_string());
                }
                Err(error) => in_the_way.push(format!("{error:#}")),
            }
        }
        bail!("{}", in_the_way.join("; "))
    }

    fn bind(path: &Path) -> anyhow::Result<Self> {
        remove_stale(path)?;
        let socket =
            UnixListener::bind(path).context("cannot make the socket; does its folder exist, for this user?")?;
        // Until here others could have connected, which is why the user of each connection is checked as well.
        fs::set_permissions(path, Permissions::from_mode(0o600)).context("cannot set the permissions of the socket")?;
        socket.set_nonblocking(true).context("cannot use the socket")?;
        let file = identity(path).context("the socket is gone again")?;
        Ok(Self { socket, path: path.to_owned(), file })
    }

    /// Answers requests, for ever. Wishes to reload go to `reload`.
    pub async fn serve(
        &self,
        status_gatherer: Arc<StatusGatherer>,
        reload: mpsc::Sender<ReloadRequest>,
        operator: Arc<Operator>,
    ) -> Infallible {
        let listener = match self.socket.try_clone().and_then(tokio::net::UnixListener::from_std) {
            Ok(listener) => listener,
            Err(error) => {
                warn!(%error, "the control socket cannot be used, so `pusud status` will not be answered");
                return std::future::pending().await;
            }
        };
        // Who tails a channel stays, and is counted apart.
        let (mut connections, mut tailing) = (JoinSet::new(), JoinSet::new());
        loop {
            tokio::select! {
                accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                    Ok((stream, _)) => {
                        let answer = answer(stream, status_gatherer.clone(), reload.clone(), operator.clone());
                        drop(connections.spawn(answer));
                    }
                    Err(_) => sleep(BACKOFF).await,
                },
                Some(answered) = connections.join_next() => if let Ok(Some((stream, tail))) = answered {
                    drop(tailing.spawn(tailed::serve(stream, tail)));
                },
                Some(_) = tailing.join_next() => {}
            }
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|file| file == self.file) {
            // Where it cannot be removed it is stale, and the next relay to use it removes it.
            fs::remove_file(&self.path).ok();
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

/// Makes sure that a socket can be made in the folder.
pub(super) fn prepare(folder: &Folder) -> anyhow::Result<()> {
    match folder {
        Folder::Given(_) => {}
        Folder::Private(path) => private_folder::make(path)?,
        Folder::System(path) => match fs::create_dir(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error).with_context(|| format!("cannot make the folder {}", path.display()));
            }
            _ => {}
        },
    }
    let shown = folder.path().display();
    let may = access(folder.path(), Access::WRITE_OK | Access::EXEC_OK);
    may.with_context(|| format!("this user cannot make a socket in {shown}"))
}

/// Whether a relay may be behind the socket at this path, and not only what one has left there.
pub fn is_live(path: &Path) -> bool {
    match UnixStream::connect(path) {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused),
    }
}

/// Removes the socket that a relay has left behind.
fn remove_stale(path: &Path) -> anyhow::Result<()> {
    let file = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        file => file.context("cannot inspect the file at this path")?,
    };
    ensure!(file.file_type().is_socket(), "there is something else at this path, and no socket: remove it yourself");
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).context("cannot remove the socket that a relay has left behind")
        }
        Ok(_) => bail!(
            "another relay is running with this control socket: stop it, or give each relay a `control_socket` of its \
             own in its settings"
        ),
        Err(error) => Err(error).context("cannot find out whether a relay is behind the socket that is there"),
    }
}

/// Answers the request of one connection. The client may close it at any time. Gives what is to follow, where it tails a channel.
async fn answer(
    stream: tokio::net::UnixStream,
    status_gatherer: Arc<StatusGatherer>,
    reload: mpsc::Sender<ReloadRequest>,
    operator: Arc<Operator>,
) -> Option<(tokio::net::UnixStream, Tail)> {
    let request = async {
        if !may_ask(&stream)? {
            return Ok(None);
        }
        let line = timeout(REQUEST_TIME_MAX, read_line(&stream)).await??;
        let (outcome, tail) = match check(&line) {
            Ok(Command::Tail { channel }) => match operator.lists().tail(&channel).await {
                Ok(tail) => (Outcome::Tailing(channel), Some(tail)),
                Err(why) => (Outcome::Error(why.into()), None),
            },
            Ok(command) => {
                let done = carry_out(command, &status_gatherer, &reload, &operator).await;
                (done.unwrap_or_else(Outcome::Error), None)
            }
            Err(why) => (Outcome::Error(why), None),
        };
        timeout(REQUEST_TIME_MAX, write_all(&stream, &outcome.to_line())).await??;
        Ok(tail)
    };
    match request.await {
        Ok(Some(tail)) => return Some((stream, tail)),
        Ok(None) => {}
        Err::<_, io::Error>(error) => debug!(%error, "control socket: connection closed, or too slow"),
    }
    // Whoever asked hears the end, though a process that a plugin has forked may have a copy of the connection.
    let _ = socket2::SockRef::from(&stream).shutdown(std::net::Shutdown::Write);
    None
}

async fn carry_out(
    command: Command,
    status_gatherer: &StatusGatherer,
    reload: &mpsc::Sender<ReloadRequest>,
    operator: &Operator,
) -> Result<Outcome, String> {
    Ok(match command {
        Command::Status => Outcome::Status(Box::new(status_gatherer.gather().await)),
        Command::Reload => Outcome::Reloaded(reload::ask_to_reload(reload, false).await?),
        Command::ReloadNew => Outcome::Reloaded(reload::ask_to_reload(reload, true).await?),
        Command::Kick { whom, network } => Outcome::Kicked(operator.kick(&whom, network).await?),
        Command::Revoke { whom, lasting } => Outcome::Revoked(operator.revoke(whom, lasting).await?),
        Command::Lift { whom } => Outcome::Revoked(operator.lift(&whom).await?),
        Command::Revocations => Outcome::Revocations(operator.revocations()),
        Command::Decisions(filter) => Outcome::Decisions(operator.decisions(&filter)?),
        Command::Clients(query) => Outcome::Clients(operator.lists().clients(&query).await?),
        Command::Client { id } => Outcome::Client(operator.lists().client(&id).await?.map(Box::new)),
        Command::Channels(query) => Outcome::Channels(operator.lists().channels(&query).await?),
        Command::Channel { name } => Outcome::Channel(Box::new(operator.lists().channel(&name).await?)),
        Command::Publish { channel, content } => {
            operator.lists().publish(&channel, &content).await?;
            Outcome::Published(channel)
        }
        Command::Tail { .. } => return Err("a channel is not tailed this way".to_owned()),
    })
}

fn may_ask(stream: &tokio::net::UnixStream) -> io::Result<bool> {
    let user = stream.peer_cred()?.uid();
    Ok(user == 0 || user == rustix::process::geteuid().as_raw())
}

/// Reads up to the end of the first line, or as much as a request may have.
async fn read_line(stream: &tokio::net::UnixStream) -> io::Result<Vec<u8>> {
    let (mut line, mut piece) = (Vec::new(), [0; 512]);
    while !line.contains(&b'\n') && line.len() < REQUEST_BYTES_MAX {
        stream.readable().await?;
        match stream.try_read(&mut piece) {
            Ok(0) => break,
            Ok(bytes) => line.extend_from_slice(&piece[..bytes]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(line)
}

pub(super) async fn write_all(stream: &tokio::net::UnixStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
