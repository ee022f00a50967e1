//! Texts of a plugin past the limits of the ABI: cut off where they are for people.

use crate::harness::{PluginsDir, Setup, bad_plugin};
use serde_json::json;

/// `PUSU_LOG_BYTES_MAX`.
const LOG_BYTES_MAX: usize = 8192;
/// `PUSU_TEXT_BYTES_MAX`.
const TEXT_BYTES_MAX: usize = 65536;

crate::in_both_isolations!(lines_are_cut, a_reason_is_cut, a_refusal_is_cut_in_the_log_alone);

/// The longest run of a letter.
fn longest_run(text: &str, letter: char) -> usize {
    text.split(|c| c != letter).map(str::len).max().unwrap_or(0)
}

fn lines_are_cut(isolation: &str) {
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, &[]);
    let settings = format!("isolation: {isolation}");
    let daemon = Setup::on_shards(1).authenticator("BadPlugin", plugins).settings(&settings).start();
    for bytes in [LOG_BYTES_MAX, LOG_BYTES_MAX + 1, 1 << 20] {
        daemon.client_with(&format!("log {bytes}"));
    }
    let of = |lines: &[String], letter: char| {
        lines.iter().map(|line| longest_run(line, letter)).filter(|run| *run > 100).collect::<Vec<_>>()
    };
    daemon.log().wait("the lines", |lines| (of(lines, 'a').len() == 3).then_some(()));
    let lines = |letter: char| of(&daemon.log().lines(), letter);
    assert_eq!(lines('l'), [LOG_BYTES_MAX; 3]);
    assert_eq!(lines('t'), [LOG_BYTES_MAX; 3]);
    // Attributes count as part of the line, whose text is "attr" here, and this one's key "key".
    assert_eq!(lines('a'), [LOG_BYTES_MAX - "attr".len() - "key".len(); 3]);
}

fn a_reason_is_cut(isolation: &str) {
    for (bytes, shown) in [(LOG_BYTES_MAX, LOG_BYTES_MAX), (1 << 20, LOG_BYTES_MAX)] {
        let plugins = PluginsDir::empty();
        bad_plugin(&plugins, &[&format!("-DERROR_BYTES={bytes}")]);
        let settings = format!("isolation: {isolation}");
        let starting = Setup::on_shards(1).authenticator("BadPlugin", plugins).settings(&settings).spawn();
        let log = starting.log().clone();
        assert_eq!(starting.wait().code(), Some(1));
        assert_eq!(longest_run(&log.text(), 'e'), shown, "{isolation}");
    }
}

fn a_refusal_is_cut_in_the_log_alone(isolation: &str) {
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, &[]);
    let settings = format!("isolation: {isolation}");
    let daemon = Setup::on_shards(1).authenticator("BadPlugin", plugins).settings(&settings).start();
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "longest-reason"}));
    assert_eq!(longest_run(client.next_json()["reason"].as_str().unwrap(), 'r'), TEXT_BYTES_MAX);
    let lines = |lines: &[String]| lines.iter().map(|line| longest_run(line, 'r')).find(|run| *run > 100);
    assert_eq!(daemon.log().wait("the refusal", lines), 1024, "{isolation}");
}
