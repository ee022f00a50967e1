//! History in the settings: what entries mean, what is wrong with them, and what a change needs.

use super::{load, loaded};
use crate::config::SettingRow;
use std::time::Duration;

const ENTRY: &str = "{channels: [a.*], size: 1, ttl: 1s}";

#[test]
fn entries_are_read_in_their_order() {
    let history = loaded(
        "authenticator: A\nhistory:\n  - {channels: [auction.*, käse], size: 1000000, ttl: 30days, for: auctions}\n\
         \x20 - channels: ['*']\n    size: 1\n    ttl: 1.5\nhistory_bytes: 1 MiB",
    )
    .history;
    let rule = history.rule_of("auction.1").unwrap();
    assert_eq!(
        (rule.size, rule.ttl, rule.name.as_deref()),
        (1_000_000, Duration::from_secs(2_592_000), Some("auctions"))
    );
    assert_eq!(history.rule_of("käse"), Some(rule));
    let rule = history.rule_of("auction").unwrap();
    assert_eq!((rule.size, rule.ttl, rule.name.as_deref()), (1, Duration::from_millis(1500), None));
    assert_eq!(history.bytes_max, 1 << 20);
    assert_eq!(loaded(&format!("authenticator: A\nhistory: [{ENTRY}]")).history.bytes_max, 64 << 20);
}

#[test]
fn without_entries_there_is_none() {
    for text in ["authenticator: A", "authenticator: A\nhistory:\n  # - a\n", "authenticator: A\nhistory: []"] {
        let (config, warnings) = load(text).unwrap();
        assert!(!config.history.is_on() && warnings.is_empty(), "{text:?} gave {warnings:?}");
        assert_eq!((config.history.rule_of("a"), config.history.bytes_max), (None, 64 << 20));
    }
}

