//! docs/protocol/client.md, held to its word: its conversations are played against the daemon, its JSON parses.

use crate::harness::{Client, Daemon, PluginsDir, Setup, password_plugin, root};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::fs;

/// The fenced blocks of the page that are marked with `language`.
fn blocks(language: &str) -> Vec<String> {
    let page = fs::read_to_string(root().join("docs/protocol/client.md")).unwrap();
    let fence = format!("```{language}\n");
    let block = |text: &str| text.split("```").next().unwrap().to_owned();
    page.split(&fence).skip(1).map(block).collect()
}

/// The relay with the settings of the page.
pub(super) fn daemon_of_the_page(shards: usize) -> Daemon {
    let settings = &blocks("yaml")[0];
    let passwords = &settings[settings.find("passwords:").unwrap()..];
    assert!(settings.contains("authenticator: PasswordAuthenticator\nname: relay-1\n"));
    let plugins = PluginsDir::with([password_plugin()]);
    let setup = Setup::on_shards(shards).name("relay-1").authenticator("PasswordAuthenticator", plugins);
    assert!(passwords.contains("history:\n"), "{passwords}");
    setup.settings(passwords).start()
}

/// What differs from start to start, or is a text for people, is only looked at for being there.
fn without_free_text(mut message: Value) -> Value {
    for field in ["reason", "version", "relay"] {
        if let Some(text) = message.get_mut(field) {
            assert!(text.as_str().is_some_and(|text| !text.is_empty()), "{field} is {text}");
            *text = json!("…");
        }
    }
    message
}

/// The positions of a conversation as they are printed, and as they are.
#[derive(Default)]
struct Printed(HashMap<String, String>);

impl Printed {
    /// A message of the page, with the positions that are known by now.
    fn real(&self, message: &str) -> String {
        self.0.iter().fold(message.to_owned(), |message, (printed, real)| message.replace(printed, real))
    }

    /// Learns the position of a message, where the page's has one that was not known.
    fn learn(&mut self, message: &str, received: &Value) {
        let message: Value = serde_json::from_str(message).unwrap();
        let [Some(printed), Some(real)] = [&message, received].map(|message| message["position"].as_str()) else {
            return assert_eq!(message.get("position"), received.get("position"));
        };
        // Printed ones of one relay in one minute differ where the real ones do.
        if let Some(known) = self.0.insert(printed.to_owned(), real.to_owned()) {
            assert_eq!(known[4..], real[4..], "the position is another one");
        }
        assert_eq!(self.0.len(), self.0.values().map(|real| &real[4..]).collect::<BTreeSet<_>>().len());
    }
}

fn play(conversation: &str, daemon: &Daemon) {
    let mut clients: HashMap<&str, Client> = HashMap::new();
    let mut printed = Printed::default();
    for line in conversation.lines() {
        println!("{line}");
        let (name, rest) = line.split_once(' ').unwrap();
        let client = clients.entry(name).or_insert_with(|| daemon.connect());
        let (arrow, message) = rest.split_once(' ').unwrap();
        match (arrow, message.strip_prefix("close ")) {
            ("→", None) => client.send_text(&printed.real(message)),
            ("←", Some(code)) => client.expect_closed(code.parse().unwrap()),
            ("←", None) if message.starts_with(r#"{"type":"hello""#) => {
                let expected = without_free_text(serde_json::from_str(message).unwrap());
                assert_eq!(without_free_text(client.hello().clone()), expected);
            }
            ("←", None) if message.contains("\"reason\"") => {
                let expected = without_free_text(serde_json::from_str(message).unwrap());
                assert_eq!(without_free_text(client.next_json()), expected);
            }
            ("←", None) if message.contains("\"position\"") => {
                let received = client.next_text();
                printed.learn(message, &serde_json::from_str(&received).unwrap());
                assert_eq!(received, printed.real(message));
            }
            ("←", None) => client.expect_text(message),
            _ => panic!("what is {line}?"),
        }
    }
}

#[test]
fn its_conversations_take_place() {
    let conversations = blocks("session");
    assert!(conversations.len() >= 6, "the page has lost its examples");
    for shards in [1, 3] {
        let daemon = daemon_of_the_page(shards);
        conversations.iter().for_each(|conversation| play(conversation, &daemon));
    }
}

#[test]
fn its_json_is_json() {
    let examples = blocks("json");
    assert!(examples.len() >= 4, "the page has lost its examples");
    for example in examples {
        let message: Value = serde_json::from_str(&example).unwrap_or_else(|error| panic!("{error}: {example}"));
        assert!(message["type"].is_string(), "{message}");
    }
}

/// The numbers that `find` makes of the lines of a file.
fn codes(file: &str, find: impl Fn(&str) -> Option<&str>) -> BTreeSet<u16> {
    let text = fs::read_to_string(root().join(file)).unwrap();
    text.lines().filter_map(|line| find(line)?.trim().parse().ok()).collect()
}

#[test]
fn its_close_codes_are_the_daemons() {
    let mut of_page = codes("docs/protocol/client.md", |line| line.strip_prefix("| ")?.split(" |").next());
    of_page.retain(|code| *code >= 1000);
    assert!(of_page.remove(&1000), "the answer to a client's own close is not a reason of the relay's");
    let of_daemon = codes("pusud/src/protocol/disconnect.rs", |line| line.split_once("=> ")?.1.strip_suffix(','));
    assert!(of_daemon.len() >= 9, "the daemon's table is not where this test looks: {of_daemon:?}");
    assert_eq!(of_page, of_daemon);
}
