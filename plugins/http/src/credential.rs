//! Credentials of the relay itself: by which headers and parameters a service may know who asks.
//!
//! It decides what 401 means, so it goes by names that the README lists, and looks at no value.

/// A header or parameter whose name has one of these in it is taken for a credential.
const WORDS: [&str; 7] = ["auth", "cookie", "key", "pass", "secret", "signature", "token"];

/// Whether a header or parameter of this name holds a credential.
pub(crate) fn is_name_of_one(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell() {
        for name in ["Authorization", "Cookie", "X-Api-Key", "api_token", "CF-Access-Client-Secret", "X-Relay-Auth"] {
            assert!(is_name_of_one(name), "{name}");
        }
        for name in ["X-Relay", "Accept", "User-Agent", "relay", "", "X-Request-Id"] {
            assert!(!is_name_of_one(name), "{name}");
        }
    }
}
