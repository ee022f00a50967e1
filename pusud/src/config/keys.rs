//! The names of all keys, and what to say about one that is not among them.

use super::key_table::for_each_key;
use super::limit_table::LIMITS;
use crate::config::nearest::nearest;
use anyhow::bail;
use serde_json::{Map, Value};

/// Makes the list of the keys at the top.
macro_rules! top {
    ($($name:ident: $type:ty, $read:ident($($arg:expr),*), $when:ident;)*) => {
        /// The keys at the top of the settings, in the order of `settings.example.yaml`.
        pub(crate) const TOP: &[&str] = &[
            "authenticator",
            "passwords",
            "allow_read_by_default",
            "allowed_channels",
            "jwt_signing_algorithms",
            "jwt_verification_key",
            $(stringify!($name),)*
            "limits",
        ];
    };
}

for_each_key!(top);

/// The keys of the original's authenticators. They stand at the top and are handed to the authenticator that takes them.
pub(crate) const ORIGINAL_OPTIONS: &[&str] =
    &["passwords", "allow_read_by_default", "allowed_channels", "jwt_signing_algorithms", "jwt_verification_key"];

/// Why a key is not repeated.
pub(crate) const NOT_SHOWN: &str = "not shown: it may be a password";

/// The known key that was most likely meant; also where words are joined with `-`.
pub(super) fn meant(key: &str, known: &[&'static str]) -> Option<&'static str> {
    nearest(&key.replace('-', "_"), known.iter().copied())
}

/// Sees to it that all keys of a mapping are `known`; `place` is what it is called, nothing at the top.
///
/// A key that is none of the settings' own is not shown, however much it is like one: below a line that is not indented as
/// it was meant, it may be a password.
///
/// # Errors
/// Names which key it is, and the one that was probably meant, or those that can stand there.
pub(super) fn check(values: &Map<String, Value>, place: &str, known: &[&'static str]) -> anyhow::Result<()> {
    match (1..).zip(values.keys()).find(|(_, key)| !known.contains(&key.as_str())) {
        Some((number, key)) => bail!(unknown(key, number, place, known)),
        None => Ok(()),
    }
}

/// What to say about the key with this number in a mapping.
fn unknown(key: &str, number: usize, place: &str, known: &[&'static str]) -> String {
    match place {
        "" if LIMITS.contains(&key) => return format!("unknown key `{key}`: it belongs below `limits:`, indented"),
        "limits" if TOP.contains(&key) => {
            return format!("unknown key `{key}` below `limits`: it belongs at the top, not indented");
        }
        _ => {}
    }
    let is_top = place.is_empty();
    let at = if is_top { "at the top".to_owned() } else { format!("below `{place}`") };
    let option = "an option of the authenticator goes below `authenticator_options:`, indented";
    let what = match meant(key, known) {
        Some(near) if is_top => format!("did you mean `{near}`? ({option})"),
        Some(near) => format!("did you mean `{near}`?"),
        None if is_top => format!("{option}; the keys at the top are {}", known.join(", ")),
        None => format!("the keys there are {}", known.join(", ")),
    };
    format!("key {number} {at} is unknown ({NOT_SHOWN}): {what}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Only keys that are exactly known ones are shown; a shorter word may be a part of others.
    fn assert_not_shown(key: &str, message: &str) {
        let words = message.split(|part: char| !part.is_alphanumeric() && part != '_' && part != '-');
        let is_known = LIMITS.contains(&key) || TOP.contains(&key);
        let without_note = words.filter(|word| *word == key).count() - usize::from(key == "password");
        assert!(is_known || without_note == 0, "{message}");
    }

    #[test]
    fn the_nearest_key_is_named() {
        for (key, expected) in [
            (
                "clientport",
                "key 2 at the top is unknown (not shown: it may be a password): did you mean `client_port`?",
            ),
            (
                "client-port",
                "key 2 at the top is unknown (not shown: it may be a password): did you mean `client_port`?",
            ),
            (
                "Authenticator",
                "key 2 at the top is unknown (not shown: it may be a password): did you mean `authenticator`?",
            ),
            ("relay", "key 2 at the top is unknown (not shown: it may be a password): did you mean `relays`?"),
            ("password", "key 2 at the top is unknown (not shown: it may be a password): did you mean `passwords`?"),
            ("password1", "key 2 at the top is unknown (not shown: it may be a password): did you mean `passwords`?"),
            ("passw0rd", "key 2 at the top is unknown (not shown: it may be a password): did you mean `passwords`?"),
            ("Password", "key 2 at the top is unknown (not shown: it may be a password): did you mean `passwords`?"),
            ("limits1", "key 2 at the top is unknown (not shown: it may be a password): did you mean `limits`?"),
            ("outbox_bytes", "unknown key `outbox_bytes`: it belongs below `limits:`"),
            (
                "hunter2",
                "key 2 at the top is unknown (not shown: it may be a password): an option of the authenticator \
                         goes below `authenticator_options:`, indented; the keys at the top are authenticator, passwords",
            ),
        ] {
            let values = json!({"authenticator": "A", key: 1});
            let message = check(values.as_object().unwrap(), "", TOP).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
            assert_not_shown(key, &message);
        }
        for (key, expected) in [
            (
                "outbox_byte",
                "key 1 below `limits` is unknown (not shown: it may be a password): did you mean `outbox_bytes`?",
            ),
            ("client_port", "unknown key `client_port` below `limits`: it belongs at the top"),
            (
                "hunter2",
                "key 1 below `limits` is unknown (not shown: it may be a password): the keys there are \
                         max_message_bytes, ",
            ),
        ] {
            let message = check(json!({key: 1}).as_object().unwrap(), "limits", LIMITS).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
            assert_not_shown(key, &message);
        }
        assert!(check(json!({"authenticator": "A"}).as_object().unwrap(), "", TOP).is_ok());
    }

    #[test]
    fn the_lists_agree() {
        assert!(ORIGINAL_OPTIONS.iter().all(|key| TOP.contains(key)));
        assert!(LIMITS.iter().all(|key| !TOP.contains(key)));
    }
}
