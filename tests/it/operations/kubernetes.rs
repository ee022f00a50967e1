//! config/kubernetes/pusud.yaml: what it says is known to Kubernetes and to pusud, and its parts fit each other.

use crate::harness::{PluginsDir, not_run, password_plugin, pusud, root, run, write_secret};
use serde_yaml::Value;
use std::process::Command;

/// Validates each part by the schema of Kubernetes itself, where unknown keys are errors.
const VALIDATE: &str = "
import sys, yaml, kubernetes_validate
version = kubernetes_validate.latest_version()
for part in yaml.safe_load_all(open(sys.argv[1])):
    kubernetes_validate.validate(part, version, strict=True)
    print(part['kind'])
";

fn file() -> std::path::PathBuf {
    root().join("config/kubernetes/pusud.yaml")
}

/// The parts of the manifest, by kind and name.
fn parts() -> Vec<Value> {
    use serde::Deserialize as _;
    let text = std::fs::read_to_string(file()).unwrap();
    serde_yaml::Deserializer::from_str(&text).map(|part| Value::deserialize(part).unwrap()).collect()
}

fn part(kind: &str, name: &str) -> Value {
    let is_it = |part: &Value| part["kind"] == kind && part["metadata"]["name"] == name;
    parts().into_iter().find(is_it).unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_sequence().unwrap_or_else(|| panic!("expected a list, found {value:?}"))
}

#[test]
fn kubernetes_knows_every_key() {
    let Some(python) = std::env::var_os("PUSU_TEST_PYTHON") else {
        return not_run("the manifest by the schema of Kubernetes", "PUSU_TEST_PYTHON is not set");
    };
    if !run(Command::new(&python).args(["-c", "import kubernetes_validate"])).status.success() {
        return not_run("the manifest by the schema of Kubernetes", "no kubernetes-validate; `make venv` installs it");
    }
    let said = run(Command::new(&python).args(["-c", VALIDATE]).arg(file())).succeeds();
    assert_eq!(said.lines().collect::<Vec<_>>(), ["ConfigMap", "Service", "Service", "StatefulSet"]);
}

#[test]
fn its_parts_fit_each_other() {
    let set = part("StatefulSet", "pusud");
    let pod = &set["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let labels = &set["spec"]["template"]["metadata"]["labels"];
    assert_eq!(&set["spec"]["selector"]["matchLabels"], labels);
    assert_eq!(set["spec"]["serviceName"], "pusud-relays");
    let ports: Vec<(&Value, &Value)> =
        list(&container["ports"]).iter().map(|port| (&port["name"], &port["containerPort"])).collect();
    for name in ["pusud", "pusud-relays"] {
        let service = part("Service", name);
        assert_eq!(&service["spec"]["selector"], labels, "{name}");
        for port in list(&service["spec"]["ports"]) {
            assert!(ports.contains(&(&port["targetPort"], &port["port"])), "{name}: {port:?}");
        }
    }
    for (probe, path) in [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
        let asked = &container[probe]["httpGet"];
        assert_eq!((&asked["path"], &asked["port"]), (&path.into(), &"operations".into()), "{probe}");
    }
    let volumes: Vec<&Value> = list(&pod["volumes"]).iter().map(|volume| &volume["name"]).collect();
    for mount in list(&container["volumeMounts"]) {
        assert!(volumes.contains(&&mount["name"]), "{mount:?}");
    }
    let secured = &container["securityContext"];
    assert_eq!(
        (&secured["allowPrivilegeEscalation"], &secured["readOnlyRootFilesystem"]),
        (&false.into(), &true.into())
    );
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    // The sleep before the end, 2 s of grace and 20 s of spread, and 10 s for what is slow to go.
    let asleep = container["lifecycle"]["preStop"]["exec"]["command"][1].as_str().unwrap().parse::<u64>().unwrap();
    assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() >= asleep + 2 + 20 + 10);
}

#[test]
fn its_settings_are_taken_and_its_ports_are_those_of_the_settings() {
    let config = part("ConfigMap", "pusud");
    let folder = tempfile::tempdir().unwrap();
    let plugins = PluginsDir::with([password_plugin()]);
    for (name, text) in [
        ("password", "a-password-of-the-test"),
        ("network.key", "a-key-of-the-test-that-is-long-enough"),
        ("operations.token", "read: a-read-token-of-the-test\noperate: an-operate-token-of-the-test\n"),
    ] {
        write_secret(&folder.path().join(name), text);
    }
    let settings = config["data"]["settings.yaml"].as_str().unwrap();
    assert!(settings.contains("drain_grace: 2s\n") && settings.contains("drain_spread: 20s\n"));
    let settings = settings
        .replace("/etc/pusud/secrets", folder.path().to_str().unwrap())
        .replace("/usr/local/lib/pusud/plugins", plugins.path().to_str().unwrap());
    let file = folder.path().join("settings.yaml");
    std::fs::write(&file, settings).unwrap();
    let said = run(pusud(&["check", "--config"]).arg(&file).env("POD_NAME", "pusud-0")).succeeds();
    let set = part("StatefulSet", "pusud");
    let container = &set["spec"]["template"]["spec"]["containers"][0];
    let mebibytes = |text: &str, unit: &str| text.trim().strip_suffix(unit).unwrap().trim().parse::<u64>().unwrap();
    let at_most = said.lines().find_map(|line| line.strip_prefix("memory at most")).unwrap();
    let limit = container["resources"]["limits"]["memory"].as_str().unwrap();
    assert!(mebibytes(at_most, "MiB") < mebibytes(limit, "Mi"), "{at_most} in {limit}: {said}");
    for port in list(&container["ports"]) {
        let at = format!("0.0.0.0:{}", port["containerPort"].as_u64().unwrap());
        assert!(said.contains(&at), "{at}: {said}");
    }
    let operations = said.lines().find(|line| line.starts_with("operations ")).unwrap();
    assert!(operations.contains("tokens are taken from this machine alone"), "{operations}");
}
