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
//! | `twice` | answers twice |
//! | `abort` | ends the process |
//!
//! An order is `revoke:NAME:REASON`, `revoke-ticket:N:REASON`, `recheck:NAME`, `recheck-ticket:N` or `not-utf8`; the
//! reason may be missing. The log has a line for each: `order revoke alice gives 0`.
//!
//! The log says what was granted (`granted 7 for alice gives 0`), what is rechecked (`recheck 9 of 7 again 1`), and of
//! each grant what the plugin is told (`ended 7 revoked`, `adopted 7 of alice ends 0 by 2`).

use super::plugin_files::c_plugin;
use super::{Daemon, PluginsDir, Setup};
use std::path::PathBuf;

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

    /// The ticket of what was granted last to this subject.
    pub(crate) fn ticket_of(&self, subject: &str) -> u64 {
        let end = format!(" for {subject} gives 0\"");
        self.log().wait("a grant", |lines| {
            let line = lines.iter().rev().find(|line| line.contains(&end))?;
            let (_, rest) = line.split_once("\"granted ")?;
            rest.split(' ').next()?.parse().ok()
        })
    }

    /// Waits for a line of the plugin's that begins so.
    pub(crate) fn wait_for_line(&self, begin: &str) {
        let wanted = format!("\"{begin}");
        self.log().wait_for(begin, |line| line.contains(&wanted).then_some(()));
    }

    /// How many lines of the plugin's begin so.
    pub(crate) fn lines_like(&self, begin: &str) -> usize {
        let wanted = format!("\"{begin}");
        self.log().lines().iter().filter(|line| line.contains(&wanted)).count()
    }

    /// Waits for the end of a grant, which the plugin must be told of once. It is told of ends one after the other, so
    /// what was told before is all in the log.
    #[track_caller]
    pub(crate) fn wait_for_end(&self, ticket: u64, why: &str) {
        self.wait_for_line(&format!("ended {ticket} "));
        assert_eq!(self.lines_like(&format!("ended {ticket} ")), 1, "{ticket}");
        self.wait_for_line(&format!("ended {ticket} {why}\""));
    }
}
