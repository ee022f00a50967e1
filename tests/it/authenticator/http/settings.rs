//! The settings of `HttpAuthenticator`: whom it trusts over https, its example, and what is wrong.

use super::{Service, answering, everything, expect_refused, expect_unavailable, start};
use crate::harness::{PluginsDir, http_plugin, pusud, root, run, script};
use serde_json::json;
use std::fs;

#[test]
fn https_trusts_whom_the_settings_say() {
    let certificates = tempfile::tempdir().unwrap();
    run(script("make_certificates.py").arg(certificates.path())).succeeds();
    let service = Service::start(&["--tls", certificates.path().to_str().unwrap()]);
    let good = answering(everything(json!({})));
    let with_ca = |host: &str, file: &str| {
        let file = certificates.path().join(file);
        start(&format!("https://{host}:{}/", service.port), &format!("  http_ca_file: {file:?}\n"))
    };
    for host in ["127.0.0.1", "localhost"] {
        let daemon = with_ca(host, "ca.pem");
        for _ in 0..3 {
            daemon.client_with(&good).subscribe("a.b");
        }
        expect_refused(&daemon, "somebody");
    }
    let connections = service.requests().last().unwrap()["connection"].clone();
    // One for each relay; where a name has two addresses, the other is refused and not counted.
    assert_eq!(connections, json!(2));
    let stranger = with_ca("127.0.0.1", "other_ca.pem");
    // In the certificate is another name.
    let other_name = with_ca("127.0.0.2", "ca.pem");
    let plain = start(&format!("http://127.0.0.1:{}/", service.port), "");
    let before = service.requests().len();
    expect_unavailable(&stranger, &good);
    stranger.log().wait_for("why", |line| line.contains("UnknownIssuer").then_some(()));
    expect_unavailable(&other_name, &good);
    expect_unavailable(&plain, &good);
    assert_eq!(service.requests().len(), before, "no authorization has reached a service that is not trusted");
}

#[test]
fn the_example_file_is_accepted() {
    let plugins = PluginsDir::with([http_plugin()]);
    let example = root().join("plugins/http/example.yaml");
    let shown = run(pusud(&["check", "--plugins-dir"]).arg(plugins.path()).arg("--config").arg(&example)).succeeds();
    assert!(shown.contains("HttpAuthenticator"), "{shown}");
    let text = fs::read_to_string(&example).unwrap();
    for option in [
        "http_timeout",
        "http_headers",
        "http_ca_file",
        "http_max_connections",
        "http_max_connection_age",
        "http_cache_entries",
        "http_send",
    ] {
        assert!(text.contains(&format!("{option}:")), "{option} is not explained");
    }
}

#[test]
fn wrong_settings_stop_the_start_and_show_no_secret() {
    for (options, parts) in [
        ("", &["http_url", "missing"][..]),
        ("http_url: hunter2", &["http_url", "expected a URL"]),
        ("http_url: [hunter2]", &["option `http_url`", "expected a string, found a list"]),
        (
            "http_url: http://127.0.0.1/\n  http_timeout: hunter2",
            &["http_timeout", "expected a time: seconds as a number"],
        ),
        ("http_url: http://127.0.0.1/\n  http_headers: {x-a: [hunter2]}", &["http_headers", "expected a string"]),
        ("http_url: http://127.0.0.1/\n  http_send: [peer, path]", &["http_send", "item 2", "found `path`"]),
        ("http_url: https://127.0.0.1/\n  http_ca_file: /nowhere", &["http_ca_file", "/nowhere", "No such file"]),
        (
            "http_url: http://127.0.0.1/\n  http_timeout: 6s",
            &["option `http_timeout`: expected at most 5s", "`limits.authorize_call_timeout`", "found 6s"],
        ),
        (
            "http_url: http://127.0.0.1/\n  http_max_connection_age: soon",
            &["http_max_connection_age", "expected a time"],
        ),
        ("http_url: http://127.0.0.1/\n  http_max_connections: '5'", &["http_max_connections", "expected"]),
        ("http_url: 'unix:'", &["http_url", "expected unix: with the path of a socket", "found no path"]),
        ("http_urls: hunter2", &["option 1 below `authenticator_options`", "did you mean `http_url`"]),
    ] {
        let plugins = PluginsDir::with([http_plugin()]);
        let file = plugins.path().join("settings.yaml");
        let settings = format!("authenticator: HttpAuthenticator\nplugins_dir: .\nauthenticator_options:\n  {options}");
        fs::write(&file, settings).unwrap();
        let message = run(pusud(&["check", "--config"]).arg(file)).fails_saying(parts);
        assert!(!message.contains("hunter2"), "{message}");
    }
}
