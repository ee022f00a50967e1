//! Single values of the settings file: from what YAML holds to what is meant. `None` is what was not expected; the caller
//! knows the key and says so.

use super::{ControlSocket, Encryption, Isolation, OnSwap, yaml};
use crate::protocol::SHARDS_MAX;
use serde_json::Value;
use std::net::IpAddr;
use std::path::PathBuf;

/// The longest host name that DNS can hold is shorter; `hello` carries the name to every client.
const NAME_BYTES_MAX: usize = 255;

/// What stands for yes and no, for messages.
pub(super) const BOOLEAN: &str = "true or false without quotes (`yes`, `no`, `on` and `off` are text, as in YAML 1.2)";

/// What a hash looks like, for messages.
pub(super) const SHA256: &str = "64 hexadecimal digits in quotes, as sha256sum prints them";

pub(super) fn non_empty(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

pub(super) fn path(value: &Value) -> Option<PathBuf> {
    non_empty(value).map(PathBuf::from)
}

pub(super) fn isolation(value: &Value) -> Option<Isolation> {
    [Isolation::Thread, Isolation::Process].into_iter().find(|isolation| value.as_str() == Some(&isolation.to_string()))
}

pub(super) fn encryption(value: &Value) -> Option<Encryption> {
    let all = [Encryption::Off, Encryption::Preferred, Encryption::Required];
    all.into_iter().find(|encryption| value.as_str() == Some(&encryption.to_string()))
}

pub(super) fn address(value: &Value) -> Option<IpAddr> {
    value.as_str()?.parse().ok()
}

pub(super) fn port(value: &Value) -> Option<u16> {
    value.as_u64()?.try_into().ok()
}

pub(super) fn shards(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok().filter(|&shards| shards <= SHARDS_MAX)
}

/// As many as are still shown in one answer.
const DECISIONS_MAX: usize = 1_000;

/// What can be said of decisions that are remembered, for messages.
pub(super) const DECISIONS: &str = "a whole number from 0 (none) to 1000";

pub(super) fn decisions(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok().filter(|&count| count <= DECISIONS_MAX)
}

pub(super) fn control_socket(value: &Value) -> Option<ControlSocket> {
    match non_empty(value)?.as_str() {
        "None" => Some(ControlSocket::None),
        // Hardly a path, and nobody would find the socket there.
        word if is_no(word) => None,
        path => Some(ControlSocket::At(path.into())),
    }
}

/// Whether somebody who writes this for a text wants to have none of it: words for it in YAML 1.1 and in English.
pub(super) fn is_no(text: &str) -> bool {
    ["none", "no", "n", "off", "false"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

pub(super) fn name(value: &Value) -> Option<String> {
    non_empty(value).filter(|name| name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control))
}

pub(super) fn on_swap(value: &Value) -> Option<OnSwap> {
    [OnSwap::Keep, OnSwap::Reauthorize].into_iter().find(|choice| value.as_str() == Some(&choice.to_string()))
}

pub(super) fn sha256(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    (text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())).then(|| text.to_ascii_lowercase())
}

/// What a value is, with its content where that is short. Never for an option of an authenticator.
pub(super) fn found(value: &Value) -> String {
    const SHOWN_CHARS_MAX: usize = 60;
    match value {
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::String(text) if text.chars().count() > SHOWN_CHARS_MAX => {
            format!("the text {:?}…", text.chars().take(SHOWN_CHARS_MAX).collect::<String>())
        }
        Value::String(text) => format!("the text {text:?}"),
        other => yaml::kind(other).to_owned(),
    }
}
