//! The names of all keys, and what to say about one that is not among them.

use super::key_table::for_each_key;
use super::limit_table::LIMITS;
use crate::config::nearest::nearest;

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

/// The known key that was most likely meant; also where words are joined with `-`.
pub(super) fn meant(key: &str, known: &[&'static str]) -> Option<&'static str> {
    nearest(&key.replace('-', "_"), known.iter().copied())
}

/// What to say about a key that may not stand at the top.
pub(super) fn unknown_at_top(key: &str) -> String {
    if LIMITS.contains(&key) {
        return format!("unknown key `{key}`: it belongs below `limits:`, indented");
    }
    match meant(key, TOP) {
        Some(near) => format!(
            "unknown key `{key}`: did you mean `{near}`? (An option of the authenticator goes below \
             `authenticator_options:`.)"
        ),
        None => format!(
            "unknown key `{key}`: an option of the authenticator goes below `authenticator_options:`, indented; the keys \
             at the top are {}",
            TOP.join(", ")
        ),
    }
}

/// What to say about a key that may not stand below `limits`.
pub(super) fn unknown_limit(key: &str) -> String {
    if TOP.contains(&key) {
        return format!("unknown key `{key}` below `limits`: it belongs at the top, not indented");
    }
    match meant(key, LIMITS) {
        Some(near) => format!("unknown key `{key}` below `limits`: did you mean `{near}`?"),
        None => format!("unknown key `{key}` below `limits`: the keys there are {}", LIMITS.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_named() {
        for (key, expected) in [
            ("clientport", "did you mean `client_port`?"),
            ("client-port", "did you mean `client_port`?"),
            ("Authenticator", "did you mean `authenticator`?"),
            ("relay", "did you mean `relays`?"),
            ("password", "did you mean `passwords`?"),
            ("outbox_bytes", "belongs below `limits:`"),
            ("secrets", "goes below `authenticator_options:`"),
            ("xyzzy", "the keys at the top are authenticator, passwords"),
        ] {
            let message = unknown_at_top(key);
            assert!(message.contains(&format!("unknown key `{key}`")) && message.contains(expected), "{message}");
        }
        for (key, expected) in [
            ("outbox_byte", "did you mean `outbox_bytes`?"),
            ("client_port", "belongs at the top"),
            ("zzz", "the keys there are max_message_bytes"),
        ] {
            assert!(unknown_limit(key).contains(expected), "{}", unknown_limit(key));
        }
    }

    #[test]
    fn the_lists_agree() {
        assert!(ORIGINAL_OPTIONS.iter().all(|key| TOP.contains(key)));
        assert!(LIMITS.iter().all(|key| !TOP.contains(key)));
    }
}
