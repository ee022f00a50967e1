//! From a name in the settings to a running authenticator, or to one message that says why not.

use super::*;
use serde_json::json;

in_both_modes!(
    a_good_plugin_starts_and_says_who_it_is,
    options_reach_the_plugin,
    libraries_that_cannot_serve_are_named_with_the_reason,
    a_missing_dependency_is_told_in_the_loaders_words,
    options_of_any_name_reach_a_plugin_that_checks_them_itself,
    a_second_set_of_symbols_is_left_alone,
    a_plugin_has_the_stack_that_it_is_promised,
);

#[tokio::test]
async fn none_is_built_in_and_grants_everything() {
    let mut config = Plugins::new(Isolation::Thread).config();
    config.id = BUILT_IN_ID.into();
    let none = Authenticator::start(&config, PATIENCE).unwrap();
    assert!(none.identity().path.is_none() && none.ready());
    let Verdict::Grant(grant) = none.authorize(request("")).await else { panic!("must grant") };
    assert_eq!(grant.permissions, [Permission::new("*", Access::READ_WRITE)]);
    config.options.insert("passwords".into(), json!([]));
    let error = format!("{:#}", Authenticator::start(&config, PATIENCE).err().unwrap());
    assert!(
        error.contains("`authenticator: None` takes no options") && error.contains("has 1; remove them"),
        "{error}"
    );
}

async fn a_good_plugin_starts_and_says_who_it_is(isolation: Isolation) {
    let plugins = Plugins::with(isolation, &["-DVERSION=\"2.7\""]);
    let authenticator = plugins.start();
    let identity = authenticator.identity();
    assert_eq!((identity.id.as_str(), identity.version.as_str()), ("BadPlugin", "2.7"));
    assert_eq!(identity.path.as_deref(), Some(plugins.path().join("bad.so").as_path()));
    assert_eq!(identity.sha256.len(), 64);
    assert!(identity.to_string().contains(&identity.sha256));
    let Verdict::Grant(grant) = authenticator.authorize(request("grant")).await else { panic!("must grant") };
    assert_eq!(grant.permissions, [Permission::new("a.*", Access::READ_WRITE)]);
    assert_eq!(grant.subject, "somebody");
    authenticator.stop();
    assert!(matches!(authenticator.authorize(request("grant")).await, Verdict::Unavailable(_)));
    assert!(!authenticator.ready());
}

