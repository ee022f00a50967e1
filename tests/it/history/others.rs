//! Clients that know nothing of history, on channels that have it: the published ones, the operator's and the benchmark.

use crate::harness::{ALL, Daemon, PluginsDir, Setup, pusud, run, script, text_message, upgrade_request};
use serde_json::json;

crate::on_1_and_3_shards!(with_history: what_gopusu_and_jspusu_wait_for, an_operator_tails);

/// All channels have history.
fn everywhere(shards: usize) -> Setup {
    Setup::on_shards(shards).settings("history: [{channels: ['*'], size: 100, ttl: 1min}]")
}

#[test]
fn pypusu_in_both_its_flavours() {
    for shards in [1, 3] {
        let daemon = everywhere(shards).authenticator("None", PluginsDir::empty()).start();
        for flavour in ["threaded", "polling"] {
            let said = run(script("pypusu_test.py").args([flavour, &daemon.url(), "2000"])).succeeds();
            assert!(said.contains("2000 messages in order"), "{said}");
        }
    }
}

/// Both go on from a `subscribe_ok` that names the channel, and take the channel and content of whatever has them.
fn what_gopusu_and_jspusu_wait_for(daemon: Daemon) {
    let mut raw = daemon.raw();
    raw.send(upgrade_request("Origin: https://shop.example.com\r\nAccept-Encoding: gzip, deflate, br\r\n"));
    raw.read_head();
    raw.expect_hello();
    raw.send(text_message(r#"{"type":"authorize","authorization":"both=*"}"#));
    assert_eq!(raw.read_text(), r#"{"type":"authorization_ok"}"#);
    raw.send(text_message(r#"{"type":"subscribe","channel":"h.product"}"#));
    let mut next = || -> serde_json::Value { serde_json::from_str(&raw.read_text()).unwrap() };
    let answer = next();
    assert_eq!((&answer["type"], &answer["channel"]), (&json!("subscribe_ok"), &json!("h.product")));
    daemon.client().publish_all("h.product", [json!({"a": 1})]);
    let message = next();
    let fields = ["type", "channel", "content"].map(|field| message[field].clone());
    assert_eq!(fields, [json!("publish"), json!("h.product"), json!({"a": 1})]);
}

fn an_operator_tails(daemon: Daemon) {
    let settings = daemon.dir().join("settings.yaml");
    let tail = std::thread::spawn(move || {
        run(pusud(&["tail", "--count", "3", "--config"]).arg(settings).arg("h.tailed")).succeeds()
    });
    let mut source = daemon.client();
    while !tail.is_finished() {
        source.publish_all("h.tailed", [json!({"seen": true})]);
    }
    let printed = tail.join().unwrap();
    assert_eq!(printed.matches(r#"{"seen":true}"#).count(), 3, "{printed}");
}

/// It checks itself that everything arrives once and in order.
#[test]
fn the_bench_command() {
    for shards in [1, 3] {
        let daemon = everywhere(shards).start();
        let args = ["--listeners", "12", "--sources", "3", "--channels", "4", "--messages", "600", "--warm-up", "0s"];
        let mut command = pusud(&["bench", "--json", "--url", &daemon.url()]);
        let printed = run(command.args(args).args(["--threads", "2"]).env("PUSU_AUTHORIZATION", ALL)).succeeds();
        let figures: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(figures["deliveries"], 1800, "{figures}");
        for field in ["lost", "duplicates", "reordered", "misdirected", "cut", "foreign"] {
            assert_eq!(figures[field], 0, "{field} of {figures}");
        }
    }
}
