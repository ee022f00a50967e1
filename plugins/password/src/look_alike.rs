//! Texts that look like a hash of a kind that is not taken, so that none is taken for the password itself: whoever stole it
//! would be let in.
//!
//! **Invariant:** no name that is given contains a part of the text.

use crate::hash::Hash;

/// Names of functions that other formats begin with, as in `pbkdf2:sha256:…` and `bcrypt_sha256$…`.
const FUNCTIONS: [&str; 13] = [
    "argon2",
    "argon2i",
    "argon2id",
    "bcrypt",
    "crypt",
    "md5",
    "pbkdf2",
    "scram-sha-1",
    "scram-sha-256",
    "scrypt",
    "sha1",
    "sha256",
    "sha512",
];

/// What `text` looks like, in words that stand behind "looks like"; `None`: like a plain password.
pub(crate) fn named(text: &str) -> Option<&'static str> {
    let beginning = text.trim_start_matches(|first: char| {
        first.is_whitespace() || first.is_control() || matches!(first, '\u{feff}' | '"' | '\'' | '`')
    });
    if beginning.len() != text.len() && is_hash(beginning) {
        return Some("a hash with a blank or a quotation mark before it, which has to go");
    }
    if text.starts_with("$$") && is_hash(&text[1..]) {
        return Some("a hash with each `$` doubled, as Compose files have it: write it once");
    }
    dollars(text).or_else(|| braces(text)).or_else(|| behind_a_name(text)).or_else(|| of_a_database(text))
}

/// Whether the text begins as a hash of any kind does.
fn is_hash(text: &str) -> bool {
    Hash::read(text).is_some() || dollars(text).is_some() || braces(text).is_some()
}

/// `$id$…`
fn dollars(text: &str) -> Option<&'static str> {
    if text.starts_with("$argon2") {
        return Some("a hash of an unknown kind of argon2");
    }
    let (id, _) = text.strip_prefix('$')?.split_once('$')?;
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b',' | b'=');
    if id.is_empty() || !id.bytes().all(is_id) {
        return None;
    }
    Some(match id {
        "1" => "an MD5-crypt hash ($1$)",
        "apr1" => "Apache's MD5 hash ($apr1$), as `htpasswd` makes without -B",
        "2" | "2x" => "a hash of an early, faulty bcrypt ($2$, $2x$)",
        "3" => "an NT hash ($3$)",
        "y" | "gy" => "a yescrypt hash ($y$), as /etc/shadow has them",
        "P" | "H" => "a phpass hash ($P$, $H$), as WordPress has them",
        "S" => "a hash of Drupal ($S$)",
        "md5" | "sha1" => "a hash of MD5 or SHA-1",
        "pbkdf2" | "pbkdf2-sha1" => "a PBKDF2-SHA1 hash ($pbkdf2$)",
        "bcrypt-sha256" => "passlib's bcrypt over SHA-256 ($bcrypt-sha256$)",
        _ => "a hash of an unknown kind ($…$)",
    })
}

/// `{SCHEME}…`
fn braces(text: &str) -> Option<&'static str> {
    let (scheme, _) = text.strip_prefix('{')?.split_once('}')?;
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_one = !scheme.is_empty() && scheme.bytes().all(is_scheme);
    is_one.then_some("a hash of LDAP or Dovecot ({SCHEME}…)")
}

/// `name:$2y$…`, a line of a password file; `pbkdf2:sha256:…`, `bcrypt_sha256$$2b$…`.
fn behind_a_name(text: &str) -> Option<&'static str> {
    if text.split_once(':').is_some_and(|(_, rest)| is_hash(rest)) {
        return Some("a line of a password file: the hash alone stands here, without the name and the colon");
    }
    let (name, _) = text.split_once([':', '$'])?;
    let name = name.to_ascii_lowercase();
    let begins_with =
        |function: &&str| name.strip_prefix(*function).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    let is_function = FUNCTIONS.iter().any(begins_with);
    is_function.then_some("a hash of Werkzeug, Django or PostgreSQL (`name:algorithm:…`, `algorithm$…`)")
}

/// `*` and 40 hexadecimal digits; `md5` and 32.
fn of_a_database(text: &str) -> Option<&'static str> {
    let is_hex = |rest: &str, length: usize| rest.len() == length && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    if text.strip_prefix('*').is_some_and(|rest| is_hex(rest, 40)) {
        return Some("a hash of MySQL (`*` and 40 digits)");
    }
    text.strip_prefix("md5")
        .is_some_and(|rest| is_hex(rest, 32))
        .then_some("a hash of PostgreSQL (`md5` and 32 digits)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_other_kinds_are_named() {
        for (text, wanted) in [
            ("$1$abcdefgh$1234567890123456789012", "MD5-crypt"),
            ("$apr1$abcdefgh$1234567890123456789012", "htpasswd"),
            ("$y$j9T$abc$def", "yescrypt"),
            ("$P$Babcdefgh", "phpass"),
            ("$argon2ix$v=19", "argon2"),
            ("$argon2", "argon2"),
            ("$x$", "unknown kind"),
            ("$2$10$abc", "early, faulty bcrypt"),
            ("$$2b$$12$$abc", "doubled"),
            (" $2b$12$abc", "a blank"),
            ("\t$7$1$a$b", "a blank"),
            ("\u{feff}$6$a$b", "a blank"),
            ("'$5$a$b'", "a quotation mark"),
            (" {SSHA}abc", "a blank"),
            ("{SSHA}abc", "LDAP"),
            ("{BLF-CRYPT}$2y$05$abc", "LDAP"),
            ("alice:$2y$05$abc", "a line of a password file"),
            ("alice:$apr1$abc$def", "a line of a password file"),
            ("alice:{SHA}abc", "a line of a password file"),
            ("root:$6$a$b:19000:0:99999:7:::", "a line of a password file"),
            ("pbkdf2:sha256:600000$abc$def", "Werkzeug"),
            ("scrypt:32768:8:1$abc$def", "Werkzeug"),
            ("pbkdf2_sha256$720000$abc$def", "Django"),
            ("bcrypt_sha256$$2b$12$abc", "Django"),
            ("argon2$argon2id$v=19$m=1", "Django"),
            ("sha1$abc$def", "Django"),
            ("SCRAM-SHA-256$4096:abc$def:ghi", "PostgreSQL"),
            ("*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29", "MySQL"),
            ("md55f4dcc3b5aa765d61d8327deb882cf99", "PostgreSQL"),
        ] {
            let name = named(text).unwrap_or_else(|| panic!("{text} is taken for a password"));
            assert!(name.contains(wanted), "{text}: {name}");
        }
    }

    #[test]
    fn passwords_are_passwords() {
        for text in [
            "correct horse",
            "$",
            "$ecret",
            "$5",
            "$$",
            "$$$",
            "$a b$c",
            "{",
            "{}",
            "{a b}",
            "a$b$c",
            "a:b:c",
            "*",
            " ",
            " $ecret",
            "md5",
            "md5sum",
            "sha256",
            "cryptic$",
            "http://a:b@c",
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "plainly:x",
        ] {
            assert_eq!(named(text), None, "{text}");
        }
    }
}
