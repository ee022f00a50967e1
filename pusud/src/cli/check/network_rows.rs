//! The network of relays, for people: the rows of `pusud check` for either backplane.
//!
//! **Invariant:** of a password or token it is said that there is one, and never its text.

use pusud::config::{Backplane, Config, Encryption, NatsAddress, NatsCredentials, NatsSettings};
use pusud::mesh::{UNLISTED_LINKS_MAX, links_max};
use std::net::SocketAddr;

/// What there is to say about the network, without the relays of the list.
pub(super) fn of_settings(config: &Config, addresses: usize) -> Vec<(&'static str, String)> {
    match &config.backplane {
        Backplane::Nats(nats) => of_nats(config, nats),
        Backplane::Mesh if config.has_network() => of_mesh(config, addresses),
        Backplane::Mesh => vec![("network", "none: `relays` is empty".into())],
    }
}

fn of_mesh(config: &Config, addresses: usize) -> Vec<(&'static str, String)> {
    let key = match &config.network_key_file {
        Some(file) => file.display().to_string(),
        None => "none: whoever reaches the port may publish as a relay".into(),
    };
    let links = format!(
        "at most {}: as many as the list has addresses ({addresses}), and {UNLISTED_LINKS_MAX} with relays that are in no \
         list here",
        links_max(addresses)
    );
    vec![
        ("network", SocketAddr::new(config.network_address, config.network_port).to_string()),
        ("  backplane", config.backplane.to_string()),
        ("  network_name", config.network_name.clone()),
        ("  network_key_file", key),
        ("  strict_key_permissions", config.strict_key_permissions.to_string()),
        ("  network_encryption", encryption(config).into()),
        ("  network_tls", certificates(config)),
        ("  links", links),
    ]
}

fn certificates(config: &Config) -> String {
    let none = "none: relays make their keys at the start".to_owned();
    config
        .network_tls
        .as_ref()
        .map_or(none, |files| format!("{}, by {}", files.certificate.display(), files.ca.display()))
}

fn encryption(config: &Config) -> &'static str {
    let has_proof = config.network_key_file.is_some() || config.network_tls.is_some();
    match (config.network_encryption, has_proof) {
        (Encryption::Required, _) => "required: relays that do not encrypt are refused",
        (Encryption::Preferred, true) => "preferred: not with relays that cannot",
        (Encryption::Preferred, false) => "preferred: with whoever answers, since there is no key",
        (Encryption::Off, _) => "off: links are not encrypted",
    }
}

fn of_nats(config: &Config, nats: &NatsSettings) -> Vec<(&'static str, String)> {
    let key = match &config.network_key_file {
        Some(file) => format!("{}: for hashes and tickets alone; NATS decides who is a relay", file.display()),
        None => "none".into(),
    };
    let tls = match &nats.tls {
        None => "none: where TLS is spoken, what the system trusts is trusted".into(),
        Some(tls) => tls.to_string(),
    };
    let servers = nats.servers.iter().map(|server| ("  nats.servers", as_reached(nats, server)));
    let mut rows = vec![("network", "by NATS servers".into()), ("  backplane", config.backplane.to_string())];
    rows.extend(servers);
    rows.extend([
        ("  nats credentials", credentials(&nats.credentials)),
        ("  nats.tls", tls),
        ("  network_name", config.network_name.clone()),
        ("  network_key_file", key),
        ("  strict_key_permissions", config.strict_key_permissions.to_string()),
    ]);
    rows
}

fn as_reached(nats: &NatsSettings, server: &NatsAddress) -> String {
    let how = match (nats.encrypts(server), server.is_tls) {
        (true, true) => "",
        (true, false) => " (with TLS, by `nats.tls`)",
        (false, _) => " (without TLS, unless the server demands it)",
    };
    format!("{server}{how}")
}

fn credentials(credentials: &NatsCredentials) -> String {
    match credentials {
        NatsCredentials::None => "none".into(),
        NatsCredentials::Password { user, .. } => format!("user {user:?} and a password"),
        NatsCredentials::Token(_) => "a token".into(),
        NatsCredentials::NkeySeedFile(file) => format!("the seed in {}", file.display()),
        NatsCredentials::CredentialsFile(file) => format!("the credentials in {}", file.display()),
    }
}
