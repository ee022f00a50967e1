//! The authors' guide, run as it is printed, and the crates that authors build against, packaged as they are published.

use crate::harness::{blocks, not_run, root, run, run_as_printed};
use std::fs;
use std::process::Command;

const GUIDE: &str = "pusu-plugin-api/README.md";

/// All of its commands, one block after the other, as somebody enters them who reads it from top to bottom.
#[test]
fn the_guide_works_as_printed() {
    let commands = blocks(GUIDE, "sh");
    assert!(commands.len() >= 10, "the guide has lost its commands");
    let home = tempfile::tempdir().unwrap();
    let debugger = Command::new("gdb").arg("--version").output();
    let shim = if debugger.is_ok() { "" } else { "gdb() { true; }\n" };
    let finished = run_as_printed(&(shim.to_owned() + &commands.concat()), home.path());
    let errors = finished.stderr.clone();
    let said = finished.succeeds();
    for id in ["GuestAuthenticator", "GuestCAuthenticator", "LaterAuthenticator", "LaterCAuthenticator"] {
        assert!(said.contains(&format!("{id} ")), "{id} is not in\n{said}");
    }
    assert_eq!(said.matches("all checks are passed").count(), 4, "{said}");
    // Four that are built, and the one that is pinned.
    assert_eq!(said.matches("everything is in order").count(), 5, "{said}");
    // Asked once for the log, once in a process of its own, and both that answer later.
    let granted = said.lines().filter(|line| line.split_whitespace().eq(["decision", "granted"])).count();
    assert!(granted >= 4, "{said}");
    assert!(errors.contains("DEBUG granted plugin=\"GuestCAuthenticator\" subject=\"\""), "{errors}");
    match debugger {
        Ok(_) => assert!(said.contains("hit Breakpoint 1, authorize (self="), "{said}\n{errors}"),
        Err(error) => not_run("the guide's lines about gdb", error),
    }
}

/// What the guide shows of the plugins in C is what stands in their files.
#[test]
fn the_guides_plugins_in_c_are_files() {
    let guide = fs::read_to_string(root().join(GUIDE)).unwrap();
    let source = |name: &str| fs::read_to_string(root().join("plugins/example-c").join(name)).unwrap();
    let (guest, later) = (source("guest.c"), source("later.c"));
    assert!(guide.contains(&format!("cat > guest.c <<'C'\n{guest}C\n")), "guest.c and the guide differ");
    assert!(guest.lines().count() <= 40, "guest.c is no longer small");
    let shown = blocks(GUIDE, "c");
    assert!(later.contains(&shown[0]), "later.c and the guide differ");
    assert!(shown.len() >= 3, "the guide has lost its functions in C");
    let folder = tempfile::tempdir().unwrap();
    let functions = folder.path().join("functions.c");
    let head = "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include \"pusu_plugin.h\"\n";
    fs::write(&functions, head.to_owned() + &shown[1..].concat()).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-fsyntax-only", "-I"]);
    run(compiler.arg(root().join("pusu-plugin-api/include")).arg(&functions)).succeeds();
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
        ("pusu-plugin-api", &["README.md", "LICENSE", "src/lib.rs", "include/pusu_plugin.h", "include/pusu_extensions.h", "include/pusu_plugin.hpp"]),
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
