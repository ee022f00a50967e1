//! One authenticator after the other in one process.

use super::*;
use pusu_plugin_abi as abi;
use serde_json::json;

in_both_modes!(a_reload_reads_the_file_and_keeps_the_instance, a_reload_that_fails_or_is_late_makes_a_new_instance);

fn swapped(authenticator: &Authenticator, config: &AuthenticatorConfig) -> Swapped {
    authenticator.swap(config, PATIENCE, false).unwrap()
}

async fn word_of(authenticator: &Authenticator) -> Verdict {
    authenticator.authorize(request("word")).await
}

async fn a_reload_reads_the_file_and_keeps_the_instance(isolation: Isolation) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("word");
    std::fs::write(&file, "one").unwrap();
    let word_file = format!("-DWORD_FILE={file:?}");
    let plugins = Plugins::with(isolation, &[&word_file, "-DRELOADS"]);
    let authenticator = plugins.start();
    assert_eq!(word_of(&authenticator).await, Verdict::Refuse("one".into()));
    std::fs::write(&file, "two").unwrap();
    assert_eq!(swapped(&authenticator, &plugins.config()), Swapped::Reloaded);
    assert_eq!(word_of(&authenticator).await, Verdict::Refuse("two".into()));
    assert_eq!(authenticator.generation(), 2, "what was granted before is asked again");
    assert_eq!(authenticator.swap(&plugins.config(), PATIENCE, true).unwrap(), Swapped::Renewed);
}

async fn a_reload_that_fails_or_is_late_makes_a_new_instance(isolation: Isolation) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("word");
    std::fs::write(&file, "one").unwrap();
    let word_file = format!("-DWORD_FILE={file:?}");
    let plugins = Plugins::with(isolation, &[&word_file, "-DRELOADS"]);
    let authenticator = plugins.start();
    std::fs::write(&file, "fail").unwrap();
    let error = format!("{:#}", authenticator.swap(&plugins.config(), PATIENCE, false).unwrap_err());
    assert!(error.contains("failed in `create`"), "{error}");
    assert_eq!((word_of(&authenticator).await, authenticator.generation()), (Verdict::Refuse("one".into()), 1));
    std::fs::write(&file, "two").unwrap();
    assert_eq!(swapped(&authenticator, &plugins.config()), Swapped::Reloaded);
    assert_eq!(word_of(&authenticator).await, Verdict::Refuse("two".into()));
}

async fn version_of(authenticator: &Authenticator) -> Verdict {
    authenticator.authorize(request("version")).await
}

#[tokio::test]
async fn another_file_takes_over_and_an_equal_one_makes_a_new_instance() {
    let plugins = Plugins::with(Isolation::Thread, &["-DVERSION=\"1\""]);
    let authenticator = plugins.start();
    assert_eq!(authenticator.generation(), 1);
    assert_eq!(swapped(&authenticator, &plugins.config()), Swapped::Renewed);
    plugins.compile("bad.so", &["-DVERSION=\"2\""]);
    assert_eq!(version_of(&authenticator).await, Verdict::Refuse("1".into()));
    assert_eq!(swapped(&authenticator, &plugins.config()), Swapped::Replaced);
    assert_eq!(version_of(&authenticator).await, Verdict::Refuse("2".into()));
    assert_eq!((authenticator.generation(), authenticator.identity().version.as_str()), (3, "2"));
    let Verdict::Grant(grant) = authenticator.authorize(request("grant")).await else { panic!("must grant") };
    assert_eq!(grant.generation, 3);
    // Back to the first, which is loaded still.
    plugins.compile("bad.so", &["-DVERSION=\"1\""]);
    assert_eq!(swapped(&authenticator, &plugins.config()), Swapped::Replaced);
    assert_eq!(version_of(&authenticator).await, Verdict::Refuse("1".into()));
}

#[tokio::test]
async fn other_options_or_another_time_limit_make_a_new_instance() {
    let plugins = Plugins::with(Isolation::Thread, &[]);
    let authenticator = plugins.start();
    let mut config = plugins.config();
    config.options.insert("text".into(), json!("new"));
    assert_eq!(swapped(&authenticator, &config), Swapped::Replaced);
    let Verdict::Refuse(said) = authenticator.authorize(request("options")).await else { panic!("must refuse") };
    assert!(said.contains("new"), "{said}");
    assert_eq!(authenticator.swap(&config, PATIENCE / 2, false).unwrap(), Swapped::Replaced);
    assert_eq!(authenticator.generation(), 3);
}

