//! `GrantsAuthenticator` (`tests/fixtures/grants_plugin.c`), whose verdicts, orders and lines of the log tests write into
//! the authorization.
//!
//! An authorization is a script: words, separated by spaces, done in order.
//!
//! | word | what it does |
//! |---|---|
//! | `read=PATTERN`, `write=PATTERN` | grants that |
//! | `subject=NAME` | names whom it is granted to |
//! | `ttl=MS` | the permissions end so many milliseconds from the answer |
//! | `ended-ago=MS` | they have ended so many milliseconds ago |
//! | `refuse=REASON`, `unavailable`, `abstain` | decides so |
//! | `again` | what stands behind it is for a recheck, in place of the permissions before it |
//! | `do=ORDER` | gives an order, before the answer |
//! | `then=ORDER` | gives an order right after the answer |
//! | `log=attributes`, `log=long`, `log=enabled` | writes lines of the log through `pusu.log/1` |
//! | `count=N` | adds N to the counter, and sets the gauge to N |
//! | `gate=FILE` | from here on `ended` waits as long as the file is there |
//! | `sleep=MS` | waits so long before it goes on |
//! | `hold=FILE` | waits as long as the file is there |
//! | `twice` | answers twice |
//! | `abort` | ends the process |
//!
//! An order is `revoke:NAME:REASON`, `revoke-ticket:N:REASON`, `recheck:NAME`, `recheck-ticket:N` or `not-utf8`; the
//! reason may be missing. The notes have a line for each: `order revoke alice gives 0`.
//!
//! The file `notes` beside the settings says what was granted (`granted 7 for alice gives 0`), what is rechecked (`recheck 9 of 7 again 1`), and of
//! each grant what the plugin is told (`ended 7 revoked`, `adopted 7 of alice ends 0 by 2`).

use super::plugin_files::c_plugin;
use super::{DEADLINE, Daemon, PluginsDir, Setup};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Where its source is.
const SOURCE: &str = "tests/fixtures/grants_plugin.c";

/// The plugin with these switches; `name` tells it from others.
pub(crate) fn grants_plugin(name: &str, switches: &[&str]) -> PathBuf {
    c_plugin(&format!("grants_plugin_{name}"), SOURCE, switches)
}

/// What the plugin's file is called in every daemon.
pub(crate) fn grants_file() -> String {
    super::library_name("grants_plugin")
}

/// The settings of a daemon with it.
pub(crate) fn grants_setup(isolation: &str, shards: usize) -> Setup {
    let plugins = PluginsDir::empty();
    plugins.add(&grants_plugin("1", &[]), &grants_file());
    let settings = format!("isolation: {isolation}\non_swap: reauthorize");
    Setup::on_shards(shards).authenticator("GrantsAuthenticator", plugins).settings(&settings)
}

impl Daemon {
    /// Has the plugin give an order, or several, and waits until it has.
    pub(crate) fn order(&self, orders: &[&str]) {
        let words: Vec<_> = orders.iter().map(|order| format!("do={order}")).collect();
        self.client_with(&format!("read=nothing {}", words.join(" ")));
    }

    /// The plugin's notes so far.
    pub(crate) fn notes(&self) -> Vec<String> {
        let notes = std::fs::read_to_string(self.dir().join("notes")).unwrap_or_default();
        // The last one may be half written.
        notes.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(str::to_owned).collect()
    }

    /// Waits until `find` makes something of the plugin's notes.
    #[track_caller]
    pub(crate) fn wait_for_notes<T>(&self, what: &str, find: impl Fn(&[String]) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            let notes = self.notes();
            if let Some(found) = find(&notes) {
                return found;
            }
            assert!(started.elapsed() < DEADLINE, "waited in vain for {what}; so far:\n{}", notes.join("\n"));
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for a note that begins so.
    #[track_caller]
    pub(crate) fn wait_for_note(&self, begin: &str) {
        self.wait_for_notes(begin, |notes| notes.iter().any(|note| note.starts_with(begin)).then_some(()));
    }

    /// Waits for so many notes that begin so.
    #[track_caller]
    pub(crate) fn wait_for_notes_like(&self, begin: &str, count: usize) {
        let what = format!("{count} of {begin}");
        self.wait_for_notes(&what, |notes| {
            (notes.iter().filter(|note| note.starts_with(begin)).count() == count).then_some(())
        });
    }

    /// How many notes begin so.
    pub(crate) fn notes_like(&self, begin: &str) -> usize {
        self.notes().iter().filter(|note| note.starts_with(begin)).count()
    }

    /// The ticket of what was granted last to this subject.
    #[track_caller]
    pub(crate) fn ticket_of(&self, subject: &str) -> u64 {
        self.ticket_after(0, subject)
    }

    /// The ticket of the last grant of this subject behind the one with the ticket `before`.
    pub(crate) fn ticket_after(&self, before: u64, subject: &str) -> u64 {
        let end = format!(" for {subject} gives 0");
        self.wait_for_notes("a grant", |notes| {
            let granted = notes
                .iter()
                .rev()
                .filter(|note| note.ends_with(&end))
                .find_map(|note| note.strip_prefix("granted "))?;
            granted.split(' ').next()?.parse().ok().filter(|ticket| *ticket > before)
        })
    }

    /// Waits for the end of a grant, which the plugin must be told of once. It is told of ends one after the other, so
    /// what was told before is all in the notes.
    #[track_caller]
    pub(crate) fn wait_for_end(&self, ticket: u64, why: &str) {
        self.wait_for_end_by(ticket, &[why]);
    }

    /// The same where it may be for one of several reasons.
    pub(crate) fn wait_for_end_by(&self, ticket: u64, reasons: &[&str]) {
        let ended = format!("ended {ticket} ");
        self.wait_for_note(&ended);
        let ends: Vec<_> = self.notes().into_iter().filter(|note| note.starts_with(&ended)).collect();
        assert!(ends.len() == 1 && reasons.contains(&&ends[0][ended.len()..]), "{ends:?}, {reasons:?}");
    }
}
