//! Pages of other origins: which may publish, and see the answers.

use crate::harness::{Daemon, Request, Setup};

fn allowing(origins: &str) -> Daemon {
    Setup::on_shards(1).settings(&format!("limits: {{allowed_origins: {origins}}}")).start()
}

fn preflight(target: &str, origin: &str) -> Request {
    Request::new("OPTIONS", target)
        .without("Authorization")
        .header(&format!("Origin: {origin}"))
        .header("Access-Control-Request-Method: POST")
        .header("Access-Control-Request-Headers: authorization,content-type")
}

#[test]
fn a_page_asks_before_and_sees_the_answer() {
    let any = allowing("[]");
    let named = allowing("['https://a.example', 'https://*.b.example']");
    for (daemon, origin, allowed, has_credentials) in [
        (&any, "https://a.example", Some("*"), false),
        (&any, "null", Some("*"), false),
        (&named, "https://a.example", Some("https://a.example"), true),
        (&named, "HTTPS://A.example:443", Some("HTTPS://A.example:443"), true),
        (&named, "https://x.b.example", Some("https://x.b.example"), true),
        (&named, "https://evil.example", None, false),
        (&named, "http://a.example", None, false),
        (&named, "null", None, false),
        (&named, "nonsense", None, false),
    ] {
        println!("{origin}");
        for target in ["/publish/a", "/publish", "/events"] {
            let mut http = daemon.http();
            let answer = http.ask(&preflight(target, origin));
            let credentials = answer.header("Access-Control-Allow-Credentials") == Some("true");
            assert_eq!((answer.header("Access-Control-Allow-Origin"), credentials), (allowed, has_credentials));
            assert_eq!(answer.header("Vary"), has_credentials.then_some("Origin"));
            if allowed.is_none() {
                answer.expect_problem(403);
                continue;
            }
            let answer = answer.expect(204);
            let method = if target == "/events" { "GET" } else { "POST" };
            assert!(answer.header("Access-Control-Allow-Methods").unwrap().contains(method), "{answer:?}");
            let headers = answer.header("Access-Control-Allow-Headers").unwrap();
            for header in ["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "Cache-Control"] {
                assert!(headers.contains(header), "{header}: {answer:?}");
            }
            assert!(answer.header("Access-Control-Max-Age").is_some() && !answer.closes(), "{answer:?}");
            assert_eq!(answer.header("Content-Length"), None);
            // The request itself, on the same connection: whatever becomes of it, the page sees why.
            if target == "/publish/a" {
                let post = Request::post(target, "1").header(&format!("Origin: {origin}"));
                for request in [post.clone(), post.clone().bearer("read=*"), post.header("Content-Type: a/b")] {
                    let answer = http.ask(&request);
                    assert!(matches!(answer.status, 202 | 403 | 415), "{answer:?}");
                    assert_eq!(answer.header("Access-Control-Allow-Origin"), allowed);
                }
            }
        }
    }
}

#[test]
fn a_page_that_may_not_be_here_publishes_nothing() {
    let daemon = allowing("['https://a.example']");
    let mut listener = daemon.client();
    listener.subscribe("a");
    let post = Request::post("/publish/a", "1");
    let mut http = daemon.http();
    http.ask(&post.clone().header("Origin: https://evil.example")).expect_problem(403);
    // A request without an origin is none of a page's.
    let answer = http.ask(&post).expect_accepted();
    assert_eq!(answer.header("Access-Control-Allow-Origin"), None);
    listener.expect_content("a", "1");
    listener.expect_no_answer();
    // These are for everybody, and say nothing that a page should not see.
    for target in ["/", "/healthz"] {
        http.ask(&Request::get(target).header("Origin: https://evil.example")).expect(200);
    }
    assert_eq!(daemon.refused(), "allowed_origins 1");
}

#[test]
fn without_an_origin_options_are_just_that() {
    let daemon = Daemon::on_shards(1);
    let mut http = daemon.http();
    for (target, allow) in [("/publish/a", "POST, OPTIONS"), ("/publish", "POST, OPTIONS"), ("/events", "GET, OPTIONS")]
    {
        let answer = http.ask(&Request::new("OPTIONS", target)).expect(204);
        assert_eq!((answer.header("Allow"), answer.header("Access-Control-Allow-Origin")), (Some(allow), None));
    }
}
