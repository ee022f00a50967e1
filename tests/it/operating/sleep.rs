//! A machine that sleeps: the clock of timers stands still meanwhile, and the date goes on.
//!
//! The relay is stopped, and when it goes on its clock of timers is behind by as long as it was, which is all that a
//! process sees of a machine's sleep.

use crate::harness::{Daemon, Setup, root, run};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// How long authorizations last; the sleep is longer.
const LIFE: Duration = Duration::from_secs(2);
const SLEEP: Duration = Duration::from_secs(4);
/// How long after it has woken an authorization may still have an effect: far less than is left of it on the clock of
/// timers.
const LATE_MAX: Duration = Duration::from_secs(1);

/// A relay that can be sent to sleep.
struct Sleeper {
    daemon: Daemon,
    late: PathBuf,
    /// Where the library in front of the C library lies, and by how much it is late.
    _folder: tempfile::TempDir,
}

impl Sleeper {
    fn new(setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (library, late) = (folder.path().join("late_clock.so"), folder.path().join("late"));
        let source = root().join("tests/fixtures/late_clock.c");
        let flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"];
        run(Command::new("cc").args(flags).args([&library, &source])).succeeds();
        fs::write(&late, 0_i64.to_ne_bytes()).unwrap();
        let daemon = setup.env("LD_PRELOAD", &library).env("LATE_CLOCK", &late).start();
        Self { daemon, late, _folder: folder }
    }

    /// Sleeps for [`SLEEP`]; `meanwhile` is done at the end of it.
    fn sleep(&self, meanwhile: impl FnOnce()) {
        let began = Instant::now();
        self.daemon.freeze();
        // The sleep itself is what is tested.
        thread::sleep(SLEEP);
        meanwhile();
        let behind = i64::try_from(began.elapsed().as_nanos()).unwrap();
        fs::write(&self.late, behind.to_ne_bytes()).unwrap();
        self.daemon.thaw();
    }
}

fn authorizations_end_while_the_machine_sleeps(shards: usize) {
    let sleeper = Sleeper::new(Setup::on_shards(shards));
    let daemon = &sleeper.daemon;
    let ends = |words: &str| format!("{words} expires={}", LIFE.as_millis());
    let mut source = daemon.client();
    let mut all = daemon.client_with(&ends("read=*"));
    let mut some = daemon.client_with("read=stays");
    some.authorize(&ends("read=ends"));
    all.subscribe("ends");
    some.subscribe("ends");
    some.subscribe("stays");
    source.publish("ends", json!("before"));
    for client in [&mut all, &mut some] {
        client.expect_publish("ends", json!("before"));
    }
    // What comes at the end of the sleep is past the end already.
    sleeper.sleep(|| {
        source.publish("ends", json!("past the end"));
        source.publish("stays", json!("goes on"));
    });
    let woken = Instant::now();
    all.expect_text(r#"{"type":"authorization_failed","reason":"expired"}"#);
    all.expect_closed(4501);
    let mut told = [some.next_text(), some.next_text()];
    assert!(woken.elapsed() < LATE_MAX, "it took {:?}", woken.elapsed());
    told.sort();
    let expected = [
        r#"{"type":"publish","channel":"stays","content":"goes on"}"#,
        r#"{"type":"subscription_ended","channel":"ends","reason":"expired"}"#,
    ];
    assert_eq!(told, expected);
    source.publish("ends", json!("long past the end"));
    source.publish("stays", json!("still"));
    some.expect_publish("stays", json!("still"));
    some.expect_no_answer();
}

#[test]
fn authorizations_end_while_the_machine_sleeps_on_1_shard() {
    authorizations_end_while_the_machine_sleeps(1);
}

#[test]
fn authorizations_end_while_the_machine_sleeps_on_3_shards() {
    authorizations_end_while_the_machine_sleeps(3);
}

/// A client can do nothing while the machine sleeps, and so loses no time.
#[test]
fn clients_lose_no_time_while_the_machine_sleeps() {
    let sleeper = Sleeper::new(Setup::on_shards(1).settings("limits: {authorize_timeout: 3s, message_timeout: 3s}"));
    let mut waiting = sleeper.daemon.connect();
    sleeper.sleep(|| {});
    waiting.authorize("both=*");
    waiting.subscribe("in time");
}
