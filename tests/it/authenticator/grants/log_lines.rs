//! Lines that the plugin writes through `pusu.log/1`, and the relay's own about the same grant.

use crate::harness::{Daemon, grants_setup};
use serde_json::Value;

/// The first line of the log with this message, as JSON.
fn line(daemon: &Daemon, begin: &str) -> Value {
    daemon.log().wait_for(begin, |line| {
        let fields: Value = serde_json::from_str(line).ok()?;
        fields["message"].as_str().is_some_and(|message| message.starts_with(begin)).then_some(fields)
    })
}

fn a_line_has_its_ticket_and_attributes(isolation: &str) {
    let daemon = grants_setup(isolation, 1).log_level("debug").start();
    daemon.client_with("subject=alice read=a log=attributes");
    let ticket = daemon.ticket_of("alice");
    let written = line(&daemon, "with attributes");
    assert_eq!((&written["ticket"], &written["plugin"]), (&ticket.into(), &"GrantsAuthenticator".into()), "{written}");
    assert_eq!(written["attributes"], "user.id=42 route=a\\nb", "{written}");
    // All lines about one grant are found by its ticket.
    for own in ["granted", "authorized"] {
        let own = daemon.log().wait_for(own, |line| {
            let fields: Value = serde_json::from_str(line).ok()?;
            (fields["message"] == own).then_some(fields)
        });
        assert_eq!((&own["ticket"], &own["subject"]), (&ticket.into(), &"alice".into()), "{own}");
    }

    let daemon = grants_setup(isolation, 1).log_as_text().start();
    daemon.client_with("subject=alice read=a log=attributes");
    daemon.log().wait_for("the line", |line| {
        let parts = ["with attributes", "ticket=1", r"user.id=42 route=a\\nb"];
        parts.iter().all(|part| line.contains(part)).then_some(())
    });
}

#[test]
fn a_line_has_its_ticket_and_attributes_in_a_thread() {
    a_line_has_its_ticket_and_attributes("thread");
}

#[test]
#[cfg(unix)]
fn a_line_has_its_ticket_and_attributes_in_a_process() {
    a_line_has_its_ticket_and_attributes("process");
}

/// Level 0 is none, and counts as the last one.
#[test]
fn a_plugin_can_ask_which_levels_are_written() {
    let cases = [("info", "0 1 1 1 0 0 0 0"), ("debug", "0 1 1 1 1 0 0 0"), ("trace", "1 1 1 1 1 1 1 1")];
    for isolation in ["thread", "process"] {
        for (level, enabled) in cases {
            let daemon = grants_setup(isolation, 1).log_level(level).start();
            daemon.client_with("read=a log=enabled");
            assert_eq!(line(&daemon, "enabled ")["message"], format!("enabled {enabled}"), "{isolation}, {level}");
        }
    }
}

#[test]
fn a_long_line_is_cut() {
    for isolation in ["thread", "process"] {
        let daemon = grants_setup(isolation, 1).start();
        daemon.client_with("read=a log=long");
        let cut = line(&daemon, "xxx");
        assert_eq!(cut["message"], "x".repeat(8192), "{isolation}");
        assert_eq!(cut["attributes"], Value::Null, "there is no room for them");
    }
}
