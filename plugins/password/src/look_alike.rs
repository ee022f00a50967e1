//! Texts that look like a hash of a kind that is not taken, so that none is taken for the password itself: whoever stole it
//! would be let in.
//!
//! **Invariant:** no name that is given contains a part of the text.

use crate::hash::Hash;

/// Names of functions that other formats begin with, as in `pbkdf2:sha256:…` and `bcrypt_sha256$…`.
const FUNCTIONS: [&str; 23] = [
    "argon2",
    "argon2i",
    "argon2id",
    "bcrypt",
    "blake2b",
    "blake2s",
    "crypt",
    "hmac",
    "md5",
    "pbkdf2",
    "scram-sha-1",
    "scram-sha-256",
    "scrypt",
    "sha-1",
    "sha-256",
    "sha-512",
    "sha1",
    "sha224",
    "sha256",
    "sha3",
    "sha384",
    "sha512",
    "ssha",
];

/// What `text` looks like, in words that stand behind "looks like"; `None`: like a plain password.
pub(crate) fn named(text: &str) -> Option<&'static str> {
    let beginning = without_noise(text);
    if beginning.len() != text.len() && is_hash(beginning) {
        return Some("a hash with a blank, a quotation mark or another sign before it, which has to go");
    }
    if text.contains("\\$") && is_hash(&text.replace("\\$", "$")) {
        return Some("a hash with a backslash before each `$`, as shells have it: write it without");
    }
    if text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric) && Hash::read(&format!("${text}")).is_some() {
        return Some("a hash whose first `$` is missing");
    }
    if text.starts_with("$$") && is_hash(&text[1..]) {
        return Some("a hash with each `$` doubled, as Compose files have it: write it once");
    }
    dollars(text).or_else(|| braces(text)).or_else(|| behind_a_name(text)).or_else(|| of_a_database(text))
}

/// The text behind what is copied along by mistake: blanks, quotation marks, the sign of a list or of a locked account, and
/// characters that nobody sees.
fn without_noise(text: &str) -> &str {
    text.trim_start_matches(|first: char| {
        let is_unseen = matches!(first, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}');
        first.is_whitespace() || first.is_control() || is_unseen || matches!(first, '"' | '\'' | '`' | '-' | '!')
    })
}

/// Whether the text begins as a hash of any kind does.
fn is_hash(text: &str) -> bool {
    Hash::read(text).is_some() || dollars(text).is_some() || braces(text).is_some() || of_a_database(text).is_some()
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
    const OF_A_FUNCTION: &str = "a hash of Werkzeug, Django or PostgreSQL (`name:algorithm:…`, `algorithm$…`)";
    if is_of_function(text) {
        return Some(OF_A_FUNCTION);
    }
    text.match_indices(':').find_map(|(at, _)| {
        let rest = without_noise(&text[at + 1..]);
        let is_doubled = rest.strip_prefix('$').is_some_and(|rest| rest.starts_with('$') && is_hash(rest));
        match is_hash(rest) || is_doubled {
            true => Some("a line of a password file: the hash alone stands here, without the name and the colon"),
            false => is_of_function(rest).then_some(OF_A_FUNCTION),
        }
    })
}

/// Whether the text begins with the name of a function, as `pbkdf2:sha256:…` and `bcrypt_sha256$…` do.
fn is_of_function(text: &str) -> bool {
    let Some((name, _)) = text.split_once([':', '$']) else { return false };
    let name = name.to_ascii_lowercase();
    let begins_with = |function: &&str| {
        name.strip_prefix(*function).is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '-']))
    };
    FUNCTIONS.iter().any(begins_with)
}

/// Whether it has so many of the 64 characters that crypt writes its hashes with.
fn is_of_crypt(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/'))
}

/// What a text may be that is as likely a password, in words that stand behind "looks like": 13 characters of DES crypt, the
/// last of which holds fewer bits than the others.
pub(crate) fn perhaps(text: &str) -> Option<&'static str> {
    let hash = text.rsplit_once(':').map_or(text, |(_, hash)| hash);
    // Words and numbers are seldom hashes.
    let is_mixed = hash.contains(|one: char| one.is_ascii_lowercase())
        && hash.contains(|one: char| one.is_ascii_uppercase() || one.is_ascii_digit());
    let is_one = is_of_crypt(hash, 13) && is_mixed && hash.ends_with(|end| ".26AEIMQUYcgkosw".contains(end));
    is_one.then_some("a hash of DES crypt (13 characters)")
}

