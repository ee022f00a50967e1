//! A real browser that is told what to do, verb by verb (`tests/console/verbs.mjs`): Chromium, driven by Node.js.
//!
//! It is started once for a whole test, since that is what takes longest.

use crate::harness::{not_run, root};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long one verb may take: the browser's own deadline is 30 s, and an inspection has many steps.
const VERB_MAX: Duration = Duration::from_secs(120);
/// How long the browser may take to end when nobody tells it anything any more.
const END_MAX: Duration = Duration::from_secs(10);

pub(super) struct Browser {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<String>,
}

/// Where pictures of the views are kept, to be looked at.
pub(super) fn pictures() -> PathBuf {
    root().join("target/console-screenshots")
}

impl Browser {
    /// Starts one, or says that `row` is not run here, and what is missing.
    pub(super) fn start(row: &str) -> Option<Self> {
        let tools = root().join("target/console-tools");
        let Some(chromium) = program("chromium") else { return missing(row, "there is no chromium") };
        let Some(node) = program("node") else { return missing(row, "there is no node") };
        if !tools.join("node_modules/playwright-core").is_dir() {
            return missing(row, "playwright-core is missing: `make console-tools` installs it");
        }
        std::fs::create_dir_all(pictures()).unwrap();
        let mut command = Command::new(node);
        command.arg(root().join("tests/console/browser.mjs")).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.env("PUSU_CONSOLE_TOOLS", tools).env("PUSU_CHROMIUM", chromium);
        let mut child = command.env("PUSU_CONSOLE_PICTURES", pictures()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        let (sender, answers) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // The test may have ended.
                let _ = sender.send(line);
            }
        });
        let browser = Self { child, input, answers };
        assert_eq!(browser.answer(), json!({"said": "ready"}));
        Some(browser)
    }

    /// Has it do something, and returns what it says.
    #[track_caller]
    pub(super) fn tell(&mut self, verb: &str, arguments: Value) -> Value {
        let mut line = arguments;
        line["verb"] = json!(verb);
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
        let mut answer = self.answer();
        if let Some(failed) = answer["failed"].as_str() {
            panic!("{failed}");
        }
        answer["said"].take()
    }

    fn answer(&self) -> Value {
        let line = self.answers.recv_timeout(VERB_MAX).expect("the browser answers in time");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Signs in at the console at this address.
    #[track_caller]
    pub(super) fn sign_in(&mut self, url: &str, token: &str) {
        self.tell("open", json!({"url": url}));
        self.tell("sign_in", json!({"token": token}));
        self.tell("see_heading", json!({"text": "Now"}));
    }

    #[track_caller]
    pub(super) fn go(&mut self, view: &str) {
        self.tell("go", json!({"view": view}));
    }

    #[track_caller]
    pub(super) fn see(&mut self, text: &str) {
        self.tell("see", json!({"text": text}));
    }

    #[track_caller]
    pub(super) fn see_heading(&mut self, text: &str) {
        self.tell("see_heading", json!({"text": text}));
    }

    /// Waits for a row of a table, or a fact, with both texts.
    #[track_caller]
    pub(super) fn see_row(&mut self, of: &str, text: &str) {
        self.tell("see_row", json!({"of": of, "text": text}));
    }

    /// Waits for a problem with this text, and returns its line.
    #[track_caller]
    pub(super) fn see_problem(&mut self, text: &str) -> String {
        self.tell("see_problem", json!({"text": text})).as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(super) fn follow_problem(&mut self, text: &str) {
        self.tell("follow_problem", json!({"text": text}));
    }

    #[track_caller]
    pub(super) fn follow(&mut self, link: &str) {
        self.tell("follow", json!({"link": link}));
    }

    #[track_caller]
    pub(super) fn press(&mut self, button: &str) {
        self.tell("press", json!({"button": button}));
    }

    /// Presses a button in the row of a table with this text.
    #[track_caller]
    pub(super) fn press_in_row(&mut self, of: &str, button: &str) {
        self.tell("press_in_row", json!({"of": of, "button": button}));
    }

    #[track_caller]
    pub(super) fn fill(&mut self, label: &str, value: &str) {
        self.tell("fill", json!({"label": label, "value": value}));
    }

    #[track_caller]
    pub(super) fn inspect(&mut self, name: &str) {
        self.tell("inspect", json!({"name": name}));
    }

    /// Answers the question of a dialog, which has to say this, with its button.
    #[track_caller]
    pub(super) fn confirm(&mut self, words: &str, button: &str) {
        let question = self.tell("question", json!({}));
        assert!(question.as_str().unwrap().contains(words), "{question}");
        self.press(button);
        self.tell("no_question", json!({}));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // With its input gone it ends its Chromium, and then itself.
        drop(self.input.take());
        let began = Instant::now();
        while began.elapsed() < END_MAX {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::park_timeout(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn missing(row: &str, lacks: &str) -> Option<Browser> {
    not_run(row, lacks);
    None
}

/// A program of the system.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| Path::is_file(file))
}