#[test]
fn what_is_wrong_is_named_with_the_way_out() {
    let patterns = |from: usize, to: usize| {
        let patterns: Vec<String> = (from..to).map(|at| format!("c{at}")).collect();
        format!("{{channels: [{}], size: 1, ttl: 1}}", patterns.join(", "))
    };
    for (list, expected) in [
        (ENTRY, "`history`: expected a list of entries with `channels`, `size` and `ttl` each, found a mapping"),
        ("[a]", "`history[0]`: expected indented lines of the form `key: value`, found the text \"a\""),
        (
            "[{channel: [a], size: 1, ttl: 1}]",
            "key 1 below `history[0]` is unknown (not shown: it may be a password): did you mean `channels`?",
        ),
        (
            "[{size: 1, ttl: 1}]",
            "`history[0].channels` is missing: write a list of patterns of channels, such as [auction.*]; `\"*\"` stands for all",
        ),
        (
            "[{channels: [], size: 1, ttl: 1}]",
            "`history[0].channels`: expected a list of patterns of channels, such as [auction.*], found nothing in it; remove the entry",
        ),
        ("[{channels: , size: 1, ttl: 1}]", "found nothing in it; remove the entry, or name its channels"),
        ("[{channels: a, size: 1, ttl: 1}]", "such as [auction.*], found the text \"a\""),
        (
            "[{channels: [7], size: 1, ttl: 1}]",
            "each of 1 to 255 bytes without control characters, found `7` in the list",
        ),
        ("[{channels: [''], size: 1, ttl: 1}]", "found the text \"\" in the list"),
        (r#"[{channels: ["a\tb"], size: 1, ttl: 1}]"#, "without control characters, found the text"),
        ("[{channels: [a, b, a], size: 1, ttl: 1}]", "`history[0].channels`: \"a\" stands there twice"),
        (
            "[{channels: [a], ttl: 1}]",
            "`history[0].size` is missing: write how many publications of one channel are kept",
        ),
        (
            "[{channels: [a], size: 0, ttl: 1}]",
            "`history[0].size`: expected how many publications of one channel are kept, a whole number from 1 to 1000000, found `0`",
        ),
        ("[{channels: [a], size: 1000001, ttl: 1}]", "found `1000001`"),
        ("[{channels: [a], size: '5', ttl: 1}]", "`history[0].size`: expected"),
        ("[{channels: [a], size: 1.5, ttl: 1}]", "`history[0].size`: expected"),
        (
            "[{channels: [a], size: 1}]",
            "`history[0].ttl` is missing: write how long they are kept, a time from 1s to 30days",
        ),
        (
            "[{channels: [a], size: 1, ttl: 0}]",
            "`history[0].ttl`: expected how long they are kept, a time from 1s to 30days: seconds as a number, or text such as `10min`, found `0`",
        ),
        ("[{channels: [a], size: 1, ttl: 999ms}]", "found the text \"999ms\""),
        ("[{channels: [a], size: 1, ttl: 31days}]", "found the text \"31days\""),
        ("[{channels: [a], size: 1, ttl: forever}]", "found the text \"forever\""),
        ("[{channels: [a], size: 1, ttl: 1, for: ''}]", "`history[0].for`: expected a name of 1 to 255 bytes"),
        ("[{channels: [a], size: 1, ttl: 1, for: 7}]", "`history[0].for`: expected a name of 1 to 255 bytes"),
        (
            "[{channels: [a], size: 1, ttl: 1, for: x}, {channels: [b], size: 1, ttl: 1, for: x}]",
            "`history[1].for`: `history[0]` has the name \"x\" too; each needs one of its own",
        ),
        (
            "[{channels: [b, 'a.*'], size: 1, ttl: 1}, {channels: [c, 'a.*.b'], size: 1, ttl: 1}]",
            "`history[1].channels`: \"a.*.b\" has no effect: each such channel is one of \"a.*\" in `history[0]`, and the first entry that matches holds; put this entry before that one, or remove the pattern",
        ),
        (&format!("[{}]", vec![ENTRY; 101].join(", ")), "`history`: expected at most 100 entries, found 101"),
        (
            &format!("[{}, {}]", patterns(0, 600), patterns(600, 1001)),
            "`history`: expected at most 1000 patterns in all entries, found 1001; a `*` stands for many channels",
        ),
    ] {
        let error = format!("{:#}", load(&format!("authenticator: A\nhistory: {list}")).expect_err(list));
        assert!(error.contains(expected), "{list:?} gave: {error}");
    }
    let long = format!("[{{channels: [{}], size: 1, ttl: 1}}]", "x".repeat(256));
    assert!(load(&format!("authenticator: A\nhistory: {long}")).is_err());
    let most = format!("[{}, {}]", patterns(0, 600), patterns(600, 1000));
    assert_eq!(loaded(&format!("authenticator: A\nhistory: {most}")).history.rules.len(), 2);
}

#[test]
fn the_memory_has_bounds_and_goes_with_entries() {
    for (bytes, expected) in [
        ("1048575", "`history_bytes`: expected a size from 1 MiB to 1024 GiB"),
        ("1025 GiB", "found the text \"1025 GiB\""),
        ("1 MB", "found the text \"1 MB\""),
        ("", "`history_bytes`: expected a size from 1 MiB to 1024 GiB"),
    ] {
        let text = format!("authenticator: A\nhistory: [{ENTRY}]\nhistory_bytes: {bytes}");
        let error = format!("{:#}", load(&text).expect_err(bytes));
        assert!(error.contains(expected), "{bytes:?} gave: {error}");
    }
    for list in ["", "\nhistory:", "\nhistory: []"] {
        let error = load(&format!("authenticator: A\nhistory_bytes: 1 MiB{list}")).expect_err(list);
        let expected = "`history_bytes` has no effect without `history`: write a list of entries";
        let error = format!("{error:#}");
        assert!(error.contains(expected) && error.contains("or remove `history_bytes`"), "{error}");
    }
}

#[test]
fn what_only_overlaps_is_good() {
    let history = loaded(
        "authenticator: A\nhistory: [{channels: [a.1, 'a.*.b'], size: 1, ttl: 1}, {channels: ['a.*', a.b], size: 2, ttl: 1}]",
    )
    .history;
    assert_eq!(["a.1", "a.1.b", "a.b"].map(|channel| history.rule_of(channel).unwrap().size), [1, 1, 2]);
}

#[test]
fn changes_need_a_restart_and_are_shown_entry_by_entry() {
    let before = loaded("authenticator: A");
    let list = "history: [{channels: [a.*, b], size: 5, ttl: 90s, for: x}, {channels: [c], size: 1, ttl: 1h}]";
    let after = loaded(&format!("authenticator: A\n{list}"));
    let more = loaded(&format!("authenticator: A\n{list}\nhistory_bytes: 128 MiB"));
    let renamed = loaded(&format!("authenticator: A\n{}", list.replace("for: x", "for: y")));
    assert_eq!(before.restart_keys(&after), ["history"]);
    assert_eq!(after.restart_keys(&more), ["history_bytes"]);
    assert_eq!(before.restart_keys(&more), ["history", "history_bytes"]);
    assert_eq!((after.restart_keys(&renamed), after.history.digest()), (vec!["history"], renamed.history.digest()));
    let rows = |rows: Vec<SettingRow>| {
        let own = rows.into_iter().filter(|row| row.key.starts_with("history"));
        own.map(|row| format!("{}: {}", row.key, row.value)).collect::<Vec<_>>()
    };
    assert_eq!(rows(before.setting_rows()), ["history: none", "history_bytes: 64 MiB"]);
    assert_eq!(
        rows(more.setting_rows()),
        [
            "history[0]: {channels: [a.*, b], size: 5, ttl: 1m 30s, for: x}",
            "history[1]: {channels: [c], size: 1, ttl: 1h}",
            "history_bytes: 128 MiB"
        ]
    );
    assert_eq!(rows(more.defaults().setting_rows()), rows(before.setting_rows()));
}
