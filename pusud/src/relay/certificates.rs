//! The certificates of all listeners: loaded at the start, renewed at SIGHUP and when their files change.

use crate::config::Config;
use crate::operations::{self, OperationsPort};
use crate::peers::Keys;
use crate::tls::{Renewal, Served, TicketSecret};
use anyhow::Context as _;
use std::convert::Infallible;
use std::thread;
use std::time::{Duration, Instant};
use tracing::{error, info, warn};

/// How often the files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// How often it is looked at what is about to expire.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(600);

/// One listener's certificates, with its name.
#[derive(Clone)]
pub(super) struct Certificates {
    pub(super) listener: String,
    pub(super) served: Served,
}

/// Those of the operations port.
pub(super) fn of_operations(port: Option<&OperationsPort>) -> Vec<Certificates> {
    let served = port.and_then(OperationsPort::certificates);
    served.into_iter().map(|served| Certificates { listener: operations::NAME.to_owned(), served }).collect()
}

/// The certificates of each listener, in the order of the settings; `None` for those that do not encrypt. With them comes
/// what the operator should know.
///
/// # Errors
/// Names the listener, the file, what is wrong with it, and the way out.
pub fn load_certificates(config: &Config) -> anyhow::Result<(Vec<Option<Served>>, Vec<String>)> {
    let mut warnings = Vec::new();
    if config.listeners.iter().all(|listener| listener.tls.is_none()) {
        return Ok((vec![None; config.listeners.len()], warnings));
    }
    let tickets = ticket_secret(config)?;
    let mut all = Vec::with_capacity(config.listeners.len());
    for listener in &config.listeners {
        let Some(files) = &listener.tls else {
            all.push(None);
            continue;
        };
        let loaded = Served::load(files.clone(), tickets.clone(), config.strict_key_permissions);
        let (served, more) = loaded.with_context(|| format!("TLS of the listener {:?}", listener.name))?;
        warnings.extend(more);
        all.push(Some(served));
    }
    Ok((all, warnings))
}

/// The secret that sessions are resumed with, on every relay that has it.
fn ticket_secret(config: &Config) -> anyhow::Result<Option<TicketSecret>> {
    let (key, file) = match (&config.tls_ticket_key_file, &config.network_key_file) {
        (Some(file), _) => ("tls_ticket_key_file", file),
        (None, Some(file)) => ("network_key_file", file),
        (None, None) => return Ok(None),
    };
    let keys = Keys::load(key, file, config.strict_key_permissions)?;
    Ok(Some(TicketSecret::new(keys.first())))
}

/// What has become of the certificates of all listeners, for whoever has asked for it.
#[derive(Default)]
pub(super) struct Renewed {
    /// A sentence for each listener that serves new ones.
    pub(super) swapped: Vec<String>,
    /// A sentence for each whose files cannot be used, and what else the operator should know.
    pub(super) warnings: Vec<String>,
}

impl Renewed {
    fn add(&mut self, listener: &str, renewal: Renewal) {
        let said = |text: &str| format!("TLS of the listener {listener:?}: {text}");
        match &renewal {
            Renewal::Unchanged => {}
            Renewal::Swapped { warnings, .. } => {
                self.swapped.push(said(&renewal.to_string()));
                self.warnings.extend(warnings.iter().map(|warning| said(warning)));
            }
            Renewal::Kept { .. } => self.warnings.push(said(&renewal.to_string())),
        }
    }
}

/// Renews the certificates of all listeners, each of which changes as a whole or stays; says so in the log.
pub(super) fn renew(all: &[Certificates]) -> Renewed {
    let mut renewed = Renewed::default();
    for Certificates { listener, served } in all {
        let renewal = served.renew();
        log(listener, &renewal);
        renewed.add(listener, renewal);
    }
    renewed
}

fn log(listener: &str, renewal: &Renewal) {
    match renewal {
        Renewal::Unchanged => {}
        Renewal::Swapped { warnings, .. } => {
            info!(listener, "{renewal}");
            for warning in warnings {
                warn!(listener, "{warning}");
            }
        }
        Renewal::Kept { .. } => error!(listener, "{renewal}"),
    }
}

/// Watches the files on a thread of its own, for as long as the process lives: reading them may wait for a disk.
///
/// # Errors
/// The system is out of threads.
pub(super) fn watch(all: Vec<Certificates>) -> anyhow::Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    thread::Builder::new()
        .name("pusu-certificates".into())
        .spawn(move || look(&all))
        .context("cannot start the thread that watches the certificates; raise the limit on processes")?;
    Ok(())
}

fn look(all: &[Certificates]) -> Infallible {
    let mut expiries_at = Instant::now();
    loop {
        for Certificates { listener, served } in all {
            if served.has_changed() {
                log(listener, &served.renew());
            }
        }
        if Instant::now() >= expiries_at {
            for Certificates { listener, served } in all {
                for notice in served.newly_passed() {
                    warn!(listener, "{notice}");
                }
            }
            expiries_at = Instant::now() + EXPIRY_INTERVAL;
        }
        thread::sleep(LOOK_INTERVAL);
    }
}
