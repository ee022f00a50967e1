//! Clients that are not ours, over TLS: OpenSSL, Python, Node.js, Go, Chromium, and the published pypusu.
//!
//! Each connects, authorizes, subscribes, and says `ready` on the channel `from-client`. What it then gets on `to-client`
//! it publishes on `from-client`, and closes; it prints which TLS it spoke and the code that the relay closed with.

use super::encrypted::Encrypted;
use crate::harness::{
    Client, Finished, Frame, Raw, Running, Stream, build_dir, not_run, root, run, script, text_message,
};
use serde_json::{Value, json};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// As clients write them in their output.
const VERSIONS: [&str; 2] = ["1.2", "1.3"];

/// How long a client may take until it listens: a browser on a busy machine takes longer than anything else here.
const START_TIME_MAX: Duration = Duration::from_secs(180);

/// Where Debian keeps libraries for Go and for Node.js.
const GO_LIBRARIES: &str = "/usr/share/gocode";
const NODE_LIBRARIES: &str = "/usr/share/nodejs";

/// What the client is sent and has to send back.
fn content() -> Value {
    json!({"text": "ä€😀", "list": [1, null, 0.5], "long": "x".repeat(70_000)})
}

/// Whether this program is here; says so where it is not.
fn has(row: &str, program: &str) -> bool {
    let found = run(Command::new("sh").args(["-c", &format!("command -v {program}")])).status.success();
    if !found {
        not_run(row, format_args!("there is no {program}"));
    }
    found
}

/// Our client at the other end, which hears what the other one publishes.
struct Other(Client);

impl Other {
    fn of(relay: &Encrypted) -> Self {
        let mut client = relay.client();
        client.subscribe("from-client");
        Self(client)
    }

    /// Waits until the client listens, and publishes to it.
    fn answer(&mut self) {
        let ready = json!({"type": "publish", "channel": "from-client", "content": "ready"});
        assert_eq!(self.0.next_json_within(START_TIME_MAX), Some(ready), "the client does not come");
        self.0.publish("to-client", content());
    }

    /// Waits for the same to come back.
    fn hear(mut self) {
        self.0.expect_publish("from-client", content());
        self.0.close();
    }
}

/// Runs a client, which is told the port, the file with the authority, and the version.
fn converses(mut command: Command, version: &str) {
    let relay = Encrypted::start();
    command.arg(relay.port()).arg(relay.authority()).arg(version);
    converses_with(relay, &mut command, version);
}

/// A running client; where a test fails meanwhile, what it said is shown.
struct Shown(Option<Running>);

impl Shown {
    fn finish(mut self) -> Finished {
        self.0.take().expect("it is taken here alone").finish()
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some(client) = &self.0 {
            eprintln!("--- the client says:\n{}\n{}\n---", client.stdout.text(), client.stderr.text());
        }
    }
}

fn converses_with(relay: Encrypted, command: &mut Command, version: &str) {
    let mut other = Other::of(&relay);
    let client = Shown(Some(Running::start(command)));
    other.answer();
    other.hear();
    assert_eq!(client.finish().succeeds(), format!("{version} closed 1000"));
    relay.has_refused_nothing();
}

#[test]
fn python() {
    for version in VERSIONS {
        converses(script("wss_python.py"), version);
    }
}

/// The published client, which knows `wss://` and verifies nothing.
#[test]
fn pypusu() {
    for flavour in ["threaded", "polling"] {
        let relay = Encrypted::without_authenticator();
        let url = format!("wss://localhost:{}", relay.port());
        let said = run(script("pypusu_test.py").args([flavour, &url, "2000"])).succeeds();
        assert!(said.contains("2000 messages in order"), "{said}");
        relay.has_refused_nothing();
    }
}

fn node(arguments: &[&str]) -> Command {
    let mut node = Command::new("node");
    node.args(arguments).arg(root().join("tests/clients/wss_node.mjs")).env("NODE_NO_WARNINGS", "1");
    node
}

