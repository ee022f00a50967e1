//! docs/operating/tls-and-proxies.md: each proxy with its configuration as it is printed, at the paths that are printed, in
//! front of the relay of `make run`.

use super::page::{block, blocks, blocks_below};
use super::stage::Stage;
use crate::harness::{Issued, TlsFront, root, run};
use std::fs;

const PAGE: &str = "docs/operating/tls-and-proxies.md";
/// The relay's keepalive: a silent client is sent a ping after one and a half times `ping_interval` at the latest.
const KEEPALIVE_SECONDS: f64 = 37.5;

const NGINX: &str = "mount --bind configuration /etc/nginx/nginx.conf\nnginx -g 'daemon off; pid /dev/null;'";

/// Certificates where the page has them, a name for the proxy, and a folder for logs, in file systems of the shell's own.
const MACHINE: &str = r#"
mkdir -p ssl/relay
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=relay.example.com \
  -addext subjectAltName=DNS:relay.example.com -keyout ssl/relay/privkey.pem -out ssl/relay/fullchain.pem 2>openssl.log
cat ssl/relay/fullchain.pem ssl/relay/privkey.pem >ssl/relay/both.pem
echo '127.0.0.1 relay.example.com localhost' >hosts
mount --bind hosts /etc/hosts
mount --bind ssl /etc/ssl
mount -t tmpfs none /var/log
mkdir /var/log/nginx /var/log/apache2
curl() { command curl --cacert /etc/ssl/relay/fullchain.pem "$@"; }
pusud() { command pusud "$@" --ca /etc/ssl/relay/fullchain.pem; }
UNTIL='! kill -0 $proxy || exec 9<>/dev/tcp/127.0.0.1/443'
"#;

/// The answer to an upgrade through nginx whose configuration lacks the lines that begin so; `None` where something is
/// missing.
fn answer_through_nginx(without: &str) -> Option<String> {
    let stage = Stage::with("tls-and-proxies.md, symptoms", &["nginx", "curl", "openssl"])?;
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

/// Starts a proxy, and looks at the relay through it: the command of the page, a conversation, and `limit` connections.
fn relays_through(name: &str, heading: &str, language: &str, start: &str, limit: usize) {
    let row = format!("tls-and-proxies.md, {heading}");
    let Some(stage) = Stage::with(&row, &[name, "curl", "openssl"]) else { return };
    let _relay = stage.quickstart();
    stage.write("configuration", &block(PAGE, heading, language));
    let script = root().join("tests/clients/through_proxy.py");
    let (curl, script) = (block(PAGE, "Try it", "sh"), script.display());
    let health = block(PAGE, "With the commands of pusud", "sh");
    let commands = format!(
        "{MACHINE}\n{start} >proxy.log 2>&1 &\nproxy=$!\n(sleep 1)\n{curl}\n{health}\n\
         python '{script}' wss://relay.example.com /etc/ssl/relay/fullchain.pem {limit}"
    );
    let finished = run(&mut stage.command(&commands));
    let log = fs::read_to_string(stage.folder().join("proxy.log")).unwrap_or_default();
    assert!(finished.status.success(), "{finished:?}\n{log}");
    let said = finished.stdout;
    assert!(said.starts_with("This is a PuSu Engine relay"), "{said}\n{log}");
    assert!(said.contains(" is healthy: it greets clients on wss://relay.example.com; TLS 1."), "{said}\n{log}");
    assert!(said.ends_with("the conversation took place"), "{said}\n{log}");
}

#[test]
fn nginx() {
    relays_through("nginx", "nginx", "nginx", NGINX, 256);
}

#[test]
fn haproxy() {
    relays_through("haproxy", "HAProxy", "haproxy", "haproxy -db -f configuration", 256);
}

#[test]
fn caddy() {
    relays_through("caddy", "Caddy", "caddy", "caddy run --adapter caddyfile --config configuration", 0);
}

#[test]
fn apache() {
    // The folder for the file with its process id is of the shell's own, too.
    let start = "mount -t tmpfs none /run\napache2 -D FOREGROUND -f \"$PWD/configuration\"";
    relays_through("apache2", "Apache", "apache", start, 0);
}

#[test]
fn a_certificate_for_a_try() {
    let Some(stage) = Stage::with("tls-and-proxies.md, a certificate for a try", &["openssl"]) else { return };
    let _relay = stage.quickstart();
    let [made, used] = &blocks_below(PAGE, "A certificate for a try", "sh")[..] else { panic!("two blocks") };
    stage.shell(made).succeeds();
    let read = |file: &str| fs::read_to_string(stage.folder().join(file)).unwrap();
    let shown = Issued::of_pem(&read("cert.pem"), &read("key.pem"));
    stage.inside(|| TlsFront::at(55443, ([127, 0, 0, 1], 55000).into(), &shown));
    let said = stage.shell(used).succeeds();
    assert!(said.contains(" is healthy: it greets clients on wss://localhost:55443; TLS 1.3, "), "{said}");
    assert!(said.contains(", for 29 days") && said.contains("wss://localhost:55443 (TLS 1.3, "), "{said}");
}

/// The seconds behind each key that ends an idle connection.
fn timeouts(configuration: &str) -> Vec<f64> {
    let keys = ["proxy_read_timeout", "proxy_send_timeout", "timeout tunnel", "Timeout"];
    let seconds = |line: &str| {
        let value = keys.iter().find_map(|key| line.trim().strip_prefix(key))?;
        value.split_whitespace().next()?.trim_end_matches(['s', ';']).parse().ok()
    };
    configuration.lines().filter_map(seconds).collect()
}

#[test]
fn idle_timeouts_are_above_the_keepalive() {
    let found: Vec<f64> = blocks(PAGE).iter().flat_map(|block| timeouts(&block.text)).collect();
    assert_eq!(found.len(), 4, "two of nginx, one of HAProxy, one of Apache: {found:?}");
    assert!(found.iter().all(|&seconds| seconds > KEEPALIVE_SECONDS), "{found:?}");
}
