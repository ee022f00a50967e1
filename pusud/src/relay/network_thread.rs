//! The relay's own end of the network: the port where other relays connect, and the thread of the links from its start to
//! its end. It exists only where the settings have a network.

use crate::config::{Backplane, Config};
use crate::mesh::{LinkEncryption, Network, Settings};
use crate::peers::Keys;
use crate::revocation::Revocations;
use crate::routing::{self, Event, Inbox, InboxSender, Outgoing, RelayDoor, ShardIndex, ShardIndexView, Status};
use crate::{admission, hub};
use anyhow::{Context as _, bail};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::{info, warn};

/// How long the links may take to send what waits and to say goodbye, which they bound themselves, and a bit.
const STOP_MAX: Duration = Duration::from_secs(3);

/// A network that has its port and no thread yet.
pub(crate) struct NetworkThread {
    settings: Settings,
    listener: TcpListener,
    address: SocketAddr,
    sender: InboxSender<Event>,
    inbox: Inbox<Event>,
    /// What publications of a peer are joined to for the shards.
    run_bytes: usize,
}

/// A network that runs.
pub(crate) struct Links {
    inbox: InboxSender<Event>,
    ended: oneshot::Receiver<Status>,
}

impl NetworkThread {
    /// Reads the key and binds the port for other relays; `None` where there is no network.
    ///
    /// # Errors
    /// The key cannot be read or is none, or the port is taken: says which setting to change.
    pub(crate) fn bind(config: &Config) -> anyhow::Result<Option<Self>> {
        match &config.backplane {
            Backplane::Mesh if config.has_network() => Self::bind_mesh(config).map(Some),
            Backplane::Mesh => Ok(None),
            Backplane::Nats(_) => bail!("`backplane: nats` is not built in yet: remove `backplane` and `nats`"),
        }
    }

    fn bind_mesh(config: &Config) -> anyhow::Result<Self> {
        let settings = settings(config)?;
        let listener = admission::RELAYS.bind(SocketAddr::new(config.network_address, config.network_port))?;
        let address = listener.local_addr().context("the bound socket has no address")?;
        let (sender, inbox) = routing::inbox();
        let run_bytes = hub::room_bytes(config.limits.outbox_bytes);
        Ok(Self { settings, listener, address, sender, inbox, run_bytes })
    }

    /// Where the shards reach the network.
    pub(crate) fn inbox(&self) -> InboxSender<Event> {
        self.sender.clone()
    }

    /// The network's keys, if it has any.
    pub(crate) fn keys(&self) -> Option<&Keys> {
        self.settings.keys.as_ref()
    }

    /// Starts the thread, which reaches the shards through `inboxes` and `index`. Peers tell of `revocations`, and are told.
    ///
    /// # Errors
    /// The system is out of threads or files.
    pub(crate) fn start(
        self,
        inboxes: Vec<InboxSender>,
        index: Arc<ShardIndex>,
        revocations: Arc<Revocations>,
    ) -> anyhow::Result<Links> {
        let Self { settings, listener, address, sender, inbox, run_bytes } = self;
        let (relays, key) = (settings.relays.len(), settings.keys.is_some());
        let encryption = settings.encryption();
        let network = settings.network_name.clone();
        let door = RelayDoor::new(Outgoing::of_network(inboxes.clone()), ShardIndexView::new(index), run_bytes)
            .with_operator(inboxes, sender.clone(), revocations);
        let ended = Network { settings, listener, door, events: inbox }.start()?;
        // Programs wait for this line: its message and `address` stay as they are.
        info!(%address, network, relays, key, %encryption, "serving relays");
        Ok(Links { inbox: sender, ended })
    }
}

impl Links {
    /// Waits until the thread has died, which it never should.
    pub(crate) async fn died(&mut self) {
        // What it says at its end is of no use here.
        let _ = (&mut self.ended).await;
    }

    /// Has what waits sent to the other relays, says goodbye to them, and ends the thread. Publications that the shards
    /// have handed over before leave.
    pub(crate) async fn stop(self) {
        self.inbox.send(Event::Stop);
        match timeout(STOP_MAX, self.ended).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => warn!("the network's thread has died while stopping; its panic is in the log"),
            Err(_) => warn!("timed out while closing the links to other relays"),
        }
    }
}

/// What the settings say about the network.
///
/// # Errors
/// A key or certificate cannot be read or is none, or the system has no random numbers.
pub fn settings(config: &Config) -> anyhow::Result<Settings> {
    Ok(Settings {
        name: config.name.clone(),
        network_name: config.network_name.clone(),
        relays: config.relays.clone(),
        keys: config
            .network_key_file
            .as_deref()
            .map(|file| Keys::load("network_key_file", file, config.strict_key_permissions))
            .transpose()?,
        encryption: LinkEncryption::of(
            config.network_encryption,
            config.network_tls.as_ref(),
            config.strict_key_permissions,
        )?,
        max_message_bytes: config.limits.max_message_bytes,
    })
}
