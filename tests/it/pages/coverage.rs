//! Every block of commands, code or settings on the pages for users and operators is run by a test, which is named here.

use super::page::{blocks, code, text};
use crate::harness::{pusud, root, run};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Page, heading, language, how many blocks, and the test that runs them.
const RUN: &[(&str, &str, &str, usize, &str)] = &[
    ("README.md", "Run it", "sh", 1, "readme::the_first_message_from_the_shell"),
    ("README.md", "Your first message", "sh", 1, "readme::the_first_message_from_the_shell"),
    ("README.md", "Your first message", "html", 1, "browser::the_first_message_from_a_page"),
    ("README.md", "Over HTTP", "sh", 1, "readme::a_message_by_one_request"),
    ("README.md", "Over HTTP", "html", 1, "browser::a_page_listens_to_events"),
    ("README.md", "Who may do what", "yaml", 1, "readme::the_settings_are_good"),
    ("README.md", "Your own authenticator", "rust", 1, "readme::the_authenticator_of_ten_lines_is_a_plugin"),
    ("docs/clients.md", "Reconnect", "js", 1, "clients::node_reconnects"),
    ("docs/clients.md", "Node.js", "js", 1, "clients::node_reconnects"),
    ("docs/clients.md", "Node.js", "sh", 1, "clients::node_reconnects"),
    ("docs/clients.md", "pypusu", "python", 1, "clients::pypusu_says_hello"),
    ("docs/clients.md", "asyncio", "python", 1, "clients::python_reconnects"),
    ("docs/clients.md", "asyncio", "sh", 1, "clients::python_reconnects"),
    ("docs/clients.md", "Go", "go", 1, "clients::go_says_hello"),
    ("docs/clients.md", "Go", "sh", 1, "clients::go_says_hello"),
    ("docs/clients.md", "websocat", "sh", 1, "clients::websocat_says_hello"),
    ("docs/clients.md", "HTTP", "sh", 2, "clients::curl_listens_and_publishes"),
    ("docs/clients.md", "The command line", "sh", 2, "clients::the_command_line_publishes"),
    ("docs/history.md", "Try it", "yaml", 1, "history::the_newest_are_shown"),
    ("docs/history.md", "Try it", "sh", 1, "history::the_newest_are_shown"),
    (
        "docs/history.md",
        "A page that survives reconnects and reloads",
        "html",
        1,
        "history::a_page_survives_reconnects_and_reloads",
    ),
    ("docs/history.md", "The same with EventSource", "html", 1, "history::a_page_with_events_survives_the_same"),
    ("docs/history.md", "Python", "python", 1, "history::python_goes_on"),
    ("docs/history.md", "Python", "sh", 1, "history::python_goes_on"),
    ("docs/history.md", "The command line", "sh", 1, "history::the_command_line_goes_on"),
    (
        "docs/operating/install.md",
        "Install as a service",
        "sh",
        1,
        "operating::installing_is_where_the_virtual_machine_looks",
    ),
    (
        "docs/operating/settings-and-limits.md",
        "Several authenticators",
        "yaml",
        1,
        "settings::a_list_of_authenticators_is_good",
    ),
    ("docs/operating/settings-and-limits.md", "NATS", "yaml", 1, "settings::nats_is_good"),
    ("docs/operating/settings-and-limits.md", "History", "yaml", 1, "settings::history_is_good"),
    (
        "docs/operating/settings-and-limits.md",
        "How settings work",
        "yaml",
        1,
        "settings::the_settings_and_the_commands_work",
    ),
    (
        "docs/operating/settings-and-limits.md",
        "How settings work",
        "sh",
        1,
        "settings::the_settings_and_the_commands_work",
    ),
    (
        "docs/operating/settings-and-limits.md",
        "Trying an authorization",
        "sh",
        1,
        "settings::the_settings_and_the_commands_work",
    ),
    ("docs/operating/secrets.md", "From outside of the settings", "yaml", 1, "secrets::texts_come_from_outside"),
    ("docs/operating/secrets.md", "Kubernetes", "yaml", 2, "secrets::a_secret_of_kubernetes_is_replaced"),
    ("docs/operating/secrets.md", "Docker", "yaml", 2, "secrets::a_secret_of_docker_is_read"),
    ("docs/operating/secrets.md", "systemd", "ini", 1, "secrets::a_credential_of_systemd_is_read"),
    ("docs/operating/secrets.md", "systemd", "yaml", 1, "secrets::a_credential_of_systemd_is_read"),
    ("docs/operating/secrets.md", "systemd", "sh", 1, "secrets::a_credential_of_systemd_is_read"),
    ("docs/operating/sizing.md", "Memory", "sh", 1, "operating::sizing"),
    ("docs/operating/sizing.md", "Open files", "ini", 1, "operating::sizing"),
    ("docs/operating/sizing.md", "Measure it", "sh", 1, "operating::sizing"),
    ("docs/operating/tls-and-proxies.md", "TLS in the relay", "yaml", 2, "tls::the_settings_are_good"),
    ("docs/operating/tls-and-proxies.md", "certbot", "sh", 1, "tls::certificates_of_certbot_are_renewed"),
    ("docs/operating/tls-and-proxies.md", "Caddy", "sh", 1, "tls::certificates_of_caddy_are_renewed"),
    ("docs/operating/tls-and-proxies.md", "Client certificates", "yaml", 1, "tls::clients_show_certificates"),
    ("docs/operating/tls-and-proxies.md", "Behind a proxy", "yaml", 1, "proxies::nginx"),
    ("docs/operating/tls-and-proxies.md", "nginx", "nginx", 1, "proxies::nginx"),
    (
        "docs/operating/tls-and-proxies.md",
        "The operations port",
        "nginx",
        1,
        "proxies::nginx_in_front_of_the_operations_port",
    ),
    (
        "docs/operating/tls-and-proxies.md",
        "The operations port",
        "yaml",
        1,
        "proxies::nginx_in_front_of_the_operations_port",
    ),
    ("docs/operating/tls-and-proxies.md", "HAProxy", "haproxy", 1, "proxies::haproxy"),
    ("docs/operating/tls-and-proxies.md", "Caddy", "caddy", 1, "proxies::caddy"),
    ("docs/operating/tls-and-proxies.md", "Apache", "apache", 1, "proxies::apache"),
    ("docs/operating/tls-and-proxies.md", "TLS passed through", "yaml", 1, "proxies::haproxy_passes_tls_through"),
    ("docs/operating/tls-and-proxies.md", "TLS passed through", "haproxy", 1, "proxies::haproxy_passes_tls_through"),
    ("docs/operating/tls-and-proxies.md", "TLS passed through", "nginx", 1, "proxies::nginx_passes_tls_through"),
    ("docs/operating/tls-and-proxies.md", "Try it", "sh", 1, "proxies::nginx"),
    ("docs/operating/tls-and-proxies.md", "With the commands of pusud", "sh", 1, "proxies::nginx"),
    ("docs/operating/tls-and-proxies.md", "A certificate for a try", "sh", 2, "tls::a_certificate_for_a_try"),
    ("docs/operating/tls-and-proxies.md", "A certificate for a try", "yaml", 1, "tls::a_certificate_for_a_try"),
    ("docs/operating/cluster.md", "Try it", "sh", 2, "cluster::three_relays_on_this_machine"),
    ("docs/operating/cluster.md", "Set it up", "sh", 1, "cluster::the_settings_are_good"),
    ("docs/operating/cluster.md", "Set it up", "yaml", 1, "cluster::the_settings_are_good"),
    ("docs/operating/cluster.md", "Over NATS", "sh", 1, "cluster::three_relays_over_nats_on_this_machine"),
    ("docs/operating/cluster.md", "Encryption", "yaml", 1, "cluster::certificates_of_ones_own_are_taken"),
    (
        "docs/operating/cluster.md",
        "Rotate the key",
        "sh",
        4,
        "cluster::a_key_is_rotated_in_three_rounds_while_the_relays_serve",
    ),
    ("docs/operating/throwing-out.md", "End connections", "sh", 1, "operating::throwing_out"),
    ("docs/operating/throwing-out.md", "Take authorizations back", "sh", 1, "operating::throwing_out"),
    ("docs/operating/throwing-out.md", "Who is revoked", "sh", 1, "operating::throwing_out"),
    ("docs/operating/throwing-out.md", "Why was I refused?", "sh", 1, "operating::throwing_out"),
    ("docs/operating/shutdown-and-upgrades.md", "Upgrade a plugin", "sh", 1, "operating::a_plugin_is_upgraded"),
];
/// Pages with tests of their own.
const ELSEWHERE: [&str; 4] = ["docs/protocol", "docs/internals", "docs/authenticators.md", "docs/operations-api.md"];
/// What is shown and not run.
const SHOWN: [&str; 2] = ["text", "json"];

