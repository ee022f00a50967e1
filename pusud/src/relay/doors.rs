//! The doors: the places where clients connect, and what lies between them and the shards.

use super::acceptor::Acceptor;
use super::certificates::{Certificates, load_certificates};
use super::dealer::Dealer;
use super::entrance::Entrance;
use super::listener::Listener;
use crate::admission::Admission;
use crate::config::Config;
use crate::control::DescribedListener;
use crate::operations;
use crate::routing::InboxSender;
use crate::system::{HandedOver, ListeningSocket};
use anyhow::ensure;
use futures_util::future::select_all;
use std::sync::Arc;
use tracing::warn;

/// The places, bound and not open yet.
pub struct Doors {
    /// One for each listener, in the order of the settings.
    acceptors: Vec<Acceptor>,
}

impl Doors {
    /// Binds all listeners of the settings, except those whose sockets the service manager hands over.
    ///
    /// # Errors
    /// One cannot be bound, its certificates cannot be used, or there is a socket that no listener is for: says what to
    /// change.
    pub fn bind(config: &Config, sockets: HandedOver) -> anyhow::Result<Self> {
        Ok(Self { acceptors: bind(config, sockets)? })
    }

    /// The first place, with the real port.
    pub fn first_address(&self) -> &str {
        self.acceptors[0].address()
    }

    /// All places.
    pub(super) fn addresses(&self) -> String {
        self.acceptors.iter().map(Acceptor::address).collect::<Vec<_>>().join(", ")
    }

    /// Says where they are, if there are several: the line that says that clients are served names the first alone.
    pub(super) fn log(&self) {
        if self.acceptors.len() > 1 {
            self.acceptors.iter().for_each(Acceptor::log);
        }
    }

    /// What the status shows of them.
    pub(super) fn described(&self) -> Vec<DescribedListener> {
        self.acceptors.iter().map(Acceptor::described).collect()
    }

    /// The certificates of those that encrypt.
    pub(super) fn certificates(&self) -> Vec<Certificates> {
        self.acceptors.iter().filter_map(Acceptor::certificates).collect()
    }

    /// Starts what stands behind the places. From here on connections
    /// that `admission` lets in are dealt out to the shards behind `inboxes`, for ever. Dropping the future closes all
    /// places.
    ///
    /// Returns only an error: a socket cannot be used with this runtime.
    ///
    /// # Errors
    /// The system is out of threads or files.
    pub fn open(
        self,
        config: &Config,
        inboxes: &[InboxSender],
        admission: &Arc<Admission>,
    ) -> anyhow::Result<impl Future<Output = anyhow::Error> + use<>> {
        let dealer = Arc::new(Dealer::new(inboxes.to_vec()));
        let entrance = Entrance::start_for(&self.acceptors, &dealer, admission, config)?;
        let admission = admission.clone();
        Ok(async move {
            let run = |acceptor: Acceptor| Box::pin(acceptor.run(&dealer, &admission, entrance.as_ref()));
            select_all(self.acceptors.into_iter().map(run)).await.0
        })
    }
}

/// The socket of the service manager for the operations port, unless a listener of clients has its name.
pub(super) fn take_operations(config: &Config, sockets: &mut HandedOver) -> Option<ListeningSocket> {
    let is_free = config.listeners.iter().all(|listener| listener.name != operations::NAME);
    let is_wanted = config.operations_port.number().is_some();
    if is_free && is_wanted { sockets.take(operations::NAME) } else { None }
}

fn bind(config: &Config, mut sockets: HandedOver) -> anyhow::Result<Vec<Acceptor>> {
    let (certificates, warnings) = load_certificates(config)?;
    for warning in warnings {
        warn!("{warning}");
    }
    // Before anything is bound, so that a name that is mistyped is named and not a port that is taken.
    let handed_over = take_over(config, &mut sockets)?;
    let mut acceptors = Vec::with_capacity(config.listeners.len());
    let listeners = config.listeners.iter().zip(certificates).zip(handed_over).zip(0..);
    for (((listener, certificates), handed_over), number) in listeners {
        let new = Listener::new(number, listener, certificates);
        acceptors.push(Acceptor::new(new, &listener.endpoint, handed_over)?);
    }
    Ok(acceptors)
}

/// The sockets of the service manager for each listener that it has one for.
fn take_over(config: &Config, sockets: &mut HandedOver) -> anyhow::Result<Vec<Option<ListeningSocket>>> {
    let mut taken: Vec<_> = config.listeners.iter().map(|listener| sockets.take(&listener.name)).collect();
    if let [socket @ None] = &mut taken[..] {
        // systemd names a socket after its unit, unless that says another name.
        *socket = sockets.take_only();
    }
    let names = sockets.names();
    ensure!(
        names.is_empty(),
        "the service manager hands sockets over that no listener has the name of: {}; the listeners are {} (set \
         FileDescriptorName= in the socket unit, or `name` of a listener)",
        names.join(", "),
        config.listeners.iter().map(|listener| listener.name.as_str()).collect::<Vec<_>>().join(", ")
    );
    Ok(taken)
}
