//! Settings files.

use crate::config::Config;
use std::path::Path;

/// Whatever stands in a settings file is read or refused with one message, each time in the same way.
///
/// # Panics
/// Where that does not hold.
pub fn settings(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let read = || Config::from_text(text, Path::new("settings.yaml"));
    match (read(), read()) {
        (Ok(config), Ok(_)) => {
            assert!(config.shards > 0);
            assert!(!config.name.is_empty());
            assert!(config.limits.max_message_bytes > 0);
        }
        (Err(first), Err(second)) => {
            let [first, second] = [first, second].map(|error| format!("{error:#}"));
            assert!(!first.is_empty());
            assert_eq!(first, second);
        }
        _ => panic!("read once and refused once: {text:?}"),
    }
}
