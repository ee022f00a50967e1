//! README.md, the page in the browser: opened twice in a real one, typed into and read.

use super::page::block;
use super::stage::Stage;
use crate::harness::root;

const PAGE: &str = "README.md";

#[test]
fn the_first_message_from_a_page() {
    let row = "README, the first message from a page in the browser";
    let Some(stage) = Stage::with(row, &["chromium"]) else { return };
    let _relay = stage.quickstart();
    stage.write("news.html", &block(PAGE, "Your first message", "html"));
    let script = root().join("tests/clients/browser.py");
    // Not `run`: a browser may take its time to start. The script has a deadline of its own.
    let output = stage.command(&format!("python '{}' news.html", script.display())).output().unwrap();
    let [said, errors] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{said}\n{errors}");
    assert!(said.ends_with("both pages show all messages\n"), "{said}\n{errors}");
}
