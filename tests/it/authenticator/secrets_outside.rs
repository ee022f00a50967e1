//! Canaries in texts from outside of the settings: what a file holds, had held before, and holds that is no text or is not
//! taken; and what a variable holds.

use super::secrets::{OPTION, assert_daemon_clean, assert_output_clean, processes};
use crate::harness::{DEADLINE, PluginsDir, Setup, password_plugin, pusud, run, write_secret};
use std::fs;
use std::time::Instant;

crate::in_both_isolations!(nothing_of_it_is_shown);

fn nothing_of_it_is_shown(isolation: &str) {
    let plugins = PluginsDir::with([password_plugin()]);
    let (file, variable) = (plugins.path().join("secret"), "canary-variable-1c3e");
    write_secret(&file, OPTION);
    let settings =
        format!("isolation: {isolation}\npasswords:\n  !file {file:?}: ['*']\n  !env PUSU_TEST_SECRET: ['*']");
    let setup = Setup::on_shards(1).authenticator("PasswordAuthenticator", plugins).log_level("trace");
    let daemon = setup.settings(&settings).env("PUSU_TEST_SECRET", variable).start();
    drop((daemon.client_with(OPTION), daemon.client_with(variable)));
    let fault = |wanted: &str| {
        let began = Instant::now();
        while !daemon.status()["option_files"][0]["fault"].to_string().contains(wanted) {
            assert!(began.elapsed() < DEADLINE, "{wanted} is waited for: {}", daemon.status());
        }
    };
    let check = || {
        let mut check = pusud(&["check", "--log-level", "trace", "--config"]);
        let finished = run(check.arg(daemon.dir().join("settings.yaml")).env("PUSU_TEST_SECRET", variable));
        assert_output_clean("the check", &finished);
        assert!(!format!("{finished:?}").contains(variable), "{finished:?}");
    };
    check();
    for (content, wanted) in [
        (format!("{OPTION}-2"), "null"),
        (format!("{OPTION}\0{}", "x".repeat(70_000)), "more than 65536 bytes"),
        (format!("$argon2id$v=19$m=64,t=1,p=1${OPTION}"), "was not taken"),
        (variable.to_owned(), "stands there twice"),
    ] {
        write_secret(&file, &content);
        fault(wanted);
        check();
        daemon.reload();
    }
    fs::write(&file, [OPTION.as_bytes(), b"\xff"].concat()).unwrap();
    fault("no text in UTF-8");
    daemon.reload();
    check();
    assert_daemon_clean(&daemon);
    for (what, text) in [("the log", daemon.log().text()), ("the status", daemon.status().to_string())] {
        assert!(!text.contains(variable), "{what} holds the variable");
    }
    for process in processes(&daemon) {
        let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&arguments).contains(variable), "{}", process.display());
    }
}
