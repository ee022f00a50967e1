//! The settings that hold, what differs from the defaults, and what reading them again would change.

use super::answers::{Answer, json};
use super::door::Door;
use super::fault::Fault;
use crate::config::{Config, Overrides, SettingRow};
use hyper::StatusCode;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

/// All of it.
#[derive(Serialize)]
struct Settings {
    file: Option<String>,
    settings: Vec<Setting>,
    reload: Reload,
}

#[derive(Serialize)]
struct Setting {
    key: String,
    value: String,
    /// `None`: there is none.
    default: Option<String>,
    differs: bool,
    secret: bool,
}

/// What reading the settings again would change.
#[derive(Default, Serialize)]
struct Reload {
    /// Why they could not be read.
    error: Option<String>,
    changes: Vec<Change>,
}

#[derive(Serialize)]
struct Change {
    key: String,
    now: String,
    then: String,
    needs_restart: bool,
}

impl Door {
    /// Shows them. Files may wait for a disk, and so they are read on another thread.
    pub(super) async fn settings(&self) -> Result<Answer, Fault> {
        let (running, overrides) = (self.parts.held.now(), self.parts.overrides.clone());
        let read = tokio::task::spawn_blocking(move || settings(&running, &overrides)).await;
        let read = read.map_err(|_| {
            Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "the settings cannot be read; the relay's log says why")
        })?;
        Ok(json(&read))
    }
}

fn settings(running: &Arc<Config>, overrides: &Overrides) -> Settings {
    let defaults = by_key(running.defaults().setting_rows());
    let setting = |SettingRow { key, value, is_secret }: SettingRow| {
        let default = defaults.get(&key).cloned();
        Setting { differs: default.as_ref() != Some(&value), key, value, default, secret: is_secret }
    };
    Settings {
        file: running.file.as_ref().map(|file| file.display().to_string()),
        settings: running.setting_rows().into_iter().map(setting).collect(),
        reload: reload(running, overrides),
    }
}

fn reload(running: &Config, overrides: &Overrides) -> Reload {
    if let Some(file) = running.file.as_deref().filter(|file| fs::metadata(file).is_ok_and(|found| !found.is_file())) {
        // To read a pipe would wait for somebody who writes, and take from whoever reads it next.
        let error =
            format!("{}: expected a file, found a pipe or a device, which is not read for this", file.display());
        return Reload { error: Some(error), ..Reload::default() };
    }
    let mut new = match Config::load(running.file.as_deref(), overrides) {
        Ok((new, _)) => new,
        Err(error) => return Reload { error: Some(format!("{error:#}")), ..Reload::default() },
    };
    new.authenticator.wipe_options();
    let needs_restart = running.restart_keys(&new);
    let needs_restart = |key: &str| needs_restart.iter().any(|changed| key == *changed || is_part_of(key, changed));
    let (now, then) = (running.setting_rows(), new.setting_rows());
    let (before, after) = (by_key(now.clone()), by_key(then.clone()));
    let keys =
        now.iter().map(|row| &row.key).chain(then.iter().map(|row| &row.key).filter(|key| !before.contains_key(*key)));
    let shown = |value: Option<&String>| value.cloned().unwrap_or_else(|| "none".to_owned());
    let (secrets_now, secrets_then) = (running.secret_digests(), new.secret_digests());
    let change = |key: &String| {
        let (now, then) = (before.get(key), after.get(key));
        let (now, mut then, needs_restart) = (shown(now), shown(then), needs_restart(key));
        let digests = secrets_now.get(key).zip(secrets_then.get(key));
        if digests.is_some_and(|(now, then)| now != then) {
            then.push_str(", another");
        }
        (now != then).then(|| Change { key: key.clone(), now, then, needs_restart })
    };
    Reload { error: None, changes: keys.filter_map(change).collect() }
}

/// Whether a key is an entry of another one, or stands below it: `listeners[0]` of `listeners`, `nats.user` of `nats`.
fn is_part_of(key: &str, whole: &str) -> bool {
    key.strip_prefix(whole).is_some_and(|rest| rest.starts_with(['[', '.']))
}

fn by_key(rows: Vec<SettingRow>) -> BTreeMap<String, String> {
    rows.into_iter().map(|row| (row.key, row.value)).collect()
}
