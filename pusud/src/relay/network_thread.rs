//! The relay's own end of the network: the port where other relays connect, and the thread of the links from its start to
//! its end. It exists only where the settings have a network.

use crate::config::{Backplane, Config, NatsCredentials, NatsSettings};
use crate::history::{self, Logs, Origin};
use crate::mesh::{self, LinkEncryption, Settings};
use crate::nats;
use crate::peers::{self, Keys, Started};
use crate::revocation::Revocations;
use crate::routing::{self, Event, Inbox, InboxSender, Outgoing, RelayDoor, ShardIndex, ShardIndexView, Status};
use crate::{admission, hub};
use anyhow::Context as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::{info, warn};

/// How long the links may take to send what waits and to say goodbye, which they bound themselves, and a bit.
const STOP_MAX: Duration = Duration::from_secs(3);

/// How long a relay waits for the numbers of others before it takes clients.
const HISTORY_MAX: Duration = Duration::from_secs(3);

/// A network that has its port, where it needs one, and no thread yet.
pub(crate) struct NetworkThread {
    backplane: Prepared,
    started: Started,
    sender: InboxSender<Event>,
    inbox: Inbox<Event>,
    /// What publications of a peer are joined to for the shards.
    run_bytes: usize,
}

/// What carries messages between relays, before it does.
enum Prepared {
    Mesh { settings: Settings, listener: TcpListener, address: SocketAddr },
    Nats(nats::Settings),
}

/// A network that runs.
pub(crate) struct Links {
    inbox: InboxSender<Event>,
    ended: oneshot::Receiver<Status>,
    /// Told when the numbers of other relays are known; `None`: no channel has history.
    history_is_ready: Option<oneshot::Receiver<()>>,
}

impl NetworkThread {
    /// Reads the key and binds the port for other relays; `None` where there is no network.
    ///
    /// # Errors
    /// The key cannot be read or is none, the port is taken, or a name is none that relays can have: says which setting to
    /// change.
    pub(crate) fn bind(config: &Config) -> anyhow::Result<Option<Self>> {
        let backplane = match &config.backplane {
            Backplane::Mesh if !config.has_network() => return Ok(None),
            Backplane::Mesh => {
                let settings = settings(config)?;
                let listener = admission::RELAYS.bind(SocketAddr::new(config.network_address, config.network_port))?;
                let address = listener.local_addr().context("the bound socket has no address")?;
                Prepared::Mesh { settings, listener, address }
            }
            Backplane::Nats(servers) => {
                for warning in servers.check_files(config.strict_key_permissions)? {
                    warn!("{warning}");
                }
                Prepared::Nats(nats_settings(config, servers)?)
            }
        };
        let (sender, inbox) = routing::inbox();
        let run_bytes = hub::room_bytes(config.limits.outbox_bytes);
        let started = peers::start_now(&config.name, &config.network_name)?;
        Ok(Some(Self { backplane, started, sender, inbox, run_bytes }))
    }

    /// Where the shards reach the network.
    pub(crate) fn inbox(&self) -> InboxSender<Event> {
        self.sender.clone()
    }

    /// This start of this relay, as the numbers of publications name it.
    pub(crate) fn origin(&self) -> Origin {
        Origin::of_boot(&self.started.boot.0)
    }

    /// The network's keys, if it has any.
    pub(crate) fn keys(&self) -> Option<&Keys> {
        match &self.backplane {
            Prepared::Mesh { settings, .. } => settings.keys.as_ref(),
            Prepared::Nats(settings) => settings.keys.as_ref(),
        }
    }

    /// The index of so many shards, and of the network behind them.
    pub(crate) fn index(&self, shards: usize) -> ShardIndex {
        let index = ShardIndex::with_network(shards, self.sender.clone());
        match self.backplane {
            Prepared::Mesh { .. } => index,
            // The servers know where somebody listens.
            Prepared::Nats(_) => index.with_all_wanted(),
        }
    }