/// The one that Node.js has built in, as browsers have one.
#[test]
fn websocket_of_node() {
    const ROW: &str = "the WebSocket of Node.js over TLS";
    if !has(ROW, "node") {
        return;
    }
    let probe = ["--experimental-websocket", "--eval", "process.exit(typeof WebSocket === 'function' ? 0 : 1)"];
    if !run(Command::new("node").args(probe)).status.success() {
        return not_run(ROW, "node is older than 20.10");
    }
    for version in VERSIONS {
        let bounds = [format!("--tls-min-v{version}"), format!("--tls-max-v{version}")];
        let relay = Encrypted::start();
        let mut command = node(&["--experimental-websocket", &bounds[0], &bounds[1]]);
        command.env("NODE_EXTRA_CA_CERTS", relay.authority());
        command.args(["built-in", &relay.port()]).arg(relay.authority()).arg(version);
        converses_with(relay, &mut command, version);
    }
}

#[test]
fn ws_for_node() {
    const ROW: &str = "ws for Node.js over TLS";
    if !has(ROW, "node") {
        return;
    }
    if !Path::new(NODE_LIBRARIES).join("ws").exists() {
        return not_run(ROW, "there is no node-ws");
    }
    for version in VERSIONS {
        let mut command = node(&[]);
        command.arg("ws");
        converses(command, version);
    }
}

#[test]
fn go() {
    const ROW: &str = "gorilla/websocket for Go over TLS";
    if !has(ROW, "go") {
        return;
    }
    if !Path::new(GO_LIBRARIES).join("src/github.com/gorilla/websocket").exists() {
        return not_run(ROW, "there is no golang-github-gorilla-websocket-dev");
    }
    let folder = tempfile::tempdir().unwrap();
    let client = go_client(folder.path());
    for version in VERSIONS {
        converses(Command::new(&client), version);
    }
}

/// The client in Go, built. The first time that compiles Go's own library too, which takes longer than any deadline here.
fn go_client(folder: &Path) -> PathBuf {
    let client = folder.join("wss_go");
    let mut go = Command::new("go");
    go.arg("build").arg("-o").arg(&client).arg(root().join("tests/clients/wss_go.go"));
    go.env("GO111MODULE", "off").env("GOPATH", GO_LIBRARIES).env("GOCACHE", build_dir().join("go-cache"));
    let built = go.output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    client
}

#[test]
fn chromium() {
    if !has("Chromium over TLS", "chromium") {
        return;
    }
    for version in VERSIONS {
        converses(script("wss_browser.py"), version);
    }
}

/// The bytes of a client of ours, with OpenSSL between it and the relay.
#[test]
fn openssl() {
    if !has("OpenSSL as a client", "openssl") {
        return;
    }
    for version in VERSIONS {
        let relay = Encrypted::start();
        let (ours, its) = pair();
        let its_input = OwnedFd::from(its.try_clone().unwrap());
        let log = relay.folder().join("openssl.log");
        let mut openssl = Command::new("openssl")
            .args(["s_client", "-quiet", "-verify_return_error", "-verify_hostname", "localhost"])
            .args(["-servername", "localhost", "-connect", &format!("127.0.0.1:{}", relay.port())])
            .arg(format!("-tls{}", version.replace('.', "_")))
            .arg("-CAfile")
            .arg(relay.authority())
            .stdin(Stdio::from(its_input))
            .stdout(Stdio::from(OwnedFd::from(its)))
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut other = Other::of(&relay);
        let mut client = Raw::over(Stream::with(ours, None));
        client.upgrade();
        client.authorize();
        client.send(text_message(r#"{"type":"subscribe","channel":"to-client"}"#));
        assert_eq!(client.read_text(), r#"{"type":"subscribe_ok","channel":"to-client"}"#);
        let publish = |content: &Value| json!({"type": "publish", "channel": "from-client", "content": content});
        client.send(text_message(&publish(&json!("ready")).to_string()));
        other.answer();
        let received: Value = serde_json::from_str(&client.read_text()).unwrap();
        client.send(text_message(&publish(&received["content"]).to_string()));
        other.hear();
        client.send(Frame::close(1000, "").masked());
        client.expect_closed(1000);
        drop(client);
        let status = openssl.wait().unwrap();
        assert!(status.success(), "{status}: {}", std::fs::read_to_string(&log).unwrap());
        relay.has_refused_nothing();
    }
}

/// Two ends of a connection in this machine.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (one, listener.accept().unwrap().0)
}
