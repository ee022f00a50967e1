//! docs/operating/tls-and-proxies.md, proxies: each with its configuration as it is printed, at the paths that are printed,
//! in front of a relay with the settings that are printed for it.

use super::page::{block, blocks};
use super::stage::Stage;
use crate::harness::{Finished, Running, not_run, root, run, scripted_plugin};
use std::fs;

const PAGE: &str = "docs/operating/tls-and-proxies.md";
/// The relay's keepalive: a silent client is sent a ping after one and a half times `ping_interval` at the latest.
const KEEPALIVE_SECONDS: f64 = 37.5;
/// Connections of one address.
const LIMIT: usize = 8;

const NGINX: &str = "mount --bind configuration /etc/nginx/nginx.conf\nnginx -g 'daemon off; pid /dev/null;'";
const HAPROXY: &str = "haproxy -db -f configuration";
const CADDY: &str = "caddy run --adapter caddyfile --config configuration";
/// The folder for the file with its process id is of the shell's own, too.
const APACHE: &str = "mount -t tmpfs none /run\napache2 -D FOREGROUND -f \"$PWD/configuration\"";

/// A certificate for the proxy or for the relay, and addresses for clients.
const PREPARED: &str = r#"
mkdir -p ssl/relay
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=relay.example.com \
  -addext subjectAltName=DNS:relay.example.com -keyout ssl/relay/privkey.pem -out ssl/relay/fullchain.pem 2>openssl.log
cat ssl/relay/fullchain.pem ssl/relay/privkey.pem >ssl/relay/both.pem
echo '127.0.0.1 relay.example.com localhost' >hosts
ip address add 203.0.113.7/32 dev lo
ip address add 203.0.113.8/32 dev lo
"#;

/// Certificates where the page has them, a name for the proxy, and a folder for logs, in file systems of the shell's own.
const MACHINE: &str = r#"
mount --bind hosts /etc/hosts
mount --bind ssl /etc/ssl
mount -t tmpfs none /var/log
mkdir /var/log/nginx /var/log/apache2
curl() { command curl --cacert /etc/ssl/relay/fullchain.pem "$@"; }
pusud() { command pusud "$@" --ca /etc/ssl/relay/fullchain.pem; }
UNTIL='! kill -0 $proxy || exec 9<>/dev/tcp/127.0.0.1/443'
"#;

/// A stream of events, and a message that has to come over it at once.
const EVENTS: &str = r#"
ask() { curl --silent --no-buffer --header 'Authorization: Bearer both=*' "$@"; }
ask 'https://relay.example.com/events?channel=news' >events &
UNTIL='grep subscribed events'
(sleep 1)
ask --header 'Content-Type: text/plain' --data 'through the proxy' https://relay.example.com/publish/news >answer
UNTIL='grep "through the proxy" events'
(sleep 1)
cat answer
"#;

/// What the console does: it signs in, changes something, and has a stream that comes at once.
const CONSOLE: &str = r#"
UNTIL='! kill -0 $proxy || exec 9<>/dev/tcp/127.0.0.1/8443'
(sleep 1)
console=https://relay.example.com:8443
ask() { curl --silent --show-error --cookie cookies --header "Origin: $console" --header 'Pusu-Operation: 1' "$@"; }
token=$(sed -n 's/^operate: //p' operations.token)
ask --fail-with-body --cookie-jar cookies --json "{\"token\": \"$token\"}" $console/api/v1/session
ask --fail-with-body --json '{"channel": "news", "content": 1}' $console/api/v1/publish
ask --no-buffer $console/api/v1/live >live &
UNTIL='grep "event: status" live'
(sleep 1)
echo 'the stream comes'
"#;

/// A place with these programs, that has been prepared.
fn prepared(row: &str, programs: &[&str]) -> Option<Stage> {
    let stage = Stage::with(row, programs)?;
    stage.shell(PREPARED).succeeds();
    Some(stage)
}

/// Starts a proxy, and looks at the relay through it: the commands of the page, and these. What they print, and what the
/// proxy does.
fn through(stage: &Stage, configuration: &str, start: &str, commands: &str) -> (Finished, String) {
    stage.write("configuration", configuration);
    let (curl, health) = (block(PAGE, "Try it", "sh"), block(PAGE, "With the commands of pusud", "sh"));
    let proxy = format!("{MACHINE}\n{start} >proxy.log 2>&1 &\nproxy=$!\n(sleep 1)");
    let finished = run(&mut stage.command(&format!("{proxy}\n{curl}\n{health}\n{commands}")));
    let log = fs::read_to_string(stage.folder().join("proxy.log")).unwrap_or_default();
    (finished, log)
}

