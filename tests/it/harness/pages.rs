//! The pages of the documentation: the blocks in them, and their commands, run as they are printed.

use super::{Finished, build_dir, root};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What stands in for cargo: everything is done as printed, but the crate comes from this source tree, what has been built
/// is kept from run to run, and nothing is fetched that is there.
const CARGO: &str = r#"
cargo() {
  if [ "$1 ${2-}" = 'add pusu-plugin-api' ]; then set -- add --path "$SOURCES/pusu-plugin-api"; fi
  "$REAL_CARGO" --offline "$@" || "$REAL_CARGO" "$@" || return
  if [ "$1" = new ]; then
    for package; do :; done
    cp "$SOURCES/Cargo.lock" "$package/Cargo.lock"
    ln -s "$KEPT" "$package/target"
  fi
}
"#;

/// Where `make install` puts what authors copy.
const INSTALLED: &str = "/usr/local/share/doc/pusud/";

/// The blocks of a page that are fenced and marked with `language`.
pub(crate) fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let fence = format!("\n```{language}\n");
    let blocks = text.split(&fence).skip(1);
    blocks.map(|block| block.split_once("\n```").expect("a block has an end").0.to_owned() + "\n").collect()
}

/// The pages in and below `folder`, as paths from the root.
pub(crate) fn pages_below(folder: &str) -> Vec<String> {
    let mut pages = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let name = format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap());
        if root().join(&name).is_dir() {
            pages.extend(pages_below(&name));
        } else if name.ends_with(".md") {
            pages.push(name);
        }
    }
    pages
}

/// Where cargo builds what authors build, from run to run.
pub(crate) fn kept_target() -> std::path::PathBuf {
    let kept = build_dir().join("guide");
    fs::create_dir_all(&kept).unwrap();
    kept
}

/// Runs commands in `folder` as somebody has them who has installed the relay: the daemon under test is `pusud`, and the
/// header is where the compiler looks. Ends with the first command that fails.
pub(crate) fn run_as_printed(commands: &str, folder: &Path) -> Finished {
    let programs = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_pusud"), programs.path().join("pusud")).unwrap();
    let path = format!("{}:{}", programs.path().display(), std::env::var("PATH").unwrap());
    let commands = commands.replace(INSTALLED, &format!("{}/", root().display()));
    let script = format!("set -euo pipefail\numask 022\n{CARGO}\n{commands}\n");
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).current_dir(folder).env("TMPDIR", folder).env("PATH", path);
    shell.env("SOURCES", root()).env("KEPT", kept_target()).env("REAL_CARGO", env!("CARGO"));
    shell.env("CPATH", root().join("pusu-plugin-api/include")).env_remove("PUSU_AUTHORIZATION");
    // The folder that cargo was told to build this workspace into is not the author's.
    // Not `run`, which has a deadline: the first time, everything that a plugin needs is built.
    let output = shell.env_remove("CARGO_TARGET_DIR").output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Finished { status: output.status, stdout, stderr }
}
