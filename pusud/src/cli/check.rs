//! `pusud check`: everything that `run` does before it takes a port, and what came out of it.

mod history_rows;
mod network_rows;

use super::{SettingsArgs, check_authenticators, listener_rows, operations_rows, option_files, print, probe};
use pusud::authenticator::{Authenticator, Checked, Identity};
use pusud::config::{Config, ControlSocket, NO_AUTHENTICATOR, limit_rows};
use pusud::operations;
use pusud::protocol::Limits;
use pusud::relay::{self, Capacity};
use pusud::revocation;
use pusud::system;
use std::fmt::Write as _;

pub(super) fn check(args: &SettingsArgs) -> anyhow::Result<()> {
    system::start_logging(args.log_format, args.log_level, system::Output::Direct)?;
    let (config, warnings) = Config::load(args.config.as_deref(), &args.overrides())?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let capacity = Capacity::make(&config)?;
    if let Some(warning) = &capacity.warning {
        tracing::warn!("{warning}");
    }
    let checked = Authenticator::check(&config.authenticator, config.limits.authorize_call_timeout)?;
    relay::settings(&config)?;
    operations::check(&config)?;
    if let Some(file) = &config.revocations_file {
        revocation::check(file)?;
    }
    let (certificates, warnings) = relay::load_certificates(&config)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    for served in certificates.iter().flatten() {
        for advice in served.credentials().advice() {
            tracing::warn!("{advice}");
        }
    }
    relay::check_addresses(&config)?;
    for warning in
        config.backplane.nats().map_or(Ok(Vec::new()), |nats| nats.check_files(config.strict_key_permissions))?
    {
        tracing::warn!("{warning}");
    }
    let listeners = listener_rows::of_settings(&config, &certificates);
    let mut found = probe::relays(&config);
    found.rows.extend(relay::check_nats(&config)?);
    print(&set_up(&config, &capacity, &checked, listeners, found))
}

/// The effective set-up, one line a setting. Of the authenticator's options only the names: the values may be secrets.
/// `found`: where each relay is, and whether it answers.
fn set_up(
    config: &Config,
    capacity: &Capacity,
    checked: &[Checked],
    listeners: Vec<(String, String)>,
    found: probe::Found,
) -> String {
    let endpoints: Vec<String> = config.listeners.iter().map(|listener| listener.endpoint.to_string()).collect();
    let mut rows: Vec<(&str, String)> =
        vec![("settings", config.file.as_ref().map_or("none".into(), |file| file.display().to_string()))];
    rows.extend(option_files::of_settings(&config.outside));
    rows.extend([("name", config.name.clone()), ("clients", endpoints.join(", "))]);
    rows.extend(listeners.iter().map(|(name, facts)| (name.as_str(), facts.clone())));
    rows.extend([
        ("http", config.http.to_string()),
        ("shards", config.shards.to_string()),
        ("control_socket", control_socket(config)),
        ("revocations_file", revocations_file(config)),
        ("remembered_decisions", config.remembered_decisions.to_string()),
        ("plugins_dir", config.authenticator.plugins_dir.display().to_string()),
        ("plugin_data_dir", plugin_data_dir(config)),
        ("strict_plugin_permissions", config.authenticator.strict_permissions.to_string()),
    ]);
    rows.extend(operations_rows::of_settings(config));
    rows.extend(network_rows::of_settings(config, found.addresses));
    let relays: Vec<_> = found.rows.into_iter().map(|(relay, answer)| (format!("  {relay}"), answer)).collect();
    rows.extend(relays.iter().map(|(relay, answer)| (relay.as_str(), answer.clone())));
    let history = history_rows::of_settings(config);
    rows.extend(history.iter().map(|(key, value)| (key.as_str(), value.clone())));
    let identities: Vec<Identity> = checked.iter().map(|checked| checked.identity.clone()).collect();
    let authenticators = check_authenticators::rows(&config.authenticator, &identities);
    rows.extend(authenticators.iter().map(|(key, value)| (key.as_str(), value.clone())));
    if config.authenticator.id != NO_AUTHENTICATOR {
        rows.push(("  authenticator_sees", seen(config)));
    }
    rows.push(("limits", String::new()));
    let limits = limits(&config.limits, capacity);
    rows.extend(limits.iter().map(|(key, value)| (key.as_str(), value.clone())));
    let mut text = String::new();
    for (key, value) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", format!("{key:<33} {value}").trim_end());
    }
    let of_plugins = checked.iter().filter_map(|checked| checked.memory_bytes_max);
    let of_plugins = of_plugins.fold(0, usize::saturating_add);
    push_memory(&mut text, config, capacity, found.addresses, of_plugins);
    text.push_str("everything is in order\n");
    text
}

