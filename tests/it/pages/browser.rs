//! README.md, the page in the browser: opened twice in a real one, typed into and read.

use super::page::block;
use super::stage::Stage;
use crate::harness::root;

const PAGE: &str = "README.md";

#[test]
fn the_first_message_from_a_page() {
    sends_and_shows("README, the first message from a page in the browser", "");
}

/// Browsers end a connection where none of the subprotocols that they offer is chosen.
#[test]
fn a_page_may_offer_subprotocols() {
    for offered in [r#", ["pusu"]"#, r#", ["chat", "pusu"]"#, r#", "other""#] {
        sends_and_shows("a page in the browser that offers subprotocols", offered);
    }
}

#[test]
fn a_page_listens_to_events() {
    let Some(stage) = Stage::with("README, a page that listens to events", &["chromium"]) else { return };
    let _relay = stage.quickstart();
    stage.write("events.html", &block(PAGE, "Over HTTP", "html"));
    // Until the page shows it: what is published before it listens is not stored.
    let publish = "pusud publish --authorization demo-password news.today 'Hello, page'";
    run_in_browser(&stage, &format!("events.html 'Hello, page' {publish}"), "the page shows the message\n");
}

/// Opens the page, with these arguments more for the WebSocket.
fn sends_and_shows(row: &str, more: &str) {
    const URL: &str = r#""ws://127.0.0.1:55000""#;
    let Some(stage) = Stage::with(row, &["chromium"]) else { return };
    let _relay = stage.quickstart();
    let page = block(PAGE, "Your first message", "html");
    assert!(page.contains(URL), "{page}");
    stage.write("news.html", &page.replace(URL, &format!("{URL}{more}")));
    run_in_browser(&stage, "news.html", "both pages show all messages\n");
}

/// Runs the script with these arguments, which says this in the end.
fn run_in_browser(stage: &Stage, arguments: &str, expected: &str) {
    let script = root().join("tests/clients/browser.py");
    // Not `run`: a browser may take its time to start. The script has a deadline of its own.
    let output = stage.command(&format!("python '{}' {arguments}", script.display())).output().unwrap();
    let [said, errors] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{said}\n{errors}");
    assert!(said.ends_with(expected), "{said}\n{errors}");
}