/// `*` and 40 hexadecimal digits; `md5` and 32; `0x0100` or `0x0200`, and 48 or more; `_` and 19 characters of crypt, as
/// databases of users on BSD have them.
fn of_a_database(text: &str) -> Option<&'static str> {
    let is_hex = |rest: &str, length: usize| rest.len() == length && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    if text.strip_prefix('*').is_some_and(|rest| is_hex(rest, 40)) {
        return Some("a hash of MySQL (`*` and 40 digits)");
    }
    let is_hex_of_many = |rest: &str| rest.len() >= 48 && is_hex(rest, rest.len());
    if text.strip_prefix("0x0100").or_else(|| text.strip_prefix("0x0200")).is_some_and(is_hex_of_many) {
        return Some("a hash of Microsoft SQL Server (`0x0100` or `0x0200` and digits)");
    }
    if text.strip_prefix('_').is_some_and(|rest| is_of_crypt(rest, 19)) {
        return Some("an extended DES hash of BSDi (`_` and 19 characters)");
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
            ("alice: $2b$05$abc", "a line of a password file"),
            ("alice:\"$2b$05$abc\"", "a line of a password file"),
            ("alice:$$2b$$05$$abc", "a line of a password file"),
            ("alice:x:$2b$05$abc", "a line of a password file"),
            ("alice:pbkdf2:sha256:600000$abc$def", "Werkzeug"),
            ("alice:PBKDF2$sha512$100000$abc$def", "Werkzeug"),
            ("alice:scrypt:32768:8:1$abc$def", "Werkzeug"),
            ("pbkdf2-sha256:1000:abc", "Werkzeug"),
            ("sha3_256$abc$def", "Django"),
            ("SSHA:abc", "Werkzeug"),
            ("- $2b$12$abc", "a blank"),
            ("!$2b$12$abc", "another sign"),
            ("\u{200b}$2b$12$abc", "a blank"),
            ("\\$2b\\$12\\$abc", "a backslash"),
            ("2b$12$abcdefghijklmnopqrstuuxhr0Q3QdUAbxkGFJVYHsWjxgk3UkxRK", "first `$` is missing"),
            ("pbkdf2:sha256:600000$abc$def", "Werkzeug"),
            ("scrypt:32768:8:1$abc$def", "Werkzeug"),
            ("pbkdf2_sha256$720000$abc$def", "Django"),
            ("bcrypt_sha256$$2b$12$abc", "Django"),
            ("argon2$argon2id$v=19$m=1", "Django"),
            ("sha1$abc$def", "Django"),
            ("SCRAM-SHA-256$4096:abc$def:ghi", "PostgreSQL"),
            ("*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29", "MySQL"),
            ("md55f4dcc3b5aa765d61d8327deb882cf99", "PostgreSQL"),
            ("_J9..rasmBYk8r9AiWNc", "BSDi"),
            ("alice:_J9..rasmBYk8r9AiWNc", "a line of a password file"),
            (" _J9..rasmBYk8r9AiWNc", "a blank"),
            ("0x01004086CEB6BF932BC4151A1AF1F13CD17301D70816A8886908", "Microsoft"),
            (
                "0x0200F733058A07892C5CACE899768F89965F6BD1DED7955FE89E1C9A10E27849B0B213B5CE92CC9347ECCB34C3EFADAF2FD99BFFECD8D9150DD6AACB5D409A9D2652A4E0AF16",
                "Microsoft",
            ),
            ("sa:0x01004086CEB6BF932BC4151A1AF1F13CD17301D70816A8886908", "a line of a password file"),
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
            "-$",
            "!secret",
            "2 b or not 2 b",
            "abJnggxhB/yWI",
            "_J9..rasmBYk8r9AiWN",
            "_J9..rasmBYk8r9AiWN-",
            "_J9..rasmBYk8r9AiWNcc",
            "0x0100",
            "0x0100abcd",
            "a: b",
        ] {
            assert_eq!(named(text), None, "{text}");
        }
    }

    #[test]
    fn what_may_be_a_password_is_perhaps_a_hash() {
        for text in ["abJnggxhB/yWI", "alice:abJnggxhB/yWI", "rqXexS6ZhobKA"] {
            assert!(perhaps(text).is_some() && named(text).is_none(), "{text}");
        }
        for text in
            ["abJnggxhB/yW", "abJnggxhB/yWJ", "abJnggxhB/yWI0", "abJnggxhB-yWI", "correcthorsec", "1234567890126"]
        {
            assert_eq!(perhaps(text), None, "{text}");
        }
    }
}
