//! `pusud hash-password`: turns a password into the argon2 hash that may stand in its place in the settings.
//!
//! **Invariant:** the password is never shown, takes no argument or variable that others could see, and is wiped.

use super::{note, print};
use anyhow::{Context as _, bail};
use argon2::{Argon2, PasswordHasher as _};
use rand::TryRng as _;
use rand::rngs::SysRng;
use std::io::{self, IsTerminal as _, Read};
use zeroize::Zeroizing;

pub(super) const EXAMPLES: &str = "\
Examples:
  pusud hash-password                     ask twice, print the hash
  print-a-password | pusud hash-password  one line of standard input, no question";

/// Longest password, in bytes: as much as a client can send by default.
const PASSWORD_BYTES_MAX: usize = 16 * 1024;
const SALT_BYTES: usize = 16;

/// # Errors
/// The password cannot be read, or is none that a client could send.
pub(super) fn hash_password() -> anyhow::Result<()> {
    let is_asked = io::stdin().is_terminal();
    let password = if is_asked { asked()? } else { given(io::stdin().lock())? };
    let hash = hash(password.as_bytes())?;
    print(&format!("{hash}\n"))?;
    if is_asked {
        note("this stands in the settings in the place of the password, in quotes");
    }
    Ok(())
}

/// The password that is typed at the terminal, twice the same.
fn asked() -> anyhow::Result<Zeroizing<String>> {
    let ask = |question| {
        let typed = rpassword::prompt_password(question).context("cannot read the password from the terminal")?;
        anyhow::Ok(Zeroizing::new(typed))
    };
    let password = ask("Password (not shown): ")?;
    check(&password)?;
    if *ask("The same again (not shown): ")? != *password {
        bail!("the two passwords differ: nothing was hashed, try again");
    }
    Ok(password)
}

/// The password that is the one line of `input`.
fn given(input: impl Read) -> anyhow::Result<Zeroizing<String>> {
    // As large as it gets, so that no copy is left behind by growing.
    let mut bytes = Zeroizing::new(Vec::with_capacity(PASSWORD_BYTES_MAX + 8));
    let most = u64::try_from(PASSWORD_BYTES_MAX + 4).unwrap_or(u64::MAX);
    input.take(most).read_to_end(&mut bytes).context("cannot read the password from standard input")?;
    let Ok(text) = std::str::from_utf8(&bytes) else {
        if bytes.len() > PASSWORD_BYTES_MAX {
            bail!("expected a password of at most {PASSWORD_BYTES_MAX} bytes, found a longer one");
        }
        bail!("standard input: expected a password in UTF-8, found other bytes");
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if text.contains('\n') {
        bail!("standard input: expected one line with the password, found several");
    }
    let password = Zeroizing::new(text.to_owned());
    check(&password)?;
    Ok(password)
}

fn check(password: &str) -> anyhow::Result<()> {
    if password.is_empty() {
        bail!("the password is empty: clients without any would be let in");
    }
    if password.len() > PASSWORD_BYTES_MAX {
        bail!("expected a password of at most {PASSWORD_BYTES_MAX} bytes, found a longer one");
    }
    Ok(())
}

/// The hash in PHC format, with the parameters that the library recommends.
fn hash(password: &[u8]) -> anyhow::Result<String> {
    let mut salt = [0; SALT_BYTES];
    SysRng.try_fill_bytes(&mut salt).context("the system has no random numbers")?;
    let hash = Argon2::default().hash_password_with_salt(password, &salt);
    // The library's error is a word about memory or lengths.
    Ok(hash.map_err(|error| anyhow::anyhow!("cannot hash the password: {error}"))?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::PasswordVerifier as _;

    #[test]
    fn one_line_is_a_password_and_anything_else_an_error() {
        for (input, wanted) in
            [("a b\n", "a b"), ("a\r\n", "a"), ("a", "a"), (" a ", " a "), ("\u{feff}a\n", "a"), ("a\r", "a\r")]
        {
            assert_eq!(given(input.as_bytes()).unwrap().as_str(), wanted, "{input:?}");
        }
        let longest = "x".repeat(PASSWORD_BYTES_MAX);
        assert_eq!(given(longest.as_bytes()).unwrap().len(), PASSWORD_BYTES_MAX);
        for (input, wanted) in [
            ("".to_owned(), "the password is empty"),
            ("\n".to_owned(), "the password is empty"),
            ("hunter2\nhunter2\n".to_owned(), "found several"),
            ("hunter2\n\n".to_owned(), "found several"),
            (longest + "x", "found a longer one"),
        ] {
            let error = given(input.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(wanted) && !error.contains("hunter2"), "{error}");
        }
        assert!(given(&b"\xff"[..]).unwrap_err().to_string().contains("UTF-8"));
    }

    #[test]
    fn every_hash_has_a_salt_of_its_own_and_is_of_the_password() {
        let (one, other) = (hash(b"hunter2").unwrap(), hash(b"hunter2").unwrap());
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && one != other, "{one}");
        let hash = argon2::PasswordHash::new(&one).unwrap();
        assert_eq!(Argon2::default().verify_password(b"hunter2", &hash), Ok(()));
        assert!(Argon2::default().verify_password(b"hunter3", &hash).is_err());
    }
}
