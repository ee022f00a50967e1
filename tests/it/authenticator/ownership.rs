//! Owners and modes: what is above a plugin, and what is loaded with it, is nobody else's to change.

use crate::harness::{Finished, PluginsDir, Setup, bad_plugin, library_name, not_run, pusud, run};
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

const STRICT: &str = "strict_plugin_permissions: true\n";
/// A user that is neither root nor this one.
const THIRD_USER: u32 = 12345;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Gives something to a third user; false, and said, if only root could.
fn give_away(what: &Path, test: &str) -> bool {
    let given = chown(what, Some(THIRD_USER), None);
    if given.is_err() {
        not_run(test, "only root can give something away");
    }
    given.is_ok()
}

/// A folder `above/plugins` with one plugin, and `lib` in it for what it needs.
struct Tree(tempfile::TempDir);

impl Tree {
    /// With a plugin that is compiled with these switches too.
    fn new(switches: &[&str]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(tree.lib()).unwrap();
        // Whatever this user's mask is.
        for folder in [tree.above(), tree.plugins(), tree.lib()] {
            set_mode(&folder, 0o755);
        }
        tree.put(switches);
        tree
    }

    /// With a plugin that needs `libsibling.so`, which needs `libcousin.so`, each with this run path. Both lie in
    /// `plugins/lib`.
    fn with_siblings(run_path: &str) -> Self {
        let tree = Self::new(&[]);
        let source = tree.0.path().join("sibling.c");
        fs::write(&source, "int NAME(void) { return 0; }\n").unwrap();
        let compile = |name: &str, more: &[String]| {
            let out = tree.lib().join(format!("lib{name}.so"));
            let mut compiler = Command::new("cc");
            compiler.args(["-shared", "-fPIC", &format!("-DNAME={name}"), &format!("-Wl,-soname,lib{name}.so")]);
            run(compiler.arg("-o").arg(&out).arg(&source).args(more)).succeeds();
            set_mode(&out, 0o755);
            out.to_str().unwrap().to_owned()
        };
        let cousin = compile("cousin", &[]);
        let sibling = compile("sibling", &["-Wl,--no-as-needed".into(), "-Wl,-rpath,$ORIGIN".into(), cousin]);
        let rpath = format!("-Wl,-rpath,{}", run_path.replace("LIB", tree.lib().to_str().unwrap()));
        let link = format!("-Wl,-rpath-link,{}", tree.lib().display());
        tree.put(&["-Wl,--no-as-needed", &sibling, &rpath, &link]);
        tree
    }

    fn put(&self, switches: &[&str]) {
        let made = PluginsDir::empty();
        fs::copy(bad_plugin(&made, switches), self.plugin()).unwrap();
        set_mode(&self.plugin(), 0o755);
    }

    fn above(&self) -> PathBuf {
        self.0.path().join("above")
    }

    fn plugins(&self) -> PathBuf {
        self.above().join("plugins")
    }

    fn plugin(&self) -> PathBuf {
        self.plugins().join(library_name("bad_plugin"))
    }

    fn lib(&self) -> PathBuf {
        self.plugins().join("lib")
    }

    /// Asks `pusud check` about a relay with the plugin.
    fn check(&self, settings: &str) -> Finished {
        self.check_in(&self.plugins(), settings)
    }

    fn check_in(&self, folder: &Path, settings: &str) -> Finished {
        let file = self.0.path().join("settings.yaml");
        fs::write(&file, format!("authenticator: BadPlugin\nplugins_dir: {folder:?}\n{settings}")).unwrap();
        run(pusud(&["check", "--config"]).arg(file))
    }

    fn inspected(&self) -> Value {
        let said = run(pusud(&["plugins", "inspect", "--json"]).arg(self.plugin())).stdout;
        serde_json::from_str(&said).unwrap()
    }

    fn pin(&self) -> String {
        format!("authenticator_sha256: {}\n", self.inspected()["sha256"])
    }

