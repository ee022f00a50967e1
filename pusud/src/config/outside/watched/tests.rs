//! Files that change, break and are mended, look by look.

use super::*;
use std::fs;
use tempfile::TempDir;

/// Settings with a password in each of two files, and their watch.
fn watched() -> (TempDir, WatchedFiles) {
    let folder = tempfile::tempdir().unwrap();
    let settings = "authenticator: A\npasswords: {!file a: [], !file b: []}";
    for (name, content) in [("a", "a-1"), ("b", "b-1"), ("settings.yaml", settings)] {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let (config, _) = Config::load(Some(&folder.path().join("settings.yaml")), &Overrides::default()).unwrap();
    let files = WatchedFiles::of(&config);
    assert!(files.needs_watcher() && !files.needs_watcher(), "one thread is enough");
    (folder, files)
}

fn look(files: &WatchedFiles) -> (Vec<String>, bool) {
    let look = files.look().unwrap();
    (look.notices.iter().map(Notice::to_string).collect(), look.has_changed)
}

fn passwords(files: &WatchedFiles) -> Option<(Changed, Vec<String>)> {
    let (changed, config) = files.changed(&Overrides::default())?;
    let passwords = config.unwrap().authenticator.original_options["passwords"].clone();
    Some((changed, passwords.as_object().unwrap().keys().cloned().collect()))
}

#[test]
fn a_text_is_taken_once_it_was_there_twice() {
    let (folder, files) = watched();
    assert_eq!(look(&files), (vec![], false));
    assert!(passwords(&files).is_none());
    for half in ["a-", "a-2"] {
        fs::write(folder.path().join("a"), half).unwrap();
        assert_eq!(look(&files), (vec![], false), "it may be half of it");
        assert!(passwords(&files).is_none());
    }
    assert_eq!(look(&files), (vec![], true));
    let (changed, found) = passwords(&files).unwrap();
    assert_eq!((&changed.files[..], found), (&[folder.path().join("a")][..], vec!["a-2".into(), "b-1".into()]));
    files.take(changed);
    assert_eq!(look(&files), (vec![], false));
    assert!(passwords(&files).is_none());
}

#[test]
fn a_broken_file_is_said_once_and_keeps_its_text_whatever_becomes_of_the_others() {
    let (folder, files) = watched();
    fs::remove_file(folder.path().join("a")).unwrap();
    fs::write(folder.path().join("b"), "b-2").unwrap();
    let (notices, has_changed) = look(&files);
    assert!(notices.len() == 1 && !has_changed, "{notices:?}");
    assert!(notices[0].contains("there is no such file") && notices[0].ends_with("; the text read before stays"));
    assert_eq!(look(&files), (vec![], true));
    let (changed, found) = passwords(&files).unwrap();
    assert_eq!(found, ["a-1", "b-2"]);
    files.take(changed);
    let faults = || files.report().into_iter().map(|file| file.fault.is_some()).collect::<Vec<_>>();
    assert_eq!(faults(), [true, false]);
    fs::write(folder.path().join("a"), "").unwrap();
    assert!(look(&files).0[0].contains("is empty"), "another fault is said, too");
    fs::write(folder.path().join("a"), "a-1").unwrap();
    assert!(look(&files).0[0].ends_with("is in order again"));
    assert_eq!((look(&files), faults()), ((vec![], false), vec![false, false]));
}

#[test]
fn a_text_that_is_not_taken_is_offered_once() {
    let (folder, files) = watched();
    fs::write(folder.path().join("a"), "b-1").unwrap();
    look(&files);
    assert_eq!(look(&files), (vec![], true));
    let (changed, config) = files.changed(&Overrides::default()).unwrap();
    let error = format!("{:#}", config.unwrap_err());
    assert!(error.contains("a key below it stands there twice") && !error.contains("b-1"), "{error}");
    files.refuse(changed, "no");
    assert_eq!(look(&files), (vec![], false));
    assert_eq!(files.report()[0].fault.as_deref(), Some("its text was not taken: no"));
    assert_eq!(files.report()[1].fault, None);
    fs::write(folder.path().join("a"), "a-3").unwrap();
    look(&files);
    assert_eq!(look(&files), (vec![], true));
    files.take(passwords(&files).unwrap().0);
    assert_eq!(files.report()[0].fault, None);
}

#[test]
fn settings_that_are_read_again_keep_the_time_of_what_stays() {
    let (folder, files) = watched();
    let before = files.report();
    fs::write(folder.path().join("b"), "b-2").unwrap();
    let (config, _) = Config::load(Some(&folder.path().join("settings.yaml")), &Overrides::default()).unwrap();
    files.replace(&config);
    let after = files.report();
    assert_eq!(after[0], before[0]);
    assert!(after[1].since > before[1].since);
    fs::write(folder.path().join("settings.yaml"), "authenticator: A").unwrap();
    let (config, _) = Config::load(Some(&folder.path().join("settings.yaml")), &Overrides::default()).unwrap();
    files.replace(&config);
    assert!(files.look().is_none() && !files.needs_watcher(), "nobody has to look");
}

#[test]
#[cfg(unix)]
fn a_file_that_is_opened_to_others_is_said_once_for_each_mode() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, files) = watched();
    let mode = |mode| fs::set_permissions(folder.path().join("a"), fs::Permissions::from_mode(mode)).unwrap();
    let said = |wanted: &str| {
        let (notices, _) = look(&files);
        assert!(notices.len() == 1 && notices[0].contains(wanted), "{wanted}: {notices:?}");
        assert!(look(&files).0.is_empty(), "it is said once");
    };
    // The files of the test are as the system makes them, which the reading has said.
    mode(0o600);
    assert!(look(&files).0.is_empty());
    mode(0o644);
    said("/a is open to everybody (mode 0644)");
    fs::write(folder.path().join("a"), "a-2").unwrap();
    mode(0o666);
    said("(mode 0666)");
    assert_eq!(look(&files), (vec![], true), "the text is followed all the same");
    mode(0o600);
    assert!(look(&files).0.is_empty());
    mode(0o644);
    said("(mode 0644)");
    let (config, warnings) = Config::load(Some(&folder.path().join("settings.yaml")), &Overrides::default()).unwrap();
    assert!(warnings.iter().any(|warning| warning.contains("/a is open")), "{warnings:?}");
    files.replace(&config);
    assert!(look(&files).0.is_empty(), "the reading has said it");
}
