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

/// Opens the page, with these arguments more for the WebSocket.
fn sends_and_shows(row: &str, more: &str) {
    const URL: &str = r#""ws://127.0.0.1:55000""#;
    let Some(stage) = Stage::with(row, &["chromium"]) else { return };
    let _relay = stage.quickstart();
    let page = block(PAGE, "Your first message", "html");
    assert!(page.contains(URL), "{page}");
    stage.write("news.html", &page.replace(URL, &format!("{URL}{more}")));
    let script = root().join("tests/clients/browser.py");
    // Not `run`: a browser may take its time to start. The script has a deadline of its own.
    let output = stage.command(&format!("python '{}' news.html", script.display())).output().unwrap();
    let [said, errors] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{said}\n{errors}");
    assert!(said.ends_with("both pages show all messages\n"), "{said}\n{errors}");
}