async fn options_of_any_name_reach_a_plugin_that_checks_them_itself(isolation: Isolation) {
    let plugins = Plugins::with(isolation, &["-DOPTIONS=\"text,*\""]);
    let mut config = plugins.config();
    config.options.insert("anything".into(), json!({"at": ["all"]}));
    config.original_options.insert("passwords".into(), json!(["not its own"]));
    let authenticator = Authenticator::start(&config, PATIENCE).unwrap();
    let said = authenticator.authorize(request("options")).await;
    assert_eq!(said, Verdict::Refuse(r#"{"anything":{"at":["all"]}}"#.into()));
}

/// As a library may have that serves relays of ABI 1 and of ABI 2.
async fn a_second_set_of_symbols_is_left_alone(isolation: Isolation) {
    let authenticator = Plugins::with(isolation, &["-DSECOND_SET"]).start();
    assert!(matches!(authenticator.authorize(request("grant")).await, Verdict::Grant(_)));
}

async fn a_plugin_has_the_stack_that_it_is_promised(isolation: Isolation) {
    let plugins = Plugins::with(isolation, &["-DCREATE_STACK"]);
    let authenticator = plugins.start();
    assert!(matches!(authenticator.authorize(request("deep")).await, Verdict::Grant(_)));
}

async fn options_reach_the_plugin(isolation: Isolation) {
    let plugins = Plugins::with(isolation, &[]);
    let mut config = plugins.config();
    config.options.insert("text".into(), json!("hello"));
    config.original_options.insert("number".into(), json!(7));
    config.original_options.insert("passwords".into(), json!(["not its own"]));
    let authenticator = Authenticator::start(&config, PATIENCE).unwrap();
    let Verdict::Refuse(said) = authenticator.authorize(request("options")).await else { panic!("must refuse") };
    assert_eq!(serde_json::from_str::<serde_json::Value>(&said).unwrap(), json!({"number": 7, "text": "hello"}));
    config.options.insert("txt".into(), json!(1));
    let error = plugins.refusal(&config);
    assert!(error.contains("option 2 below `authenticator_options` (not shown"), "{error}");
    assert!(error.contains("did you mean `text`?") && error.contains("it takes: text, number"), "{error}");
    assert!(!error.contains("txt"), "{error}");
}

async fn libraries_that_cannot_serve_are_named_with_the_reason(isolation: Isolation) {
    for (switches, expected) in [
        (&["-DNO_MANIFEST"][..], "exports no `pusu_plugin_manifest`"),
        (&["-DRELOCATED", "-DNO_MANIFEST"], "has a manifest that only loading completes"),
        (&["-DNO_ENTRY"], "exports no `pusu_authenticator_entry`"),
        (&["-DBAD_MAGIC"], "begins with"),
        (&["-DABI_MAJOR=2u"], "built for plugin ABI 2.0, this daemon speaks 1.0"),
        (&["-DBAD_FINGERPRINT"], "fingerprint 000000000000002a"),
        (&["-DID=\"in valid\""], "has the id \"in valid\""),
        (&["-DNULL_TABLE"], "gives no table for plugin ABI 1"),
        (&["-DNULL_AUTHORIZE"], "`authorize` is NULL"),
        (&["-DTABLE_SIZE=48"], "and 48 bytes, expected are ABI 1.0 and 56 bytes"),
        (&["-DTABLE_FLAGS=2"], "flags 0x2 in its table and 0x0 in its manifest"),
        (&["-DMANIFEST_CHANGES"], "another manifest in memory than in its file"),
        (&["-DCREATE_STATUS=PUSU_ERR"], "failed in `create` (status -1): the option `text`\\nis not good"),
        (&["-DCREATE_STATUS=PUSU_ERR_CONFIG"], "does not take its options, correct them in the settings: the option"),
        (&["-DCREATE_STATUS=PUSU_ERR_ABI"], "cannot do without something that this daemon lacks"),
        (&["-DCREATE_STATUS=PUSU_ERR_PANIC"], "panicked in `create`"),
        (&["-DCREATE_STATUS=77", "-DCREATE_SILENT"], "(status 77): it gives no reason"),
        (&["-DCREATE_NOTHING"], "`*out` is NULL"),
    ] {
        let plugins = Plugins::with(isolation, switches);
        let error = plugins.refusal(&plugins.config());
        assert!(error.contains("`authenticator: BadPlugin`"), "{switches:?}: {error}");
        assert!(error.contains("bad.so") && error.contains(expected), "{switches:?}: {error}");
    }
}

#[test]
fn a_truncated_library_is_refused_wherever_it_is_cut() {
    let plugins = Plugins::with(Isolation::Thread, &[]);
    let whole = std::fs::read(plugins.path().join("bad.so")).unwrap();
    for tenth in 0..10 {
        std::fs::write(plugins.path().join("bad.so"), &whole[..whole.len() * tenth / 10]).unwrap();
        let error = plugins.refusal(&plugins.config());
        assert!(error.contains("bad.so: does not serve: it is"), "{error}");
    }
}

#[test]
fn two_files_with_one_id_are_both_named() {
    let plugins = Plugins::with(Isolation::Thread, &[]);
    std::fs::copy(plugins.path().join("bad.so"), plugins.path().join("copy.so")).unwrap();
    let error = plugins.refusal(&plugins.config());
    assert!(error.contains("two files") && error.contains("bad.so") && error.contains("copy.so"), "{error}");
}

#[test]
fn an_unknown_id_lists_what_is_there_and_the_nearest() {
    let plugins = Plugins::with(Isolation::Thread, &[]);
    std::fs::write(plugins.path().join("notes.so"), "no library").unwrap();
    let mut config = plugins.config();
    config.id = "BadPlugins".into();
    let error = plugins.refusal(&config);
    for part in ["did you mean `BadPlugin`?", "bad.so: BadPlugin 1.0", "notes.so: does not serve", "`plugins_dir`"] {
        assert!(error.contains(part), "{part} is missing: {error}");
    }
    let listed = list(plugins.path()).unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].manifest.as_ref().unwrap().options, ["text", "number"]);
    assert!(listed[1].manifest.is_err());
}

