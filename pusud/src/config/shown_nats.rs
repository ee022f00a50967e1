//! The settings of NATS that hold, key by key, for operators who look at a running relay.
//!
//! **Invariant:** of a password or token it is shown that there is one, and never its text.

use super::shown::{NONE, SettingRow};
use super::{Backplane, NatsCredentials, NatsSettings, NatsTls, Secret};
use std::fmt::Display;

/// The rows of `nats`; one that says so where there is none.
pub(super) fn rows(backplane: &Backplane) -> Vec<SettingRow> {
    let Some(nats) = backplane.nats() else { return vec![row("nats", NONE)] };
    let servers: Vec<String> = nats.servers.iter().map(ToString::to_string).collect();
    let mut rows = vec![row("nats.servers", format!("[{}]", servers.join(", ")))];
    match &nats.credentials {
        NatsCredentials::None => {}
        NatsCredentials::Password { user, .. } => rows.push(row("nats.user", user)),
        NatsCredentials::Token(_) => {}
        NatsCredentials::NkeySeedFile(file) => rows.push(row("nats.nkey_seed_file", file.display())),
        NatsCredentials::CredentialsFile(file) => rows.push(row("nats.credentials_file", file.display())),
    }
    rows.extend(secret(nats).map(|(key, _)| SettingRow::secret(key)));
    rows.push(row("nats.tls", nats.tls.as_ref().map_or(NONE.to_owned(), ToString::to_string)));
    rows
}

/// The secret and its key, if there is one.
pub(super) fn secret(nats: &NatsSettings) -> Option<(&'static str, &Secret)> {
    match &nats.credentials {
        NatsCredentials::Password { password, .. } => Some(("nats.password", password)),
        NatsCredentials::Token(token) => Some(("nats.token", token)),
        NatsCredentials::None | NatsCredentials::NkeySeedFile(_) | NatsCredentials::CredentialsFile(_) => None,
    }
}

fn row(key: &str, value: impl Display) -> SettingRow {
    SettingRow { key: key.to_owned(), value: value.to_string(), is_secret: false }
}

/// As the settings would write it.
impl Display for NatsTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ca = self.ca.iter().map(|ca| format!("ca: {}", ca.display()));
        let identity = self.identity.iter();
        let identity = identity
            .map(|(certificate, key)| format!("certificate: {}, key: {}", certificate.display(), key.display()));
        write!(f, "{{{}}}", ca.chain(identity).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use std::path::Path;

    fn config(nats: &str) -> Config {
        let text = format!("authenticator: A\nbackplane: nats\nnats: {nats}");
        Config::from_text(&text, Path::new("/etc/pusud/settings.yaml")).unwrap()
    }

    fn shown(nats: &str) -> Vec<(String, String, bool)> {
        let rows = config(nats).setting_rows().into_iter().filter(|row| row.key.starts_with("nats"));
        rows.map(|row| (row.key, row.value, row.is_secret)).collect()
    }

    #[test]
    fn what_is_there_is_shown_but_no_secret() {
        let row = |key: &str, value: &str, is_secret| (key.to_owned(), value.to_owned(), is_secret);
        for (nats, expected) in [
            (
                "{servers: ['nats://a', 'tls://[::1]:7'], user: pusu, password: s3cret, tls: {ca: a.pem, certificate: b.pem, key: \
                 b.key}}",
                vec![
                    row("nats.servers", "[nats://a:4222, tls://[::1]:7]", false),
                    row("nats.user", "pusu", false),
                    row("nats.password", "(not shown)", true),
                    row(
                        "nats.tls",
                        "{ca: /etc/pusud/a.pem, certificate: /etc/pusud/b.pem, key: /etc/pusud/b.key}",
                        false,
                    ),
                ],
            ),
            (
                "{servers: ['nats://a'], token: s3cret, tls: {}}",
                vec![
                    row("nats.servers", "[nats://a:4222]", false),
                    row("nats.token", "(not shown)", true),
                    row("nats.tls", "{}", false),
                ],
            ),
            (
                "{servers: ['nats://a'], nkey_seed_file: relay.nk}",
                vec![
                    row("nats.servers", "[nats://a:4222]", false),
                    row("nats.nkey_seed_file", "/etc/pusud/relay.nk", false),
                    row("nats.tls", "none", false),
                ],
            ),
        ] {
            assert_eq!(shown(nats), expected);
            assert!(!format!("{:?}", config(nats)).contains("s3cret"), "{nats}");
        }
    }

    #[test]
    fn another_secret_is_seen() {
        let of = |secret: &str| config(&format!("{{servers: ['nats://a'], token: {secret}}}")).secret_digests();
        assert_eq!(of("one"), of("one"));
        assert_ne!(of("one"), of("two"));
        assert_eq!(of("one").keys().collect::<Vec<_>>(), ["nats.token"]);
    }
}
