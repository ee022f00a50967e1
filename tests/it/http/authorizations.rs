//! Authorizations of requests: headers, cookies, and what the authenticator is told of the request.

use crate::harness::{AuthorizationService, Daemon, PluginsDir, Request, Setup, http_plugin, password_plugin};
use serde_json::{Value, json};

/// A daemon whose authenticator knows the password `secret`, for the channel `a`.
fn with_passwords(more: &str) -> Daemon {
    let settings = format!("passwords:\n  'secret': [a]\n  'with:colon é': [b]\n{more}");
    let plugins = PluginsDir::with([password_plugin()]);
    Setup::on_shards(1).authenticator("PasswordAuthenticator", plugins).settings(&settings).start()
}

#[test]
fn passwords_come_in_both_schemes() {
    let daemon = with_passwords("");
    let mut listener = daemon.client_with("secret");
    listener.subscribe("a");
    for (header, channel, status) in [
        ("Bearer secret", "a", 202),
        ("bearer  secret ", "a", 202),
        ("Bearer secret", "b", 403),
        // user:secret, and :secret
        ("Basic dXNlcjpzZWNyZXQ=", "a", 202),
        ("BASIC OnNlY3JldA==", "a", 202),
        // user:with:colon é
        ("Basic dXNlcjp3aXRoOmNvbG9uIMOp", "b", 202),
        ("Bearer with:colon é", "b", 202),
        ("Bearer Secret", "a", 401),
        ("Bearer", "a", 401),
        ("Basic c2VjcmV0", "a", 401),
        ("Basic OnNlY3JldA", "a", 401),
        ("Basic secret", "a", 401),
        ("secret", "a", 401),
        ("Token secret", "a", 401),
        ("Bearer secret, Basic OnNlY3JldA==", "a", 401),
        ("Negotiate", "a", 401),
        ("", "a", 401),
    ] {
        println!("{header:?}");
        let request = Request::post(&format!("/publish/{channel}"), "1").header(&format!("Authorization: {header}"));
        let mut http = daemon.http();
        let answer = http.ask(&request);
        match status {
            202 => drop(answer.expect_accepted()),
            _ => {
                assert_eq!(answer.header("WWW-Authenticate"), (status == 401).then_some("Bearer"));
                let problem = answer.expect_problem(status).to_string();
                assert!(!problem.contains("secret") && !problem.contains("OnNlY3JldA"), "a secret is shown: {problem}");
            }
        }
        if channel == "a" && status == 202 {
            listener.expect_content("a", "1");
        }
    }
    listener.expect_no_answer();
    daemon.http().ask(&Request::post("/publish/a", "1").without("Authorization")).expect_problem(401);
    assert!(!daemon.log().text().contains("secret"), "{}", daemon.log().text());
}

#[test]
fn without_an_authenticator_nobody_needs_a_password() {
    let daemon = Setup::on_shards(1).authenticator("None", PluginsDir::empty()).start();
    let mut listener = daemon.client_with("");
    listener.subscribe("a");
    let request = Request::post("/publish/a", "1").without("Authorization");
    daemon.http().ask(&request).expect_accepted();
    listener.expect_content("a", "1");
}

/// What the authenticator was told of a request, which it refuses.
fn told(service: &AuthorizationService, daemon: &Daemon, request: &Request) -> Value {
    let before = service.requests().len();
    daemon.http().ask(request).expect_problem(401);
    let requests = service.requests();
    assert_eq!(requests.len(), before + 1);
    requests[before]["body"].clone()
}

#[test]
fn the_authenticator_is_told_of_the_request() {
    let service = AuthorizationService::start(&[]);
    let options = format!("authenticator_options:\n  http_url: {}", service.url());
    let with = |limits: &str| {
        let plugins = PluginsDir::with([http_plugin()]);
        let settings = format!("{options}\nlimits: {{{limits}}}");
        Setup::on_shards(1).authenticator("HttpAuthenticator", plugins).settings(&settings).start()
    };
    let anonymous = || Request::post("/publish/a?query=1", "1").without("Authorization");
    let cookie = || anonymous().header("Cookie: session=1; b=2");
    let page = |request: Request, origin: &str| request.header(&format!("Origin: {origin}"));
    let open = with("");
    let asked = told(&service, &open, &Request::post("/publish/a%20b?query=1", "1").bearer("X Y"));
    assert_eq!(asked["authorization"], "X Y");
    assert_eq!((&asked["peer"], &asked["attributes"]["http.path"]), (&json!("127.0.0.1"), &json!("/publish")));
    let asked = told(&service, &open, &page(Request::post("/publish", "[]").bearer("X"), "https://a.example"));
    assert_eq!(asked["attributes"]["http.path"], "/publish");
    assert_eq!(asked["attributes"]["http.origin"], "https://a.example");
    let named = with("allowed_origins: ['https://a.example']");
    for (daemon, request, expected) in [
        (&open, cookie(), Some("session=1; b=2")),
        (&open, cookie().also("Cookie: c=3"), Some("session=1; b=2; c=3")),
        (&named, cookie(), Some("session=1; b=2")),
        (&named, page(cookie(), "https://a.example"), Some("session=1; b=2")),
        // Any page could have the user's cookies sent.
        (&open, page(cookie(), "https://a.example"), None),
        (&open, page(cookie(), "null"), None),
        // Where there is an authorization, it counts.
        (&open, cookie().bearer("X"), None),
        (&named, page(cookie(), "https://a.example").bearer("X"), None),
        (&open, anonymous(), None),
    ] {
        let asked = told(&service, daemon, &request);
        let found = asked["attributes"].get("http.header.cookie").and_then(Value::as_str);
        assert_eq!(found, expected, "{}", request.head());
    }
    // Nobody is asked about pages that may not be here at all.
    let before = service.requests().len();
    named.http().ask(&page(cookie(), "https://evil.example")).expect_problem(403);
    assert_eq!(service.requests().len(), before);
}
