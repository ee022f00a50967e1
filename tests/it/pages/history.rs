//! docs/history.md: its settings, pages, programs and commands, as they are printed.

use super::page::{block, text};
use super::stage::Stage;
use crate::harness::{Running, root};

const PAGE: &str = "docs/history.md";
/// What there is in the page's settings, and what keeps a test short.
const SIZES: (&str, &str) = ("size: 1000 ", "size: 5 ");

/// The relay of the page, with a small history.
fn relay(stage: &Stage) -> Running {
    let settings = block(PAGE, "Try it", "yaml");
    assert!(settings.contains(SIZES.0), "{settings}");
    stage.write("history.yaml", &settings.replace(SIZES.0, SIZES.1));
    stage.serve("pusud --config history.yaml", 1)
}

fn publish(stage: &Stage, first: u32, last: u32) {
    stage.shell(&format!("seq {first} {last} | pusud publish news.today")).succeeds();
}

#[test]
fn the_newest_are_shown() {
    let Some(stage) = Stage::with("docs/history.md, a try", &["curl"]) else { return };
    stage.write("history.yaml", &block(PAGE, "Try it", "yaml"));
    let serves = "curl -s http://127.0.0.1:55000/healthz";
    let said = stage.shell_until(serves, &block(PAGE, "Try it", "sh")).succeeds();
    // Minute and origin are another start's.
    let without_origins = |text: &str| -> String {
        let mut parts = text.split("\"position\":\"");
        let first = parts.next().unwrap().to_owned();
        parts.fold(first, |all, part| all + "\"position\":\"" + &part[15..])
    };
    assert_eq!(without_origins(said.trim()), without_origins(block(PAGE, "Try it", "json").trim()));
}

/// Has a page go through everything that the script does.
fn survives(row: &str, heading: &str) {
    let Some(stage) = Stage::with(row, &["chromium"]) else { return };
    let _relay = relay(&stage);
    let page = block(PAGE, heading, "html");
    assert!(page.lines().count() <= 40 && page.matches("127.0.0.1:55000").count() == 1, "{page}");
    stage.write("page.html", &page.replace("127.0.0.1:55000", "127.0.0.1:55001"));
    let script = root().join("tests/clients/page_with_history.py");
    // Not `run`: a browser may take its time to start. The script has a deadline of its own.
    let output = stage.command(&format!("python '{}' page.html 5", script.display())).output().unwrap();
    let [said, errors] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{said}\n{errors}");
    assert_eq!(said.trim(), "the page shows everything once, and says what it missed", "{errors}");
}

#[test]
fn a_page_survives_reconnects_and_reloads() {
    survives("docs/history.md, a page in the browser", "A page that survives reconnects and reloads");
}

#[test]
fn a_page_with_events_survives_the_same() {
    survives("docs/history.md, a page that listens to events", "The same with EventSource");
}

/// A client that was away hears all of it once, and says so where that cannot be.
#[test]
fn python_goes_on() {
    let Some(stage) = Stage::new("docs/history.md, Python") else { return };
    assert!(text(PAGE).contains("`pip install websockets`"));
    stage.shell("pip install websockets").succeeds();
    stage.write("listen.py", &block(PAGE, "Python", "python"));
    let relay_before = relay(&stage);
    let client = || stage.start(&block(PAGE, "Python", "sh"));
    let is_kept = "until [ -e position ]; do :; done";
    let first = client();
    stage.shell(is_kept).succeeds();
    publish(&stage, 1, 2);
    first.stdout.wait("two messages", |lines| (lines == ["1", "2"]).then_some(()));
    stage.shell("until grep -q '[.]2$' position; do :; done").succeeds();
    drop(first);
    publish(&stage, 3, 5);
    let second = client();
    second.stdout.wait("what it has missed", |lines| (lines == ["3", "4", "5"]).then_some(()));
    drop(relay_before);
    stage.shell("while (: < /dev/tcp/127.0.0.1/55000) 2> /dev/null; do :; done").succeeds();
    // Another start knows nothing of the one before.
    let _relay = relay(&stage);
    second.stdout.wait_for("what is said", |line| (line == "(something was missed here)").then_some(()));
    publish(&stage, 6, 6);
    second.stdout.wait("what comes then", |lines| (lines.last().is_some_and(|line| line == "6")).then_some(()));
    assert_eq!(second.stdout.lines(), ["3", "4", "5", "(something was missed here)", "6"]);
}

#[test]
fn the_command_line_goes_on() {
    let Some(stage) = Stage::new("docs/history.md, the command line") else { return };
    let _relay = relay(&stage);
    let commands = block(PAGE, "The command line", "sh");
    let said = |commands: &str| stage.shell(commands).succeeds();
    publish(&stage, 1, 2);
    let client = stage.start(&commands);
    client.stdout.wait_for("the last one", |line| line.contains("\"content\":\"2\"").then_some(()));
    client.stderr.wait("it listens with a file", |lines| {
        (lines.iter().filter(|line| line.contains("listening to")).count() == 2).then_some(())
    });
    publish(&stage, 3, 4);
    let heard = client.finish().succeeds();
    assert!(heard.lines().last().unwrap().ends_with("\"content\":\"3\"}"), "{heard}");
    let since = commands.lines().last().unwrap();
    assert!(since.contains("--since"), "{since}");
    assert!(said(since).ends_with("\"content\":\"4\"}"));
}
