//! The process of a plugin, as the daemon starts it and as it finds itself: its socket, and the sealed memory with the
//! library, which comes through it.

use super::COMMAND;
use crate::authenticator::image::Image;
use crate::authenticator::library;
use anyhow::{Context, Result, ensure};
use rustix::fd::OwnedFd;
use rustix::net::SocketType;
use rustix::net::sockopt::socket_type;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// The first byte on the socket: whether the sealed memory comes with it.
const IN_PLACE: u8 = 0;
#[cfg(target_os = "linux")]
const IN_MEMORY: u8 = 1;

/// Starts a process for the library in `image`, in a group of its own, so that it can be ended with what it has started. It
/// dies with the thread that calls this. Gives our ends of its socket and of its standard error, which is a socket too, so
/// that reading it can be ended.
pub(super) fn spawn(image: &Image) -> io::Result<(Child, UnixStream, UnixStream)> {
    start(command()?, |socket| send_image(socket, image))
}

fn start(
    mut command: Command,
    send: impl FnOnce(&UnixStream) -> io::Result<()>,
) -> io::Result<(Child, UnixStream, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    let (said, stderr) = UnixStream::pair()?;
    let child = command
        .arg0("pusud")
        .env_remove("PUSU_AUTHORIZATION")
        // What is told to the service manager is the daemon's to say.
        .env_remove("NOTIFY_SOCKET")
        .env_remove("WATCHDOG_USEC")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::from(OwnedFd::from(stderr)))
        .process_group(0)
        .spawn()?;
    // It holds our copies of its ends.
    drop(command);
    match send(&ours) {
        Ok(()) => Ok((child, ours, said)),
        Err(error) => {
            end(child);
            Err(error)
        }
    }
}

/// Ends a process that cannot be used, and reaps it.
pub(super) fn end(mut child: Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// The binary that is running, even if another has taken its place on the disk meanwhile.
#[cfg(not(test))]
fn command() -> io::Result<Command> {
    let binary = if cfg!(target_os = "linux") { "/proc/self/exe".into() } else { std::env::current_exe()? };
    let mut command = Command::new(binary);
    command.arg(COMMAND);
    Ok(command)
}

/// The binary of the tests has one that plays the part (tests/mod.rs).
#[cfg(test)]
fn command() -> io::Result<Command> {
    assert!(!COMMAND.is_empty());
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--exact", "authenticator::tests::the_process_of_a_plugin", "--nocapture", "--test-threads=1"]);
    Ok(command)
}

/// In the process itself: takes the socket from where the daemon has put it, and what came with it.
///
/// # Errors
/// This process was not started by the daemon.
pub(super) fn take_socket() -> Result<(UnixStream, Option<OwnedFd>)> {
    library::close_inherited()?;
    let stdin = io::stdin();
    let is_socket = socket_type(stdin.as_fd()).is_ok_and(|kind| kind == SocketType::STREAM);
    ensure!(is_socket, "standard input is no socket: this command is started by the daemon, not by people");
    let socket = stdin.as_fd().try_clone_to_owned().context("cannot take the socket")?;
    // What the plugin reads from its standard input is not for it.
    let nothing = File::open("/dev/null").context("cannot open /dev/null")?;
    rustix::stdio::dup2_stdin(nothing).context("cannot let go of the socket as standard input")?;
    let mut stream = UnixStream::from(socket);
    let image = receive_image(&mut stream).context("the library does not come through the socket")?;
    Ok((stream, image))
}

#[cfg(not(target_os = "linux"))]
fn send_image(mut stream: &UnixStream, _image: &Image) -> io::Result<()> {
    stream.write_all(&[IN_PLACE])
}

#[cfg(not(target_os = "linux"))]
fn receive_image(stream: &mut UnixStream) -> io::Result<Option<OwnedFd>> {
    io::Read::read_exact(stream, &mut [0])?;
    Ok(None)
}

#[cfg(target_os = "linux")]
fn send_image(mut stream: &UnixStream, image: &Image) -> io::Result<()> {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    let Some(memory) = image.memory() else { return stream.write_all(&[IN_PLACE]) };
    let memory = [memory];
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&memory));
    sendmsg(stream, &[io::IoSlice::new(&[IN_MEMORY])], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

#[cfg(target_os = "linux")]
fn receive_image(stream: &mut UnixStream) -> io::Result<Option<OwnedFd>> {
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
    let mut first = [IN_PLACE];
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(&*stream, &mut [io::IoSliceMut::new(&mut first)], &mut control, flags)?;
    let image = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    if received.bytes != 1 || (first[0] == IN_MEMORY) != image.is_some() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_that_is_not_sent_its_library_leaves_no_zombie() {
        let mut started = None;
        let mut sleeping = Command::new("sleep");
        sleeping.arg("100");
        let failed = start(sleeping, |_| {
            // Its number is in the list of children until it is reaped.
            let children = std::fs::read_dir("/proc").expect("Linux has it").flatten();
            started =
                children.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)).find(|child| {
                    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
                    waitid(WaitId::Pid(*child), options).is_ok()
                });
            Err(io::ErrorKind::BrokenPipe.into())
        });
        assert_eq!(failed.err().map(|error| error.kind()), Some(io::ErrorKind::BrokenPipe));
        let started = started.expect("the process is there while it is sent the library");
        let left = std::fs::read_to_string(format!("/proc/{}/stat", started.as_raw_nonzero()));
        assert!(left.is_err(), "{left:?}");
    }
}
