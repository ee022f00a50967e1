//! The files of `nats`, looked at before anything connects: whether they are there, and who else may read them.
//!
//! Of a seed or of credentials nothing is kept: whoever connects reads them anew.
//! **Invariant:** no message shows a byte of a file.

use super::{NatsCredentials, NatsSettings};
use crate::tls;
use anyhow::{Context as _, bail, ensure};
use std::fs::File;
use std::io;
use std::path::Path;

/// A larger file is none with a seed or credentials.
const FILE_BYTES_MAX: u64 = 64 * 1024;

impl NatsSettings {
    /// Looks at all files, and reads those for TLS. Warnings come back, a sentence each. With `strict` a file with a secret
    /// that others may read is refused.
    ///
    /// # Errors
    /// Names the key, the file, what is wrong with it, and the way out.
    pub fn check_files(&self, strict: bool) -> anyhow::Result<Vec<String>> {
        let mut warnings = Vec::new();
        match &self.credentials {
            NatsCredentials::None | NatsCredentials::Password { .. } | NatsCredentials::Token(_) => {}
            NatsCredentials::NkeySeedFile(file) => warnings.extend(check_secret("nats.nkey_seed_file", file, strict)?),
            NatsCredentials::CredentialsFile(file) => {
                warnings.extend(check_secret("nats.credentials_file", file, strict)?);
            }
        }
        if let Some(files) = &self.tls {
            let identity = files.identity.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path()));
            let more = tls::check_outgoing(files.ca.as_deref(), identity, strict).context("`nats.tls`")?;
            warnings.extend(more.into_iter().map(|warning| format!("`nats.tls`: {warning}")));
        }
        Ok(warnings)
    }
}

fn check_secret(key: &str, path: &Path, strict: bool) -> anyhow::Result<Option<String>> {
    let shown = path.display();
    let cannot = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => anyhow::anyhow!(
            "`{key}`: {shown}: there is no such file: put it there, or correct the path (relative ones start at the folder of \
             the settings file)"
        ),
        _ => anyhow::anyhow!("`{key}`: {shown} cannot be read: {error}"),
    };
    // Before it is opened: opening a pipe waits for somebody who writes.
    let metadata = path.metadata().map_err(cannot)?;
    ensure!(metadata.is_file(), "`{key}`: {shown} is no file: a name that leads to a file is expected");
    ensure!(metadata.len() > 0, "`{key}`: {shown} is empty");
    ensure!(
        metadata.len() <= FILE_BYTES_MAX,
        "`{key}`: {shown} has more than {FILE_BYTES_MAX} bytes: is this the right file?"
    );
    let file = File::open(path).map_err(cannot)?;
    Ok(match tls::check_key_access(path, &file).map_err(cannot)? {
        Ok(()) => None,
        Err(others) if strict => {
            bail!("`{key}`: {shown} {others}, or set `strict_key_permissions: false` if that is as it should be")
        }
        Err(others) => Some(format!("`{key}`: {shown} {others} (`strict_key_permissions` is off)")),
    })
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use std::fs;
    use tempfile::TempDir;

    fn check(folder: &TempDir, nats: &str, strict: bool) -> Result<Vec<String>, String> {
        let text = format!("authenticator: A\nbackplane: nats\nnats: {{servers: ['nats://127.0.0.1'], {nats}}}");
        let config = Config::from_text(&text, &folder.path().join("settings.yaml")).unwrap();
        config.backplane.nats().unwrap().check_files(strict).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_key() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("empty"), "").unwrap();
        fs::write(folder.path().join("large"), vec![b's'; 70_000]).unwrap();
        for (nats, expected) in [
            ("nkey_seed_file: missing", "`nats.nkey_seed_file`"),
            ("nkey_seed_file: missing", "missing: there is no such file: put it there"),
            ("credentials_file: missing", "`nats.credentials_file`"),
            ("credentials_file: empty", "empty is empty"),
            ("credentials_file: large", "large has more than 65536 bytes"),
            ("nkey_seed_file: .", "is no file"),
            ("tls: {ca: missing}", "`nats.tls`: authorities of servers "),
            ("tls: {certificate: large, key: large}", "`nats.tls`: certificate "),
        ] {
            let error = check(&folder, nats, true).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(check(&folder, "token: a, tls: {}", true), Ok(Vec::new()));
    }

    #[test]
    #[cfg(unix)]
    fn a_secret_that_others_may_read_is_refused_or_warned_about() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("seed");
        fs::write(&file, "s3cret").unwrap();
        let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        mode(0o644);
        let error = check(&folder, "nkey_seed_file: seed", true).unwrap_err();
        assert!(error.contains("is open to everybody (mode 0644): `chmod o= "), "{error}");
        assert!(error.ends_with("set `strict_key_permissions: false` if that is as it should be"), "{error}");
        let warnings = check(&folder, "nkey_seed_file: seed", false).unwrap();
        assert!(warnings.len() == 1 && warnings[0].starts_with("`nats.nkey_seed_file`: "), "{warnings:?}");
        mode(0o600);
        assert_eq!(check(&folder, "nkey_seed_file: seed", true), Ok(Vec::new()));
    }
}
