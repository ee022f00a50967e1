//! docs/operating/tls-and-proxies.md, TLS in the relay itself: the settings, the scripts that copy certificates as they are
//! renewed, client certificates, and a certificate for a try.

use super::page::{block, blocks_below};
use super::stage::Stage;

const PAGE: &str = "docs/operating/tls-and-proxies.md";

/// What the settings of the page leave open.
const REST: &str = "
authenticator: PasswordAuthenticator
plugins_dir: plugins
control_socket: control.sock
passwords: {demo-password: ['*']}
limits: {drain_grace: 0, drain_spread: 0}
";

/// Folders of the shell's own in the place of those of the machine, with the user and the group of the relay.
const MACHINE: &str = r#"
cp -a /etc etc
mount --bind etc /etc
mount -t tmpfs none /run
mount -t tmpfs none /var/lib
mkdir -p /etc/pusud/tls /run/pusud
getent group pusud >/dev/null || echo 'pusud:x:64990:' >>/etc/group
getent group www-data >/dev/null || echo 'www-data:x:64991:' >>/etc/group
echo '127.0.0.1 relay.example.com localhost' >/etc/hosts
issue() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$1" \
    -addext "subjectAltName=DNS:$1" -out "$2" -keyout "$3" 2>>openssl.log
}
sha256() { openssl x509 -in "$1" -noout -fingerprint -sha256 | cut -d= -f2 | tr -d : | tr A-F a-f; }
serves() { pusud status --json --socket control.sock | grep --quiet "$(sha256 "$1")"; }
wait_until() { UNTIL="$1"; sleep 1; }
start() { : >log; pusud --config "$1" 2>>log & wait_until "grep 'serving clients' log"; }
"#;

fn stage(row: &str) -> Option<Stage> {
    Stage::with(&format!("tls-and-proxies.md, {row}"), &["openssl"])
}

/// Writes the settings below this heading, which are complete then.
fn settings(stage: &Stage, heading: &str, change: impl Fn(String) -> String) {
    stage.write("relay.yaml", &format!("{}\n{REST}", change(block(PAGE, heading, "yaml"))));
}

#[test]
fn the_settings_are_good() {
    let Some(stage) = stage("TLS in the relay") else { return };
    let blocks = blocks_below(PAGE, "TLS in the relay", "yaml");
    for text in &blocks {
        stage.write("relay.yaml", &format!("{text}\n{REST}"));
        let commands = "issue relay.example.com /etc/pusud/tls/fullchain.pem /etc/pusud/tls/privkey.pem\n\
                        pusud check --config relay.yaml\nstart relay.yaml\n\
                        pusud health --url wss://relay.example.com --ca /etc/pusud/tls/fullchain.pem";
        let said = stage.shell(&format!("{MACHINE}\n{commands}")).succeeds();
        assert!(said.contains("everything is in order") && said.contains("wss://relay.example.com; TLS 1.3"), "{said}");
    }
    // The second one has a Unix socket too.
    let both = "issue relay.example.com /etc/pusud/tls/fullchain.pem /etc/pusud/tls/privkey.pem\nstart relay.yaml\n\
                stat --format '%a %G' /run/pusud/clients.sock\npusud health --url unix:/run/pusud/clients.sock";
    let said = stage.shell(&format!("{MACHINE}\n{both}")).succeeds();
    assert!(said.starts_with("660 www-data\n") && said.contains(" is healthy"), "{said}");
}

