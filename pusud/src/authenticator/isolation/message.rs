//! Messages between the daemon and the process of a plugin: bytes to values and back.
//!
//! Both ends are the same binary, so there are no versions. The daemon trusts what comes from the other end no more than
//! it trusts the plugin: every length is checked before anything is made of it.
//! **Invariant:** bytes that may hold a secret are wiped when they are dropped, and never copied by growing.

mod to_daemon;
mod to_guest;

pub(super) use to_daemon::ToDaemon;
pub(super) use to_guest::{Purpose, Start, ToGuest};

use super::fields::Frame;
use pusu_plugin_abi as abi;
use std::io::{self, ErrorKind, Read};
use zeroize::Zeroizing;

/// Largest message to the plugin's process, in bytes: options come out of a settings file of 16 MiB at most,
/// authorizations out of messages of 1 GiB at most.
pub(super) const TO_GUEST_BYTES_MAX: usize = (1 << 30) + (1 << 20);
/// Largest message from the plugin's process, in bytes: a verdict with everything that the ABI allows, and a number of eight
/// bytes before each field and list.
pub(super) const TO_DAEMON_BYTES_MAX: usize = abi::SUBJECT_BYTES_MAX
    + 2 * abi::TEXT_BYTES_MAX
    + abi::PERMISSIONS_MAX * (abi::PATTERN_BYTES_MAX + 16)
    + abi::ATTRS_MAX * (abi::KEY_BYTES_MAX + abi::TEXT_BYTES_MAX + 16)
    + 128;
/// Largest reason why something failed, in bytes; more is cut off by whoever says it.
pub(super) const REASON_BYTES_MAX: usize = abi::TEXT_BYTES_MAX;

/// Reads one message; `None`: the other end has closed the socket.
///
/// # Errors
/// It cannot be read, ends in the middle, or is longer than `bytes_max`.
pub(super) fn read(stream: &mut impl Read, bytes_max: usize) -> io::Result<Option<Frame>> {
    let mut length = [0; 4];
    if stream.read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut length[1..])?;
    let length = u32::from_le_bytes(length) as usize;
    if length > bytes_max {
        return Err(io::Error::new(ErrorKind::InvalidData, format!("a message of {length} bytes")));
    }
    let mut frame = Zeroizing::new(vec![0; length]);
    stream.read_exact(&mut frame)?;
    Ok(Some(frame))
}

#[cfg(test)]
mod tests;
