//! The pages about authenticators, held to their word: their settings are accepted, their JSON parses, their commands and
//! programs run as they are printed.

use crate::harness::{
    DEADLINE, PluginsDir, ReservedPort, Running, blocks, certificate_plugin, example_c_plugin, example_cpp_plugin,
    http_plugin, jwt_plugin, kept_target, my_plugin, pages_below, password_plugin, pusud, root, run, run_as_printed,
    script,
};
use serde_json::Value;
use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

fn bundled() -> [PathBuf; 7] {
    [
        password_plugin(),
        jwt_plugin(),
        http_plugin(),
        certificate_plugin(),
        my_plugin(),
        example_c_plugin(),
        example_cpp_plugin(),
    ]
}

/// The pages with settings that stand for a whole file.
fn pages_with_settings() -> Vec<String> {
    let mut pages = pages_below("plugins");
    pages.extend(["docs/authenticators.md".to_owned(), "docs/protocol/client.md".to_owned()]);
    pages
}

fn check(settings: &Path, plugins: &PluginsDir) -> String {
    let shown = run(pusud(&["check", "--plugins-dir"]).arg(plugins.path()).arg("--config").arg(settings)).succeeds();
    assert!(shown.contains("everything is in order"), "{shown}");
    shown
}

#[test]
fn their_settings_are_accepted() {
    let (plugins, dir) = (PluginsDir::with(bundled()), tempfile::tempdir().unwrap());
    let settings = dir.path().join("settings.yaml");
    let mut checked = 0;
    for page in pages_with_settings() {
        for block in blocks(&page, "yaml") {
            println!("{page}:\n{block}");
            fs::write(&settings, block).unwrap();
            check(&settings, &plugins);
            checked += 1;
        }
    }
    assert!(checked >= 8, "the pages have lost their settings: {checked}");
}

#[test]
fn every_plugin_has_a_page_and_settings_that_are_accepted() {
    let plugins = PluginsDir::with(bundled());
    let index = fs::read_to_string(root().join("plugins/README.md")).unwrap();
    assert!(index.lines().count() <= 40, "plugins/README.md is an index, and the plugins' own pages have the rest");
    for (folder, id) in [
        ("password", "PasswordAuthenticator"),
        ("jwt", "JwtAuthenticator"),
        ("http", "HttpAuthenticator"),
        ("certificate", "CertificateAuthenticator"),
        ("my-authenticator", "MyAuthenticator"),
        ("example-c", "ExampleCAuthenticator"),
        ("example-cpp", "ExampleCppAuthenticator"),
    ] {
        let shown = check(&root().join("plugins").join(folder).join("example.yaml"), &plugins);
        assert!(shown.contains(id), "{shown}");
        assert!(index.contains(&format!("({folder}/README.md)")), "{folder} is not in the index");
    }
}

#[test]
fn their_json_is_json() {
    let mut parsed = 0;
    for page in pages_with_settings() {
        for block in blocks(&page, "json") {
            let _: Value = serde_json::from_str(&block).unwrap_or_else(|error| panic!("{page}: {error}: {block}"));
            parsed += 1;
        }
    }
    assert!(parsed >= 7, "the pages have lost their JSON: {parsed}");
}

/// A copy of a plugin's folder, with the bundled plugins installed in it, and the SDK where it lies in the source tree.
struct Copy {
    home: TempDir,
    folder: PathBuf,
}

impl Copy {
    fn of(plugin: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("plugins").join(plugin);
        symlink(root().join("pusu-plugin-api"), home.path().join("pusu-plugin-api")).unwrap();
        run(Command::new("mkdir").arg("-p").arg(folder.parent().unwrap())).succeeds();
        run(Command::new("cp").arg("-r").arg(root().join("plugins").join(plugin)).arg(&folder)).succeeds();
        fs::create_dir(folder.join("plugins")).unwrap();
        for library in bundled() {
            fs::copy(&library, folder.join("plugins").join(library.file_name().unwrap())).unwrap();
        }
        Self { home, folder }
    }

    /// Runs all commands of the plugin's page in it.
    fn run_commands_of(&self, page: &str) -> String {
        assert!(self.folder.starts_with(self.home.path()));
        run_as_printed(&blocks(page, "sh").concat(), &self.folder).succeeds()
    }

    /// Changes a file as its page tells a reader.
    fn edit(&self, file: &str, edit: impl FnOnce(&str) -> String) {
        let file = self.folder.join(file);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(file, edit(&text)).unwrap();
    }
}

#[test]
fn choosing_and_asking() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("plugins")).unwrap();
    for library in bundled() {
        fs::copy(&library, home.path().join("plugins").join(library.file_name().unwrap())).unwrap();
    }
    fs::write(home.path().join("settings.yaml"), &blocks("docs/authenticators.md", "yaml")[0]).unwrap();
    let said = run_as_printed(&blocks("docs/authenticators.md", "sh").concat(), home.path()).succeeds();
    for part in ["everything is in order", "granted", "yes, by `news.*`", "no: no pattern"] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
}

