//! A WebSocket echo server made of the daemon's own parts: acceptor, inbox, upgrade, wire, outbox, hub, flush, and the
//! settings with their limits. What a conformance suite says about it is so said about the daemon, whose own protocol
//! such a suite does not speak.
//!
//! `ws_echo SETTINGS` prints the address and serves until it is killed. It has one shard and knows no authorization.

use anyhow::Context as _;
use pusud::admission::{Admission, ListenerLimits, Pass};
use pusud::authenticator::Authenticator;
use pusud::client::{self, Greeting, Messages};
use pusud::config::{Config, Overrides};
use pusud::frames::{self, QueuedMemory};
use pusud::hub::{Hub, Outbox};
use pusud::relay::Doors;
use pusud::routing::{self, Inbox, Item, Outgoing, ShardIndex};
use pusud::shard;
use pusud::system::HandedOver;
use std::future::poll_fn;
use std::io::Write as _;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use tokio::task::spawn_local;
use tokio_tungstenite::tungstenite::Message;

fn main() -> anyhow::Result<()> {
    let settings = std::env::args_os().nth(1).map(PathBuf::from).context("usage: ws_echo SETTINGS")?;
    let (config, _) = Config::load(Some(&settings), &Overrides::default())?;
    shard::runtime().context("cannot make the runtime")?.block_on(serve(config))
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let doors = Doors::bind(&config, HandedOver::default())?;
    let authenticator = Authenticator::start(&config.authenticator, config.limits.authorize_call_timeout)?;
    let admission = Admission::new(config.limits.max_connections, &config.limits, &[ListenerLimits::default()]);
    let (sender, inbox) = routing::inbox();
    let inboxes = [sender];
    let queued = Arc::new(QueuedMemory::new(inboxes.len(), config.limits.max_queued_bytes));
    let outgoing = Outgoing::of_shard(0, inboxes.to_vec(), None);
    let hub = Hub::new(outgoing, Arc::new(ShardIndex::default()), None, queued, config.limits.clone(), true);
    let hub = Rc::new(hub);
    let address = doors.first_address().to_owned();
    let accepting = doors.open(&config, &inboxes, &admission)?;
    let (limits, name) = (config.limits, &config.name);
    let common = client::Common {
        authenticator,
        admission: admission.clone(),
        limits,
        paths: client::Paths { publish: false, events: false, history: false },
        seen: Default::default(),
        name: name.as_str().into(),
        shards: inboxes.len(),
        verdicts: Arc::new(client::Verdicts::new(Arc::default())),
        idempotency: Arc::new(client::IdempotencyKeys::new()?),
        revocations: Arc::default(),
        is_asked: false,
        is_timed: true,
    };
    let context = client::Context::new(hub.clone(), common);
    spawn_local(shard::flush(hub, || false));
    spawn_local(accept(inbox, Rc::new(context)));
    writeln!(std::io::stdout(), "{address}")?;
    Err(accepting.await)
}

async fn accept(mut inbox: Inbox, context: Rc<client::Context>) {
    loop {
        for item in inbox.next().await {
            if let Item::Accepted(arrival) = item
                && let Ok((outbox, pass, greeting)) = client::take_in(&context, *arrival)
            {
                spawn_local(echo(context.clone(), outbox, pass, greeting));
            }
        }
    }
}

/// One connection, from its upgrade to its end.
async fn echo(context: Rc<client::Context>, outbox: Rc<Outbox>, pass: Pass, greeting: Greeting) {
    let listener = context.hub.join(outbox.clone());
    let bytes_max = context.limits.max_message_bytes;
    let (messages, place) = client::upgrade(&context, &outbox, listener, pass, greeting, bytes_max).await;
    if let Some(messages) = messages {
        echo_messages(&context, &outbox, messages).await;
    }
    outbox.finish();
    client::linger(&outbox).await;
    context.hub.leave(listener);
    context.admission.leave(&place);
}

async fn echo_messages(context: &client::Context, outbox: &Rc<Outbox>, mut messages: Messages) {
    loop {
        let next = poll_fn(|cx| {
            // Pending or not, the task is woken when there is room, as a client's is.
            let _ = outbox.poll_drained(cx);
            messages.poll_next(cx, &context.deadlines)
        });
        let (bytes, sent) = match next.await {
            Some(Ok(Message::Text(text))) => {
                context.hub.send(outbox, frames::text(text.as_bytes()));
                (text.len(), Ok(()))
            }
            // The daemon itself sends no binary frames.
            Some(Ok(Message::Binary(bytes))) => (bytes.len(), messages.send(Message::Binary(bytes))),
            // Pings are answered and a close frame is echoed by tungstenite, at its next turn.
            Some(Ok(_)) => (0, Ok(())),
            Some(Err(error)) => (0, Err(error)),
            None => return,
        };
        if let Err(error) = sent {
            if let Some(disconnect) = client::disconnect_after(&error) {
                context.hub.close(outbox, disconnect);
            }
            return;
        }
        messages.after_message(bytes);
    }
}
