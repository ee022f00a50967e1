//! Unix sockets for clients: making one in the file system, for the users that the settings name.

use crate::config::UnixSocket;
use anyhow::{Context as _, bail, ensure};
use rustix::fs::{Gid, Uid};
use std::fs;
use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// The longest path, as the address of a socket has room for so many bytes, and while it is made eight more are behind it.
const PATH_BYTES_MAX: usize = if cfg!(target_os = "linux") { 107 - 8 } else { 103 - 8 };

/// Makes the socket. One that a relay has left behind, which nobody listens to any more, gives way.
///
/// # Errors
/// Names the path or the user, and the way out.
pub(super) fn bind(socket: &UnixSocket) -> anyhow::Result<UnixListener> {
    let path = &socket.path;
    check(socket)?;
    let owner = owner(socket)?;
    let failed = || format!("cannot listen for clients on unix:{}", path.display());
    remove_left_behind(path).with_context(failed)?;
    // Nobody may connect before the mode is set: the socket is made under another name, and moved to its own.
    let mut name = path.file_name().with_context(failed)?.to_owned();
    name.push(format!(".{}", std::process::id()));
    let new = path.with_file_name(name);
    // One of the same number may have been killed right here: in containers it always has the same.
    remove_left_behind(&new).with_context(failed)?;
    let listener = UnixListener::bind(&new).with_context(failed)?;
    let finish = || -> anyhow::Result<()> {
        if owner != (None, None) {
            rustix::fs::chown(&new, owner.0, owner.1).with_context(|| {
                format!("cannot give unix:{} to its `owner` and `group`; that takes root", path.display())
            })?;
        }
        fs::set_permissions(&new, fs::Permissions::from_mode(socket.mode)).with_context(failed)?;
        fs::rename(&new, path).with_context(failed)
    };
    finish().inspect_err(|_| drop(fs::remove_file(&new)))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Whether it could be made: its folder is there, and so are its users.
///
/// # Errors
/// Names the path or the user, and the way out.
pub(super) fn check(socket: &UnixSocket) -> anyhow::Result<()> {
    owner(socket)?;
    let len = socket.path.as_os_str().len();
    ensure!(
        len <= PATH_BYTES_MAX,
        "cannot listen for clients on unix:{}: the path has {len} bytes, and a socket's has at most {PATH_BYTES_MAX}; name a \
         shorter one",
        socket.path.display()
    );
    let folder = socket.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    ensure!(
        folder.is_dir(),
        "cannot listen for clients on unix:{}: the folder is not there; make it, or have the service manager make it \
         (RuntimeDirectory=)",
        socket.path.display()
    );
    Ok(())
}

/// A stream that is read and written by the same calls, which is all that a connection is used for.
pub(super) fn as_stream(socket: tokio::net::UnixStream) -> io::Result<TcpStream> {
    Ok(TcpStream::from(OwnedFd::from(socket.into_std()?)))
}

fn remove_left_behind(path: &Path) -> anyhow::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    ensure!(found.file_type().is_socket(), "there is something else at this path; remove it, or name another path");
    match UnixStream::connect(path) {
        Ok(_) => bail!("another program (or another pusud) listens there; stop it, or name another path"),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(fs::remove_file(path)?),
        Err(error) => Err(error).context("there is a socket already, and it cannot be tried whether anybody listens"),
    }
}

fn owner(socket: &UnixSocket) -> anyhow::Result<(Option<Uid>, Option<Gid>)> {
    let number = |file: &str, kind: &str, name: &str| -> anyhow::Result<u32> {
        if let Ok(number) = name.parse() {
            return Ok(number);
        }
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {file}; write a number"))?;
        named(&text, name).with_context(|| format!("unix:{}: there is no {kind} {name:?}", socket.path.display()))
    };
    let owner = socket.owner.as_deref().map(|name| number("/etc/passwd", "user", name)).transpose()?;
    let group = socket.group.as_deref().map(|name| number("/etc/group", "group", name)).transpose()?;
    Ok((owner.map(Uid::from_raw), group.map(Gid::from_raw)))
}

/// The number in the third field of the line that begins with `name`.
fn named(text: &str, name: &str) -> Option<u32> {
    let mut lines = text.lines().map(|line| line.split(':'));
    lines.find_map(|mut fields| (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok()).flatten())
}
