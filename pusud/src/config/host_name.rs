//! This machine's name, the default of `name`.

/// The host name, or `pusud` where the system does not tell.
pub(super) fn host_name() -> String {
    system_name().filter(|name| !name.is_empty()).unwrap_or_else(|| "pusud".to_owned())
}

#[cfg(unix)]
fn system_name() -> Option<String> {
    Some(rustix::system::uname().nodename().to_string_lossy().into_owned())
}

#[cfg(not(unix))]
fn system_name() -> Option<String> {
    std::env::var("COMPUTERNAME").ok()
}
