//! The settings of the nats-servers of a cluster: who may connect, how, and to what.

use crate::harness::{Authority, Issued, root};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// The same for all servers of a cluster, and what a relay says to get in.
#[derive(Clone, Default)]
pub(crate) struct NatsSettings {
    /// Blocks of a server's settings.
    server: String,
    /// Lines within `nats: {…}` of a relay's.
    relay: Vec<String>,
    tls: Option<Arc<Tls>>,
}

/// The files of a cluster that speaks TLS.
struct Tls {
    folder: TempDir,
    authority: Authority,
    is_mutual: bool,
}

/// A user's name and password, wherever there is one.
pub(crate) const USER: [&str; 2] = ["relay", "the password of the relays"];

impl NatsSettings {
    /// Anybody may connect, without TLS.
    pub(crate) fn open() -> Self {
        Self::default()
    }

    /// Lines of a server's settings.
    pub(crate) fn server(mut self, lines: &str) -> Self {
        writeln!(self.server, "{lines}").unwrap();
        self
    }

    /// A line within `nats: {…}` of the relays' settings.
    pub(crate) fn relay(mut self, line: &str) -> Self {
        self.relay.push(line.to_owned());
        self
    }

    /// One user, with a password.
    pub(crate) fn with_password(self) -> Self {
        let [user, password] = USER;
        self.server(&format!("authorization {{ user: {user}, password: \"{password}\" }}"))
            .relay(&format!("user: {user}, password: \"{password}\""))
    }

    /// A token for all.
    pub(crate) fn with_token(self) -> Self {
        self.server("authorization { token: \"the token of the relays\" }").relay("token: \"the token of the relays\"")
    }

    /// One user, with a key pair: the seed of tests/fixtures/nats.
    pub(crate) fn with_nkey(self) -> Self {
        let public = fs::read_to_string(fixture("relay.pub")).unwrap();
        self.server(&format!("authorization {{ users: [ {{ nkey: {} }} ] }}", public.trim()))
            .relay(&format!("nkey_seed_file: \"{}\"", secret_copy("relay.nk")))
    }

    /// Accounts by signed tokens: the credentials of tests/fixtures/nats.
    pub(crate) fn with_credentials(self) -> Self {
        let resolver = fs::read_to_string(fixture("resolver.conf")).unwrap();
        self.server(&resolver).relay(&format!("credentials_file: \"{}\"", secret_copy("relay.creds")))
    }

    /// One user with a password, who may publish to these subjects and subscribe to those.
    pub(crate) fn with_permissions(self, publish: &str, subscribe: &str) -> Self {
        self.with_permissions_to(publish, &[subscribe])
    }

    /// The same, to subscribe to any of these.
    pub(crate) fn with_permissions_to(self, publish: &str, subscribe: &[&str]) -> Self {
        self.with_permissions_of(&format!("publish: \"{publish}\", subscribe: {subscribe:?}"))
    }

    /// One user with a password, and permissions as a server's settings have them.
    pub(crate) fn with_permissions_of(self, permissions: &str) -> Self {
        let [user, password] = USER;
        let permissions = format!("{{ {permissions} }}");
        let users = format!("[ {{ user: {user}, password: \"{password}\", permissions: {permissions} }} ]");
        self.server(&format!("authorization {{ users: {users} }}"))
            .relay(&format!("user: {user}, password: \"{password}\""))
    }

    /// Clients speak TLS with a certificate of a private authority; `is_mutual`: they have to show one as well.
    pub(crate) fn with_tls(mut self, is_mutual: bool) -> Self {
        let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new("nats"));
        let issue = |certificate, key| {
            authority.issue(&["127.0.0.1", "localhost"]).files_as(folder.path(), certificate, key);
        };
        authority.file(folder.path());
        issue("server.pem", "server.key");
        issue("relay.pem", "relay.key");
        let at = folder.path().display().to_string();
        let verify = if is_mutual { ", verify: true" } else { "" };
        let files = "cert_file: \"AT/server.pem\", key_file: \"AT/server.key\", ca_file: \"AT/nats.pem\"";
        self = self.server(&format!("tls {{ {}{verify}, timeout: 20 }}", files.replace("AT", &at)));
        let own = if is_mutual { ", certificate: \"AT/relay.pem\", key: \"AT/relay.key\"" } else { "" };
        self = self.relay(&format!("tls: {{ca: \"AT/nats.pem\"{own}}}").replace("AT", &at));
        self.tls = Some(Arc::new(Tls { folder, authority, is_mutual }));
        self
    }

    /// The relays' settings say something else than the servers expect.
    pub(crate) fn relays_say(mut self, lines: &[&str]) -> Self {
        self.relay = lines.iter().map(|&line| line.to_owned()).collect();
        self
    }

    /// The blocks for a server. The longest message of a relay's clients is longer than what a server takes by itself.
    pub(super) fn of_server(&self) -> String {
        let room = if self.server.contains("max_payload") { "" } else { "max_payload: 2MB\n" };
        format!("{room}{}", self.server)
    }

    /// What a relay says besides the servers: `, user: …`, or nothing.
    pub(super) fn of_relay(&self) -> String {
        self.relay.iter().map(|line| format!(", {line}")).collect()
    }

    /// `nats` or `tls`.
    pub(super) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "tls" } else { "nats" }
    }

    /// What a client of these servers shakes hands with, if it has to.
    pub(super) fn client_tls(&self) -> Option<Arc<rustls::ClientConfig>> {
        let tls = self.tls.as_ref()?;
        let own: Option<Issued> = tls.is_mutual.then(|| tls.authority.issue(&["relay"]));
        Some(tls.authority.trusted_by(own.as_ref()))
    }

    /// What a client shakes hands with that trusts the servers and shows no certificate.
    pub(crate) fn tls_without_certificate(&self) -> Arc<rustls::ClientConfig> {
        self.tls.as_ref().expect("these servers speak TLS").authority.trusted_by(None)
    }

    /// Where the files for TLS lie.
    pub(crate) fn tls_folder(&self) -> &Path {
        self.tls.as_ref().expect("these servers speak TLS").folder.path()
    }
}

/// A file of the fixtures.
pub(crate) fn fixture(name: &str) -> std::path::PathBuf {
    root().join("tests/fixtures/nats").join(name)
}

/// A copy of a fixture that nobody else may read, kept from run to run: what is checked out has the rights that git gives.
fn secret_copy(name: &str) -> String {
    let folder = crate::harness::build_dir().join("nats");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(name);
    // Tests in other processes may do the same: whoever is last puts the same content there, as a whole.
    let ours = folder.join(format!("{name}.{}", std::process::id()));
    crate::harness::write_secret(&ours, &fs::read_to_string(fixture(name)).unwrap());
    fs::rename(ours, &file).unwrap();
    file.display().to_string()
}
