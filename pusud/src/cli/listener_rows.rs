//! Listeners in words, for `pusud check` and `pusud status`.

use pusud::config::{Config, Endpoint, ListenerConfig};
use pusud::control::{Listener, Status, Tls};
use pusud::tls::{ClientCertificates, Served};
use std::fmt::Write as _;

/// For `check`, a row for each listener that does more than accept at an address, and what sessions are resumed with.
pub(super) fn of_settings(config: &Config, certificates: &[Option<Served>]) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let is_plain = |listener: &ListenerConfig| facts(listener, None).is_empty() && listener.tls.is_none();
    if config.listeners.len() > 1 || !config.listeners.iter().all(is_plain) {
        for (listener, served) in config.listeners.iter().zip(certificates) {
            let mut words = vec![listener.endpoint.to_string()];
            words.extend(facts(listener, served.as_ref()));
            rows.push((format!("  {}", listener.name), words.join(", ")));
        }
    }
    let tickets = match (&config.tls_ticket_key_file, &config.network_key_file) {
        (Some(file), _) => file.display().to_string(),
        (None, Some(_)) => "none: `network_key_file` serves".into(),
        (None, None) => "none: sessions are resumed by this relay alone, until it ends".into(),
    };
    if config.listeners.iter().any(|listener| listener.tls.is_some()) {
        rows.push(("  tls_ticket_key_file".into(), tickets));
    }
    rows
}

fn facts(listener: &ListenerConfig, served: Option<&Served>) -> Vec<String> {
    let mut facts = Vec::new();
    if let Endpoint::Unix(socket) = &listener.endpoint {
        facts.push(format!("mode {:04o}", socket.mode));
        facts.extend(socket.owner.as_ref().map(|owner| format!("owner {owner}")));
        facts.extend(socket.group.as_ref().map(|group| format!("group {group}")));
    }
    if let Some(served) = served {
        for certificate in served.credentials().facts() {
            let names: Vec<&str> =
                certificate.names.dns.iter().chain(&certificate.names.ip).map(String::as_str).collect();
            let names = if names.is_empty() { "no name".to_owned() } else { names.join(" ") };
            facts.push(format!("TLS for {names} ({})", certificate.key));
        }
        facts.push(format!("{} days left", served.days_left()));
    }
    if let Some(files) = listener.tls.as_ref().filter(|files| files.client_certificates != ClientCertificates::Off) {
        facts.push(format!("client certificates {}", files.client_certificates));
    }
    if listener.proxy_protocol {
        facts.push("PROXY header required".to_owned());
    }
    if !listener.forwarding.is_empty() {
        facts.push(format!("trusted proxies {}", listener.forwarding));
    }
    let own = [
        ("max_connections", listener.limits.max_connections),
        ("max_connections_per_address", listener.limits.max_connections_per_address),
        ("max_unauthorized_per_address", listener.limits.max_unauthorized_per_address),
    ];
    facts.extend(own.into_iter().filter_map(|(key, limit)| Some(format!("{key} {}", limit?))));
    facts
}

/// For `status`, a line for each listener; none where there is a single one that does nothing but accept.
pub(super) fn of_status(status: &Status) -> Vec<String> {
    let is_plain = |one: &Listener| one.tls.is_none() && !one.proxy_protocol && one.trusted_proxies.is_none();
    match status.listeners.as_slice() {
        [only] if is_plain(only) => Vec::new(),
        all => all.iter().map(describe_listener).collect(),
    }
}

/// How long the certificates are good.
pub(super) fn days_left(tls: &Tls) -> String {
    match tls.days_left {
        days if days < 0 => "EXPIRED".to_owned(),
        1 => "1 day left".to_owned(),
        days => format!("{days} days left"),
    }
}

/// A listener in words. The certificate that expires first is the one that counts.
fn describe_listener(listener: &Listener) -> String {
    let mut text = format!("{} on {}, {} connections", listener.name, listener.address, listener.connections);
    if let Some(tls) = &listener.tls {
        let names: Vec<&str> = tls.certificates.iter().flat_map(|one| &one.names).map(String::as_str).collect();
        let names = if names.is_empty() { "no name".to_owned() } else { names.join(" ") };
        let left = days_left(tls);
        // Writing to a String cannot fail.
        let _ = write!(text, ", TLS for {names}, {left}");
        if tls.client_certificates != "off" {
            let _ = write!(text, ", client certificates {}", tls.client_certificates);
        }
    }
    if listener.proxy_protocol {
        text.push_str(", PROXY header required");
    }
    if let Some(proxies) = &listener.trusted_proxies {
        let _ = write!(text, ", trusted proxies {proxies}");
    }
    text
}