#[tokio::test]
async fn what_fails_changes_nothing() {
    let plugins = Plugins::with(Isolation::Thread, &["-DVERSION=\"1\""]);
    let authenticator = plugins.start();
    let mut config = plugins.config();
    config.on_swap = OnSwap::Reauthorize;
    for switches in [&["-DCREATE_STATUS=PUSU_ERR"][..], &["-DNULL_TABLE"], &["-DNO_MANIFEST"]] {
        plugins.compile("bad.so", switches);
        let error = format!("{:#}", authenticator.swap(&config, PATIENCE, false).unwrap_err());
        assert!(error.contains("bad.so"), "{error}");
    }
    assert_eq!(version_of(&authenticator).await, Verdict::Refuse("1".into()));
    assert!(authenticator.generation() == 1 && !authenticator.reauthorizes());
}

#[tokio::test]
async fn an_instance_that_has_panicked_is_replaced_by_a_new_one() {
    let plugins = Plugins::with(Isolation::Thread, &[]);
    let config = AuthenticatorConfig { restarts: false, ..plugins.config() };
    let authenticator = Authenticator::start(&config, PATIENCE).unwrap();
    assert!(matches!(authenticator.authorize(request("panic")).await, Verdict::Unavailable(_)));
    until("it is given up", || !authenticator.ready()).await;
    assert_eq!(swapped(&authenticator, &config), Swapped::Renewed);
    assert!(matches!(authenticator.authorize(request("grant")).await, Verdict::Grant(_)));
}

#[tokio::test]
async fn libraries_are_counted_and_at_last_refused() {
    let plugins = Plugins::with(Isolation::Thread, &["-DVERSION=\"0\""]);
    let authenticator = plugins.start();
    let first = std::fs::read(plugins.path().join("bad.so")).unwrap();
    // What stands behind an ELF file's last section is not looked at, but makes it another file.
    for more in 1..64_u8 {
        std::fs::write(plugins.path().join("bad.so"), [&first[..], &[more]].concat()).unwrap();
        assert_eq!(swapped(&authenticator, &plugins.config()), Swapped::Replaced);
    }
    std::fs::write(plugins.path().join("bad.so"), [&first[..], b"one too many"].concat()).unwrap();
    let error = format!("{:#}", authenticator.swap(&plugins.config(), PATIENCE, false).unwrap_err());
    assert!(error.contains("bad.so would be library number 65") && error.contains("restart"), "{error}");
    assert_eq!(authenticator.generation(), 64);
    std::fs::write(plugins.path().join("bad.so"), &first).unwrap();
    assert_eq!(swapped(&authenticator, &plugins.config()), Swapped::Replaced, "that one is loaded");
}

#[tokio::test]
async fn no_swap_means_that_no_second_one_is_loaded() {
    let no_swap = format!("-DFLAGS={}", abi::F_NO_SWAP);
    let plugins = Plugins::with(Isolation::Thread, &["-DVERSION=\"1\""]);
    let authenticator = plugins.start();
    plugins.compile("bad.so", &["-DVERSION=\"2\"", &no_swap]);
    let error = format!("{:#}", authenticator.swap(&plugins.config(), PATIENCE, false).unwrap_err());
    assert!(error.contains("NO_SWAP") && error.contains("restart the daemon"), "{error}");
    assert!(error.starts_with("a restart would bring another version of its library: "), "{error}");
    // The first of its kind can take over from something else, and its options can change.
    plugins.compile("bad.so", &["-DID=\"Other\"", &no_swap]);
    let mut config = plugins.config();
    config.id = "Other".into();
    assert_eq!(swapped(&authenticator, &config), Swapped::Replaced);
    config.options.insert("text".into(), json!("new"));
    assert_eq!(swapped(&authenticator, &config), Swapped::Replaced);
    assert_eq!(authenticator.generation(), 3);
}
