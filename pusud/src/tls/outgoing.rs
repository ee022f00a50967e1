//! The files of a connection that the daemon makes to a server with TLS, checked before it makes one.
//!
//! Whether the server takes what they hold is the server's to say.

use super::certificate::unix_now;
use super::client_trust::authorities;
use super::contents::Content;
use super::identity::Identity;
use anyhow::Context as _;
use std::path::Path;

/// Reads the files and checks them: the authorities of the servers, and this side's certificate with its key. Where they can
/// be used all the same there are warnings, a sentence each. With `strict` a key that others may read is refused.
///
/// # Errors
/// Names the file, what is wrong with it, and the way out.
pub fn check_outgoing(
    ca: Option<&Path>,
    identity: Option<(&Path, &Path)>,
    strict: bool,
) -> anyhow::Result<Vec<String>> {
    let (now, mut warnings) = (unix_now(), Vec::new());
    if let Some(ca) = ca {
        authorities(&Content::of_pem(ca), ("servers", "trusted"), now, &mut warnings)
            .with_context(|| format!("authorities of servers {}", ca.display()))?;
    }
    if let Some((certificate, key)) = identity {
        Identity::load(&Content::of_pem(certificate), &Content::of_pem(key), strict, now, &mut warnings)?;
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};
    use std::fs;

    #[test]
    fn a_pair_fits_and_a_file_with_something_else_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (one, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let certificate = CertificateParams::new(vec!["relay".to_owned()]).unwrap().self_signed(&one).unwrap().pem();
        for (name, text) in [("a.pem", certificate), ("a.key", one.serialize_pem()), ("b.key", other.serialize_pem())] {
            fs::write(path(name), text).unwrap();
        }
        let check = |ca: Option<&str>, identity: Option<(&str, &str)>| {
            let (ca, identity) = (ca.map(path), identity.map(|(certificate, key)| (path(certificate), path(key))));
            let identity = identity.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path()));
            check_outgoing(ca.as_deref(), identity, false).map_err(|error| format!("{error:#}"))
        };
        check(None, None).unwrap();
        check(Some("a.pem"), Some(("a.pem", "a.key"))).unwrap();
        for (ca, identity, expected) in [
            (Some("a.key"), None, "a.key: expected"),
            (Some("c.pem"), None, "c.pem: cannot be read"),
            (None, Some(("a.pem", "b.key")), "b.key"),
            (None, Some(("a.pem", "a.pem")), "a.pem: expected a private key"),
        ] {
            let error = check(ca, identity).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
