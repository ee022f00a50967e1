//! The settings of the NATS servers that relays meet at: the section `nats`.
//!
//! Says what was written; whoever connects reads the files, and nobody here does.
//! **Invariant:** a password or token is shown by nothing, whatever is wrong with it.

use super::nats_address::NatsAddress;
use super::secret::Secret;
use super::section::Section;
use super::values::{found, name, path};
use super::{Config, yaml};
use anyhow::{bail, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The keys of the section.
pub(super) const KEYS: &[&str] = &["servers", "user", "password", "token", "nkey_seed_file", "credentials_file", "tls"];
/// Those of them that are secrets, which a tag may stand for.
pub(super) const SECRET_KEYS: &[&str] = &["password", "token"];
/// Those of them that a variable may stand for, which are shown.
pub(super) const VARIABLE_KEYS: &[&str] = &["servers", "user"];
const TLS_KEYS: &[&str] = &["ca", "certificate", "key"];
/// An address, for messages.
pub(super) const EXAMPLE: &str = "nats://nats-1.example.com";

/// More servers are a mistake.
const SERVERS_MAX: usize = 16;
/// The longest password or token, in bytes: with all else that is said of a client it has to fit into the 4096 bytes that
/// servers take for one line.
const SECRET_BYTES_MAX: usize = 2048;

/// `nats`: the servers, and how this relay proves itself to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsSettings {
    /// The servers, each once; at least one.
    pub servers: Vec<NatsAddress>,
    /// What this relay proves itself with.
    pub credentials: NatsCredentials,
    /// What is trusted, and what is shown, wherever TLS is spoken. Where it is there, TLS is spoken with each server.
    pub tls: Option<NatsTls>,
}

/// What a relay proves itself with to NATS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum NatsCredentials {
    /// Nothing, or a certificate alone.
    #[default]
    None,
    /// `user` and `password`.
    Password {
        /// The name, which is no secret.
        user: String,
        /// The password.
        password: Secret,
    },
    /// `token`.
    Token(Secret),
    /// `nkey_seed_file`: the file with a user's seed (`SU…`), with which what the server asks is signed.
    NkeySeedFile(PathBuf),
    /// `credentials_file`: the file with a user's JWT and seed, as `nsc` writes it.
    CredentialsFile(PathBuf),
}

/// `nats.tls`: files in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NatsTls {
    /// The authorities of the servers; `None`: those that the system trusts.
    pub ca: Option<PathBuf>,
    /// This relay's certificate, with those between it and the authority behind it, and its private key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl NatsSettings {
    /// Whether TLS is spoken with this server, also where that does not ask for it.
    pub fn encrypts(&self, server: &NatsAddress) -> bool {
        server.is_tls || self.tls.is_some()
    }

    /// The same, whose relative paths start at `directory`.
    pub(super) fn in_directory(self, directory: &Path) -> Self {
        let credentials = match self.credentials {
            NatsCredentials::NkeySeedFile(file) => NatsCredentials::NkeySeedFile(directory.join(file)),
            NatsCredentials::CredentialsFile(file) => NatsCredentials::CredentialsFile(directory.join(file)),
            others => others,
        };
        let tls = self.tls.map(|NatsTls { ca, identity }| NatsTls {
            ca: ca.map(|file| directory.join(file)),
            identity: identity.map(|(certificate, key)| (directory.join(certificate), directory.join(key))),
        });
        Self { credentials, tls, ..self }
    }
}

/// The section. It may not be empty: without servers it means nothing.
pub(super) fn nats(top: &mut Section, key: &str) -> anyhow::Result<Option<NatsSettings>> {
    let Some(mut section) = top.take_filled_section(key, KEYS)? else { return Ok(None) };
    let servers = servers(&mut section)?;
    let credentials = credentials(&mut section)?;
    let tls = section.take_filled_section("tls", TLS_KEYS)?.map(tls).transpose()?;
    Ok(Some(NatsSettings { servers, credentials, tls }))
}

fn servers(section: &mut Section) -> anyhow::Result<Vec<NatsAddress>> {
    let expected = format!("a list of 1 to {SERVERS_MAX} NATS servers, such as [\"{EXAMPLE}\"]");
    let key = format!("{}servers", section.prefix);
    let list = match section.values.remove("servers") {
        Some(Value::Array(list)) if (1..=SERVERS_MAX).contains(&list.len()) => list,
        Some(Value::Array(list)) => bail!("`{key}`: expected {expected}, found {}", list.len()),
        None | Some(Value::Null) => bail!("`{key}`: expected {expected}, found none"),
        // It may be an address with a password in it.
        Some(other) => bail!("`{key}`: expected {expected}, found {}", yaml::kind(&other)),
    };
    let mut servers: Vec<NatsAddress> = Vec::with_capacity(list.len());
    for (at, entry) in list.iter().enumerate() {
        let Some(text) = entry.as_str() else { bail!("`{key}`: expected {expected}, found {} in it", found(entry)) };
        let server = NatsAddress::parse(text).map_err(|error| anyhow::anyhow!("`{key}[{at}]`: {error}"))?;
        if let Some(other) = servers.iter().find(|other| other.is_same_server(&server)) {
            bail!("`{key}[{at}]`: {server} and {other} are the same server: remove one of the two");
        }
        servers.push(server);
    }
    Ok(servers)
}

