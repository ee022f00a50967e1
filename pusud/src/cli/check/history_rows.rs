//! History, for people: the rows of `pusud check`, a line for each entry of the settings.

use pusud::config::{Config, format_bytes, format_duration};

/// What there is to say about history.
pub(super) fn of_settings(config: &Config) -> Vec<(String, String)> {
    let history = &config.history;
    if !history.is_on() {
        return vec![("history".to_owned(), "none".to_owned())];
    }
    let entries = match history.rules.len() {
        1 => "1 entry".to_owned(),
        entries => format!("{entries} entries"),
    };
    let mut rows = vec![("history".to_owned(), format!("{entries}, at most {}", format_bytes(history.bytes_max)))];
    for (at, rule) in history.rules.iter().enumerate() {
        let name = rule.name.as_ref().map_or_else(|| format!("history[{at}]"), ToString::to_string);
        let (channels, ttl) = (rule.channels.join(", "), format_duration(rule.ttl));
        rows.push((format!("  {name}"), format!("at most {} of a channel, for {ttl}: {channels}", rule.size)));
    }
    rows
}
