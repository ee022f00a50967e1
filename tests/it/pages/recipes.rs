//! The recipes in CONTRIBUTING.md: their files exist, and what the code has today is found in the files that they name.

use super::page::{code, section, text};
use crate::harness::{pusud, root, run};
use std::collections::BTreeSet;

const PAGE: &str = "CONTRIBUTING.md";
const RECIPES: [&str; 5] =
    ["Add a limit", "Add a close code", "Add a settings key", "Add a subcommand", "Add a status field"];

/// Keys of the settings that are in no row of the table of keys.
const BY_HAND: [&str; 7] = [
    "authenticator",
    "passwords",
    "allow_read_by_default",
    "allowed_channels",
    "jwt_signing_algorithms",
    "jwt_verification_key",
    "limits",
];

/// The files that a recipe names.
fn files(recipe: &str) -> BTreeSet<String> {
    let section = section(PAGE, recipe);
    let is_path = |word: &&str| word.contains('/') || word.ends_with(".md");
    code(&section).into_iter().filter(is_path).map(str::to_owned).collect()
}

/// Asserts that a recipe names each of `places`, and that each of these files has each of `names` as a word.
fn found_everywhere(recipe: &str, names: &BTreeSet<String>, places: &[&str]) {
    let files = files(recipe);
    for place in places {
        assert!(files.contains(*place), "{recipe}: {place} is not named");
        let text = with_tests_beside(place);
        let words: BTreeSet<&str> = text.split(|c: char| c != '_' && !c.is_alphanumeric()).collect();
        let is_there =
            |name: &&String| if name.contains('-') { text.contains(*name) } else { words.contains(name.as_str()) };
        let missing: Vec<_> = names.iter().filter(|name| !is_there(name)).collect();
        assert!(missing.is_empty(), "{recipe}: {place} lacks {missing:?}");
    }
}

/// The text of a file, and of the tests of it that have a file of their own.
fn with_tests_beside(place: &str) -> String {
    let tests = place.strip_suffix(".rs").map(|stem| format!("{stem}/tests.rs"));
    let tests = tests.filter(|tests| root().join(tests).exists());
    text(place) + &tests.map_or_else(String::new, |tests| text(&tests))
}

/// The first word of the lines between two texts of a file that are indented by exactly four spaces.
fn declared(file: &str, from: &str, to: &str) -> BTreeSet<String> {
    let text = text(file);
    let inside = text.split(from).nth(1).unwrap_or_else(|| panic!("{file} has no {from:?}")).split(to).next().unwrap();
    let lines = inside.lines().filter_map(|line| line.strip_prefix("    "));
    let names = lines.map(|line| line.split([',', ' ', '(', ':']).next().unwrap_or_default().trim_matches('"'));
    names.filter(|name| name.starts_with(char::is_alphabetic)).map(str::to_owned).collect()
}

#[test]
fn every_file_exists() {
    for recipe in RECIPES {
        let files = files(recipe);
        assert!(files.len() > 4, "{recipe}: {files:?}");
        for file in files {
            assert!(root().join(&file).exists(), "{recipe}: {file} does not exist");
        }
    }
}

#[test]
fn every_limit_is_where_its_recipe_says() {
    let shown = run(&mut pusud(&["check"])).succeeds();
    let rows = shown.lines().skip_while(|line| *line != "limits").skip(1).take_while(|line| line.starts_with("  "));
    let limits: BTreeSet<String> = rows.filter_map(|row| row.split_whitespace().next()).map(str::to_owned).collect();
    assert!(limits.contains("outbox_bytes") && limits.len() > 20, "{shown}");
    found_everywhere(
        "Add a limit",
        &limits,
        &["pusud/src/protocol/limits.rs", "config/settings.example.yaml", "docs/operating/settings-and-limits.md"],
    );
}

#[test]
fn every_close_code_is_where_its_recipe_says() {
    const TABLE: &str = "pusud/src/protocol/disconnect.rs";
    let variants = declared(TABLE, "pub enum Disconnect {", "\n}");
    let table = text(TABLE);
    assert!(variants.contains("SlowConsumer") && variants.len() > 9, "{variants:?}");
    for variant in &variants {
        assert!(table.matches(&format!("Self::{variant}")).count() >= 2, "{variant} has no code or no words");
    }
    let codes = table.lines().filter_map(|line| line.split_once("=> ")?.1.strip_suffix(','));
    let codes: BTreeSet<String> = codes.filter(|code| code.parse::<u16>().is_ok()).map(str::to_owned).collect();
    assert!(codes.len() > 9, "{codes:?}");
    let pages = ["docs/protocol/client.md", "docs/operating/troubleshooting.md"];
    found_everywhere("Add a close code", &codes, &pages);
    let replies = declared("pusud/src/protocol/reply.rs", "\nreplies! {", "\n}");
    assert!(replies.contains("LimitExceeded"), "{replies:?}");
    found_everywhere("Add a close code", &replies, &["pusud/src/cli/client_messages.rs"]);
}

#[test]
fn every_settings_key_is_where_its_recipe_says() {
    let example = text("config/settings.example.yaml");
    let names = example.lines().filter_map(|line| Some(line.trim_start_matches('#').split_once(':')?.0));
    let is_key = |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    // These have a table of their own, or are the original's, and came before there was one.
    let in_the_table = |name: &&str| !BY_HAND.contains(name);
    let keys: BTreeSet<String> = names.filter(is_key).filter(in_the_table).map(str::to_owned).collect();
    assert!(keys.contains("control_socket") && keys.len() > 12, "{keys:?}");
    found_everywhere("Add a settings key", &keys, &["pusud/src/config/key_table.rs", "config/settings.example.yaml"]);
}

#[test]
fn every_subcommand_is_where_its_recipe_says() {
    let help = run(&mut pusud(&["--help"])).succeeds();
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let lines = lines.filter(|line| !line.starts_with("   "));
    let commands = lines.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let commands: BTreeSet<String> = commands.map(str::to_owned).collect();
    assert!(commands.contains("health"), "{help}");
    for command in &commands {
        let place = root().join("pusud/src/cli").join(command.replace('-', "_"));
        assert!(place.is_dir() || place.with_extension("rs").exists(), "`pusud {command}` has no file of its name");
    }
    let places = ["pusud/src/cli/mod.rs", "tests/it/commands/help.rs", "docs/operating/monitoring.md"];
    found_everywhere("Add a subcommand", &commands, &places);
}

#[test]
fn every_status_field_is_where_its_recipe_says() {
    let status = text("pusud/src/control/status.rs");
    let fields = status.lines().filter_map(|line| line.strip_prefix("    pub ")?.split_once(':'));
    let fields: BTreeSet<String> = fields.map(|(name, _)| name.to_owned()).collect();
    assert!(fields.contains("hanging_shards") && fields.len() > 20, "{fields:?}");
    found_everywhere(
        "Add a status field",
        &fields,
        &[
            "pusud/src/control/status.rs",
            "pusud/src/control/gather.rs",
            "pusud/src/cli/status.rs",
            "docs/operating/monitoring.md",
        ],
    );
}
