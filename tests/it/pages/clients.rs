//! docs/clients.md: every example, run as it is printed against the relay of `make run`.

use super::page::{block, blocks_below, text};
use super::readme::LISTENED_TO;
use super::stage::Stage;
use crate::harness::{Running, not_run};

const PAGE: &str = "docs/clients.md";
/// Where Debian keeps libraries in Go.
const GO_LIBRARIES: &str = "/usr/share/gocode";

/// A client that reconnects hears the relay, another start of it, and gives up when it is refused.
fn reconnects(stage: &Stage, file: &str, command: &str) {
    let relay = stage.quickstart();
    let client = stage.start(command);
    stage.publish_until_heard("before", &client);
    drop(relay);
    let _relay = stage.quickstart();
    stage.publish_until_heard("after", &client);
    drop(client);

    let example = std::fs::read_to_string(stage.folder().join(file)).unwrap();
    stage.write(file, &example.replace("demo-password", "no-password"));
    let said = stage.shell(&format!("({command}) 2>&1 || true")).stdout;
    assert!(said.contains("4501"), "{said}");
}

#[test]
fn node_reconnects() {
    let Some(stage) = Stage::with("docs/clients.md, Node.js", &["node"]) else { return };
    let command = block(PAGE, "Node.js", "sh");
    if !stage
        .shell("node --experimental-websocket --eval 'process.exit(typeof WebSocket === \"function\" ? 0 : 1)'")
        .status
        .success()
    {
        return not_run("docs/clients.md, Node.js", "node is older than 20.10");
    }
    stage.write("relay.mjs", &block(PAGE, "Reconnect", "js"));
    stage.write("listen.mjs", &block(PAGE, "Node.js", "js"));
    reconnects(&stage, "listen.mjs", command.trim());
}

/// The WebSocket of Node.js ends a connection where none of the subprotocols that it offers is chosen, as browsers do.
#[test]
fn node_may_offer_subprotocols() {
    const SCRIPT: &str = r#"
        const heard = []
        for (const offered of [["pusu"], ["chat", "pusu"], ["other", "more"], []]) {
            const relay = new WebSocket("ws://127.0.0.1:55000", offered)
            const { data } = await new Promise((done, failed) => { relay.onmessage = done; relay.onerror = failed })
            heard.push(`${relay.protocol}:${JSON.parse(data).type}`)
            relay.close()
        }
        console.log(heard.join(" "))"#;
    let row = "Node.js with subprotocols";
    let Some(stage) = Stage::with(row, &["node"]) else { return };
    if !stage
        .shell("node --experimental-websocket --eval 'new WebSocket(\"ws://127.0.0.1:1\").onerror = () => {}'")
        .status
        .success()
    {
        return not_run(row, "node is older than 20.10");
    }
    let _relay = stage.quickstart();
    stage.write("offers.mjs", SCRIPT);
    let said = stage.shell("node --experimental-websocket offers.mjs").succeeds();
    assert_eq!(said, "pusu:hello pusu:hello other:hello :hello");
}

#[test]
fn python_reconnects() {
    let Some(stage) = Stage::new("docs/clients.md, Python") else { return };
    stage.shell("pip install websockets").succeeds();
    stage.write("listen.py", &block(PAGE, "asyncio", "python"));
    reconnects(&stage, "listen.py", block(PAGE, "asyncio", "sh").trim());
}

#[test]
fn pypusu_says_hello() {
    let Some(stage) = Stage::new("docs/clients.md, pypusu") else { return };
    let _relay = stage.quickstart();
    assert!(text(PAGE).contains("`pip install pypusu`"));
    stage.write("hello.py", &block(PAGE, "pypusu", "python"));
    let said = stage.shell("pip install pypusu >&2 && python hello.py").succeeds();
    assert_eq!(said.trim(), "Hello from Python");
}

/// Waits until a client has printed its own message.
fn hears_itself(client: &Running, text: &str) {
    client.stdout.wait_for("its own message", |line| line.contains(text).then_some(()));
}

/// With the library as Debian packages it, in place of the one that `go get` would fetch.
#[test]
fn go_says_hello() {
    let Some(stage) = Stage::with("docs/clients.md, Go", &["go"]) else { return };
    if !std::path::Path::new(GO_LIBRARIES).join("src/github.com/gorilla/websocket").exists() {
        return not_run("docs/clients.md, Go", "there is no golang-github-gorilla-websocket-dev");
    }
    let _relay = stage.quickstart();
    stage.write("hello.go", &block(PAGE, "Go", "go"));
    let stand_in = format!(
        "go() {{ case $1 in mod|get) ;; *) GO111MODULE=off GOPATH={GO_LIBRARIES} GOCACHE=$HOME/cache command go \"$@\";; esac; }}"
    );
    // Not `shell`: the first time, the library is compiled. The program goes on until the relay is gone.
    let client = stage.start(&format!("{stand_in}\n{}", block(PAGE, "Go", "sh")));
    hears_itself(&client, "publish news.today Hello from Go");
}

#[test]
fn websocat_says_hello() {
    let Some(stage) = Stage::with("docs/clients.md, websocat", &["websocat"]) else { return };
    let _relay = stage.quickstart();
    let client = stage.start(&block(PAGE, "websocat", "sh"));
    hears_itself(&client, r#"{"type":"publish","channel":"news.today","content":"Hello from websocat"}"#);
}

#[test]
fn curl_listens_and_publishes() {
    let Some(stage) = Stage::with("docs/clients.md, HTTP", &["curl"]) else { return };
    let _relay = stage.quickstart();
    let [listen, publish] = &*blocks_below(PAGE, "HTTP", "sh") else { panic!("one listens and one publishes") };
    let listener = stage.start(listen);
    let said = stage.shell_until(LISTENED_TO, &format!("sleep 1\n{publish}")).succeeds();
    assert_eq!(said, r#"{"accepted":3,"results":[{"status":202},{"status":202},{"status":202}]}"#);
    hears_itself(&listener, r#"data: {"channel":"news.today","content":3}"#);
    let again = stage.shell(publish).succeeds();
    assert_eq!(again.matches(r#"{"status":202,"replayed":true}"#).count(), 3, "{again}");
    let heard = listener.stdout.text();
    assert!(heard.starts_with("event: subscribed\n") && heard.matches("\"content\":").count() == 3, "{heard}");
}

#[test]
fn the_command_line_publishes() {
    let Some(stage) = Stage::new("docs/clients.md, the command line") else { return };
    let _relay = stage.quickstart();
    let listener = stage.start("pusud listen --authorization demo-password --count 4 news.today");
    let commands = blocks_below(PAGE, "The command line", "sh").concat();
    stage.shell_until(LISTENED_TO, &format!("sleep 1\n{commands}")).succeeds();
    let heard = listener.finish().succeeds();
    assert_eq!(heard.lines().count(), 4, "{heard}");
    assert!(heard.starts_with("{\"channel\":\"news.today\",\"content\":{\"any\": \"JSON\"}}\n"), "{heard}");
}