/// The answer to an upgrade through nginx whose configuration lacks the lines that begin so; `None` where something is
/// missing.
fn answer_through_nginx(without: &str) -> Option<String> {
    let stage = prepared("tls-and-proxies.md, symptoms", &["nginx", "curl", "openssl"])?;
    let _relay = stage.quickstart();
    let configuration = block(PAGE, "nginx", "nginx");
    let left: Vec<&str> = configuration.lines().filter(|line| !line.trim().starts_with(without)).collect();
    assert!(left.len() < configuration.lines().count(), "{without} is not there");
    stage.write("configuration", &left.join("\n"));
    let upgrading = "--header 'Connection: Upgrade' --header 'Upgrade: websocket' --header 'Sec-WebSocket-Version: 13' \
                     --header 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='";
    let curl = block(PAGE, "Try it", "sh").replace("curl ", &format!("curl --write-out '%{{http_code}}' {upgrading} "));
    let commands = format!("{MACHINE}\n{NGINX} >proxy.log 2>&1 &\nproxy=$!\n(sleep 1)\n{curl}");
    Some(run(&mut stage.command(&commands)).succeeds())
}

#[test]
fn a_proxy_that_was_not_told_of_websockets_is_told_what_to_set() {
    for (without, status) in
        [("proxy_http_version", "505"), ("proxy_set_header Upgrade", "426"), ("proxy_set_header Connection", "400")]
    {
        let Some(said) = answer_through_nginx(without) else { return };
        assert!(said.ends_with(status), "without {without}: {said}");
        for line in [
            "proxy_http_version 1.1;",
            "proxy_set_header Upgrade $http_upgrade;",
            "proxy_read_timeout",
            "ping_interval",
        ] {
            assert!(said.contains(line), "{line} is not in: {said}");
        }
    }
}

/// A relay with the settings below this heading, whose authenticator says what it is told.
fn relay(stage: &Stage, settings: &str) -> Running {
    let plugin = scripted_plugin();
    fs::copy(&plugin, stage.folder().join("plugins").join(plugin.file_name().unwrap())).unwrap();
    let limits = format!("limits: {{max_connections_per_address: {LIMIT}, drain_grace: 0, drain_spread: 0}}");
    let rest = "authenticator: ScriptedAuthenticator\nplugins_dir: plugins\ncontrol_socket: control.sock";
    stage.write("relay.yaml", &format!("{settings}\n{rest}\n{limits}\n"));
    stage.serve("mount --bind ssl /etc/ssl\nexec pusud --config relay.yaml", 1)
}

/// A relay and a proxy as the page has them, with some changes.
struct Way<'a> {
    /// The program of the proxy.
    proxy: &'a str,
    start: &'a str,
    /// Heading and language of its configuration.
    configuration: (&'a str, &'a str),
    /// The heading of the relay's settings.
    relay: &'a str,
    /// In both, these become those.
    changes: &'a [(&'a str, &'a str)],
}

