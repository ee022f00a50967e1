//! The keys of listeners, as the operator wrote them: `listeners`, and `client_tls` as the short form for one.

use super::listener::{Endpoint, FIRST_NAME, ListenerConfig, UnixSocket};
use super::section::Section;
use super::units::{COUNT_MAX, COUNT_OR_NONE, count};
use super::values::{address, found, name, non_empty, path, port};
use crate::admission::{Forwarding, LISTENERS_MAX, ListenerLimits, Networks};
use crate::tls::{ClientCertificates, Files, Pair};
use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The keys of an entry of `listeners`.
pub(super) const KEYS: &[&str] = &[
    "name",
    "address",
    "port",
    "unix",
    "mode",
    "owner",
    "group",
    "tls",
    "proxy_protocol",
    "trusted_proxies",
    "limits",
];
/// The keys of `client_tls`.
pub(super) const TLS_KEYS: &[&str] = &["certificate", "key", "certificates", "client_ca", "client_certificates", "crl"];
const LIMIT_KEYS: &[&str] = &["max_connections", "max_connections_per_address", "max_unauthorized_per_address"];

const MODE: &str = "the digits of a mode in quotes, such as \"0660\"";
const MODE_MAX: u32 = 0o777;
/// The relay's user alone may connect.
const MODE_DEFAULT: u32 = 0o600;
/// The word for the peers of a Unix socket among the trusted proxies.
const UNIX: &str = "unix";

/// The files for TLS on `client_port`.
pub(super) fn client_tls(top: &mut Section, key: &str) -> anyhow::Result<Option<Files>> {
    top.take_filled_section(key, TLS_KEYS)?.map(files).transpose()
}

/// The list. It may not be empty: without it the port of `client_port` would be open.
pub(super) fn listeners(top: &mut Section, key: &str) -> anyhow::Result<Vec<ListenerConfig>> {
    let list = match top.values.remove(key) {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) if !list.is_empty() => list,
        Some(Value::Array(_) | Value::Null) => bail!("`{key}`: expected a list of listeners, found nothing in it"),
        Some(other) => bail!("`{key}`: expected a list of listeners, found {}", found(&other)),
    };
    ensure!(list.len() <= LISTENERS_MAX, "`{key}`: expected at most {LISTENERS_MAX} listeners, found {}", list.len());
    let mut listeners: Vec<ListenerConfig> = Vec::with_capacity(list.len());
    for (at, entry) in list.into_iter().enumerate() {
        let listener = listener(Section::of(&format!("{key}[{at}]"), entry, KEYS)?, at)?;
        if listeners.iter().any(|other| other.name == listener.name) {
            bail!("`{key}[{at}].name`: another listener has the name {:?}; each needs one of its own", listener.name);
        }
        let is_taken = |other: &&ListenerConfig| other.endpoint == listener.endpoint && other.port() != Some(0);
        if let Some(other) = listeners.iter().find(is_taken) {
            bail!("`{key}[{at}]`: the listener {:?} is on {} already", other.name, listener.endpoint);
        }
        listeners.push(listener);
    }
    Ok(listeners)
}

fn listener(mut section: Section, at: usize) -> anyhow::Result<ListenerConfig> {
    let place = section.prefix.trim_end_matches('.').to_owned();
    let default_name = if at == 0 { FIRST_NAME.to_owned() } else { format!("{FIRST_NAME}-{}", at + 1) };
    let name = section.take("name", "a name of 1 to 255 bytes without control characters", name)?;
    let endpoint = endpoint(&mut section, &place)?;
    let is_unix = matches!(endpoint, Endpoint::Unix(_));
    let tls = section.take_filled_section("tls", TLS_KEYS)?.map(files).transpose()?;
    let proxy_protocol = section.take("proxy_protocol", "`required` or `off`", |value| match value.as_str()? {
        "required" => Some(true),
        "off" => Some(false),
        _ => None,
    })?;
    let proxy_protocol = proxy_protocol.unwrap_or(false);
    let forwarding = trusted_proxies(&mut section, is_unix)?;
    ensure!(
        !proxy_protocol || is_unix || !forwarding.is_empty(),
        "`{place}.proxy_protocol` without `trusted_proxies`: whoever reaches the port could claim any address; name the \
         proxies, such as `trusted_proxies: [10.0.0.0/8]`"
    );
    let limits = limits(&mut section)?;
    Ok(ListenerConfig { name: name.unwrap_or(default_name), endpoint, tls, proxy_protocol, forwarding, limits })
}

fn endpoint(section: &mut Section, place: &str) -> anyhow::Result<Endpoint> {
    let (has_port, has_unix) = (section.has("port"), section.has("unix"));
    ensure!(
        has_port != has_unix,
        "`{place}`: expected either `port` (with `address`) or `unix`, found {}",
        if has_port { "both" } else { "neither" }
    );
    let foreign: &[&str] = if has_unix { &["address"] } else { &["mode", "owner", "group"] };
    if let Some(key) = foreign.iter().find(|key| section.has(key)) {
        bail!("`{place}.{key}` goes with `{}` alone", if has_unix { "port" } else { "unix" });
    }
    if has_unix {
        ensure!(cfg!(unix), "`{place}.unix`: this system has no Unix sockets for this; use `port`");
        let path = section.take("unix", "a path", path)?.expect("it is there");
        let mode = section.take("mode", MODE, mode)?.unwrap_or(MODE_DEFAULT);
        let owner = section.take("owner", "the name or the number of a user", user)?;
        let group = section.take("group", "the name or the number of a group", user)?;
        return Ok(Endpoint::Unix(UnixSocket { path, mode, owner, group }));
    }
    const ADDRESS: &str = "an IP address such as 127.0.0.1, 0.0.0.0 or \"::\"";
    let address = section.take("address", ADDRESS, address)?;
    let port = section.take("port", "a port from 0 to 65535", port)?.expect("it is there");
    Ok(Endpoint::Tcp(SocketAddr::new(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), port)))
}

