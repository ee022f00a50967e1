//! Canaries in the settings and in what is typed: no command shows an option or an authorization, whatever is wrong with it.

use super::secrets::{AUTHORIZATION, OPTION, assert_daemon_clean, assert_output_clean};
use crate::harness::{PluginsDir, Setup, my_plugin, password_plugin, pusud, run, scripted_plugin};
use std::fs;

#[test]
fn commands_and_their_errors() {
    let plugins = PluginsDir::with([password_plugin(), scripted_plugin()]);
    let file = plugins.path().join("authorization");
    fs::write(&file, AUTHORIZATION).unwrap();
    let settings = plugins.path().join("settings.yaml");
    let head = format!("authenticator: PasswordAuthenticator\nplugins_dir: {:?}\n", plugins.path());
    for options in [
        format!("passwords: {{{OPTION}: ['*']}}"),
        format!("passwords: {{{OPTION}: 5}}"),
        format!("passwords: {OPTION}"),
        format!("passwords: [{{{OPTION}: [{{a: {OPTION}}}]}}]"),
        format!("passwords:\n  {OPTION}: ['*']\n  {OPTION}: ['*']"),
        format!("passwords: {{'$argon2id$v=19$m=64,t=1,p=1${OPTION}': ['*']}}"),
        format!("passwords: {{'$2b$12${OPTION}': ['*']}}"),
        format!("passwords: {{'$scrypt$ln=4,r=8,p=1${OPTION}${OPTION}': ['*']}}"),
        format!("passwords: {{'$pbkdf2-sha256$1000${OPTION}${OPTION}': ['*']}}"),
        format!("passwords: {{'$6${OPTION}${OPTION}': ['*']}}"),
        format!("passwords: {{'$7$101${OPTION}${OPTION}': ['*']}}"),
        format!("passwords: {{'$apr1${OPTION}${OPTION}': ['*']}}"),
        format!("passwords: {{'{OPTION}:$2y$05${OPTION}': ['*']}}"),
        format!("passwords: {{'pbkdf2:{OPTION}${OPTION}': ['*']}}"),
        format!("authenticator_options: {{passwords_file: [{OPTION}]}}"),
        format!("authenticator_options: {{passwords: {OPTION}}}"),
        format!("authenticator_options: {OPTION}"),
        format!("passwords: {{{OPTION}: ['*'\n"),
        format!("passwords: {{!{OPTION} a: ['*']}}"),
        format!("passwords: {{!env '{OPTION}': ['*']}}"),
        format!("passwords: {{'${{PUSU}}{OPTION}': ['*']}}"),
        format!("authenticator_options: {{passwords: !{OPTION} [a]}}"),
        format!("backplane: nats\nnats: {{servers: ['nats://a:{OPTION}@b']}}"),
        format!("backplane: nats\nnats: {{servers: 'nats://{OPTION}@b'}}"),
        format!("backplane: nats\nnats: {{servers: ['nats://b'], password: {OPTION}}}"),
        format!("backplane: nats\nnats: {{servers: ['nats://b'], token: [{OPTION}]}}"),
        format!("backplane: nats\nnats: {{servers: ['nats://b'], {OPTION}: {OPTION}}}"),
        format!("nats: {{servers: ['nats://b'], token: {OPTION}}}"),
    ] {
        fs::write(&settings, format!("{head}{options}\n")).unwrap();
        for command in [&["check"][..], &["authorize", "--authorization-file", file.to_str().unwrap()], &["run"]] {
            let mut command = pusud(command);
            command.args(["--log-level", "trace", "--config"]).arg(&settings);
            if options.starts_with(&format!("passwords: {{{OPTION}: ['*']"))
                && format!("{command:?}").contains("\"run\"")
            {
                // These settings are good: it would serve.
                continue;
            }
            assert_output_clean(&options, &run(&mut command));
        }
    }
}

#[test]
fn the_client_commands() {
    let plugins = PluginsDir::with([my_plugin()]);
    let daemon = Setup::on_shards(1).authenticator("MyAuthenticator", plugins).log_level("trace").start();
    let file = daemon.dir().join("authorization");
    fs::write(&file, AUTHORIZATION).unwrap();
    for command in ["listen", "publish"] {
        let mut command = pusud(&[command, "--url", &daemon.url(), "--authorization-file"]);
        assert_output_clean("a client command", &run(command.arg(&file).args(["a", "b"])));
    }
    assert_daemon_clean(&daemon);
}