    /// Starts the thread, which reaches the shards through `inboxes` and `index`. Peers tell of `revocations` and of what is in
    /// `logs`, and are told.
    ///
    /// # Errors
    /// The system is out of threads or files.
    pub(crate) fn start(
        self,
        inboxes: Vec<InboxSender>,
        index: Arc<ShardIndex>,
        revocations: Arc<Revocations>,
        logs: Option<Arc<Logs>>,
    ) -> anyhow::Result<Links> {
        let Self { backplane, started, sender, inbox: events, run_bytes } = self;
        let (history_ready, history_is_ready) = oneshot::channel();
        let history_is_ready = logs.is_some().then_some(history_is_ready);
        let own = Origin::of_boot(&started.boot.0);
        // Where no channel has history, relays that have some are told so, and what they publish to it is taken.
        let logs = logs.unwrap_or_else(|| Arc::new(Logs::new(history::Settings::default(), own, inboxes.len())));
        let door = RelayDoor::new(Outgoing::of_network(inboxes.clone()), ShardIndexView::new(index), run_bytes)
            .with_operator(inboxes, sender.clone(), revocations)
            .with_logs(Some(logs), history_ready);
        let ended = match backplane {
            Prepared::Mesh { settings, listener, address } => {
                let (relays, key) = (settings.relays.len(), settings.keys.is_some());
                let (encryption, network) = (settings.encryption(), settings.network_name.clone());
                let ended = mesh::Network { settings, started, listener, door, events }.start()?;
                // Programs wait for this line: its message and `address` stay as they are.
                info!(%address, network, relays, key, %encryption, "serving relays");
                ended
            }
            Prepared::Nats(settings) => {
                let (servers, network) = (settings.servers.len(), settings.identity.network.clone());
                let ended = nats::Network { settings, started, door, events }.start()?;
                info!(%network, servers, "relays are reached over NATS");
                ended
            }
        };
        Ok(Links { inbox: sender, ended, history_is_ready })
    }
}

impl Links {
    /// Waits until the thread has died, which it never should.
    pub(crate) async fn died(&mut self) {
        // What it says at its end is of no use here.
        let _ = (&mut self.ended).await;
    }

    /// Waits until this relay has the numbers of the others' publications, with which clients that come from there miss nothing;
    /// no longer than a few seconds.
    pub(crate) async fn has_history(&mut self) {
        if let Some(ready) = self.history_is_ready.take()
            && timeout(HISTORY_MAX, ready).await.is_err()
        {
            warn!(
                "the other relays have not told their numbers in time: clients that come from there may be told of a gap"
            );
        }
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
        keys: keys(config)?,
        encryption: LinkEncryption::of(
            config.network_encryption,
            config.network_tls.as_ref(),
            config.strict_key_permissions,
        )?,
        max_message_bytes: config.limits.max_message_bytes,
    })
}

/// Connects to the NATS servers of the settings, if there are some. Gives what there is to say of each, for people.
///
/// # Errors
/// One cannot be used, or a key cannot be read: names it and the way out.
pub fn check_nats(config: &Config) -> anyhow::Result<Vec<(String, String)>> {
    let Some(nats) = config.backplane.nats() else { return Ok(Vec::new()) };
    nats::check(&nats_settings(config, nats)?)
}

/// What the settings say about the network over NATS.
///
/// # Errors
/// The key cannot be read or is none.
fn nats_settings(config: &Config, nats: &NatsSettings) -> anyhow::Result<nats::Settings> {
    let content_bytes_max = config.limits.max_message_bytes;
    let tls = nats.tls.clone().unwrap_or_default();
    let wiped = |secret: &crate::config::Secret| zeroize::Zeroizing::new(secret.reveal().to_owned());
    let credentials = match &nats.credentials {
        NatsCredentials::None => nats::Credentials::None,
        NatsCredentials::Password { user, password } => {
            nats::Credentials::Password { user: user.clone(), password: wiped(password) }
        }
        NatsCredentials::Token(token) => nats::Credentials::Token(wiped(token)),
        NatsCredentials::NkeySeedFile(file) => nats::Credentials::NkeySeedFile(file.clone()),
        NatsCredentials::CredentialsFile(file) => nats::Credentials::JwtFile(file.clone()),
    };
    Ok(nats::Settings {
        identity: nats::Identity {
            name: config.name.as_str().into(),
            network: config.network_name.as_str().into(),
            content_bytes_max,
        },
        servers: nats.servers.iter().map(|server| nats::ServerAddress::of(server, nats.encrypts(server))).collect(),
        server: nats::ServerSettings {
            credentials,
            tls: nats::TlsFiles { ca: tls.ca, identity: tls.identity },
            strict: config.strict_key_permissions,
            name: config.name.clone(),
            payload_bytes_max: nats::payload_bytes_max(content_bytes_max),
        },
        has_history: config.history.is_on(),
        keys: keys(config)?,
    })
}

fn keys(config: &Config) -> anyhow::Result<Option<Keys>> {
    let file = config.network_key_file.as_deref();
    file.map(|file| Keys::load("network_key_file", file, config.strict_key_permissions)).transpose()
}