#[test]
fn the_pin_names_both_hashes() {
    let plugins = Plugins::with(Isolation::Thread, &[]);
    let found = plugins.start().identity().sha256;
    let mut config = plugins.config();
    config.sha256 = Some(found.clone());
    Authenticator::start(&config, PATIENCE).unwrap();
    config.sha256 = Some("00".repeat(32));
    let error = plugins.refusal(&config);
    assert!(error.contains(&found) && error.contains(&"00".repeat(32)), "{error}");
}

#[test]
#[cfg(unix)]
fn a_library_that_others_can_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let plugins = Plugins::with(Isolation::Thread, &[]);
    let file = plugins.path().join("bad.so");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o757)).unwrap();
    let error = plugins.refusal(&plugins.config());
    assert!(error.contains("bad.so can be written by everybody: `chmod o-w"), "{error}");
}

/// A library that was overwritten in place while it was loaded from there would end the process by SIGBUS at the next
/// call; and the path of a second image, if it came back, would give the first library again.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn replaced_while_loaded_the_old_keeps_working_and_the_new_loads_beside_it() {
    let plugins = Plugins::with(Isolation::Thread, &["-DVERSION=\"old\""]);
    let old = plugins.start();
    let file = plugins.path().join("bad.so");
    let len = std::fs::metadata(&file).unwrap().len();
    std::fs::File::options().write(true).open(&file).unwrap().set_len(0).unwrap();
    std::fs::File::options().write(true).open(&file).unwrap().set_len(len).unwrap();
    assert_eq!(old.authorize(request("version")).await, Verdict::Refuse("old".into()));
    plugins.compile("bad.so", &["-DVERSION=\"new\""]);
    let new = plugins.start();
    assert_eq!(new.authorize(request("version")).await, Verdict::Refuse("new".into()));
    assert_eq!(old.authorize(request("version")).await, Verdict::Refuse("old".into()));
    std::fs::remove_file(&file).unwrap();
    assert_eq!(new.authorize(request("version")).await, Verdict::Refuse("new".into()));
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_library_that_needs_its_folder_is_loaded_in_place() {
    for flags in ["-Wl,-rpath,$ORIGIN/lib", "-Wl,--disable-new-dtags,-rpath,${ORIGIN}"] {
        let authenticator = Plugins::with(Isolation::Thread, &[flags]).start();
        assert!(matches!(authenticator.authorize(request("grant")).await, Verdict::Grant(_)));
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let path = authenticator.identity().path.unwrap();
        assert!(maps.contains(path.to_str().unwrap()), "{flags}: must be mapped from {}", path.display());
    }
}

async fn a_missing_dependency_is_told_in_the_loaders_words(isolation: Isolation) {
    let plugins = Plugins::new(isolation);
    plugins.compile("libdependency.so", &["-DNO_MANIFEST"]);
    plugins.compile("bad.so", &["-Wl,--no-as-needed", plugins.path().join("libdependency.so").to_str().unwrap()]);
    std::fs::remove_file(plugins.path().join("libdependency.so")).unwrap();
    let error = plugins.refusal(&plugins.config());
    assert!(error.contains("cannot be loaded") && error.contains("libdependency.so"), "{error}");
}
