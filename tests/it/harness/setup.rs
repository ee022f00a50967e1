//! The settings of a daemon that is about to start.

use super::process::Process;
use super::{Daemon, Namespace, PluginsDir, Starting, scripted_plugin, trusting, write_certificate};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;

/// The key of networks that have none of their own.
const NETWORK_KEY: &str = "the key of networks in the tests";

/// The settings of a daemon that is about to start.
pub(crate) struct Setup {
    shards: usize,
    name: String,
    authenticator: String,
    address: String,
    port: u16,
    plugins: Option<PluginsDir>,
    process: Process,
    namespace: Option<Namespace>,
    is_encrypted: bool,
    is_keyless: bool,
    more: String,
}

/// Set to run tests with clients that speak TLS, where the settings say nothing of listeners.
const ENCRYPTED: &str = "PUSU_TEST_TLS";

impl Setup {
    /// `shards` shards, any free port, and the scripted fixture as authenticator.
    pub(crate) fn on_shards(shards: usize) -> Self {
        Self {
            shards,
            name: "test-relay".into(),
            authenticator: "ScriptedAuthenticator".into(),
            address: "127.0.0.1".into(),
            port: 0,
            plugins: None,
            process: Process { runner: Vec::new(), environment: Vec::new(), log_level: "info", log_format: "json" },
            namespace: None,
            is_encrypted: std::env::var_os(ENCRYPTED).is_some(),
            is_keyless: false,
            more: String::new(),
        }
    }

    /// Another number of shards.
    pub(crate) fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// Another name.
    pub(crate) fn name(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// Another authenticator, found in `plugins`.
    pub(crate) fn authenticator(mut self, id: &str, plugins: PluginsDir) -> Self {
        self.authenticator = id.into();
        self.plugins = Some(plugins);
        self
    }

    /// A port that is known beforehand.
    pub(crate) fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Another address to listen on.
    #[cfg(target_os = "linux")]
    pub(crate) fn address(mut self, address: &str) -> Self {
        self.address = address.into();
        self
    }

    /// A log that says more.
    pub(crate) fn log_level(mut self, level: &'static str) -> Self {
        self.process.log_level = level;
        self
    }

    /// A log for people.
    pub(crate) fn log_as_text(mut self) -> Self {
        self.process.log_format = "text";
        self
    }

    /// Standard error is this file: the log is not collected.
    pub(crate) fn log_to(self, file: &str) -> Self {
        self.run_by(["sh".into(), "-c".into(), format!("exec \"$0\" \"$@\" 2>{file}").into()].into())
    }

    /// A variable of the daemon's environment.
    pub(crate) fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.process.environment.push((name, value.into()));
        self
    }

    /// A command that becomes the daemon: the daemon and its arguments are appended to it.
    pub(crate) fn run_by(mut self, runner: Vec<OsString>) -> Self {
        self.process.runner = runner;
        self
    }

    /// A process with a network of its own, and clients that connect from inside of it.
    pub(crate) fn in_namespace(mut self, namespace: &Namespace) -> Self {
        self.namespace = Some(namespace.clone());
        self.run_by(namespace.runner().into())
    }

    /// A process that may not have more files open than this, nor raise that limit.
    #[cfg(unix)]
    pub(crate) fn open_files(self, limit: u32) -> Self {
        let become_it = format!("ulimit -n {limit} && exec \"$0\" \"$@\"");
        self.run_by(["sh".into(), "-c".into(), become_it.into()].into())
    }

    /// Clients speak TLS.
    pub(crate) fn encrypted(mut self) -> Self {
        self.is_encrypted = true;
        self
    }

    /// A relay of a network without a key, whose links are not encrypted: for peers that speak the protocol of relays in the
    /// clear. Other networks have a key, the same in all tests.
    pub(crate) fn without_key(mut self) -> Self {
        self.is_keyless = true;
        self
    }

    /// Operators have a port: any free one, which [`Daemon::operations`] knows.
    pub(crate) fn with_operations(self) -> Self {
        self.settings("operations_port: any\noperations_token_file: operations.token")
    }

    /// Further settings, as YAML.
    pub(crate) fn settings(mut self, yaml: &str) -> Self {
        writeln!(self.more, "{yaml}").unwrap();
        self
    }

    /// Starts the daemon and waits until it serves clients.
    pub(crate) fn start(self) -> Daemon {
        self.spawn().serving()
    }

    /// Starts the daemon.
    pub(crate) fn spawn(mut self) -> Starting {
        let dir = tempfile::tempdir().unwrap();
        if self.more.contains("relays:") && !self.more.contains("network_key_file") && !self.is_keyless {
            write_secret(&dir.path().join("network.key"), NETWORK_KEY);
            self.more.push_str("network_key_file: network.key\n");
        }
        let plugins = self.plugins.take().unwrap_or_else(|| PluginsDir::with([scripted_plugin()]));
        // Listeners say themselves where they are.
        let has_listeners = self.more.contains("listeners:");
        let place = match has_listeners {
            true => String::new(),
            false => format!("client_address: '{}'\nclient_port: {}\n", self.address, self.port),
        };
        let settings = format!(
            "authenticator: {}\n{place}shards: {}\nname: {}\nplugins_dir: {:?}\n{}{}{}",
            self.authenticator,
            self.shards,
            self.name,
            plugins.path(),
            if self.more.contains("control_socket") { "" } else { "control_socket: control.sock\n" },
            if self.more.contains("operations_port") { "" } else { "operations_port: 0\n" },
            for_tests(self.more),
        );
        let (mut settings, mut tls) = (settings, None);
        if self.is_encrypted && !has_listeners && !settings.contains("client_tls:") {
            write_certificate(dir.path(), "relay");
            tls = Some(trusting(&dir.path().join("relay.pem")));
            settings.push_str("client_tls: {certificate: relay.pem, key: relay.key}\n");
        }
        std::fs::write(dir.path().join("settings.yaml"), settings).unwrap();
        Starting::new(self.process, dir, plugins, tls, self.namespace)
    }
}

/// Writes a file that nobody else may read.
pub(crate) fn write_secret(file: &Path, content: &str) {
    std::fs::write(file, content).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// Settings with which a relay does not wait for its clients when it stops, and does wait for them and its plugin before:
/// the machine may stand still for some seconds. Unless they say themselves how long any of that shall take.
fn for_tests(settings: String) -> String {
    let mut more = Vec::new();
    for (words, limits) in [
        (&["drain_"][..], "drain_grace: 0, drain_spread: 0"),
        (&["handshake_timeout", "authorize_timeout"], "handshake_timeout: 1m, authorize_timeout: 1m"),
        (&["authorize_call_timeout"], "authorize_call_timeout: 1m"),
    ] {
        if !words.iter().any(|word| settings.contains(word)) {
            more.push(limits);
        }
    }
    let more = more.join(", ");
    if more.is_empty() {
        settings
    } else if settings.contains("limits: {") {
        settings.replacen("limits: {", &format!("limits: {{{more}, "), 1)
    } else if settings.contains("limits:\n") {
        settings.replacen("limits:\n", &format!("limits:\n  {}\n", more.replace(", ", "\n  ")), 1)
    } else {
        format!("{settings}limits: {{{more}}}\n")
    }
}
