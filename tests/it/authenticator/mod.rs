//! Plugins that decide: loading, calling, changing and testing them, those that misbehave, and how long a decision holds.

mod bad_plugins;
mod certificate;
mod condition;
#[cfg(unix)]
mod containment;
mod cut_texts;
#[cfg(unix)]
mod exits;
mod expiry;
mod facts;
mod grants;
mod hot_swap;
mod http;
mod isolation;
mod jwt;
mod languages;
mod leaving;
#[cfg(unix)]
mod lifetimes;
mod list;
mod longest_life;
#[cfg(target_os = "linux")]
mod memory_files;
mod option_files;
#[cfg(unix)]
mod ownership;
mod passwords;
mod plugin_errors;
mod plugins;
mod reauthorize;
mod refused_metrics;
mod reload;
mod secrets;
mod secrets_commands;
#[cfg(unix)]
mod secrets_outside;
mod seen_headers;
mod shadow;
#[cfg(target_os = "linux")]
mod story;
mod strangers;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod ten_years;
mod workbench;