/// In quotes, since a number is decimal in YAML 1.2.
fn mode(value: &Value) -> Option<u32> {
    let text = value.as_str()?;
    let is_octal = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    u32::from_str_radix(text, 8).ok().filter(|mode| is_octal && *mode <= MODE_MAX)
}

fn user(value: &Value) -> Option<String> {
    non_empty(value).or_else(|| Some(value.as_u64()?.to_string()))
}

fn trusted_proxies(section: &mut Section, is_unix: bool) -> anyhow::Result<Forwarding> {
    const EXPECTED: &str = "a list of addresses and networks, such as [127.0.0.1, 10.0.0.0/8]";
    let key = format!("{}trusted_proxies", section.prefix);
    let list = match section.values.remove("trusted_proxies") {
        None | Some(Value::Null) => return Ok(Forwarding::default()),
        Some(Value::Array(list)) => list,
        Some(other) => bail!("`{key}`: expected {EXPECTED}, found {}", found(&other)),
    };
    let text = |entry: &Value| match entry.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => bail!("`{key}`: expected {EXPECTED}, found {} in the list", found(entry)),
    };
    let mut texts = list.iter().map(text).collect::<anyhow::Result<Vec<_>>>()?;
    let before = texts.len();
    texts.retain(|text| text != UNIX);
    let unix = texts.len() < before;
    ensure!(is_unix || !unix, "`{key}`: `{UNIX}` stands for whoever connects to a Unix socket, and this is none");
    let networks = Networks::parse(&texts).with_context(|| format!("`{key}`: expected {EXPECTED}"))?;
    Ok(Forwarding { networks, unix })
}

fn limits(section: &mut Section) -> anyhow::Result<ListenerLimits> {
    let Some(mut limits) = section.take_section("limits", LIMIT_KEYS)? else { return Ok(ListenerLimits::default()) };
    Ok(ListenerLimits {
        max_connections: limits.take("max_connections", "a whole number from 1 to 1000000", count(1, COUNT_MAX))?,
        max_connections_per_address: limits.take("max_connections_per_address", COUNT_OR_NONE, count(0, COUNT_MAX))?,
        max_unauthorized_per_address: limits.take(
            "max_unauthorized_per_address",
            COUNT_OR_NONE,
            count(0, COUNT_MAX),
        )?,
    })
}

fn files(mut section: Section) -> anyhow::Result<Files> {
    let place = section.prefix.trim_end_matches('.').to_owned();
    let mut pairs = Vec::new();
    if section.has("certificate") || section.has("key") {
        pairs.push(pair(&mut section)?);
    }
    match section.values.remove("certificates") {
        None | Some(Value::Null) => {}
        Some(Value::Array(list)) => {
            for (at, entry) in list.into_iter().enumerate() {
                let name = format!("{place}.certificates[{at}]");
                pairs.push(pair(&mut Section::of(&name, entry, &["certificate", "key"])?)?);
            }
        }
        Some(other) => {
            bail!("`{place}.certificates`: expected a list, each with `certificate` and `key`, found {}", found(&other))
        }
    }
    ensure!(!pairs.is_empty(), "`{place}`: expected `certificate` and `key`, two files in PEM, and found neither");
    let client_ca = section.take("client_ca", "a path", path)?;
    let written = section.take("client_certificates", "`off`, `optional` or `required`", |value| {
        Some(match value.as_str()? {
            "off" => ClientCertificates::Off,
            "optional" => ClientCertificates::Optional,
            "required" => ClientCertificates::Required,
            _ => return None,
        })
    })?;
    let crl = section.take("crl", "a path", path)?;
    let client_certificates = match (&client_ca, written) {
        (None, Some(ClientCertificates::Optional | ClientCertificates::Required)) => {
            bail!(
                "`{place}.client_certificates` without `client_ca`: name the file with the authorities of the clients"
            )
        }
        (None, _) if crl.is_some() => bail!("`{place}.crl` without `client_ca`: no client's certificate is looked at"),
        (None, _) => ClientCertificates::Off,
        // Whoever names an authority and says no more wants it to decide.
        (Some(_), written) => written.unwrap_or(ClientCertificates::Required),
    };
    Ok(Files { pairs, client_ca, client_certificates, crl })
}

fn pair(section: &mut Section) -> anyhow::Result<Pair> {
    let certificate = section.take("certificate", "a path", path)?;
    let key = section.take("key", "a path", path)?;
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Pair { certificate, key }),
        (certificate, _) => {
            let (there, missing) = if certificate.is_some() { ("certificate", "key") } else { ("key", "certificate") };
            bail!("`{0}{there}` without `{0}{missing}`: expected both, as two files in PEM", section.prefix)
        }
    }
}
