//! Origins of web pages: which may connect, and which entries of `allowed_origins` stop the start.

use crate::harness::{Setup, pusud, run, upgrade_request};

#[test]
fn pages_of_other_origins_are_turned_away() {
    let daemon = Setup::on_shards(1)
        .settings("limits: {allowed_origins: ['https://example.com', 'http://localhost:8080', 'null', 'HTTPS://*.Pages.example:443']}")
        .start();
    let status = |header: &str| {
        let mut raw = daemon.raw();
        raw.send(upgrade_request(header));
        raw.read_head()[9..12].parse::<u16>().unwrap()
    };
    for (header, expected) in [
        ("", 101),
        ("Origin: https://example.com\r\n", 101),
        ("Origin: HTTPS://EXAMPLE.com:443\r\n", 101),
        ("Origin: http://localhost:8080\r\n", 101),
        ("Origin: null\r\n", 101),
        ("Origin: https://a.pages.example\r\n", 101),
        ("Origin: https://b.a.pages.example\r\n", 101),
        ("Origin: https://pages.example\r\n", 403),
        ("Origin: https://evilpages.example\r\n", 403),
        ("Origin: http://a.pages.example\r\n", 403),
        ("Origin: http://example.com\r\n", 403),
        ("Origin: https://example.com.evil.example\r\n", 403),
        ("Origin: https://evil.example/https://example.com\r\n", 403),
        ("Origin: http://localhost\r\n", 403),
        ("Origin: \r\n", 403),
        ("Origin: https://example.com, https://evil.example\r\n", 403),
    ] {
        assert_eq!(status(header), expected, "{header:?}");
    }
    assert_eq!(daemon.refused(), "allowed_origins 9");
}

#[test]
fn origins_that_no_browser_sends_stop_the_start() {
    for (origin, way_out) in [
        ("https://example.com/", "write https://example.com"),
        ("https://example.com/page", "an origin has no path"),
        ("example.com", "write https://example.com"),
        ("wss://example.com", "write https://example.com"),
        ("*", "leave the list empty"),
        ("https://www.*.com", "https://*.example.com"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("settings.yaml");
        let settings = format!("authenticator: None\nclient_port: 0\nlimits: {{allowed_origins: [{origin:?}]}}\n");
        std::fs::write(&file, settings).unwrap();
        run(pusud(&["run", "--config"]).arg(&file)).fails_saying(&["`limits.allowed_origins`", origin, way_out]);
    }
}