    /// It is refused, in so many words, by whatever looks at plugins.
    #[track_caller]
    fn is_refused(&self, settings: &str, parts: &[&str]) {
        self.check(settings).fails_saying(parts);
        if !settings.contains(STRICT) {
            let errors = self.inspected()["errors"].to_string();
            let listed = run(pusud(&["plugins", "list"]).arg(self.plugins())).succeeds();
            for part in parts {
                assert!(errors.contains(part), "{part} is not in:\n{errors}");
                assert!(listed.contains(part), "{part} is not in:\n{listed}");
            }
        }
    }

    /// It is loaded with a warning, and refused where that is asked for.
    #[track_caller]
    fn is_doubtful(&self, settings: &str, parts: &[&str]) {
        let checked = self.check(settings);
        assert!(checked.status.success(), "{}", checked.stderr);
        let warnings = self.inspected()["warnings"].to_string();
        for part in parts {
            assert!(checked.stderr.contains(part), "{part} is not in:\n{}", checked.stderr);
            assert!(warnings.contains(part), "{part} is not in:\n{warnings}");
        }
        let strict: Vec<&str> = parts.iter().copied().chain(["`strict_plugin_permissions` is on"]).collect();
        self.is_refused(&format!("{settings}{STRICT}"), &strict);
    }

    #[track_caller]
    fn is_sound(&self, settings: &str) {
        let checked = self.check(&format!("{settings}{STRICT}"));
        assert!(checked.status.success(), "{}", checked.stderr);
    }
}

fn chown_it(folder: &Path) -> String {
    format!("`chown root:root {}`", folder.display())
}

fn chmod_it(folder: &Path) -> String {
    format!("`chmod go-w {}`", folder.display())
}

