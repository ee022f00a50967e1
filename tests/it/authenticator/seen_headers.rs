//! `authenticator_sees`: request headers that reach the authenticator, over every door, and nobody else.

use super::hot_swap::swap;
use crate::harness::{
    AuthorizationService, Daemon, NoStream, PluginsDir, Raw, Request, Setup, bearer, events_request, http_plugin,
    pusud, run, scripted_version, text_message, upgrade_request,
};
use serde_json::{Value, json};
use std::fs;

const SEES: &str = "authenticator_sees: [X-Tenant, cookie, origin, x-absent]\n";
/// Has the authenticator refuse with what it sees.
const SHOW: &str = "attributes=http.header.";

fn seeing(more: &str) -> Daemon {
    Setup::on_shards(1).settings(&format!("{SEES}{more}")).start()
}

/// A WebSocket whose request has these lines too.
fn upgraded(daemon: &Daemon, lines: &str) -> Raw {
    let mut raw = daemon.raw();
    raw.send(upgrade_request(lines));
    raw.read_head();
    raw.expect_hello();
    raw
}

fn authorize(raw: &mut Raw, authorization: &str) -> Value {
    raw.send(text_message(&json!({"type": "authorize", "authorization": authorization}).to_string()));
    serde_json::from_str(&raw.read_text()).unwrap()
}

/// What the authenticator sees of a request with these lines: of an upgrade, of a publication and of a stream.
fn seen(daemon: &Daemon, lines: &str) -> [String; 3] {
    let upgrade = authorize(&mut upgraded(daemon, lines), SHOW)["reason"].clone();
    let mut publication = Request::post("/publish/a", "1").bearer(SHOW);
    for line in lines.lines() {
        publication = publication.also(line);
    }
    let publication = daemon.http().ask(&publication).expect_problem(401)["detail"].clone();
    let mut raw = daemon.raw();
    raw.send(events_request("channel=a", &format!("{}{lines}", bearer(SHOW))));
    let events = NoStream::read(&mut raw).problem["detail"].clone();
    [upgrade, publication, events]
        .map(|text| text.as_str().unwrap().split_once(' ').map_or("", |(_, rest)| rest).to_owned())
}

#[test]
fn what_is_listed_is_seen_over_every_door() {
    for (more, lines) in [
        ("", ""),
        // A proxy hands them on as they are.
        ("listeners: [{port: 0, trusted_proxies: [127.0.0.1]}]\n", "X-Forwarded-For: 192.0.2.7\r\n"),
        ("isolation: process\n", ""),
    ] {
        if more.contains("process") && !cfg!(unix) {
            continue;
        }
        let daemon = seeing(more);
        let sent = format!("{lines}X-Tenant: one\r\nX-Other: 1\r\nCookie: a=1\r\nx-tenant: two\r\ncookie: b=2\r\n");
        let expected = "http.header.x-tenant=one, two http.header.cookie=a=1; b=2";
        assert_eq!(seen(&daemon, &sent), [expected; 3], "{more}");
        assert_eq!(seen(&daemon, lines), [""; 3], "{more}");
    }
    let blind = Setup::on_shards(1).start();
    assert_eq!(seen(&blind, "X-Tenant: one\r\nCookie: a=1\r\n"), [""; 3]);
}

/// Where any page may connect, each could use the cookies of its visitors.
#[test]
fn cookies_of_pages_are_seen_where_their_origin_is_named() {
    let page = "Cookie: a=1\r\nOrigin: https://shop.example\r\n";
    let origin = "http.header.origin=https://shop.example";
    let open = seeing("");
    assert_eq!(seen(&open, page), [origin; 3]);
    open.log().wait_for("a warning", |line| line.contains("no page's cookies are shown").then_some(()));
    let named = seeing("limits: {allowed_origins: ['https://shop.example']}\n");
    assert_eq!(seen(&named, page), [&*format!("http.header.cookie=a=1 {origin}"); 3]);
    assert_eq!(seen(&named, "Cookie: a=1\r\n"), ["http.header.cookie=a=1"; 3]);
    assert!(!named.log().text().contains("no page's cookies"));
}

