//! Files that change, break and are in order again, as a relay for tests sees them.

use super::*;
use crate::host::Level;
use crate::testing::Relay;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Instant;

const DEADLINE: Duration = Duration::from_secs(20);

struct Stage {
    relay: Relay,
    folder: tempfile::TempDir,
}

impl Stage {
    fn with(text: &str) -> Self {
        let stage = Self { relay: Relay::new(), folder: tempfile::tempdir().unwrap() };
        fs::write(stage.path(), text).unwrap();
        stage
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("number")
    }

    fn open(&self) -> Result<WatchedFile<u32>, CreateError> {
        WatchedFile::open(&self.relay.host(), "number_file", self.path(), 16, |content: &[u8]| {
            line(content)?.parse().map_err(|_| "expected a number".to_owned())
        })
    }

    fn metric(&self, name: &str) -> f64 {
        self.relay.metric(name, &[("option", "number_file")]).unwrap()
    }

    fn errors(&self) -> Vec<String> {
        let lines = self.relay.lines().into_iter();
        lines.filter(|line| line.level == Level::Error).map(|line| line.text).collect()
    }
}

/// Has the file look as if it had been written long ago.
fn settle(file: &Path) {
    let open = File::options().write(true).open(file).unwrap();
    open.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

#[test]
fn what_changes_holds_without_anybody_asking() {
    let stage = Stage::with("1\r\n");
    let file = stage.open().unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&told);
    file.on_change(move |before, now| kept.lock().unwrap().push((*before, *now)));
    assert_eq!((*file.current(), file.fault()), (1, None));
    let read_at = file.read_at();
    assert!((stage.metric("file_read_timestamp_seconds") - watched_seconds(read_at)).abs() < 1.0);
    fs::write(stage.path(), "2").unwrap();
    wait_for("the second number", || *file.current() == 2);
    assert!(file.read_at() > read_at);
    // As careful operators do it.
    let beside = stage.folder.path().join("beside");
    fs::write(&beside, "\u{feff}3\n").unwrap();
    fs::rename(&beside, stage.path()).unwrap();
    wait_for("the third number", || told.lock().unwrap().len() == 2);
    assert_eq!(*told.lock().unwrap(), [(1, 2), (2, 3)]);
    assert_eq!(stage.metric("file_failures_total"), 0.0);
}

fn watched_seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64()
}

#[test]
fn a_broken_file_changes_nothing_and_is_named_once() {
    let stage = Stage::with("1");
    let file = stage.open().unwrap();
    let place = format!("option `number_file`: {}: ", stage.path().display());
    let mut count = 0;
    for (content, what) in [
        (Some("one"), "expected a number"),
        (Some("12345678901234567"), "expected a file of at most 16 bytes, found a longer one"),
        (None, "No such file"),
    ] {
        match content {
            Some(content) => fs::write(stage.path(), content).unwrap(),
            None => fs::remove_file(stage.path()).unwrap(),
        }
        assert!(!file.look_now() && !file.look_now());
        count += 1;
        let errors = stage.errors();
        let last = errors.last().unwrap();
        assert!(last.starts_with(&format!("{place}{what}")) || cfg!(windows), "{last}");
        assert!(last.ends_with("; what was read before goes on to hold"), "{last}");
        assert_eq!((errors.len(), stage.metric("file_failures_total")), (count, count as f64));
        assert_eq!(*file.current(), 1);
        assert!(file.fault().is_some_and(|fault| last.contains(&fault)));
    }
    fs::write(stage.path(), "1").unwrap();
    assert!(file.look_now() && file.fault().is_none());
    assert!(stage.relay.lines().iter().any(|line| line.text.ends_with("is in order again")));
}

/// The same length, and perhaps the same time as the file system counts it.
#[test]
fn a_change_that_does_not_show_is_found_at_once() {
    let stage = Stage::with("1");
    let file = stage.open().unwrap();
    for number in 2..9 {
        fs::write(stage.path(), number.to_string()).unwrap();
        assert!(file.look_now());
        assert_eq!(*file.current(), number);
    }
}

#[test]
fn a_file_that_never_settles_is_not_read_for_every_stranger() {
    let stage = Stage::with("1");
    let open = File::options().write(true).open(stage.path()).unwrap();
    open.set_modified(SystemTime::now() + Duration::from_secs(3600)).unwrap();
    let file = stage.open().unwrap();
    assert_eq!((0..300).filter(|_| file.look_now()).count(), 100);
    settle(&stage.path());
    assert!((0..300).all(|_| file.look_now()), "one that has settled is not read at all");
}

