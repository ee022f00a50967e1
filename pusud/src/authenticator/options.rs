//! The options of the plugin, taken out of the settings.
//!
//! **Invariant:** a plugin sees only options that its manifest names, and no code of it runs before they are checked.
//! **Invariant:** values are never printed: they hold passwords and keys. Errors name keys alone, and of those none that is
//! not known.

use super::manifest::Manifest;
use crate::config::{AuthenticatorConfig, NOT_SHOWN, did_you_mean, wipe};
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// The plugin's options as one JSON object.
///
/// # Errors
/// An option that the plugin does not take, or one that is set twice.
pub(super) fn json(config: &AuthenticatorConfig, manifest: &Manifest) -> Result<Zeroizing<String>> {
    check_names(&config.options, &config.key("authenticator_options"), manifest)?;
    let known = || manifest.options.iter().map(String::as_str);
    let mut chosen: Map<String, Value> = Map::new();
    for (key, value) in &config.original_options {
        if !known().any(|name| name == key) {
            tracing::info!("`{key}` in the settings is no option of {} and is ignored", manifest.id);
        } else if config.options.contains_key(key) {
            bail!("the settings have `{key}` at the top and in `authenticator_options`; remove one of them");
        } else {
            chosen.insert(key.clone(), value.clone());
        }
    }
    chosen.extend(config.options.iter().map(|(key, value)| (key.clone(), value.clone())));
    let text = text(&chosen);
    wipe(chosen);
    text
}

/// Options that were not taken from the settings, as one JSON object.
///
/// # Errors
/// An option that the plugin does not take.
pub(super) fn chosen(options: &Map<String, Value>, manifest: &Manifest) -> Result<Zeroizing<String>> {
    check_names(options, "", manifest)?;
    text(options)
}

fn text(options: &Map<String, Value>) -> Result<Zeroizing<String>> {
    serde_json::to_string(options).map(Zeroizing::new).context("the authenticator's options cannot be written as JSON")
}

/// `place`: the key of the settings below which they stand, if any. A name that is none of those that are taken is not
/// shown, however much it is like one: it may be a password whose line is not indented.
fn check_names(options: &Map<String, Value>, place: &str, manifest: &Manifest) -> Result<()> {
    let known = || manifest.options.iter().map(String::as_str);
    let is_known = |key: &str| manifest.takes_other_options || known().any(|name| name == key);
    let Some((number, key)) = (1..).zip(options.keys()).find(|(_, key)| !is_known(key)) else { return Ok(()) };
    let meant = did_you_mean(key, known());
    let below = if place.is_empty() { String::new() } else { format!(" below `{place}`") };
    bail!("option {number}{below} ({NOT_SHOWN}): {} takes no such option{meant}{}", manifest.id, taken(manifest));
}

fn taken(manifest: &Manifest) -> String {
    if manifest.options.is_empty() {
        return "; it takes none, remove the key".to_owned();
    }
    format!("; it takes: {}", manifest.options.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(options: Value, original: Value) -> AuthenticatorConfig {
        let map = |value: Value| value.as_object().cloned().unwrap();
        let (options, original_options) = (map(options), map(original));
        AuthenticatorConfig { options, original_options, ..AuthenticatorConfig::for_tests("P", "plugins") }
    }

    fn chosen(options: Value, original: Value) -> Result<Value, String> {
        let manifest = Manifest::for_test("P", "passwords,allow_read_by_default");
        let text = super::json(&config(options, original), &manifest).map_err(|error| format!("{error:#}"))?;
        Ok(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn only_what_the_manifest_names_goes_to_the_plugin() {
        let original = json!({"passwords": ["a"], "jwt_verification_key": "k"});
        assert_eq!(
            chosen(json!({"allow_read_by_default": true}), original),
            Ok(json!({"allow_read_by_default": true, "passwords": ["a"]}))
        );
        assert_eq!(chosen(json!({}), json!({})), Ok(json!({})));
    }

    #[test]
    fn errors_name_the_key_and_never_the_value() {
        for key in ["passw0rd1", "Passwords", "pasword"] {
            let error = chosen(json!({key: "hunter2"}), json!({})).unwrap_err();
            assert!(error.starts_with("option 1 below `authenticator_options` (not shown"), "{error}");
            assert!(error.contains("did you mean `passwords`?") && !error.contains(key), "{error}");
        }
        let error = chosen(json!({"pasword": "hunter2"}), json!({})).unwrap_err();
        assert!(error.contains("it takes: passwords, allow_read_by_default"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        let error = chosen(json!({"passwords": [], "hunter2": ["*"]}), json!({})).unwrap_err();
        assert!(error.starts_with("option 2 below `authenticator_options` (not shown"), "{error}");
        assert!(error.contains("it takes: passwords") && !error.contains("hunter2"), "{error}");
        let error = chosen(json!({"passwords": []}), json!({"passwords": []})).unwrap_err();
        assert!(error.contains("`passwords` at the top and in `authenticator_options`"), "{error}");
        let none = super::json(&config(json!({"x": 1}), json!({})), &Manifest::for_test("P", "")).unwrap_err();
        assert!(format!("{none:#}").contains("it takes none"), "{none:#}");
    }
}
