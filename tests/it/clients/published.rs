//! The published clients, unchanged: pypusu is run as it comes from PyPI; what gopusu and jspusu wait for is played.

use crate::harness::{Daemon, PluginsDir, Setup, run, script, upgrade_request};
use serde_json::json;

#[test]
fn pypusu_in_both_its_flavours() {
    for shards in [1, 3] {
        let daemon = Setup::on_shards(shards).authenticator("None", PluginsDir::empty()).start();
        for flavour in ["threaded", "polling"] {
            println!("{flavour} on {shards} shards");
            let said = run(script("pypusu_test.py").args([flavour, &daemon.url(), "2000"])).succeeds();
            assert!(said.contains("2000 messages in order"), "{said}");
        }
    }
}

crate::on_1_and_3_shards!(what_gopusu_waits_for, what_jspusu_waits_for);

/// gopusu goes on from `hello`, from `authorization_ok`, and from a `subscribe_ok` that names the channel it asked for;
/// anything else, or an answer without the channel, is a timeout to it.
fn what_gopusu_waits_for(daemon: Daemon) {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "both=*"}));
    assert_eq!(client.next_json()["type"], "authorization_ok");
    for channel in ["first", "second"] {
        client.send(json!({"type": "subscribe", "channel": channel}));
        let answer = client.next_json();
        assert_eq!((&answer["type"], &answer["channel"]), (&json!("subscribe_ok"), &json!(channel)));
    }
    client.send(json!({"type": "publish", "channel": "second", "content": {"a": 1}}));
    let message = client.next_json();
    assert_eq!((&message["channel"], &message["content"]), (&json!("second"), &json!({"a": 1})));
}

/// jspusu runs in browsers, which send an origin, offer compression, and read text frames.
fn what_jspusu_waits_for(daemon: Daemon) {
    let mut raw = daemon.raw();
    raw.send(upgrade_request(
        "Origin: https://shop.example.com\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nAccept-Encoding: gzip, deflate, br\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n",
    ));
    let head = raw.read_head();
    assert!(head.starts_with("HTTP/1.1 101 ") && !head.to_lowercase().contains("permessage-deflate"), "{head}");
    raw.expect_hello();
    raw.send(crate::harness::text_message(r#"{"type":"authorize","authorization":"both=*"}"#));
    assert_eq!(raw.read_text(), r#"{"type":"authorization_ok"}"#);
    raw.send(crate::harness::text_message(r#"{"type":"subscribe","channel":"product.1"}"#));
    assert_eq!(raw.read_text(), r#"{"type":"subscribe_ok","channel":"product.1"}"#);
}