#[test]
fn a_password_is_hashed() {
    let copy = Copy::of("password");
    let said = copy.run_commands_of("plugins/password/README.md");
    let hash = said.trim();
    assert!(hash.starts_with("$argon2id$"), "{said}");
    let settings = copy.folder.join("settings.yaml");
    fs::write(&settings, format!("authenticator: PasswordAuthenticator\npasswords:\n  '{hash}': ['news.*']\n"))
        .unwrap();
    authorize(&settings, "correct horse battery staple");
}

/// The hash that the page and the example show is of the password that they name.
#[test]
fn the_hash_that_is_shown_is_of_its_password() {
    let copy = Copy::of("password");
    let settings = copy.folder.join("settings.yaml");
    fs::write(&settings, &blocks("plugins/password/README.md", "yaml")[1]).unwrap();
    authorize(&settings, "correct horse battery staple");
    authorize(&copy.folder.join("example.yaml"), "correct horse battery staple");
}

fn authorize(settings: &Path, authorization: &str) {
    let mut command = pusud(&["authorize", "--authorization", authorization, "--channel", "news.today", "--config"]);
    let said = run(command.arg(settings)).succeeds();
    assert!(said.contains("granted"), "{said}");
}

#[test]
fn a_token_is_made_and_explained() {
    let copy = Copy::of("jwt");
    let program = copy.folder.join("make_token.py");
    fs::write(&program, &blocks("plugins/jwt/README.md", "python")[0]).unwrap();
    fs::write(copy.folder.join("token"), run(&mut script(program.to_str().unwrap())).succeeds()).unwrap();
    let said = copy.run_commands_of("plugins/jwt/README.md");
    for part in ["granted", "alice", "yes, by `news.*`"] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
}

#[test]
fn the_service_decides() {
    let (copy, port) = (Copy::of("http"), ReservedPort::new());
    // The one thing that is not as printed: another program of this machine may have that port.
    let elsewhere = |text: &str| text.replace("8080", &port.port().to_string());
    let program = copy.folder.join("service.py");
    fs::write(&program, elsewhere(&blocks("plugins/http/README.md", "python")[0])).unwrap();
    copy.edit("example.yaml", elsewhere);
    let _service = Running::start(&mut script(program.to_str().unwrap()));
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port.port())).is_err() {
        assert!(begun.elapsed() < DEADLINE, "the service does not serve");
        std::thread::sleep(Duration::from_millis(10));
    }
    let said = copy.run_commands_of("plugins/http/README.md");
    assert!(said.contains("granted") && said.contains("yes, by `news.*`"), "{said}");
}

#[test]
fn the_examples_in_c_are_built_and_tested() {
    let copy = Copy::of("example-c");
    let said = copy.run_commands_of("plugins/example-c/README.md");
    assert!(said.contains("everything is in order") && said.contains("yes, by `*`"), "{said}");
    assert_eq!(said.matches("all checks are passed").count(), 2, "{said}");
    assert!(said.contains("TokenFileCAuthenticator") && said.contains("alice"), "{said}");
}

#[test]
fn the_example_in_cpp_is_built_and_tested() {
    let copy = Copy::of("example-cpp");
    let said = copy.run_commands_of("plugins/example-cpp/README.md");
    for part in ["everything is in order", "yes, by `news.*`", "all checks are passed"] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
}

#[test]
fn the_example_in_rust_is_copied_and_built() {
    let copy = Copy::of("my-authenticator");
    fs::remove_dir_all(copy.folder.join("plugins")).unwrap();
    copy.edit("Cargo.toml", |text| {
        let (text, _) = text.split_once("\n# Remove this in a copy").expect("the page's second step");
        let lines = text.lines().filter_map(|line| match line.split_once("# copy: ") {
            None => Some(line.to_owned()),
            Some((_, "(remove the line)")) => None,
            Some((_, dependency)) if dependency.starts_with("pusu-plugin-api") => {
                Some(format!("pusu-plugin-api = {{ path = {:?} }}", root().join("pusu-plugin-api")))
            }
            Some((_, line)) => line.split(", or").next().map(str::to_owned),
        });
        lines.map(|line| line + "\n").collect()
    });
    // As in the guide: versions that are there, and what has been built is kept.
    fs::copy(root().join("Cargo.lock"), copy.folder.join("Cargo.lock")).unwrap();
    symlink(kept_target(), copy.folder.join("target")).unwrap();
    let said = copy.run_commands_of("plugins/my-authenticator/README.md");
    assert!(said.contains("MyAuthenticator") && said.contains("all checks are passed"), "{said}");
}