/// # Errors
/// There are two ways, or a half of one: names the keys.
fn credentials(section: &mut Section) -> anyhow::Result<NatsCredentials> {
    let ways = ["user", "token", "nkey_seed_file", "credentials_file"];
    let is_there = |way: &&str| section.has(way) || (*way == "user" && section.has("password"));
    let there: Vec<&str> = ways.into_iter().filter(is_there).collect();
    let prefix = section.prefix.clone();
    if let [one, other, ..] = there[..] {
        // Whichever half of the first way is there.
        let one = if one == "user" && !section.has("user") { "password" } else { one };
        bail!("`{prefix}{one}` and `{prefix}{other}` exclude each other: a relay proves itself in one way; remove one");
    }
    Ok(match there.first() {
        None => NatsCredentials::None,
        Some(&"user") => {
            let user = section.take("user", "a name of 1 to 255 bytes without control characters", name)?;
            let password = secret(section, "password")?;
            match (user, password) {
                (Some(user), Some(password)) => NatsCredentials::Password { user, password },
                (Some(_), None) => bail!("`{prefix}user` without `{prefix}password`: expected both, or another way"),
                (None, _) => bail!("`{prefix}password` without `{prefix}user`: expected both, or `{prefix}token`"),
            }
        }
        Some(&"token") => secret(section, "token")?.map_or(NatsCredentials::None, NatsCredentials::Token),
        Some(&"nkey_seed_file") => {
            section.take("nkey_seed_file", "a path", path)?.map_or(NatsCredentials::None, NatsCredentials::NkeySeedFile)
        }
        Some(_) => section
            .take("credentials_file", "a path", path)?
            .map_or(NatsCredentials::None, NatsCredentials::CredentialsFile),
    })
}

/// # Errors
/// It is none; says of what kind it is, and nothing else of it.
fn secret(section: &mut Section, key: &str) -> anyhow::Result<Option<Secret>> {
    let place = format!("{}{key}", section.prefix);
    let secret = match section.values.remove(key) {
        None => return Ok(None),
        Some(Value::String(text)) => Secret::new(text),
        Some(other) => {
            bail!("`{place}`: expected text (a number in quotes), found {}, which is not shown", yaml::kind(&other))
        }
    };
    let text = secret.reveal();
    ensure!(
        (1..=SECRET_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control),
        "`{place}`: expected 1 to {SECRET_BYTES_MAX} bytes on one line, found {} bytes{} (not shown)",
        text.len(),
        if text.chars().any(char::is_control) { " with an end of line or another control character" } else { "" }
    );
    Ok(Some(secret))
}

fn tls(mut section: Section) -> anyhow::Result<NatsTls> {
    let mut file = |key| section.take(key, "a path", path);
    let (ca, certificate, key) = (file("ca")?, file("certificate")?, file("key")?);
    let identity = match (certificate, key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (certificate, _) => {
            let (there, missing) = if certificate.is_some() { ("certificate", "key") } else { ("key", "certificate") };
            bail!("`{0}{there}` without `{0}{missing}`: expected both, as two files in PEM", section.prefix)
        }
    };
    Ok(NatsTls { ca, identity })
}

/// What is allowed but probably not meant.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let Some(nats) = config.backplane.nats() else { return Vec::new() };
    let mut warnings = Vec::new();
    let secret = match &nats.credentials {
        NatsCredentials::Password { .. } => Some("password"),
        NatsCredentials::Token(_) => Some("token"),
        NatsCredentials::None | NatsCredentials::NkeySeedFile(_) | NatsCredentials::CredentialsFile(_) => None,
    };
    let in_the_clear = |server: &&NatsAddress| !nats.encrypts(server) && !server.is_local();
    if let (Some(key), Some(server)) = (secret, nats.servers.iter().find(in_the_clear)) {
        warnings.push(format!(
            "`nats.{key}` goes to {server} without encryption, as all messages do: write `tls://` for `nats://` in \
             `nats.servers`, or set `nats.tls`"
        ));
    }
    let shows_certificate = nats.tls.as_ref().is_some_and(|tls| tls.identity.is_some());
    let elsewhere = nats.servers.iter().find(|server| !server.is_local());
    if let (NatsCredentials::None, false, Some(server)) = (&nats.credentials, shows_certificate, elsewhere) {
        warnings.push(format!(
            "`nats` has neither `user`, `token`, `nkey_seed_file` nor `credentials_file`: whoever reaches {server} may publish \
             and listen on every channel as a relay; give relays an account of their own in NATS"
        ));
    }
    warnings
}