#[test]
fn the_plugins_folder_of_a_third_user_stops_the_start() {
    let plugins = PluginsDir::empty();
    let library = bad_plugin(&plugins, &[]);
    let pinned = run(pusud(&["plugins", "inspect", "--json"]).arg(&library)).succeeds();
    let pinned: Value = serde_json::from_str(&pinned).unwrap();
    set_mode(plugins.path(), 0o755);
    if !give_away(plugins.path(), "the plugins folder of a third user") {
        return;
    }
    let folder = plugins.path().to_owned();
    let starting = Setup::on_shards(1).authenticator("BadPlugin", plugins).spawn();
    let log = starting.log().clone();
    assert_eq!(starting.wait().code(), Some(1), "{}", log.text());
    for part in [&format!("lies in {}", folder.display()), "which belongs to user 12345", &chown_it(&folder)] {
        assert!(log.text().contains(part), "{part} is not in:\n{}", log.text());
    }
    // The hash is as good.
    let original = PluginsDir::empty();
    let plugins = PluginsDir::with([bad_plugin(&original, &[])]);
    chown(plugins.path(), Some(THIRD_USER), None).unwrap();
    let settings = format!("{STRICT}authenticator_sha256: {}", pinned["sha256"]);
    let daemon = Setup::on_shards(1).authenticator("BadPlugin", plugins).settings(&settings).start();
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": "grant"}));
    client.expect_text(r#"{"type":"authorization_ok"}"#);
}

#[test]
fn a_folder_of_a_third_user_above_is_refused() {
    for which in [Tree::plugins, Tree::above] {
        let tree = Tree::new(&[]);
        tree.is_sound("");
        let folder = which(&tree);
        if !give_away(&folder, "a plugin in a folder of a third user") {
            return;
        }
        tree.is_refused("", &["which belongs to user 12345", &chown_it(&folder), "`authenticator_sha256`"]);
        tree.is_sound(&tree.pin());
        // Who owns a sticky folder may move what lies in it.
        set_mode(&folder, 0o1755);
        tree.is_refused("", &[&chown_it(&folder)]);
    }
}

#[test]
fn a_folder_above_that_others_may_write() {
    for which in [Tree::plugins, Tree::above] {
        let tree = Tree::new(&[]);
        let folder = which(&tree);
        set_mode(&folder, 0o775);
        tree.is_doubtful("", &["can replace it", &chmod_it(&folder), "`authenticator_sha256`"]);
        tree.is_sound(&tree.pin());
        set_mode(&folder, 0o757);
        tree.is_refused("", &["where everybody can replace it", &chmod_it(&folder), "`authenticator_sha256`"]);
        tree.is_sound(&tree.pin());
        // As /tmp is.
        set_mode(&folder, 0o1777);
        tree.is_sound("");
    }
}

/// The way to the link counts, and the way from there.
#[test]
fn links_to_a_plugins_folder() {
    let tree = Tree::new(&[]);
    let aside = tempfile::tempdir().unwrap();
    symlink(tree.plugins(), aside.path().join("link")).unwrap();
    let link = aside.path().join("link");
    let check = || tree.check_in(&link, STRICT);
    assert!(check().status.success(), "{}", check().stderr);
    for folder in [aside.path(), &tree.above()] {
        set_mode(folder, 0o777);
        check().fails_saying(&["where everybody can replace it", &chmod_it(folder)]);
        set_mode(folder, 0o755);
    }
    set_mode(aside.path(), 0o1777);
    assert!(check().status.success(), "{}", check().stderr);
    // In a sticky folder it is its owner's to replace.
    match std::os::unix::fs::lchown(&link, Some(THIRD_USER), None) {
        Ok(()) => drop(check().fails_saying(&["symbolic link", "belongs to user 12345", "`chown -h root:root"])),
        Err(_) => not_run("the link of a third user", "only root can give something away"),
    }
}

/// The system's loader opens siblings by their paths, so the plugin's hash says nothing of them; with a whole path as the
/// run path the plugin itself is loaded from a copy.
#[test]
fn what_is_loaded_with_a_plugin_is_nobody_elses_to_write() {
    for run_path in ["$ORIGIN/lib", "LIB"] {
        let tree = Tree::with_siblings(run_path);
        tree.is_sound("");
        for settings in [String::new(), tree.pin()] {
            let (lib, shown) = (tree.lib(), tree.lib().display().to_string());
            set_mode(&lib, 0o775);
            tree.is_doubtful(&settings, &["looks for libraries in", &shown, "can put one", &chmod_it(&lib)]);
            // Sticky: whoever may write it can add one that is found earlier than the system's.
            for mode in [0o757, 0o1777] {
                set_mode(&lib, mode);
                tree.is_refused(
                    &settings,
                    &["looks for libraries in", &shown, "everybody can put one", &chmod_it(&lib)],
                );
            }
            set_mode(&lib, 0o755);
            for name in ["libsibling.so", "libcousin.so"] {
                let (file, needs) = (lib.join(name), format!("needs {shown}/{name}, which can be written by"));
                set_mode(&file, 0o775);
                tree.is_doubtful(&settings, &[&needs, "chmod g-w"]);
                set_mode(&file, 0o757);
                tree.is_refused(&settings, &[&needs, "everybody", "chmod o-w"]);
                set_mode(&file, 0o755);
            }
            tree.is_sound(&settings);
        }
    }
}

#[test]
fn what_is_loaded_with_a_plugin_is_no_third_users() {
    let tree = Tree::with_siblings("$ORIGIN/lib");
    for what in [tree.lib(), tree.lib().join("libsibling.so"), tree.lib().join("libcousin.so")] {
        if !give_away(&what, "a library of a third user, loaded with a plugin") {
            return;
        }
        tree.is_refused("", &[what.to_str().unwrap(), "which belongs to user 12345", "`chown root"]);
        tree.is_refused(&tree.pin(), &[what.to_str().unwrap(), "which belongs to user 12345"]);
        chown(&what, Some(0), None).unwrap();
        tree.is_sound("");
    }
    // The folder is a third user's, and so could the library be at any moment.
    fs::rename(tree.lib(), tree.above().join("lib")).unwrap();
    symlink("../lib", tree.lib()).unwrap();
    tree.is_sound("");
    chown(tree.above().join("lib"), Some(THIRD_USER), None).unwrap();
    tree.is_refused("", &["looks for libraries in", "which belongs to user 12345", "`chown root:root"]);
}

/// A folder that is not there can be made by whoever may write the one above.
#[test]
fn a_folder_for_libraries_that_is_missing() {
    let tree = Tree::new(&["-Wl,-rpath,$ORIGIN/../more/lib"]);
    tree.is_sound("");
    set_mode(&tree.above(), 0o1777);
    tree.is_refused("", &["more/lib, which lies in", "where everybody can make it", &chmod_it(&tree.above())]);
}
