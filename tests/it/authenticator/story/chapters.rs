//! The chapters: what the plugin does wrong, and what the log has to say of it.

use super::stage::Scene;
use crate::harness::{Client, DEADLINE};
use serde_json::json;
use std::time::Instant;

/// One chapter: its name, and what happens up to the repair.
pub(super) type Chapter = (&'static str, fn(&Scene<'_>) -> Told);

/// What the log has to say of a chapter: words, and how many lines have them.
pub(super) type Told = Vec<(&'static str, usize)>;

pub(super) const CHAPTERS: [Chapter; 11] = [
    ("it panics", panics),
    ("it hangs in being made", hangs_in_create),
    ("its calls hang", hangs_in_calls),
    ("it forks and fails", forks),
    ("it floods the log", floods),
    ("it answers nonsense", nonsense),
    ("its health hangs", hangs_in_health),
    ("its reload fails and hangs", hangs_in_reload),
    ("it hangs when it is told to cancel", hangs_in_cancel),
    ("it hangs when it hears of an end", hangs_in_ended),
    ("it hangs in being destroyed", hangs_in_destroy),
];

/// The words for an instance that has taken the place of a lost one.
fn renewed(scene: &Scene<'_>) -> &'static str {
    if scene.stage.is_in_process() {
        "the plugin's process is running again"
    } else {
        "a new instance has taken the place of the lost one"
    }
}

fn unavailable(scene: &Scene<'_>, authorization: &str) {
    let told = scene.told(authorization);
    assert_eq!(told, json!({"type": "authorization_failed", "reason": "unavailable"}), "{authorization}");
}

/// How many lines of the log say so.
fn count(scene: &Scene<'_>, words: &str) -> usize {
    scene.daemon.log().lines().iter().filter(|line| line.contains(words)).count()
}

/// Waits for another line that says so.
fn wait_for_more(scene: &Scene<'_>, words: &str, before: usize) {
    let more = |lines: &[String]| (lines.iter().filter(|line| line.contains(words)).count() > before).then_some(());
    scene.daemon.log().wait(words, more);
}

fn panics(scene: &Scene<'_>) -> Told {
    scene.play("bad");
    for _ in 0..3 {
        unavailable(scene, "panic");
        scene.served("the plugin has panicked");
    }
    scene.repair(false);
    scene.expect_rest();
    let words = if scene.stage.is_in_process() { "it has panicked" } else { "the authenticator has panicked" };
    vec![(words, 3), (renewed(scene), 3)]
}

fn hangs_in_create(scene: &Scene<'_>) -> Told {
    scene.put("create-waits");
    let line = scene.reload_in_vain();
    assert!(line.contains("is not loaded and created within 1s"), "{line}");
    scene.served("the old one still decides");
    scene.repair(true);
    scene.expect_hanging(&[&[("pusu-auth-creat", 1)]]);
    scene.release("create");
    let too_late = usize::from(!scene.stage.is_in_process());
    vec![("is not loaded and created within 1s", 1), ("making an instance has ended, too late", too_late)]
}

fn hangs_in_calls(scene: &Scene<'_>) -> Told {
    scene.play("bad");
    let words =
        if scene.stage.is_in_process() { "too many calls hang in it" } else { "all threads that may call it hang" };
    let (before, began) = (count(scene, words), Instant::now());
    while count(scene, words) == before {
        assert!(began.elapsed() < DEADLINE, "not all threads hang");
        let mut hanging: Vec<Client> = (0..4).map(|_| scene.daemon.connect()).collect();
        hanging.iter_mut().for_each(|client| client.send(json!({"type": "authorize", "authorization": "hang"})));
        hanging.iter_mut().for_each(|client| drop(client.expect_error("authorization_failed")));
    }
    scene.served("all threads hung");
    scene.repair(false);
    // Sixteen are replaced, and the four in their place may be in the plugin already when it is given up.
    let hanging: [[(&str, usize); 1]; 5] = std::array::from_fn(|more| [("pusu-auth-N", 16 + more)]);
    scene.expect_hanging(&hanging.each_ref().map(|threads| &threads[..]));
    scene.release("release");
    vec![(words, 1), (renewed(scene), 1)]
}

fn forks(scene: &Scene<'_>) -> Told {
    scene.play("forks");
    let forked = scene.told("forked")["reason"].as_str().unwrap().to_owned();
    assert!(scene.runs(&forked));
    // On a thread of the relay an abort would be the relay's.
    unavailable(scene, if scene.stage.is_in_process() { "abort" } else { "panic" });
    scene.served("the plugin has failed");
    scene.repair(true);
    scene.expect_rest();
    assert!(!scene.runs(&forked));
    let words = if scene.stage.is_in_process() { "SIGABRT" } else { "the authenticator has panicked" };
    vec![(words, 1), (renewed(scene), 1)]
}

fn floods(scene: &Scene<'_>) -> Told {
    scene.play("bad");
    let from = scene.daemon.log().lines().len();
    let began = Instant::now();
    let commands: &[&str] = match scene.stage.is_in_process() {
        true => &["flood", "flood-long", "flood-stderr", "flood-stderr-long"],
        false => &["flood", "flood-long"],
    };
    for command in commands {
        // Logging takes its time.
        assert!(scene.told(command)["type"].is_string());
        scene.served("it has logged much");
    }
    scene.repair(false);
    scene.expect_rest();
    let lines = scene.daemon.log().lines().split_off(from);
    let most = commands.len() * (200 + 100 * (began.elapsed().as_secs() as usize + 1));
    assert!(lines.len() < most, "{} lines in {:?}", lines.len(), began.elapsed());
    for line in &lines {
        assert!(line.len() < 9000, "{} bytes: {line}", line.len());
        assert_eq!(line.matches("{\"timestamp\"").count(), usize::from(line.starts_with("{")), "two in one: {line}");
    }
    assert!(lines.iter().any(|line| line.contains("lines of the plugin were left out")));
    vec![]
}

fn nonsense(scene: &Scene<'_>) -> Told {
    const MALFORMED: [&str; 13] = [
        "garbage-decision",
        "not-utf8-pattern",
        "null-pattern",
        "null-permissions",
        "too-many-permissions",
        "huge-permissions",
        "too-long-reason",
        "wrong-size",
        "critical-access",
        "critical-attribute",
        "bad-attribute-key",
        "null-attributes",
        "null-verdict",
    ];
    scene.play("bad");
    for command in MALFORMED.iter().chain(&["silent", "unknown-status", "error"]) {
        unavailable(scene, command);
        scene.served(command);
    }
    for command in ["wrong-ticket", "twice"] {
        assert_eq!(scene.told(command)["type"], "authorization_ok", "{command}");
    }
    // The log names one a second, and counts the others.
    assert_eq!(scene.daemon.asked()["authenticator"]["malformed"], MALFORMED.len());
    let ends: &[&str] = match scene.stage.is_in_process() {
        true => &["exit", "say-garbage", "say-ready-again", "say-20-mib"],
        false => &[],
    };
    for command in ends {
        let before = count(scene, renewed(scene));
        // It may have answered before the relay has read the nonsense.
        assert!(scene.told(command)["type"].is_string());
        wait_for_more(scene, renewed(scene), before);
        scene.served(command);
    }
    scene.repair(false);
    scene.expect_rest();
    vec![(renewed(scene), ends.len())]
}

fn hangs_in_health(scene: &Scene<'_>) -> Told {
    const GIVEN_UP: &str = "it does not say how it is, so it is given up";
    let before = count(scene, GIVEN_UP);
    scene.stage.write("health", "hang");
    scene.play("health");
    wait_for_more(scene, GIVEN_UP, before);
    scene.stage.write("health", "good");
    scene.served("it was given up");
    scene.repair(true);
    // The one that asks, and the one that is in the plugin.
    scene.expect_hanging(&[&[("pusu-auth-healt", 2)]]);
    scene.release("release");
    vec![(GIVEN_UP, 1), (renewed(scene), 1)]
}

fn hangs_in_reload(scene: &Scene<'_>) -> Told {
    scene.play("reloads");
    for word in ["fail", "hang", "fail", "fail", "fail"] {
        scene.stage.write("word", word);
        scene.reload_in_vain();
        scene.served("its reload has failed");
    }
    scene.stage.write("word", "good");
    scene.repair(false);
    // However often it was told to while it hung, one thread hangs in it; the instance that was to replace it hangs too.
    scene.expect_hanging(&[&[("pusu-auth-creat", 1), ("pusu-auth-reloa", 1)]]);
    scene.release("release");
    vec![("cannot reload, so that a new instance is made", 5), ("nothing was changed", 5)]
}

fn hangs_in_cancel(scene: &Scene<'_>) -> Told {
    scene.play("cancel");
    // Calls that take too long are cancelled. The last one returns late, and all the same.
    for _ in 0..3 {
        unavailable(scene, "sleep-2s");
        scene.served("cancelling hangs");
    }
    scene.repair(false);
    scene.expect_hanging(&[&[("pusu-canceller", 1)]]);
    scene.release("release");
    vec![]
}

fn hangs_in_ended(scene: &Scene<'_>) -> Told {
    scene.play("ended");
    for _ in 0..3 {
        // It is gone as soon as it has been let in.
        scene.served("news of grants wait");
    }
    scene.repair(true);
    scene.expect_hanging(&[&[("pusu-auth-heard", 1)]]);
    scene.release("release");
    vec![]
}

fn hangs_in_destroy(scene: &Scene<'_>) -> Told {
    scene.play("destroy");
    scene.repair(true);
    // The last one of its threads destroys it, whichever that is.
    scene.expect_hanging(&[&[("pusu-auth-N", 1)], &[("pusu-canceller", 1)]]);
    scene.release("release");
    vec![]
}
