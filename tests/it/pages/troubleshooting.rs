//! docs/operating/troubleshooting.md: every close code, every HTTP status and every limit that ends a slow consumer is
//! there, and so are the symptoms that people search for.

use super::monitoring::sources;
use super::page::{code, rows, section, text};
use crate::harness::root;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = "docs/operating/troubleshooting.md";

/// The files of the daemon.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The numbers that begin the rows of a section.
fn numbers(heading: &str) -> BTreeSet<u16> {
    let section = section(PAGE, heading);
    rows(&section).iter().filter_map(|row| row[0].split([',', ' ']).next()?.parse().ok()).collect()
}

#[test]
fn every_close_code_is_there() {
    let files = files(&root().join("pusud/src"));
    let table = files.iter().find(|file| file.ends_with("disconnect.rs")).expect("the table of close codes");
    let table = fs::read_to_string(table).unwrap();
    let codes = table.lines().filter_map(|line| line.split_once("=> ")?.1.strip_suffix(',')?.parse().ok());
    let mut codes: BTreeSet<u16> = codes.collect();
    assert!(codes.len() >= 9, "the table is not where this test looks: {codes:?}");
    // The answer to a client's own close, and what browsers say of a connection that broke.
    codes.extend([1000, 1006]);
    assert_eq!(numbers("Close codes"), codes);
}

#[test]
fn every_http_status_is_there() {
    let mut statuses = BTreeSet::from([101]);
    for file in files(&root().join("pusud/src")) {
        let source = fs::read_to_string(file).unwrap();
        let texts = source.split("status: \"").skip(1);
        statuses.extend(texts.filter_map(|text| text.split(' ').next()?.parse::<u16>().ok()));
    }
    assert!(statuses.len() > 7, "statuses are not written as this test looks for them: {statuses:?}");
    assert_eq!(numbers("HTTP statuses"), statuses);
}

#[test]
fn the_symptoms_are_there() {
    let page = text(PAGE).to_lowercase();
    for symptom in [
        "port in use",
        "too many open files",
        "drop every 60 s",
        "slow consumer",
        "not linked",
        "slow to answer",
        "not ready",
        "unavailable",
        "plugin refused",
        "1006",
        "mixed content",
        "killed for memory",
    ] {
        assert!(page.contains(symptom), "{symptom}");
    }
    let slow = section(PAGE, "Slow consumers");
    let limits: Vec<&str> = rows(&slow).iter().map(|row| code(row[0])[0]).collect();
    assert_eq!(limits, ["outbox_bytes", "outbox_soft_bytes", "write_deadline", "max_queued_bytes"]);
}

/// Messages that are quoted are the relay's own.
#[test]
fn the_quoted_messages_are_the_relays() {
    let sources = sources(&root().join("pusud/src"));
    let not_linked = section(PAGE, "NOT LINKED");
    let rows = rows(&not_linked);
    let quoted = rows.iter().flat_map(|row| code(row[0])).flat_map(|message| message.split('…'));
    // The system's own words.
    for piece in quoted.map(|piece| piece.trim()).filter(|piece| *piece != "Connection refused") {
        assert!(sources.contains(&piece.replace("network_name has", "`network_name` has")), "nobody says {piece:?}");
    }
    for (heading, message) in [
        ("Port in use", "is another program (or another pusud) using port "),
        ("Too many open files", "cannot accept clients for now; is the open-file limit (ulimit -n) too low?"),
        ("Slow consumers", "slow consumer disconnected"),
        ("NOT LINKED", "link down, retrying"),
        ("`pusud status` finds no relay", "no relay is running with client port "),
        ("The console and the operations port", "operations listen here"),
        (
            "The console and the operations port",
            "no operations port, so there are no metrics, health checks and console",
        ),
        ("The console and the operations port", "operators' tokens were made"),
        ("The console and the operations port", "operators' tokens are here"),
    ] {
        let said = section(PAGE, heading).replace('\n', " ");
        assert!(said.contains(message) && sources.contains(message), "{heading}: {message}");
    }
}
