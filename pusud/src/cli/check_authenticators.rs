//! The rows of `pusud check` about who decides.
//!
//! **Invariant:** of options only the names are shown: the values may be secrets.

use pusud::authenticator::Identity;
use pusud::config::{AuthenticatorConfig, Isolation, NO_AUTHENTICATOR, format_bytes, format_duration};

/// What there is to say, `identities` being what was found for each entry.
pub(super) fn rows(config: &AuthenticatorConfig, identities: &[Identity]) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let mut row = |key: &str, value: String| rows.push((key.to_owned(), value));
    match identities {
        [alone] if !config.is_list() => {
            row("authenticator", alone.id.clone());
            if alone.id == NO_AUTHENTICATOR {
                row("  permissions", "everybody may read and write every channel".into());
                return rows;
            }
            one(config, alone, "  ", &mut row);
        }
        several => {
            let shadows = config.entries().iter().filter(|entry| entry.entry.shadow).count();
            row("authenticator", in_order(several.len() - shadows, shadows));
            for (entry, identity) in config.entries().iter().zip(several) {
                row(&format!("  {}", entry.name()), role(entry, identity));
                one(entry, identity, "    ", &mut row);
            }
        }
    }
    row("  max_authorization_life", config.max_life.map_or("none".into(), format_duration));
    row("  on_swap", config.on_swap.to_string());
    rows
}

fn in_order(deciding: usize, shadows: usize) -> String {
    let deciding = if deciding == 1 { "1 decides".to_owned() } else { format!("{deciding} decide, in this order") };
    match shadows {
        0 => deciding,
        1 => format!("{deciding}; 1 is a shadow"),
        more => format!("{deciding}; {more} are shadows"),
    }
}

fn role(entry: &AuthenticatorConfig, identity: &Identity) -> String {
    let role = match (entry.entry.shadow, entry.entry.goes_on) {
        (true, _) => ", shadow: decides nothing, and is compared",
        (false, true) => ", if_unavailable: next",
        (false, false) => "",
    };
    format!("{}{role}", identity.id)
}

fn one(config: &AuthenticatorConfig, identity: &Identity, indent: &str, row: &mut dyn FnMut(&str, String)) {
    let names: Vec<&str> = config.options.keys().chain(config.original_options.keys()).map(String::as_str).collect();
    let names = if names.is_empty() { "none".into() } else { names.join(", ") };
    // In a list the keys have shorter names.
    let key = |key: &str| config.key(key).rsplit('.').next().unwrap_or(key).to_owned();
    let rows = [
        ("version".to_owned(), identity.version.clone()),
        ("file".to_owned(), identity.path.as_ref().map_or(String::new(), |path| path.display().to_string())),
        ("sha256".to_owned(), identity.sha256.clone()),
        ("isolation".to_owned(), config.isolation.to_string()),
        ("isolation_memory".to_owned(), isolation_memory(config)),
        (key("authenticator_create_timeout"), format_duration(config.create_timeout)),
        (key("authenticator_restart"), config.restarts.to_string()),
        ("options set".to_owned(), names),
    ];
    rows.into_iter().for_each(|(key, value)| row(&format!("{indent}{key}"), value));
}

/// How much address space the plugin's process may have.
fn isolation_memory(authenticator: &AuthenticatorConfig) -> String {
    match (authenticator.isolation, authenticator.isolation_memory) {
        (Isolation::Thread, _) => "no limit of its own: `isolation: thread`".into(),
        (Isolation::Process, None) => "no limit".into(),
        (Isolation::Process, Some(bytes)) => format_bytes(bytes),
    }
}
