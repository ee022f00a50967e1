//! The thread of the operations port: a runtime of its own, which accepts connections and has them answered.

use super::activity::Activity;
use super::connections::Connections;
use super::conversation::{Conversation, turn_away};
use super::door::{Door, Parts};
use super::port::OperationsPort;
use anyhow::Context as _;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::sleep;

/// The wait after the system has refused a connection.
const BACKOFF: Duration = Duration::from_millis(100);

/// The port, which is served until this is dropped.
pub struct Running {
    _end: oneshot::Sender<()>,
}

impl OperationsPort {
    /// Serves it, on a thread of its own.
    ///
    /// # Errors
    /// The system is out of threads or files.
    pub fn start(self, parts: Parts) -> anyhow::Result<Running> {
        let (end, ended) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime of the operations port")?;
        self.log();
        let work = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(self, parts) => {}
                    _ = ended => {}
                }
            });
        };
        thread::Builder::new()
            .name("pusu-operations".into())
            .spawn(work)
            .context("cannot start the thread of the operations port; raise the limit on processes")?;
        Ok(Running { _end: end })
    }
}

async fn serve(port: OperationsPort, parts: Parts) {
    let OperationsPort { socket, address, certificates, tokens } = port;
    let listener = match TcpListener::from_std(socket) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "the operations port cannot be used");
            return;
        }
    };
    let door = Arc::new(Door::new(parts, address, certificates.is_some(), tokens));
    let looking = door.clone();
    tokio::spawn(async move { looking.keep_looking().await });
    let connections = Connections::default();
    loop {
        let Ok((socket, peer)) = listener.accept().await else {
            sleep(BACKOFF).await;
            continue;
        };
        let activity = Activity::new();
        let Some(seat) = connections.take(peer.ip(), &activity) else {
            turn_away(&socket);
            continue;
        };
        let number = seat.number();
        let conversation =
            Conversation { door: door.clone(), peer, certificates: certificates.clone(), activity, seat };
        let task = tokio::spawn(conversation.run(socket));
        connections.is_served(number, task.abort_handle());
        // What has come on the others is read before one more takes a place: however many come at once, a request that is
        // there is answered.
        yield_now().await;
    }
}