/// The headers of requests that the authenticator sees.
fn seen(config: &Config) -> String {
    let names: Vec<&str> = config.authenticator_sees.iter().collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

fn control_socket(config: &Config) -> String {
    match &config.control_socket {
        ControlSocket::At(path) => path.display().to_string(),
        ControlSocket::None => "None".into(),
        ControlSocket::ByPort if config.client_port == 0 => "none: the system chooses `client_port`".into(),
        ControlSocket::ByPort => "by the client port".into(),
    }
}

fn revocations_file(config: &Config) -> String {
    config.revocations_file.as_ref().map_or("none".into(), |file| file.display().to_string())
}

fn plugin_data_dir(config: &Config) -> String {
    let named = config.authenticator.data_dir.as_ref();
    named.map_or("the folder in STATE_DIRECTORY, where systemd gives one".into(), |folder| folder.display().to_string())
}

/// What the relay takes at the most, and what of it is due to which keys.
fn push_memory(text: &mut String, config: &Config, capacity: &Capacity, addresses: usize, of_plugins: usize) {
    let mut parts = relay::ceiling(config, capacity.connections, addresses);
    parts.push(relay::Part { name: "plugins", bytes: of_plugins, keys: "their options" });
    let sum = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.bytes));
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{:<34}{}", "memory at most", mebibytes(sum));
    for part in parts.into_iter().filter(|part| part.bytes > 0) {
        let keys = if part.keys.is_empty() { String::new() } else { format!("({})", part.keys) };
        let _ = writeln!(text, "  {:<32}{:<11}{keys}", part.name, mebibytes(part.bytes));
    }
    let clients = capacity.connections;
    let usual = mebibytes(relay::usual(config, clients));
    let _ = writeln!(text, "{:<34}about {usual}, with {clients} clients that keep up", "memory usually");
}

fn limits(limits: &Limits, capacity: &Capacity) -> Vec<(String, String)> {
    let open_files = capacity.connections;
    let rows = limit_rows(limits).into_iter().map(|(key, value)| match key {
        "max_connections" if limits.max_connections > open_files => {
            (key, format!("{open_files} ({value} in the settings, lowered to the open-file limit)"))
        }
        _ => (key, value),
    });
    rows.map(|(key, value)| (format!("  {key}"), value)).collect()
}

/// Rounded up, so that it can be compared at a glance.
fn mebibytes(bytes: usize) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pusud::config::Overrides;

    #[test]
    fn the_set_up_shows_every_setting_and_no_secret() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("settings.yaml");
        std::fs::write(
            &file,
            "authenticator: A\nname: r7\nclient_port: 0\npasswords: {s3cret: [a]}\nauthenticator_options: {key: s3cret}\noperations_port: any\n\
             limits: {outbox_bytes: 2 MiB, max_connections: 5000, allowed_origins: ['https://a.example:443']}\nrelays: ['b:1']\nnetwork_name: lab",
        )
        .unwrap();
        let (config, _) = Config::load(Some(&file), &Overrides::default()).unwrap();
        let identity = Identity {
            id: "A".into(),
            version: "1.2.3".into(),
            sha256: "ab".repeat(32),
            path: Some("/plugins/liba.so".into()),
        };
        let checked = Checked { identity, memory_bytes_max: Some(300 << 20) };
        let capacity = Capacity { connections: 890, warning: None };
        let relays = probe::Found { rows: vec![("b:1".into(), "answers".into())], addresses: 1 };
        let text =
            set_up(&config, &capacity, &[checked], vec![("  tls_ticket_key_file".into(), "t.key".into())], relays);
        for expected in [
            "  b:1  ",
            "answers",
            "0.0.0.0:55001",
            "lab",
            "at most 17: as many as the list has addresses (1), and 16 with",
            "r7",
            "0.0.0.0:0",
            "1.2.3",
            "/plugins/liba.so",
            "key, passwords",
            "2 MiB",
            "abababab",
            "890 (5000 in",
            "  plugins                         300 MiB    (their options)\n",
            "https://a.example\n",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
        assert!(pusud::config::LIMITS.iter().all(|key| text.contains(&format!("  {key} "))), "{text}");
        for key in settings_at_the_top() {
            let shown_as = match key {
                "client_address" | "client_port" | "client_tls" | "listeners" => "clients",
                "tls_ticket_key_file" => "  tls_ticket_key_file",
                "relays" | "network_address" | "network_port" => "network",
                "backplane" | "nats" => "  backplane",
                "history" | "history_bytes" => "history",
                "passwords" | "allow_read_by_default" | "allowed_channels" => "  options set",
                "jwt_signing_algorithms" | "jwt_verification_key" | "authenticator_options" => "  options set",
                "authenticator_sha256" => "  sha256",
                "operations_address" | "operations_port" => "operations",
                "operations_tls"
                | "operations_token_file"
                | "operations_hosts"
                | "operations_plaintext"
                | "ready_needs_relays" => &format!("  {key}"),
                "isolation"
                | "isolation_memory"
                | "authenticator_create_timeout"
                | "authenticator_restart"
                | "max_authorization_life"
                | "on_swap"
                | "authenticator_sees"
                | "network_name"
                | "network_key_file"
                | "strict_key_permissions"
                | "network_encryption"
                | "network_tls" => &format!("  {key}"),
                key => key,
            };
            assert!(
                text.lines().any(|line| line.starts_with(&format!("{shown_as} ")) || line == shown_as),
                "{key}:\n{text}"
            );
        }
        assert!(!text.contains("s3cret"), "{text}");
    }

    /// The keys in the example of the settings; most are commented out, `#key: value`.
    fn settings_at_the_top() -> Vec<&'static str> {
        let example = include_str!("../../../config/settings.example.yaml");
        let names = example.lines().filter_map(|line| line.trim_start_matches('#').split_once(':'));
        let keys: Vec<&str> = names
            .map(|(name, _)| name)
            .filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
            .collect();
        assert!(keys.contains(&"authenticator") && keys.contains(&"control_socket"), "{keys:?}");
        keys
    }
}
