//! The relay in the hands of its operator: settings, the service, its status and health, and how it stops.

#[cfg(target_os = "linux")]
mod addresses;
mod check;
#[cfg(unix)]
mod control;
#[cfg(unix)]
mod decisions;
mod draining;
#[cfg(unix)]
mod ended;
#[cfg(target_os = "linux")]
mod figures;
#[cfg(unix)]
mod health;
#[cfg(unix)]
mod history_settings;
#[cfg(unix)]
mod kick;
#[cfg(unix)]
mod lists;
#[cfg(target_os = "linux")]
mod log;
#[cfg(target_os = "linux")]
mod log_floods;
#[cfg(unix)]
mod nats_settings;
#[cfg(target_os = "linux")]
mod open_files;
#[cfg(target_os = "linux")]
mod places;
#[cfg(unix)]
mod revocations_file;
#[cfg(unix)]
mod revoke;
#[cfg(unix)]
mod service;
mod settings;
#[cfg(unix)]
mod signals;
#[cfg(target_os = "linux")]
mod sleep;
mod stopping;
#[cfg(unix)]
mod tail;
#[cfg(target_os = "linux")]
mod volumes;
