//! Proxies between clients and the relay: nginx as it is by default and with connections that it keeps, HAProxy, Caddy and
//! Apache. They write the client's address as the test's header `X-Client` says it.

use super::guests::{CHANNEL, client, expect_end, expect_message, has, hears, path, publishes, python, relay, run_by};
use crate::harness::{DEADLINE, Daemon, ReservedPort, Running, run};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use tempfile::TempDir;

/// A running proxy in front of a relay.
struct Proxy {
    running: Running,
    folder: TempDir,
    place: ReservedPort,
    relay: Daemon,
    _port: ReservedPort,
}

impl Proxy {
    /// Starts a program with this configuration, in which PLACE and RELAY are where it and the relay are, and FOLDER is its own.
    fn start(command: &[&str], configuration: &str, limits: &str) -> Self {
        let (port, place) = (ReservedPort::new(), ReservedPort::new());
        let relay = trusting_relay(&port, limits);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("configuration");
        let filled = configuration
            .replace("PLACE", &format!("127.0.0.1:{}", place.port()))
            .replace("RELAY", &relay.address().to_string())
            .replace("FOLDER", folder.path().to_str().unwrap());
        std::fs::write(&file, filled).unwrap();
        let mut program = Command::new(command[0]);
        program.args(&command[1..]).arg(&file).current_dir(folder.path());
        let running = Running::start(program.env("HOME", folder.path()).env("PATH", path()));
        let proxy = Self { running, folder, place, relay, _port: port };
        proxy.wait_until_it_serves();
        proxy
    }