impl Way<'_> {
    /// Looks at the relay through it: the commands of the page, events, a conversation, who the clients are in the eyes of the
    /// authenticator and of the log, and how many connections one of them may have.
    fn leads_to_the_relay(&self) {
        let (heading, language) = self.configuration;
        let row = format!("tls-and-proxies.md, {heading} ({})", self.proxy);
        let Some(stage) = prepared(&row, &[self.proxy, "curl", "openssl"]) else { return };
        let changed = |text: String| self.changes.iter().fold(text, |text, (this, that)| text.replace(this, that));
        let relay = relay(&stage, &changed(block(PAGE, self.relay, "yaml")));
        let script = root().join("tests/clients/through_proxy.py");
        let script = script.display();
        let commands =
            format!("{EVENTS}\npython '{script}' wss://relay.example.com /etc/ssl/relay/fullchain.pem {LIMIT}");
        let configuration =
            changed(block(PAGE, heading, language)).replace("SOCKETS", stage.folder().to_str().unwrap());
        let (finished, log) = through(&stage, &configuration, self.start, &commands);
        let heard = relay.stderr.text();
        assert!(finished.status.success(), "{row}: {finished:?}\n{log}\n{heard}");
        let said = finished.stdout;
        assert!(said.starts_with("This is a PuSu Engine relay"), "{said}\n{log}");
        assert!(said.contains(" is healthy: it greets clients on wss://relay.example.com; TLS 1."), "{said}\n{log}");
        assert!(said.contains(r#"{"accepted":1}"#), "{said}\n{log}");
        assert!(said.ends_with("the conversation took place"), "{said}\n{log}");
        for client in ["203.0.113.7", "203.0.113.8"] {
            let is_there = |line: &String| line.contains("authorization refused") && line.contains(client);
            relay.stderr.wait(client, |lines| lines.iter().any(is_there).then_some(()));
        }
        assert!(!heard.contains("198.51.100.1"), "{heard}");
        // The proxy's health checks are good ones.
        let mut refused = heard.lines().filter(|line| line.contains("connections refused"));
        assert!(refused.all(|line| line.contains("max_connections_per_address")), "{heard}");
    }
}

/// Proxies that speak HTTP to the relay.
fn over_http(proxy: &str, start: &str, configuration: (&str, &str), changes: &[(&str, &str)]) {
    Way { proxy, start, configuration, relay: "Behind a proxy", changes }.leads_to_the_relay();
}

/// Proxies that pass bytes on.
fn over_tcp(proxy: &str, start: &str, language: &str, changes: &[(&str, &str)]) {
    let heading = "TLS passed through";
    Way { proxy, start, configuration: (heading, language), relay: heading, changes }.leads_to_the_relay();
}

#[test]
fn nginx() {
    over_http("nginx", NGINX, ("nginx", "nginx"), &[]);
}

#[test]
fn nginx_in_front_of_the_operations_port() {
    let heading = "The operations port";
    let Some(stage) = prepared("tls-and-proxies.md, the operations port", &["nginx", "curl", "openssl"]) else {
        return;
    };
    let settings = block(PAGE, heading, "yaml") + "operations_token_file: operations.token";
    let relay = relay(&stage, &settings);
    stage.write("configuration", &block(PAGE, heading, "nginx"));
    let finished = stage.shell(&format!("{MACHINE}\n{NGINX} >proxy.log 2>&1 &\nproxy=$!\n{CONSOLE}"));
    assert!(finished.status.success(), "{finished:?}\n{}", relay.stderr.text());
    assert!(finished.stdout.ends_with("the stream comes"), "{finished:?}");
}

#[test]
fn nginx_over_a_unix_socket() {
    const PLACE: &str = "address: 127.0.0.1\n    port: 55000\n    trusted_proxies: [127.0.0.1]";
    let changes = [
        (PLACE, "unix: clients.sock\n    trusted_proxies: [unix]"),
        ("server 127.0.0.1:55000;", "server unix:SOCKETS/clients.sock;"),
        // Its folder is of the user's who runs the tests.
        ("worker_processes auto;", "user root;"),
    ];
    over_http("nginx", NGINX, ("nginx", "nginx"), &changes);
}

#[test]
fn haproxy() {
    over_http("haproxy", HAPROXY, ("HAProxy", "haproxy"), &[]);
}

#[test]
fn caddy() {
    over_http("caddy", CADDY, ("Caddy", "caddy"), &[]);
}

#[test]
fn apache() {
    over_http("apache2", APACHE, ("Apache", "apache"), &[]);
}

#[test]
fn haproxy_passes_tls_through() {
    over_tcp("haproxy", HAPROXY, "haproxy", &[]);
}

#[test]
fn haproxy_passes_tls_through_with_version_1() {
    over_tcp("haproxy", HAPROXY, "haproxy", &[("send-proxy-v2", "send-proxy")]);
}

#[test]
fn nginx_passes_tls_through() {
    if !std::path::Path::new("/usr/lib/nginx/modules/ngx_stream_module.so").exists() {
        return not_run("tls-and-proxies.md, nginx that passes TLS through", "there is no libnginx-mod-stream");
    }
    over_tcp("nginx", NGINX, "nginx", &[]);
}

/// The seconds behind each key that ends an idle connection.
fn timeouts(configuration: &str) -> Vec<f64> {
    let keys = [
        "proxy_read_timeout",
        "proxy_send_timeout",
        "proxy_timeout",
        "timeout client",
        "timeout server",
        "timeout tunnel",
        "Timeout",
    ];
    let seconds = |line: &str| {
        let value = keys.iter().find_map(|key| line.trim().strip_prefix(key))?;
        value.split_whitespace().next()?.trim_end_matches(['s', ';']).parse().ok()
    };
    configuration.lines().filter_map(seconds).collect()
}

#[test]
fn idle_timeouts_are_above_the_keepalive() {
    let found: Vec<f64> = blocks(PAGE).iter().flat_map(|block| timeouts(&block.text)).collect();
    assert_eq!(found.len(), 11, "four of nginx, six of HAProxy, one of Apache: {found:?}");
    assert!(found.iter().all(|&seconds| seconds > KEEPALIVE_SECONDS), "{found:?}");
}
