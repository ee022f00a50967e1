//! The settings that hold, key by key, as the settings would write them: for operators who look at a running relay.
//!
//! **Invariant:** options of authenticators are secrets: their names are shown, and never a value.

use super::authenticator_list::RawAuthenticator;
use super::raw::RawConfig;
use super::units::{format_bytes, format_duration};
use super::wiped_option::WipedOption;
use super::{
    AuthenticatorConfig, Config, ControlSocket, HttpConfig, ListenerConfig, OperationsPort, history, limit_rows,
    limits, shown_nats,
};
use crate::tls::Files;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;

/// What is written in the place of a secret.
const NOT_SHOWN: &str = "(not shown)";
/// What is written where there is nothing.
pub(super) const NONE: &str = "none";

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingRow {
    /// Its key, such as `limits.max_connections`.
    pub key: String,
    /// Its value, or that it is not shown.
    pub value: String,
    /// Whether the value is a secret.
    pub is_secret: bool,
}

impl SettingRow {
    pub(super) fn secret(key: impl Into<String>) -> Self {
        Self { key: key.into(), value: NOT_SHOWN.to_owned(), is_secret: true }
    }
}

/// Rows that are being written.
#[derive(Default)]
struct Rows(Vec<SettingRow>);

impl Rows {
    fn add(&mut self, key: impl Into<String>, value: impl Display) {
        self.0.push(SettingRow { key: key.into(), value: value.to_string(), is_secret: false });
    }

    fn add_path(&mut self, key: impl Into<String>, path: Option<&Path>) {
        self.add(key, path.map_or(NONE.to_owned(), |path| path.display().to_string()));
    }

    fn add_secret(&mut self, key: String) {
        self.0.push(SettingRow::secret(key));
    }
}

impl Config {
    /// All settings, in the order of `settings.example.yaml`.
    pub fn setting_rows(&self) -> Vec<SettingRow> {
        let mut rows = Rows::default();
        self.add_authenticator(&mut rows);
        self.add_clients(&mut rows);
        self.add_network(&mut rows);
        self.add_operations(&mut rows);
        for (key, value) in limit_rows(&self.limits) {
            rows.add(format!("limits.{key}"), value);
        }
        rows.0
    }

    /// What would hold if the settings said nothing but which authenticator decides; of a limit that follows another one,
    /// what it would be beside that.
    pub fn defaults(&self) -> Self {
        let authenticator = RawAuthenticator::Alone(self.authenticator.id.clone());
        let directory = self.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let mut defaults = Self::resolve(RawConfig::default(), authenticator, directory, self.file.as_deref());
        defaults.limits = limits::defaults_of(&self.limits);
        defaults
    }

    /// Of each secret, be it an option that was wiped or one that is still needed, its key and what tells its value from
    /// another one.
    pub fn secret_digests(&self) -> BTreeMap<String, u64> {
        let of = |entry: &AuthenticatorConfig| {
            let option = |wiped: &WipedOption| (option_key(entry, &wiped.name, wiped.is_original), wiped.digest);
            entry.wiped.iter().map(option).collect::<Vec<_>>()
        };
        let own = self.backplane.nats().and_then(shown_nats::secret);
        let own = own.map(|(key, secret)| (key.to_owned(), secret.digest()));
        self.authenticator.entries().iter().flat_map(of).chain(own).collect()
    }

    fn add_authenticator(&self, rows: &mut Rows) {
        let all = &self.authenticator;
        if all.is_list() {
            let names: Vec<&str> = all.list.entries.iter().map(AuthenticatorConfig::name).collect();
            rows.add("authenticator", format!("[{}]", names.join(", ")));
            all.list.entries.iter().for_each(|entry| add_entry(rows, entry));
        } else {
            rows.add("authenticator", &all.id);
            add_options(rows, all);
            rows.add("authenticator_sha256", all.sha256.as_deref().unwrap_or(NONE));
            rows.add("isolation", all.isolation);
            rows.add("isolation_memory", memory(all));
            rows.add("authenticator_create_timeout", format_duration(all.create_timeout));
            rows.add("authenticator_restart", all.restarts);
        }
        rows.add("plugins_dir", all.plugins_dir.display());
        rows.add_path("plugin_data_dir", all.data_dir.as_deref());
        rows.add("strict_plugin_permissions", all.strict_permissions);
        rows.add("max_authorization_life", all.max_life.map_or(NONE.to_owned(), format_duration));
        rows.add("on_swap", all.on_swap);
        rows.add("authenticator_sees", format!("[{}]", self.authenticator_sees.iter().collect::<Vec<_>>().join(", ")));
    }