/// Nothing is cut short or left out: whoever asks for a header decides by all of it.
#[test]
fn what_is_too_long_or_no_text_is_refused() {
    let daemon = seeing("limits: {max_header_bytes: 32 KiB}\n");
    let long = format!("X-Tenant: {}\r\n", "x".repeat(8 * 1024));
    assert_eq!(authorize(&mut upgraded(&daemon, &long), "both=a")["type"], "authorization_ok");
    for (lines, status) in [(format!("{long}X-Tenant: y\r\n").into_bytes(), 431), (b"Cookie: \xff\r\n".to_vec(), 400)] {
        let lines_of = |request: String| request.replace("X-Here: 1\r\n", "\0").into_bytes();
        for request in [upgrade_request("X-Here: 1\r\n"), events_request("channel=a", "X-Here: 1\r\n")] {
            let request: Vec<u8> = lines_of(request)
                .split(|byte| *byte == 0)
                .map(<[u8]>::to_vec)
                .reduce(|before, behind| [&before[..], &lines, &behind].concat())
                .unwrap();
            let mut raw = daemon.raw();
            raw.send(request);
            assert!(raw.expect_http_error(status).contains("authenticator_sees"));
        }
    }
    assert_eq!(daemon.refused(), "max_header_bytes 2");
}

/// A verdict is for whoever is seen the same.
#[test]
fn what_is_seen_tells_remembered_verdicts_apart() {
    let service = AuthorizationService::start(&[]);
    let settings = format!("authenticator_sees: [x-tenant]\nauthenticator_options:\n  http_url: {}\n", service.url());
    let setup = Setup::on_shards(1).authenticator("HttpAuthenticator", PluginsDir::with([http_plugin()]));
    let daemon = setup.settings(&settings).start();
    let everything = json!({"answer": {"permissions": [{"pattern": "*", "read": true, "write": true}]}}).to_string();
    let publish = |tenant: &str| {
        Request::post("/publish/a", "1").bearer(&everything).header(&format!("X-Tenant: {tenant}")).also("X-Other: 1")
    };
    let mut one = daemon.http();
    let mut asked = Vec::new();
    for tenant in ["a", "a", "b", "a", "b"] {
        one.ask(&publish(tenant)).expect_accepted();
        daemon.http().ask(&publish(tenant)).expect_accepted();
        asked = service.requests();
    }
    let tenants: Vec<&Value> =
        asked.iter().map(|request| &request["body"]["attributes"]["http.header.x-tenant"]).collect();
    assert_eq!(tenants, ["a", "b"], "each is asked about once");
}

/// As the authorization is kept.
#[test]
fn headers_are_kept_for_the_next_authenticator() {
    let daemon = seeing("on_swap: reauthorize\n");
    let mut client = upgraded(&daemon, "X-Tenant: one\r\nCookie: a=1\r\n");
    assert_eq!(authorize(&mut client, "both=* when=2 attributes=http.header.")["type"], "authorization_ok");
    // Also for whoever authorizes again.
    assert_eq!(authorize(&mut client, "both=a when=2 refuse=no")["type"], "authorization_ok");
    swap(&daemon, &scripted_version("2"));
    let told: Value = serde_json::from_str(&client.read_text()).unwrap();
    assert_eq!(told["reason"], "plain http.header.x-tenant=one http.header.cookie=a=1");
}

