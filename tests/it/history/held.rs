//! Hot channels with history on a link, beside a shard that stands still: the other channels of the link go on, and afterwards
//! the hot one is complete.

use crate::harness::{Client, Network, not_run, stop_thread};
use serde_json::json;

/// Nobody is a slow consumer here, and everything is kept.
const SETTINGS: &str = "limits: {outbox_bytes: 128 MiB, max_queued_bytes: 2 GiB, outbox_soft_time: 1day, write_deadline: 1day}\n\
                        history_bytes: 256 MiB";
const BYTES: usize = 8000;
/// More than an inbox takes of what comes over links, a window of TCP and the link's queue.
const HOT_MESSAGES: usize = 3000;
/// As many listeners as make it likely that each shard has some.
const LISTENERS: usize = 6;

fn clients(network: &Network) -> Vec<Client> {
    (0..LISTENERS).map(|_| network.relay(1).client()).collect()
}

/// Each once and in order, and those that are missing were told of: a machine that stands still may take too long to ask for them.
fn expect_all(listener: &mut Client) {
    let (mut next, mut may_lack) = (0, false);
    while next <= HOT_MESSAGES {
        let message = listener.next_json();
        if message["type"] == "gap" {
            may_lack = true;
            continue;
        }
        let number = message["content"][0].as_u64().expect("a number") as usize;
        assert!(
            number == next || number > next && std::mem::take(&mut may_lack),
            "{number} comes, and {next} was next"
        );
        next = number + 1;
    }
}

/// The link was not read while one shard had no room, and so nothing came for the others either.
#[test]
fn a_hot_channel_holds_up_no_other_one() {
    let network = Network::with(2, |at, setup| {
        setup.shards(if at == 1 { 3 } else { 1 }).history(100_000, "10min").settings(SETTINGS)
    });
    let (mut hot, mut quiet) = (clients(&network), clients(&network));
    hot.iter_mut().for_each(|listener| drop(listener.subscribe_at("h.hot")));
    for (at, listener) in quiet.iter_mut().enumerate() {
        listener.subscribe_at(&format!("h.quiet.{at}"));
        listener.subscribe(&format!("quiet.{at}"));
    }
    let stopped = match stop_thread(network.relay(1).pid(), "pusu-shard-0") {
        Ok(stopped) => stopped,
        Err(reason) => return not_run("history over a link to a relay of which a shard stands still", reason),
    };
    let at = Client::first_that_answers(&mut quiet);
    let (mut source, content) = (network.relay(0).client(), "x".repeat(BYTES));
    source.publish_all("h.hot", (0..HOT_MESSAGES).map(|number| json!([number, content])));
    for number in 0..20 {
        source.publish(&format!("h.quiet.{at}"), json!(number));
        quiet[at].expect_at(&format!("h.quiet.{at}"), json!(number));
        source.publish(&format!("quiet.{at}"), json!(number));
        quiet[at].expect_publish(&format!("quiet.{at}"), json!(number));
    }
    drop(stopped);
    source.publish("h.hot", json!([HOT_MESSAGES, "the last one"]));
    hot.iter_mut().for_each(expect_all);
}