/// The pages for users and operators.
fn all_pages() -> Vec<String> {
    let all = pages("docs").into_iter().chain(["README.md".to_owned(), "SECURITY.md".to_owned()]);
    all.filter(|page| page.ends_with(".md")).collect()
}

/// All pages below a folder.
fn pages(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let paths = entries.map(|entry| format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap()));
    let mine = paths.filter(|path| !ELSEWHERE.contains(&&**path));
    mine.flat_map(|path| if root().join(&path).is_dir() { pages(&path) } else { vec![path] }).collect()
}

#[test]
fn every_block_is_run_by_a_test() {
    let mut found: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    for page in all_pages() {
        for block in blocks(&page).into_iter().filter(|block| !SHOWN.contains(&&*block.language)) {
            *found.entry((page.clone(), block.heading, block.language)).or_default() += 1;
        }
    }
    let known = RUN.iter().map(|(page, heading, language, count, _)| {
        ((page.to_string(), heading.to_string(), language.to_string()), *count)
    });
    assert_eq!(found, known.collect());
    for (.., test) in RUN {
        let (module, function) = test.split_once("::").unwrap();
        let source = fs::read_to_string(root().join(format!("tests/it/pages/{module}.rs"))).unwrap();
        assert!(source.contains(&format!("#[test]\nfn {function}()")), "{test} does not exist");
    }
}

#[test]
fn every_command_that_is_named_exists() {
    let help = run(&mut pusud(&["--help"])).succeeds();
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = commands.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let commands: BTreeSet<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.contains("run"), "{help}");
    for page in all_pages() {
        let text = text(&page).replace("```", "");
        let named = code(&text).into_iter().filter_map(|words| words.strip_prefix("pusud ")?.split_whitespace().next());
        for command in named.filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase())) {
            assert!(commands.contains(command), "{page} names `pusud {command}`, which does not exist");
        }
    }
}
