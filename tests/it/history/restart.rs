//! Ends of a relay that is alone: its logs end with it, and who comes back to the next one is told.

use crate::harness::Daemon;
use serde_json::json;

crate::on_1_and_3_shards!(with_history: after_a_drain_positions_are_of_another_relay, after_a_crash_too);

fn come_back(mut daemon: Daemon, end: impl FnOnce(&mut Daemon), code: Option<u16>) {
    let channel = "h.a";
    let mut listener = daemon.client();
    let start = listener.subscribe_at(channel);
    daemon.client().publish_all(channel, 0..3);
    let mut position = String::new();
    (0..3).for_each(|number| position = listener.expect_at(channel, json!(number)));
    end(&mut daemon);
    if let Some(code) = code {
        listener.expect_closed(code);
    }
    daemon.restart();
    for before in [start, position] {
        let mut client = daemon.client();
        let now = client.expect_lost(channel, &json!(before));
        daemon.client().publish_all(channel, [3]);
        client.expect_at(channel, json!(3));
        assert_eq!(daemon.client().recover(channel, &now), 1);
    }
}

fn after_a_drain_positions_are_of_another_relay(daemon: Daemon) {
    let end = |daemon: &mut Daemon| {
        daemon.terminate();
        assert!(daemon.wait().success());
    };
    come_back(daemon, end, Some(1001));
}

fn after_a_crash_too(daemon: Daemon) {
    come_back(daemon, Daemon::kill, None);
}