    fn add_clients(&self, rows: &mut Rows) {
        rows.add("client_address", self.client_address);
        rows.add("client_port", self.client_port);
        rows.add("client_tls", tls(self.client_tls.as_ref()));
        for (at, listener) in self.listeners.iter().enumerate() {
            rows.add(format!("listeners[{at}]"), shown_listener(listener));
        }
        rows.add_path("tls_ticket_key_file", self.tls_ticket_key_file.as_deref());
        let HttpConfig { publish, events, history } = self.http;
        rows.add("http", format!("{{publish: {publish}, events: {events}, history: {history}}}"));
    }

    fn add_network(&self, rows: &mut Rows) {
        rows.add("backplane", &self.backplane);
        rows.add("network_address", self.network_address);
        rows.add("network_port", self.network_port);
        let relays: Vec<String> = self.relays.iter().map(|relay| format!("{}:{}", relay.host, relay.port)).collect();
        rows.add("relays", format!("[{}]", relays.join(", ")));
        rows.add("network_name", &self.network_name);
        rows.add_path("network_key_file", self.network_key_file.as_deref());
        rows.add("strict_key_permissions", self.strict_key_permissions);
        rows.add("network_encryption", self.network_encryption);
        let files = self.network_tls.as_ref().map(|files| {
            let [certificate, key, ca] = [&files.certificate, &files.key, &files.ca].map(|file| file.display());
            format!("{{certificate: {certificate}, key: {key}, ca: {ca}}}")
        });
        rows.add("network_tls", files.unwrap_or(NONE.to_owned()));
        rows.0.extend(shown_nats::rows(&self.backplane));
        rows.0.extend(history::rows(&self.history));
        rows.add("name", &self.name);
        rows.add("shards", self.shards);
    }

    fn add_operations(&self, rows: &mut Rows) {
        let socket = match &self.control_socket {
            ControlSocket::At(path) => path.display().to_string(),
            ControlSocket::None => "None".to_owned(),
            ControlSocket::ByPort => "by port".to_owned(),
        };
        rows.add("control_socket", socket);
        rows.add("operations_address", self.operations_address);
        let port = match self.operations_port {
            OperationsPort::Any => "any".to_owned(),
            port => port.number().unwrap_or(0).to_string(),
        };
        rows.add("operations_port", port);
        rows.add("operations_tls", tls(self.operations_tls.as_ref()));
        rows.add_path("operations_token_file", self.operations_token_file.as_deref());
        rows.add("operations_hosts", format!("[{}]", self.operations_hosts.join(", ")));
        rows.add("operations_plaintext", self.operations_plaintext);
        rows.add("ready_needs_relays", self.ready_needs_relays);
        rows.add_path("revocations_file", self.revocations_file.as_deref());
        rows.add("remembered_decisions", self.remembered_decisions);
    }
}

fn add_options(rows: &mut Rows, authenticator: &AuthenticatorConfig) {
    for (name, is_original) in authenticator.option_names() {
        rows.add_secret(option_key(authenticator, &name, is_original));
    }
}

fn option_key(authenticator: &AuthenticatorConfig, name: &str, is_original: bool) -> String {
    if is_original { name.to_owned() } else { authenticator.key(&format!("authenticator_options.{name}")) }
}

fn add_entry(rows: &mut Rows, entry: &AuthenticatorConfig) {
    rows.add(entry.key("id"), &entry.id);
    rows.add(entry.key("name"), entry.name());
    add_options(rows, entry);
    rows.add(entry.key("authenticator_sha256"), entry.sha256.as_deref().unwrap_or(NONE));
    rows.add(entry.key("isolation"), entry.isolation);
    rows.add(entry.key("isolation_memory"), memory(entry));
    rows.add(entry.key("if_unavailable"), if entry.entry.goes_on { "next" } else { "refuse" });
    rows.add(entry.key("shadow"), entry.entry.shadow);
}

fn memory(authenticator: &AuthenticatorConfig) -> String {
    let bytes = authenticator.isolation_memory.and_then(|bytes| usize::try_from(bytes).ok());
    bytes.map_or("0".to_owned(), format_bytes)
}

