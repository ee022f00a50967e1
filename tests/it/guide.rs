//! The authors' guide, run as it is printed, and the crates that authors build against, packaged as they are published.

use crate::harness::{build_dir, root, run};
use std::fs;
use std::process::Command;

/// What stands in for cargo: everything is done as printed, but what has been built is kept from run to run, nothing is
/// fetched that is there, and `cargo run` runs the daemon under test, whatever folder it was built into.
const CARGO: &str = r#"
cargo() {
  if [ "$1" = run ]; then
    while [ "$1" != -- ]; do shift; done
    shift
    "$PUSUD_UNDER_TEST" "$@"
    return
  fi
  "$REAL_CARGO" --offline "$@" || "$REAL_CARGO" "$@" || return
  if [ "$1" = new ]; then
    for package; do :; done
    cp "$PUSUD/Cargo.lock" "$package/Cargo.lock"
    ln -s "$KEPT" "$package/target"
  fi
}
"#;

/// The blocks of shell commands of a page.
fn command_blocks(page: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let blocks = text.split("\n```sh\n").skip(1);
    blocks.map(|block| block.split_once("\n```").expect("a block has an end").0.to_owned()).collect()
}

fn run_as_printed(block: &str) -> String {
    let (home, kept) = (tempfile::tempdir().unwrap(), build_dir().join("guide"));
    fs::create_dir_all(&kept).unwrap();
    let script = format!("set -euo pipefail\numask 022\n{CARGO}\n{block}\n");
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).current_dir(root()).env("TMPDIR", home.path()).env("KEPT", kept);
    shell.env("REAL_CARGO", env!("CARGO")).env("PUSUD_UNDER_TEST", env!("CARGO_BIN_EXE_pusud"));
    // The folder that cargo was told to build this workspace into is not the author's.
    // Not `run`: the first time, everything that a plugin needs is built.
    let output = shell.env_remove("CARGO_TARGET_DIR").output().unwrap();
    let [said, errors] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{said}\n{errors}");
    said
}

#[test]
fn the_guide_works_as_printed() {
    let blocks = command_blocks("pusu-plugin-api/README.md");
    assert_eq!(blocks.len(), 2, "one from nothing to a loaded plugin in Rust, one in C");
    for (block, id) in blocks.iter().zip(["GuestAuthenticator", "GuestCAuthenticator"]) {
        assert!(block.contains(id), "{block}");
        let said = run_as_printed(block);
        assert!(said.contains("everything is in order") && said.contains(id), "{said}");
        assert!(said.contains("all checks are passed"), "{said}");
    }
}

#[test]
fn the_crates_for_authors_can_be_packaged() {
    let target = tempfile::tempdir().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["package", "--quiet", "--no-verify", "--offline", "--allow-dirty"]);
    cargo.args(["-p", "pusu-plugin-abi", "-p", "pusu-plugin-api", "--target-dir"]).arg(target.path());
    let warnings = run(&mut cargo);
    assert!(warnings.status.success(), "{}", warnings.stderr);
    assert!(!warnings.stderr.contains("warning"), "{}", warnings.stderr);
    for (package, files) in [
        ("pusu-plugin-abi", &["README.md", "LICENSE", "src/lib.rs"][..]),
        ("pusu-plugin-api", &["README.md", "LICENSE", "src/lib.rs", "include/pusu_plugin.h"]),
    ] {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(root()).args(["package", "--list", "--offline", "--allow-dirty", "-p", package]);
        let list = run(&mut cargo).succeeds();
        for file in files {
            assert!(list.lines().any(|line| line == *file), "{package} is packaged without {file}:\n{list}");
        }
    }
    let license = fs::read_to_string(root().join("LICENSE")).unwrap();
    for copy in ["pusu-plugin-api/LICENSE", "pusu-plugin-api/abi/LICENSE"] {
        assert_eq!(fs::read_to_string(root().join(copy)).unwrap(), license, "{copy}");
    }
}
