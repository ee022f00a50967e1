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
    let ids = [
        "GuestAuthenticator",
        "GuestCAuthenticator",
        "GuestCppAuthenticator",
        "LaterAuthenticator",
        "LaterCAuthenticator",
    ];
    for id in ids {
        assert!(said.contains(&format!("{id} ")), "{id} is not in\n{said}");
    }
    assert_eq!(said.matches("all checks are passed").count(), 5, "{said}");
    // Five that are built, and the one that is pinned.
    assert_eq!(said.matches("everything is in order").count(), 6, "{said}");
    // Asked once for the log, once in a process of its own, and both that answer later.
    let granted = said.lines().filter(|line| line.split_whitespace().eq(["decision", "granted"])).count();
    assert!(granted >= 4, "{said}");
    assert!(errors.contains("DEBUG granted plugin=\"GuestCAuthenticator\" ticket=1 subject=\"\""), "{errors}");
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
    let tokens = source("tokens.c");
    let mut own = String::new();
    for shown in blocks(GUIDE, "c") {
        if !later.contains(&shown) && !tokens.contains(&shown) {
            own.push_str(&shown);
        }
    }
    assert_eq!(own.matches("\n}").count(), 4, "these are in no file, or the guide has lost its functions in C:\n{own}");
    let head = "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <string.h>\n#include \"pusu_extensions.h\"\n\
                struct pusu_instance { const pusu_host *host; struct { size_t len; } *list; };\n\
                static pusu_str str(const char *text) {\n\
                const pusu_str borrowed = {(const uint8_t *)text, strlen(text)};\nreturn borrowed;\n}\n";
    compiles("cc", "-std=c11", "functions.c", &(head.to_owned() + &own));
}

/// What the guide shows of functions in C++ are functions of one class, and what it shows in Rust stands in files.
#[test]
fn the_guides_functions_compile_or_are_in_files() {
    let functions = blocks(GUIDE, "cpp");
    assert!(functions.len() >= 6, "the guide has lost its functions in C++");
    let head = "#include \"pusu_plugin.hpp\"\n#include <mutex>\nnamespace {\nstd::string read_file() { return {}; }\n\
                class Mine {\n public:\n Mine(pusu::Host host, std::string_view) : host_(std::move(host)) {}\n\
                void authorize(const pusu::Request &request, pusu::Reply reply) {\n\
                authorize_alone(request, std::move(reply));\n}\n";
    let end = " private:\n pusu::Host host_;\n std::mutex mutex_;\n std::string tokens_;\n};\n}\n\
               PUSU_AUTHENTICATOR(Mine, \"Mine\", \"1\", PUSU_F_GRANTS, \"MIT\", \"\", \"*\", \"\");\n";
    compiles("c++", "-std=c++17", "functions.cpp", &(head.to_owned() + &functions.concat() + end));

    let plain = |text: &str| text.lines().map(|line| line.trim().trim_start_matches("/// ").trim()).collect::<String>();
    let files =
        ["pusu-plugin-api/examples/token_file.rs", "pusu-plugin-api/src/offered.rs", "pusu-plugin-api/src/host.rs"];
    let files: String = files.iter().map(|file| plain(&fs::read_to_string(root().join(file)).unwrap())).collect();
    let shown = blocks(GUIDE, "rust");
    let elsewhere: Vec<&String> = shown.iter().filter(|shown| !files.contains(&plain(shown))).collect();
    assert!(shown.len() >= 8 && elsewhere.len() == 1, "only the lines about folders are in no file: {elsewhere:#?}");
}

fn compiles(compiler: &str, standard: &str, name: &str, source: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, source).unwrap();
    let mut command = Command::new(compiler);
    command.args([standard, "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-Wno-unused-const-variable"]);
    run(command.args(["-fsyntax-only", "-I"]).arg(root().join("pusu-plugin-api/include")).arg(&file)).succeeds();
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
        (
            "pusu-plugin-api",
            &[
                "README.md",
                "LICENSE",
                "src/lib.rs",
                "include/pusu_plugin.h",
                "include/pusu_extensions.h",
                "include/pusu_plugin.hpp",
            ],
        ),
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