#[test]
fn a_change_needs_a_restart_and_check_shows_what_is_seen() {
    let daemon = seeing("");
    let settings = daemon.dir().join("settings.yaml");
    let shown = run(pusud(&["check", "--config"]).arg(&settings)).succeeds();
    assert!(shown.contains("  authenticator_sees") && shown.contains("x-tenant, cookie, origin, x-absent"), "{shown}");
    assert!(shown.contains("request headers"), "the memory for it is counted:\n{shown}");
    daemon.edit_settings(|text| text.replace(SEES, "authenticator_sees: [x-other]\n"));
    daemon.reload();
    daemon.log().wait_for("the key", |line| line.contains("needs a restart: authenticator_sees").then_some(()));
    assert_eq!(seen(&daemon, "X-Tenant: one\r\nX-Other: 2\r\n"), ["http.header.x-tenant=one"; 3]);
    for (value, wanted) in [
        ("cookie", "expected a list of names of request headers"),
        ("[1]", "found `1` in the list"),
        ("[authorization]", "`authorization` cannot be shown to an authenticator"),
        ("[Sec-WebSocket-Key]", "it is for the handshake"),
    ] {
        daemon.edit_settings(|text| {
            let lines = text.lines().filter(|line| !line.starts_with("authenticator_sees"));
            format!("{}\nauthenticator_sees: {value}\n", lines.collect::<Vec<_>>().join("\n"))
        });
        run(pusud(&["check", "--config"]).arg(&settings)).fails_saying(&["`authenticator_sees`", wanted]);
    }
}

/// In every outcome, at the level that says most, in threads and processes.
#[test]
fn no_value_is_in_a_log_an_answer_or_the_status() {
    const CANARY: &str = "canary-header-62d1";
    for isolation in ["thread", "process"] {
        if isolation == "process" && !cfg!(unix) {
            continue;
        }
        let settings =
            format!("{SEES}isolation: {isolation}\non_swap: reauthorize\nlimits: {{max_header_bytes: 32 KiB}}\n");
        let mut daemon = Setup::on_shards(1).log_level("trace").settings(&settings).start();
        let lines = format!("X-Tenant: {CANARY}\r\nCookie: session={CANARY}\r\n");
        let mut clients = Vec::new();
        for words in ["both=*", "both=* expires=600000", "refuse=no", "unavailable", "error", "nonsense"] {
            let mut client = upgraded(&daemon, &lines);
            let answer = authorize(&mut client, words).to_string();
            assert!(!answer.contains(CANARY), "{answer}");
            clients.push(client);
            for request in [
                events_request("channel=a", &format!("{}{lines}", bearer(words))),
                Request::post("/publish/a", "1").bearer(words).also(lines.trim_end()).head() + "1",
                upgrade_request(&format!("{lines}X-Tenant: {}\r\n", CANARY.repeat(1000))),
                upgrade_request(&format!("{lines}Connection no header\r\n")),
            ] {
                let mut raw = daemon.raw();
                raw.send(request);
                let head = raw.read_head();
                assert!(!head.contains(CANARY), "{head}");
                clients.push(raw);
            }
        }
        swap(&daemon, &scripted_version("2"));
        let status = daemon.status().to_string();
        assert!(!status.contains(CANARY), "{status}");
        for file in ["cmdline", "environ"] {
            let shown = fs::read(format!("/proc/{}/{file}", daemon.pid())).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&shown).contains(CANARY), "{file}");
        }
        drop(clients);
        daemon.terminate();
        daemon.wait();
        let log = daemon.log().text();
        assert!(log.contains("authorized"), "nothing is logged:\n{log}");
        assert!(!log.contains(CANARY), "{}", log.lines().find(|line| line.contains(CANARY)).unwrap());
    }
}

/// `pusud authorize` asks with attributes as the relay would.
#[test]
fn the_authorize_command_takes_attributes() {
    let daemon = seeing("");
    let file = daemon.dir().join("cookie");
    fs::write(&file, "session=canary\n").unwrap();
    let settings = daemon.dir().join("settings.yaml");
    let mut command = pusud(&["authorize", "--authorization", SHOW, "--attribute", "http.header.x-tenant=one"]);
    let command = command.arg("--attribute-file").arg(format!("http.header.cookie={}", file.display()));
    let asked = run(command.arg("--config").arg(settings));
    let expected = "plain http.header.x-tenant=one http.header.cookie=session=canary";
    assert!(asked.stdout.contains(expected), "{}{}", asked.stdout, asked.stderr);
}