fn tls(files: Option<&Files>) -> String {
    let Some(files) = files else { return NONE.to_owned() };
    let mut parts = Vec::new();
    for pair in &files.pairs {
        parts.push(format!("certificate: {}, key: {}", pair.certificate.display(), pair.key.display()));
    }
    if let Some(ca) = &files.client_ca {
        parts.push(format!("client_ca: {}, client_certificates: {}", ca.display(), files.client_certificates));
    }
    parts.extend(files.crl.iter().map(|crl| format!("crl: {}", crl.display())));
    format!("{{{}}}", parts.join(", "))
}

fn shown_listener(listener: &ListenerConfig) -> String {
    let mut parts = vec![format!("name: {}, at: {}", listener.name, listener.endpoint)];
    parts.extend(listener.tls.as_ref().map(|files| format!("tls: {}", tls(Some(files)))));
    if listener.proxy_protocol {
        parts.push("proxy_protocol: required".to_owned());
    }
    if !listener.forwarding.is_empty() {
        parts.push(format!("trusted_proxies: [{}]", listener.forwarding));
    }
    let limits = &listener.limits;
    for (key, limit) in [
        ("max_connections", limits.max_connections),
        ("max_connections_per_address", limits.max_connections_per_address),
        ("max_unauthorized_per_address", limits.max_unauthorized_per_address),
    ] {
        parts.extend(limit.map(|limit| format!("limits.{key}: {limit}")));
    }
    format!("{{{}}}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{ORIGINAL_OPTIONS, TOP};

    fn config(text: &str) -> Config {
        Config::from_text(text, Path::new("/etc/pusud/settings.yaml")).unwrap()
    }

    #[test]
    fn every_key_is_there_and_no_option_is_shown() {
        let text = "authenticator: A\nauthenticator_options: {key: s3cret}\npasswords: {s3cret: [a]}\n\
                    limits: {max_connections: 7}\nname: r7";
        let mut config = config(text);
        config.authenticator.wipe_options();
        let rows = config.setting_rows();
        let has = |key: &str| rows.iter().any(|row| row.key == key || row.key.starts_with(&format!("{key}[")));
        for key in TOP {
            let is_option = ORIGINAL_OPTIONS.contains(key) || ["authenticator_options", "limits"].contains(key);
            assert!(is_option || has(key), "{key}");
        }
        let shown = |key: &str| rows.iter().find(|row| row.key == key).map(|row| (row.value.as_str(), row.is_secret));
        assert_eq!(shown("authenticator_options.key"), Some((NOT_SHOWN, true)));
        assert_eq!(shown("passwords"), Some((NOT_SHOWN, true)));
        assert_eq!(shown("limits.max_connections"), Some(("7", false)));
        assert!(!format!("{rows:?}").contains("s3cret"));
    }

    #[test]
    fn what_is_not_written_is_as_the_defaults_are() {
        let config = config("authenticator: A\nname: r7\nclient_port: 1");
        let defaults = config.defaults().setting_rows();
        let differs = config.setting_rows().into_iter().filter(|row| !defaults.contains(row)).map(|row| row.key);
        let differs: Vec<String> = differs.filter(|key| key != "name").collect();
        assert_eq!(differs, ["client_port", "listeners[0]"]);
    }

    #[test]
    fn a_limit_that_follows_another_one_is_not_written() {
        let differing = |limits: &str| {
            let config = config(&format!("authenticator: A\nlimits: {limits}"));
            let defaults = config.defaults().setting_rows();
            let differs = config.setting_rows().into_iter().filter(|row| !defaults.contains(row)).map(|row| row.key);
            differs.filter(|key| key.starts_with("limits.")).collect::<Vec<_>>()
        };
        assert_eq!(differing("{authorize_timeout: 1s, max_connections: 20}").len(), 2);
        assert_eq!(differing("{outbox_bytes: 65536}"), ["limits.outbox_bytes"]);
        let written = "{authorize_timeout: 2s, handshake_timeout: 1s}";
        assert_eq!(differing(written), ["limits.handshake_timeout", "limits.authorize_timeout"]);
    }

    #[test]
    fn entries_of_a_list_are_shown_one_by_one() {
        let text = "authenticator:\n  - {id: A, options: {key: s3cret}}\n  - {id: B, name: b, shadow: true}\n";
        let rows = config(text).setting_rows();
        for key in ["authenticator[0].id", "authenticator[0].options.key", "authenticator[1].shadow"] {
            assert!(rows.iter().any(|row| row.key == key), "{key}: {rows:?}");
        }
        assert!(!format!("{rows:?}").contains("s3cret"));
    }
}