#[test]
fn what_is_wrong_at_start_is_an_error_with_its_place() {
    let stage = Stage::with("one");
    let place = format!("option `number_file`: {}: ", stage.path().display());
    assert_eq!(stage.open().err().unwrap().to_string(), format!("{place}expected a number"));
    fs::write(stage.path(), b"\xff").unwrap();
    let text = stage.open().err().unwrap().to_string();
    assert_eq!(text, format!("{place}expected text, found bytes that are not UTF-8"));
    let parse = |content: &[u8]| Ok(content.len());
    assert_eq!(read("number_file", stage.path(), 1, parse), Ok(1));
    let text = read("number_file", stage.path(), 0, parse).unwrap_err().to_string();
    assert_eq!(text, format!("{place}expected a file of at most 0 bytes, found a longer one"));
    fs::remove_file(stage.path()).unwrap();
    assert!(stage.open().err().unwrap().to_string().starts_with(&place));
}

#[test]
fn nothing_is_left_running() {
    let stage = Stage::with("1");
    drop(stage.open().unwrap());
    fs::write(stage.path(), "one").unwrap();
    assert_eq!(stage.errors(), Vec::<String>::new());
}

#[test]
#[cfg(unix)]
fn a_pipe_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let error = |path: &Path| content(path, 10).err().unwrap();
    assert!(error(&pipe).contains("found a pipe"));
    assert!(error(folder.path()).contains("found a folder"));
}

/// A copy that keeps the time, or a tool that sets it back, does not hide a change.
#[test]
#[cfg(unix)]
fn another_content_of_the_same_length_and_time_is_another_state() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "one").unwrap();
    let before = path.metadata().unwrap();
    let began = std::time::Instant::now();
    // The system's clock for files ticks some hundred times a second.
    loop {
        std::fs::write(&path, "two").unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(before.modified().unwrap()).unwrap();
        let now = path.metadata().unwrap();
        assert_eq!((now.modified().unwrap(), now.len()), (before.modified().unwrap(), before.len()));
        if FileState::of(&now) != FileState::of(&before) {
            break;
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(20), "the change is not seen");
    }
}

#[test]
#[cfg(unix)]
fn who_else_may_read_or_write_is_said_once_and_again_after_a_change() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::with("1");
    let set = |mode| fs::set_permissions(stage.path(), fs::Permissions::from_mode(mode)).unwrap();
    let warnings = || {
        let lines = stage.relay.lines().into_iter().filter(|line| line.level == Level::Warn);
        lines.map(|line| line.text).collect::<Vec<_>>()
    };
    set(0o604);
    let file = stage.open().unwrap();
    assert_eq!(warnings(), Vec::<String>::new(), "nobody has asked");
    file.guard(|number| *number < 10);
    assert!(file.look_now() && file.look_now());
    let place = format!("option `number_file`: {}: can be ", stage.path().display());
    let mut wanted = vec!["read by everybody (mode 0604), and it holds a secret"];
    let check = |wanted: &[&str]| {
        let said = warnings();
        assert!(said.len() == wanted.len(), "{said:?}\n{wanted:?}");
        for (said, wanted) in said.iter().zip(wanted) {
            assert!(said.starts_with(&format!("{place}{wanted}")), "{said}");
        }
    };
    check(&wanted);
    // What holds now is no secret any more.
    fs::write(stage.path(), "10").unwrap();
    assert!(file.look_now());
    check(&wanted);
    // Another mode alone is a change, also of a file that has settled.
    settle(&stage.path());
    assert!(file.look_now());
    set(0o666);
    assert!(file.look_now() && file.look_now());
    wanted.push("written by everybody (mode 0666), and whoever writes it decides");
    check(&wanted);
    set(0o600);
    assert!(file.look_now());
    set(0o620);
    assert!(file.look_now());
    wanted.push("written by its group (mode 0620)");
    check(&wanted);
    // At a check, which watches nothing.
    warn_of_others(&stage.relay.host(), "number_file", stage.path(), true);
    wanted.push("written by its group (mode 0620)");
    check(&wanted);
    set(0o640);
    warn_of_others(&stage.relay.host(), "number_file", stage.path(), true);
    warn_of_others(&stage.relay.host(), "number_file", stage.folder.path().join("none"), true);
    check(&wanted);
}
