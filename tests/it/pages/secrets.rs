//! docs/operating/secrets.md: the settings as they are printed, with folders of the test's own in the place of those of the
//! machine, and what becomes of them when a secret is replaced.

use super::page::{block, blocks_below};
use crate::harness::{DEADLINE, Daemon, PluginsDir, Setup, password_plugin, pusud, run, write_secret};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Instant;
use tempfile::TempDir;

const PAGE: &str = "docs/operating/secrets.md";

/// A relay with settings of the page, in which `folder` is here.
fn setup(settings: &str, folder: &str, here: &Path) -> Setup {
    assert!(settings.starts_with("authenticator: PasswordAuthenticator\n"), "{settings}");
    assert!(folder.is_empty() || settings.contains(folder), "{settings}");
    let (mut kept, mut name) = (String::new(), "relay".to_owned());
    for line in settings.lines().skip(1) {
        match line.strip_prefix("name: ") {
            Some(written) => written.clone_into(&mut name),
            None => kept += &format!("{line}\n"),
        }
    }
    let here = here.display().to_string();
    let kept = if folder.is_empty() { kept } else { kept.replace(folder, &here) };
    let plugins = PluginsDir::with([password_plugin()]);
    Setup::on_shards(1).authenticator("PasswordAuthenticator", plugins).name(&name).settings(&kept)
}

fn is_let_in(daemon: &Daemon, password: &str) -> bool {
    let mut client = daemon.connect();
    client.send(json!({"type": "authorize", "authorization": password}));
    client.next_json()["type"] == "authorization_ok"
}

fn wait_until_let_in(daemon: &Daemon, password: &str) {
    let began = Instant::now();
    while !is_let_in(daemon, password) {
        assert!(began.elapsed() < DEADLINE, "{password} is not let in");
    }
}

fn yaml(text: &str) -> serde_yaml::Value {
    serde_yaml::from_str(text).unwrap()
}

#[test]
fn texts_come_from_outside() {
    let settings = block(PAGE, "From outside of the settings", "yaml");
    let folder = tempfile::tempdir().unwrap();
    write_secret(&folder.path().join("sensors"), "by-file\r\n");
    let daemon = setup(&settings, "secrets/", &folder.path().join("")).env("OFFICE_PASSWORD", "by-variable");
    let daemon = daemon.env("RELAY_NAME", "relay-7").start();
    assert!(["by-file", "by-variable", "a${b}c"].iter().all(|password| is_let_in(&daemon, password)));
    assert_eq!(daemon.connect().hello()["relay"], "relay-7");
}

/// As the kubelet does it: the files of a version in a folder of its own, and the link `..data` moved to it in one step.
fn kubelet_writes(folder: &Path, version: &str, passwords: [&str; 2]) {
    let name = format!("..{version}");
    fs::create_dir(folder.join(&name)).unwrap();
    for (file, password) in ["sensors", "office"].iter().zip(passwords) {
        write_secret(&folder.join(&name).join(file), password);
        let link = folder.join(file);
        if fs::symlink_metadata(&link).is_err() {
            symlink(Path::new("..data").join(file), link).unwrap();
        }
    }
    let before = fs::read_link(folder.join("..data"));
    symlink(&name, folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    if let Ok(before) = before {
        fs::remove_dir_all(folder.join(before)).unwrap();
    }
}

#[test]
fn a_secret_of_kubernetes_is_replaced() {
    let [settings, pod] = &blocks_below(PAGE, "Kubernetes", "yaml")[..] else { panic!("two blocks") };
    let mount = &yaml(pod)["spec"]["containers"][0]["volumeMounts"][0]["mountPath"];
    assert_eq!(mount.as_str(), Some("/etc/pusud/secrets"));
    assert_eq!(yaml(pod)["spec"]["containers"][0]["env"][0]["name"].as_str(), Some("POD_NAME"));
    let folder = tempfile::tempdir().unwrap();
    kubelet_writes(folder.path(), "2026_01_01", ["sensors-1", "office-1"]);
    let daemon = setup(settings, "/etc/pusud/secrets", folder.path()).env("POD_NAME", "pusud-0").start();
    assert_eq!(daemon.connect().hello()["relay"], "pusud-0");
    assert!(is_let_in(&daemon, "sensors-1") && is_let_in(&daemon, "office-1"));
    let mut stays = daemon.client_with("office-1");
    stays.subscribe("a");
    kubelet_writes(folder.path(), "2026_01_02", ["sensors-2", "office-2"]);
    wait_until_let_in(&daemon, "office-2");
    wait_until_let_in(&daemon, "sensors-2");
    let began = Instant::now();
    // A look between the two would have been half of it: the next one has the rest.
    while is_let_in(&daemon, "sensors-1") || is_let_in(&daemon, "office-1") {
        assert!(began.elapsed() < DEADLINE, "the old passwords still count");
    }
    stays.publish("a", json!(1));
    stays.expect_publish("a", json!(1));
    assert!(!daemon.log().text().contains("SIGHUP"));
}

#[test]
fn a_secret_of_docker_is_read() {
    let [settings, compose] = &blocks_below(PAGE, "Docker", "yaml")[..] else { panic!("two blocks") };
    let secret = yaml(compose)["services"]["pusud"]["secrets"][0].clone();
    let target = format!("/run/secrets/{}", secret["target"].as_str().unwrap());
    assert!(settings.contains(&format!("!file {target}:")), "{settings}");
    assert!(!yaml(compose)["secrets"][secret["source"].as_str().unwrap()].is_null(), "{compose}");
    let folder = tempfile::tempdir().unwrap();
    write_secret(&folder.path().join("sensors"), "by-docker");
    let daemon = setup(settings, "/run/secrets", folder.path()).start();
    assert!(is_let_in(&daemon, "by-docker"));
}

#[test]
fn a_credential_of_systemd_is_read() {
    let unit = block(PAGE, "systemd", "ini");
    let credential = unit.lines().find_map(|line| line.strip_prefix("LoadCredential=")).unwrap();
    let (name, source) = credential.trim().split_once(':').unwrap();
    let settings = block(PAGE, "systemd", "yaml");
    let folder: TempDir = tempfile::tempdir().unwrap();
    write_secret(&folder.path().join(name), "by-systemd\n");
    let daemon = setup(&settings, "", Path::new("")).env("CREDENTIALS_DIRECTORY", folder.path()).start();
    assert!(is_let_in(&daemon, "by-systemd"));
    // The command beside it, with the folder that the source of the credential lies in.
    let printed = block(PAGE, "systemd", "sh");
    let [variable, words @ ..] = &printed.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{printed}") };
    let in_folder = format!("CREDENTIALS_DIRECTORY={}", Path::new(source).parent().unwrap().display());
    assert_eq!((*variable, &words[..3]), (in_folder.as_str(), &["pusud", "check", "--config"][..]));
    let mut check = pusud(&["check", "--config"]);
    check.arg(daemon.dir().join("settings.yaml"));
    assert!(run(check.env("CREDENTIALS_DIRECTORY", folder.path())).succeeds().contains("sensors (passwords)"));
    run(check.env_remove("CREDENTIALS_DIRECTORY"))
        .fails_saying(&["there is no CREDENTIALS_DIRECTORY", "LoadCredential=sensors:"]);
}