/// The script is run as whoever renews certificates runs it, twice; the relay serves first the one, then the other.
fn are_renewed(heading: &str, variables: &str, made: [&str; 2], copied: [&str; 2]) {
    let Some(stage) = stage(heading) else { return };
    stage.write("script", &block(PAGE, heading, "sh"));
    settings(&stage, "A certificate for a try", |text| {
        text.replace("cert.pem", &format!("/etc/pusud/tls/{}", copied[0]))
            .replace("key.pem", &format!("/etc/pusud/tls/{}", copied[1]))
    });
    let [certificate, key] = made;
    let commands = format!(
        "{variables}\nrmdir /etc/pusud/tls\nmkdir -p \"$(dirname \"{certificate}\")\"\n\
         renew() {{ issue relay.example.com \"{certificate}\" \"{key}\"; chmod 600 \"{key}\"; sh script; }}\n\
         renew\nstart relay.yaml\nserves \"{certificate}\"\n\
         renew\nwait_until 'serves \"{certificate}\"'\nstat --format '%a %U %G' /etc/pusud/tls/{} /etc/pusud/tls\n\
         grep --count 'WARN' log || true",
        copied[1]
    );
    let said = stage.shell(&format!("{MACHINE}\n{commands}")).succeeds();
    assert_eq!(said, "640 root pusud\n750 root pusud\n0", "no warning about the key or its folder");
}

#[test]
fn certificates_of_certbot_are_renewed() {
    let made = ["$RENEWED_LINEAGE/fullchain.pem", "$RENEWED_LINEAGE/privkey.pem"];
    let variables = "export RENEWED_LINEAGE=/etc/letsencrypt/live/relay.example.com";
    are_renewed("certbot", variables, made, ["fullchain.pem", "privkey.pem"]);
}

#[test]
fn certificates_of_caddy_are_renewed() {
    let script = block(PAGE, "Caddy", "sh");
    let from = script.lines().find(|line| line.starts_with("from=")).expect("it says where they are");
    let made = ["$from/relay.example.com.crt", "$from/relay.example.com.key"];
    are_renewed("Caddy", from, made, ["relay.example.com.crt", "relay.example.com.key"]);
}

#[test]
fn clients_show_certificates() {
    let Some(stage) = stage("client certificates") else { return };
    let health = "pusud health --url wss://relay.example.com --ca /etc/pusud/tls/fullchain.pem";
    let commands = format!(
        "issue relay.example.com /etc/pusud/tls/fullchain.pem /etc/pusud/tls/privkey.pem\n\
         openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj '/CN=Device CA' \
           -out /etc/pusud/tls/devices.pem -keyout ca.key 2>>openssl.log\n\
         openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=sensor-7 -keyout device.key \
           -out device.csr 2>>openssl.log\n\
         echo subjectAltName=DNS:sensor-7.example.com >device.extensions\n\
         openssl x509 -req -in device.csr -extfile device.extensions -CA /etc/pusud/tls/devices.pem -CAkey ca.key -set_serial 7 -days 7 \
           -out device.pem 2>>openssl.log\n\
         issue stranger stranger.pem stranger.key\n\
         start relay.yaml\n\
         {health} --cert device.pem --key device.key\n\
         ! {health} --cert stranger.pem --key stranger.key 2>/dev/null || exit 1\n\
         {health} && echo without"
    );
    for is_optional in [true, false] {
        settings(&stage, "Client certificates", |text| match is_optional {
            true => text,
            false => text.replace("  client_certificates: optional\n", ""),
        });
        let finished = stage.shell(&format!("{MACHINE}\n{commands}"));
        let words = format!("{finished:?}");
        assert!(finished.stdout.contains(" is healthy"), "{words}");
        assert_eq!(finished.status.success(), is_optional, "{words}");
        assert_eq!(finished.stdout.ends_with("without"), is_optional, "{words}");
    }
}

#[test]
fn a_certificate_for_a_try() {
    let Some(stage) = stage("a certificate for a try") else { return };
    let [made, used] = &blocks_below(PAGE, "A certificate for a try", "sh")[..] else { panic!("two blocks") };
    stage.shell(made).succeeds();
    settings(&stage, "A certificate for a try", |text| text);
    let _relay = stage.serve("exec pusud --config relay.yaml", 1);
    let said = stage.shell(used).succeeds();
    assert!(said.contains(" is healthy: it greets clients on wss://localhost:55443; TLS 1.3, "), "{said}");
    assert!(said.contains(", for 29 days") && said.contains("wss://localhost:55443 (TLS 1.3, "), "{said}");
}