    fn wait_until_it_serves(&self) {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.place.port())).is_err() {
            assert!(began.elapsed() < DEADLINE, "the proxy does not serve: {}", self.running.stderr.text());
        }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.place.port())
    }

    /// Clients publish through it, also long messages and in pieces, and others hear at once what they listen to, and why
    /// that ends.
    fn passes_everything_on(&self) {
        publishes(&self.relay, &mut run_by("bash", "http_curl.sh"), &self.url());
        publishes(&self.relay, &mut python("http_python.py", "requests"), &self.url());
        let mut guest = hears(&self.relay, &mut python("http_events.py", "httpx-sse"), &self.url());
        client(&self.relay).publish(CHANNEL, json!("more"));
        expect_message(&mut guest, 3, CHANNEL, json!("more"));
        self.relay.terminate();
        expect_end(&mut guest, 4);
    }

    /// Publishes as a client of this address, if it says one; the status, and the body.
    fn publish(&self, address: &str, password: Option<&str>, channel: &str) -> (String, String) {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--max-time", "20", "--write-out", "\n%{http_code}", "--json", "\"text\""]);
        curl.arg("-H").arg(format!("X-Client: {address}"));
        if let Some(password) = password {
            curl.arg("-H").arg(format!("Authorization: Bearer {password}"));
        }
        let said = run(curl.arg(format!("{}/publish/{channel}", self.url()))).succeeds();
        let (body, status) = said.rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    }

    /// Clients of several addresses in turn over one connection to the relay, with different passwords: each is allowed what
    /// its own gives, and is counted where it is.
    fn tells_clients_of_one_connection_apart(&self) {
        let mut other = client(&self.relay);
        other.subscribe("another.a");
        let accepted = (String::from("202"), String::from(r#"{"accepted":1}"#));
        for turn in 0..5 {
            let [first, second, third] = [1, 2, 3].map(|host| format!("192.0.2.{}", 10 * turn + host));
            assert_eq!(self.publish(&first, Some("known"), "another.a"), accepted);
            assert_eq!(self.publish(&second, Some("another"), "another.a"), accepted);
            assert_eq!(self.publish(&second, Some("another"), "a").0, "403");
            assert_eq!(self.publish(&first, Some("another"), "a").0, "403");
            // The listener beside it, and one that is kept.
            self.relay.wait_for_connections(2);
            assert_eq!(self.publish(&third, None, "another.a").0, "401");
        }
        for _ in 0..10 {
            other.expect_publish("another.a", json!("text"));
        }
        other.expect_no_answer();
        let refused = |line: &str| {
            let line: Value = serde_json::from_str(line).ok()?;
            (line["message"] == "authorization refused" && line["client"] == "192.0.2.43").then_some(())
        };
        self.relay.log().wait_for("the address of a client", refused);
    }
}

/// A relay that believes proxies on this machine.
fn trusting_relay(port: &ReservedPort, limits: &str) -> Daemon {
    let listener =
        format!("listeners:\n  - {{address: 127.0.0.1, port: {}, trusted_proxies: [127.0.0.1]}}", port.port());
    relay(port, &listener, limits)
}

/// nginx with these lines in its `location`, and these before its `server`.
fn nginx(location: &str, before: &str) -> Option<Proxy> {
    if !has("nginx in front of HTTP", "nginx") {
        return None;
    }
    let configuration = format!(
        "daemon off;\nmaster_process off;\npid FOLDER/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n  access_log off;\n  \
         client_body_temp_path FOLDER/body;\n  proxy_temp_path FOLDER/proxy;\n  fastcgi_temp_path FOLDER/f;\n  \
         uwsgi_temp_path FOLDER/u;\n  scgi_temp_path FOLDER/s;\n  {before}\n  server {{\n    listen PLACE;\n    \
         client_max_body_size 8m;\n    location / {{\n      {location}\n    }}\n  }}\n}}\n"
    );
    Some(Proxy::start(&["nginx", "-e", "stderr", "-c"], &configuration, ""))
}

/// nginx as it is without a word about it: HTTP/1.0 to the relay, a connection for each request, and buffers for answers.
fn plain_nginx() -> Option<Proxy> {
    nginx("proxy_pass http://RELAY;", "")
}

/// nginx that keeps connections to the relay.
fn keeping_nginx() -> Option<Proxy> {
    let location = "proxy_pass http://relays; proxy_http_version 1.1; proxy_set_header Connection '';\n      \
                    proxy_set_header X-Forwarded-For $http_x_client;";
    nginx(location, "upstream relays { server RELAY; keepalive 1; }")
}

#[test]
fn nginx_by_default() {
    plain_nginx().iter().for_each(Proxy::passes_everything_on);
}

#[test]
fn nginx_that_keeps_connections() {
    keeping_nginx().iter().for_each(Proxy::passes_everything_on);
}

#[test]
fn clients_through_one_connection_of_nginx() {
    keeping_nginx().iter().for_each(Proxy::tells_clients_of_one_connection_apart);
}

/// HAProxy that keeps connections to the relay for all clients, and checks whether it is well.
fn haproxy(limits: &str) -> Option<Proxy> {
    if !has("HAProxy in front of HTTP", "haproxy") {
        return None;
    }
    let configuration = "global\n  stats socket FOLDER/stats level user\n\
        defaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n  timeout tunnel 60s\n\
        frontend clients\n  bind PLACE\n  http-request set-header X-Forwarded-For %[req.hdr(X-Client)] if { req.hdr(X-Client) -m found }\n  \
        default_backend relays\n\
        backend relays\n  http-reuse always\n  option httpchk GET /healthz\n  http-check expect status 200\n  \
        server relay RELAY check inter 50ms fall 2 rise 1 pool-max-conn 1\n";
    Some(Proxy::start(&["haproxy", "-db", "-f"], configuration, limits))
}

#[test]
fn haproxy_passes_everything_on() {
    haproxy("").iter().for_each(Proxy::passes_everything_on);
}

#[test]
fn clients_through_one_connection_of_haproxy() {
    haproxy("").iter().for_each(Proxy::tells_clients_of_one_connection_apart);
}

/// It fetches no certificates here.
#[test]
fn caddy() {
    let configuration =
        "{\n  admin off\n  auto_https off\n}\nhttp://PLACE {\n  bind 127.0.0.1\n  reverse_proxy RELAY\n}\n";
    if has("Caddy in front of HTTP", "caddy") {
        Proxy::start(&["caddy", "run", "--adapter", "caddyfile", "--config"], configuration, "").passes_everything_on();
    }
}

/// In one process, which ends with the test. Channels keep their escapes.
#[test]
fn apache() {
    const MODULES: &str = "/usr/lib/apache2/modules";
    let modules = ["mpm_event", "authz_core", "proxy", "proxy_http"];
    let modules = modules.map(|name| format!("LoadModule {name}_module {MODULES}/mod_{name}.so\n")).concat();
    let configuration = format!(
        "PidFile FOLDER/pid\nErrorLog /dev/stderr\nDefaultRuntimeDir FOLDER\n{modules}Listen PLACE\nServerName relay\n\
         <VirtualHost *>\n  AllowEncodedSlashes NoDecode\n  ProxyPass / http://RELAY/ nocanon\n</VirtualHost>\n"
    );
    if has("Apache in front of HTTP", "apache2") {
        Proxy::start(&["apache2", "-X", "-f"], &configuration, "").passes_everything_on();
    }
}

/// What HAProxy says of the relay: its status, and the last check. It listens for this question last.
fn state(folder: &Path) -> Option<(String, String)> {
    let mut socket = UnixStream::connect(folder.join("stats")).ok()?;
    socket.write_all(b"show stat\n").unwrap();
    let mut table = String::new();
    socket.read_to_string(&mut table).unwrap();
    let names: Vec<&str> = table.lines().next().unwrap().trim_start_matches("# ").split(',').collect();
    let row = table.lines().find(|line| line.starts_with("relays,relay,")).unwrap();
    let field = |name: &str| row.split(',').zip(&names).find(|(_, found)| **found == name).unwrap().0.to_owned();
    Some((field("status"), field("check_status")))
}

fn wait_for_state(proxy: &Proxy, status: &str, check: &str) {
    let began = Instant::now();
    loop {
        let state = state(proxy.folder.path());
        if state.as_ref().is_some_and(|(now, last)| now.starts_with(status) && last == check) {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "{status} {check} is waited for: {state:?}");
    }
}

/// A relay that stops is sent no new clients, and serves those that it has.
#[test]
fn haproxy_sees_that_a_relay_drains() {
    let Some(mut proxy) = haproxy("drain_grace: 1m, drain_spread: 0") else { return };
    wait_for_state(&proxy, "UP", "L7OK");
    let mut guest = hears(&proxy.relay, &mut python("http_events.py", "httpx-sse"), &proxy.url());
    let mut other = client(&proxy.relay);
    proxy.relay.terminate();
    wait_for_state(&proxy, "DOWN", "L4CON");
    assert_eq!(proxy.publish("192.0.2.1", Some("known"), "a").0, "503");
    other.publish(CHANNEL, json!("still"));
    expect_message(&mut guest, 3, CHANNEL, json!("still"));
    drop(guest);
    proxy.relay.kill();
    proxy.relay.restart();
    wait_for_state(&proxy, "UP", "L7OK");
    assert_eq!(proxy.publish("192.0.2.1", Some("known"), "a").0, "202");
}
